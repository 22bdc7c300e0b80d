//! Cash from person to person: the same money is in one place at every moment, and is decided on once.

use semper_shared::items::payment::ecash::transfer::{
    AcceptanceBody, Link, Terms, Transfer, TransferAnswer, TransferBody, TransferConfirmation, TransferState,
    TransferStatus,
};
use semper_shared::items::payment::ecash::{AlreadySpent, CoinStatus, Permission};

use super::*;

/// For how long transfers are open in these tests.
const OPEN_S: u64 = 600;

impl Wallet {
    fn terms(&self, market: &Market, minor: u64) -> Terms {
        let expires_at = market.mint.now().plus(OPEN_S);
        Terms { mint: self.mint, amount: euros(minor), purpose: "Lunch".to_owned(), expires_at }
    }

    /// Sends, and returns the transfer's digest and its address.
    async fn send(&mut self, market: &Market, minor: u64) -> (Digest, String) {
        let terms = self.terms(market, minor);
        let digest = self.payer.send(terms, market.mint.now()).unwrap();
        let body = self.payer.transfer(&digest).unwrap().1.body();
        let answer: TransferAnswer = market.post_ok("/transfers", &body).await;
        let confirmed: Signed<TransferConfirmation> =
            answer.confirmation.verify(market.mint.signer.public_key(), &Portable).unwrap();
        assert_eq!((confirmed.transfer, confirmed.amount), (digest, euros(minor)));
        self.payer.paid_in(&digest).unwrap();
        (digest, self.path(&digest))
    }

    fn path(&self, digest: &Digest) -> String {
        let index = self.payer.transfer(digest).unwrap().1.index;
        format!("/transfers/{}", self.payer.transfer_key(&self.mint, index).public_key().thumbprint())
    }

    /// The acceptance by this wallet of what another sent.
    fn acceptance(&mut self, market: &Market, sender: &Self, digest: &Digest) -> AcceptanceBody {
        let Link::Receive { key, .. } = sender.payer.link(digest).unwrap() else { panic!("a link to receive") };
        let statement = sender.payer.transfer(digest).unwrap().1.statement.clone();
        let status = TransferStatus { transfer: statement, state: TransferState::Pending };
        let digest = self.payer.receive(&key, &status, market.mint.now(), &Portable).unwrap();
        self.payer.accept(&digest).unwrap()
    }

    /// Fetches the coins of the reserve with this number.
    async fn fetch(&mut self, market: &Market, reserve: u32) -> u64 {
        let name = self.payer.reserve_key(&self.mint, reserve).public_key().to_text();
        let (_, text) = market.get(&format!("/reserves/{name}?wait_ms=5000")).await;
        let status: ReserveStatus = serde_json::from_str(&text).unwrap();
        let body = self.withdrawal(market, reserve, status.balance.minor());
        let signed: Signatures = market.post_ok("/withdrawals", &body).await;
        self.payer.withdrawn(&self.mint, reserve, &signed.signatures).unwrap().minor()
    }

    /// Takes back what the mint returned, and exchanges it.
    async fn take_back(&mut self, market: &Market, digest: &Digest) {
        for name in self.payer.coins_to_return(digest).unwrap() {
            let (_, text) = market.get(&format!("/coins/{name}")).await;
            let status: CoinStatus = serde_json::from_str(&text).unwrap();
            assert!(status.pending.is_empty());
            self.payer.returned(digest, &name, &status, &Portable).unwrap();
        }
        self.refresh(market).await;
    }
}

async fn state(market: &Market, path: &str) -> TransferState {
    let (status, text) = market.get(path).await;
    assert_eq!(status, 200, "{text}");
    serde_json::from_str::<TransferStatus>(&text).unwrap().state
}

