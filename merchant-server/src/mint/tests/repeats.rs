//! Everything asked twice is done once and answered alike, also after a restart and after the denominations have expired.

use semper_shared::items::payment::ecash::{CoinStatus, DepositAnswer};

use super::*;

const YEAR_S: u64 = 366 * 24 * 3_600;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_request_gets_the_same_answer() {
    let market = Market::start_with(3_600).await;
    let shop = merchant(1);
    let registration = market.registration(&shop, "merchant", market.mint.now().0);
    let mut wallet = Wallet::new(&market, 1).await;
    let reserve = wallet.fund(&market, 100).await;
    let withdrawal = wallet.withdrawal(&market, reserve, 100);
    let signed: Signatures = market.post_ok("/withdrawals", &withdrawal).await;
    wallet.payer.withdrawn(&wallet.mint, reserve, &signed.signatures).unwrap();
    assert_eq!(market.post("/accounts", &registration).await.0, 200);
    let mut deposit = wallet.pay(&market, &shop, deal(1), 63);
    let _: DepositAnswer = market.post_ok("/deposits", &deposit).await;
    wallet.payer.settled(&deal(1));
    let name = wallet.payer.refreshes(&wallet.mint, market.mint.now()).unwrap().pop().unwrap();
    let melt = MeltBody {
        melt: wallet
            .payer
            .melt(&wallet.mint, &name, market.mint.now(), &mut crate::crypto::system_rng())
            .unwrap()
            .to_compact(),
    };

    let first = [
        market.post("/withdrawals", &withdrawal).await,
        market.post("/deposits", &deposit).await,
        market.post("/melts", &melt).await,
        market.post("/accounts", &registration).await,
    ];
    assert!(first.iter().all(|(status, _)| *status == 200), "{first:?}");
    deposit.permissions.reverse();
    for later_s in [0, YEAR_S] {
        market.ahead_s.store(later_s, Ordering::SeqCst);
        assert_eq!(market.post("/withdrawals", &withdrawal).await, first[0]);
        assert_eq!(market.post("/deposits", &deposit).await, first[1]);
        assert_eq!(market.post("/melts", &melt).await, first[2]);
        assert_eq!(market.post("/accounts", &registration).await, first[3]);
    }
    let market = market.restart().await;
    assert_eq!(market.post("/withdrawals", &withdrawal).await, first[0]);
    assert_eq!(market.post("/deposits", &deposit).await, first[1]);
    assert_eq!(market.post("/melts", &melt).await, first[2]);
    market.assert_balanced().await;
    // A year later there are new denominations, and the old ones' statements are still evidence.
    let old: Vec<_> = wallet.payer.keys(&wallet.mint).unwrap().denominations().map(|d| d.id).collect();
    assert!(market.keys().await.denominations.iter().all(|key| !old.contains(&key.id(Currency::EUR))));
    let status: CoinStatus = serde_json::from_str(&market.get(&format!("/coins/{name}")).await.1).unwrap();
    assert_eq!(status.melts[0].melt, melt.melt);
    let other = wallet.pay_expired(&market, &shop);
    assert_eq!(market.refused("/deposits", &other).await, (410, "denomination-expired".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_request_under_the_same_name_is_a_conflict() {
    let market = Market::start_with(3_600).await;
    let shop = merchant(1);
    let now = market.mint.now().0;
    let conflict = (409, "request-conflict".to_owned());
    assert_eq!(market.post("/accounts", &market.registration(&shop, "merchant", now)).await.0, 200);
    assert_eq!(market.refused("/accounts", &market.registration(&shop, "kiosk", now)).await, conflict);
    assert_eq!(market.refused("/accounts", &market.registration(&shop, "kiosk", now - 1)).await, conflict);
    assert_eq!(market.post("/accounts", &market.registration(&shop, "kiosk", now + 1)).await.0, 200);

    let mut wallet = Wallet::new(&market, 1).await;
    wallet.withdraw(&market, 12).await;
    let first = wallet.pay(&market, &shop, deal(1), 4);
    let second = wallet.pay(&market, &shop, deal(1), 4);
    let _: DepositAnswer = market.post_ok("/deposits", &first).await;
    assert_eq!(market.refused("/deposits", &second).await, conflict);
    let both = DepositBody::new([&first.permissions[..], &second.permissions[..]].concat());
    assert_eq!(market.refused("/deposits", &both).await, conflict);
    assert_eq!(market.assert_balanced().await.owed, 4, "nothing of what was refused was kept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purse_is_restored_from_what_the_mint_kept() {
    let market = Market::start_with(3_600).await;
    let shop = merchant(1);
    market.register(&shop, "merchant").await;
    let mut wallet = Wallet::new(&market, 1).await;
    wallet.withdraw(&market, 100).await;
    let deposit = wallet.pay(&market, &shop, deal(1), 29);
    let _: DepositAnswer = market.post_ok("/deposits", &deposit).await;
    wallet.payer.settled(&deal(1));
    wallet.refresh(&market).await;
    let market = market.restart().await;

    let mut restored = Wallet::new(&market, 1).await;
    let mut index = 0;
    loop {
        let reserve = restored.payer.reserve_key(&restored.mint, index).public_key().to_text();
        let (status, text) = market.get(&format!("/reserves/{reserve}")).await;
        if status == 404 {
            break;
        }
        let status = serde_json::from_str(&text).unwrap();
        let mut names = restored.payer.restore_reserve(&restored.mint, index, &status).unwrap();
        while let Some(name) = names.pop() {
            let (status, text) = market.get(&format!("/coins/{name}")).await;
            if status == 200 {
                let status = serde_json::from_str(&text).unwrap();
                names.extend(restored.payer.restore_coin(&restored.mint, &name, &status, &Portable).unwrap());
            }
        }
        index += 1;
    }
    assert_eq!(index, 1);
    assert_eq!(restored.balance(), 71);
    let _all = restored.pay(&market, &shop, deal(2), 71);
}

impl Wallet {
    /// What is left, signed over as if it could still be spent.
    fn pay_expired(&mut self, market: &Market, merchant: &SigningKey) -> DepositBody {
        market.ahead_s.store(0, Ordering::SeqCst);
        let deposit = self.pay(market, merchant, deal(9), 1);
        market.ahead_s.store(YEAR_S, Ordering::SeqCst);
        deposit
    }
}