fn refusal(code: &str, status: u16) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_moves_cash_from_wallet_to_wallet() {
    let market = Market::start_with(3_600).await;
    let (mut sender, mut payee) = (Wallet::new(&market, 1).await, Wallet::new(&market, 2).await);
    sender.withdraw(&market, 100).await;
    let (transfer, path) = sender.send(&market, 29).await;
    assert_eq!((sender.balance(), market.assert_balanced().await.pending), (71, 29));
    sender.refresh(&market).await;

    // The coins say where what they gave is.
    let coin = sender.payer.coins_to_return(&transfer).unwrap().remove(0);
    let status: CoinStatus = serde_json::from_str(&market.get(&format!("/coins/{coin}")).await.1).unwrap();
    assert_eq!((status.pending[0].transfer, status.pending[0].amount), (transfer, euros(29)));

    let acceptance = payee.acceptance(&market, &sender, &transfer);
    let accept = format!("{path}/acceptance");
    let waiting_path = format!("{path}?wait_ms=20000");
    let (waited, first) = tokio::join!(market.get(&waiting_path), market.post(&accept, &acceptance));
    assert_eq!((first.0, waited.1), (200, first.1.clone()), "the sender hears of it");
    assert_eq!(market.post(&accept, &acceptance).await, first, "again the same");
    let books = market.assert_balanced().await;
    assert_eq!((books.pending, books.reserves), (0, 29));
    assert_eq!(payee.fetch(&market, 0).await, 29);
    market.assert_balanced().await;

    let market = market.restart().await;
    assert_eq!(market.post(&accept, &acceptance).await, first);
    assert_eq!(state(&market, &path).await, TransferState::Accepted);
    let late = json!(sender.payer.cancel(&transfer, market.mint.now()).unwrap());
    assert_eq!(market.refused(&format!("{path}/cancellation"), &late).await, refusal("transfer-accepted", 409));
}

/// Several people have the link, and the sender calls it off: one of them is first, whoever it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_decisions_at_once_one_is_made() {
    let market = Market::start_with(3_600).await;
    let mut sender = Wallet::new(&market, 1).await;
    sender.withdraw(&market, 120).await;
    let (mut accepted, mut returned) = (0, 0);
    for round in 0..6_u8 {
        let (transfer, path) = sender.send(&market, 10).await;
        sender.refresh(&market).await;
        let mut payees = Vec::new();
        for number in 0..4 {
            payees.push(Wallet::new(&market, 10 + 4 * round + number).await);
        }
        let bodies: Vec<_> = payees.iter_mut().map(|payee| payee.acceptance(&market, &sender, &transfer)).collect();
        let accept = format!("{path}/acceptance");
        let cancellation = sender.payer.cancel(&transfer, market.mint.now()).unwrap();
        let cancel = format!("{path}/cancellation");
        let acceptances = bodies.iter().map(|body| market.post(&accept, body));
        // Each round the sender comes a little later.
        let wait = std::time::Duration::from_micros(400 * u64::from(round));
        let called_off = async {
            tokio::time::sleep(wait).await;
            market.post(&cancel, &cancellation).await
        };
        let (answers, called_off) = tokio::join!(futures_util::future::join_all(acceptances), called_off);
        let winners = answers.iter().filter(|(status, _)| *status == 200).count();
        let came_back = called_off.0 == 200;
        assert_eq!(winners + usize::from(came_back), 1, "{answers:?} {called_off:?}");
        let books = market.assert_balanced().await;
        assert_eq!(books.pending, 0);
        if came_back {
            returned += 1;
            assert_eq!(state(&market, &path).await, TransferState::Returned);
            assert_eq!(market.refused(&accept, &bodies[0]).await, refusal("transfer-returned", 410));
            assert_eq!(market.post(&cancel, &cancellation).await, called_off);
            sender.take_back(&market, &transfer).await;
        } else {
            accepted += 1;
        }
    }
    assert_eq!(sender.balance(), 120 - 10 * accepted);
    println!("{accepted} accepted, {returned} returned");
    market.assert_balanced().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_expires_is_the_senders_again() {
    let market = Market::start_with(3_600).await;
    let (mut sender, mut payee) = (Wallet::new(&market, 1).await, Wallet::new(&market, 2).await);
    sender.withdraw(&market, 100).await;
    let (in_time, in_time_path) = sender.send(&market, 5).await;
    sender.refresh(&market).await;
    let (late, late_path) = sender.send(&market, 7).await;
    sender.refresh(&market).await;
    let (swept, swept_path) = sender.send(&market, 11).await;
    sender.refresh(&market).await;
    let bodies = [in_time, late].map(|transfer| payee.acceptance(&market, &sender, &transfer));
    let expiry = |transfer| sender.payer.transfer(transfer).unwrap().1.expires_at;
    let becomes = |moment: u64| market.ahead_s.store(moment - crate::clock::now().0, Ordering::SeqCst);

    // The last second counts.
    let expires_at = expiry(&in_time);
    becomes(expires_at.0);
    let first = market.post(&format!("{in_time_path}/acceptance"), &bodies[0]).await;
    if market.mint.now() == expires_at {
        assert_eq!(first.0, 200, "{}", first.1);
    }
    becomes(expiry(&late).0 + 1);
    let refused = market.refused(&format!("{late_path}/acceptance"), &bodies[1]).await;
    assert_eq!(refused, refusal("transfer-returned", 410));
    assert_eq!(state(&market, &late_path).await, TransferState::Returned);

    // One that nobody asks about is found by the mint itself, also after a restart.
    assert_eq!(market.assert_balanced().await.pending, 11);
    let market = market.restart().await;
    for _ in 0..400 {
        if market.assert_balanced().await.pending == 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    assert_eq!(market.mint.sweep().await.unwrap(), 0);
    assert_eq!(state(&market, &swept_path).await, TransferState::Returned);
    for transfer in [late, swept] {
        sender.take_back(&market, &transfer).await;
    }
    assert_eq!(sender.balance(), 95);
    market.assert_balanced().await;

    // Too late from the start; but what came in time is confirmed again for ever.
    let known = sender.payer.transfer(&swept).unwrap().1.body();
    assert_eq!(market.post("/transfers", &known).await.0, 200);
    let mut stale = Wallet::new(&market, 7).await;
    stale.withdraw(&market, 20).await;
    let terms = Terms { expires_at: UnixSeconds(market.mint.now().0 - 1), ..stale.terms(&market, 5) };
    let stale_transfer = stale.payer.send(terms, market.mint.now()).unwrap();
    let body = stale.payer.transfer(&stale_transfer).unwrap().1.body();
    assert_eq!(market.refused("/transfers", &body).await, refusal("transfer-expired", 410));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thieves_and_cheats_get_nothing() {
    let market = Market::start_with(3_600).await;
    let (mut sender, mut payee) = (Wallet::new(&market, 1).await, Wallet::new(&market, 2).await);
    sender.withdraw(&market, 64).await;
    let cheat = sender.copy();
    let (transfer, path) = sender.send(&market, 20).await;
    let accept = format!("{path}/acceptance");

    // Without the link, in the payee's name or in one's own.
    let good = payee.acceptance(&market, &sender, &transfer);
    let thief = merchant(66);
    let mut said = good.by_transfer.peek_unverified().unwrap();
    said.reserve = thief.public_key().thumbprint();
    let by_thief = Signed::sign_self_keyed(said, &thief).to_compact();
    for body in [
        AcceptanceBody { by_transfer: by_thief.clone(), by_reserve: by_thief.clone() },
        AcceptanceBody { by_reserve: by_thief, ..good.clone() },
        AcceptanceBody { by_reserve: good.by_transfer.clone(), ..good.clone() },
    ] {
        assert_eq!(market.refused(&accept, &body).await, refusal("signature-invalid", 400));
    }
    let nowhere = format!("/transfers/{}/acceptance", deal(9));
    assert_eq!(market.refused(&nowhere, &good).await, refusal("transfer-unknown", 404));
    assert_eq!(market.refused("/transfers/x/acceptance", &good).await, refusal("request-invalid", 400));

    // The same coins once more: to a shop, or into another transfer. The first transfer is the proof.
    let mut cheat = cheat;
    let shop = merchant(1);
    market.register(&shop, "merchant").await;
    let deposit = cheat.copy().pay(&market, &shop, deal(1), 64);
    let (status, text) = market.post("/deposits", &deposit).await;
    assert_eq!(status, 409, "{text}");
    let problem: Value = serde_json::from_str(&text).unwrap();
    let proof: AlreadySpent =
        serde_json::from_value(json!({"coin": problem["coin"], "spent": problem["spent"]})).unwrap();
    let (permission, coin) = Compact::<Permission>::new(proof.spent[0].clone()).verify_self_keyed(&Portable).unwrap();
    assert_eq!((coin, permission.deal), (proof.coin, transfer));
    let terms = cheat.terms(&market, 63);
    let twice = cheat.payer.send(terms, market.mint.now()).unwrap();
    let twice = cheat.payer.transfer(&twice).unwrap().1.body();
    // Under the same key, which the cheat's copy derived too.
    let (status, why) = market.refused("/transfers", &twice).await;
    assert!(status == 409 && ["request-conflict", "coin-already-spent"].contains(&why.as_str()), "{status} {why}");
    let other_key = merchant(8);
    let other = Signed::sign_self_keyed(Transfer(cheat.terms(&market, 63)), &other_key);
    let coin = cheat.payer.mint_purse(&cheat.mint).unwrap().coins[0].clone();
    let permission = Permission {
        mint: cheat.mint,
        merchant: other.signer(),
        deal: other.digest(),
        amount: euros(63),
        denomination: coin.denomination,
        signature: *coin.signature(),
        refund_by: other.payload().0.expires_at,
    };
    let permission = Signed::sign_self_keyed(permission, &coin.secret().key()).to_compact();
    let body = TransferBody { transfer: other.compact().to_owned(), permissions: vec![permission] };
    assert_eq!(market.refused("/transfers", &body).await, refusal("coin-already-spent", 409));

    let books = market.assert_balanced().await;
    assert_eq!((books.spent, books.pending), (20, 20), "no refusal left a trace");
    assert_eq!(market.post(&accept, &good).await.0, 200, "and the payee still gets it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_paid_once() {
    let market = Market::start_with(3_600).await;
    let mut payee = Wallet::new(&market, 2).await;
    let terms = payee.terms(&market, 30);
    let asked = payee.payer.request(terms, market.mint.now()).unwrap();
    let statement = payee.payer.transfer(&asked).unwrap().1.statement.clone();
    let mut payers = Vec::new();
    let mut bodies = Vec::new();
    for seed in 3..7 {
        let mut payer = Wallet::new(&market, seed).await;
        payer.withdraw(&market, 40).await;
        let paid = payer.payer.pay_request(&statement, market.mint.now(), &Portable).unwrap();
        bodies.push(payer.payer.transfer(&paid).unwrap().1.body());
        payers.push(payer);
    }
    let reserve = payee.payer.reserve_key(&payee.mint, 0).public_key().to_text();
    let waiting_path = format!("/reserves/{reserve}?wait_ms=20000");
    let all = futures_util::future::join_all(bodies.iter().map(|body| market.post("/transfers", body)));
    let (answers, waited) = tokio::join!(all, market.get(&waiting_path));
    assert_eq!(waited.0, 200, "the payee hears of it");
    assert_eq!(answers.iter().filter(|(status, _)| *status == 200).count(), 1, "{answers:?}");
    for ((status, text), body) in answers.iter().zip(&bodies) {
        let again = market.post("/transfers", body).await;
        if *status == 200 {
            assert_eq!(again, (*status, text.clone()), "the first one's repetition is no second payment");
        } else {
            assert_eq!(serde_json::from_str::<Value>(text).unwrap()["code"], "transfer-accepted");
        }
    }
    let books = market.assert_balanced().await;
    assert_eq!((books.reserves, books.spent), (30, 30), "nobody else's coins were touched");
    assert_eq!(payee.fetch(&market, 0).await, 30);
    assert_eq!(state(&market, &format!("/transfers/{asked}")).await, TransferState::Accepted);
    market.assert_balanced().await;
}
