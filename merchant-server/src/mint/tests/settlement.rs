//! What merchants are paid, and what the mint says that it was for.

use semper_shared::items::payment::ecash::{
    DepositAccount, DepositAnswer, PayoutAnswer, PayoutList, PayoutRequest, PayoutRequestBody, check_payout,
    payout_subject,
};

use super::*;
use crate::mint::bank::Bank;
use crate::mint::payouts::{Due, Terms};
use crate::mint::settlement::pay_what_is_due;

/// A market whose mint pays out only when the test says so.
async fn market(policy: Limits) -> Market {
    Market::open_with(TempDir::new().unwrap(), Arc::default(), 3_600, policy).await
}

async fn pay(market: &Market, wallet: &mut Wallet, shop: &SigningKey, number: u32, minor: u64) {
    let deposit = wallet.pay(market, shop, deal(number), minor);
    let _: DepositAnswer = market.post_ok("/deposits", &deposit).await;
    wallet.payer.settled(&deal(number));
}

fn bank(market: &Market) -> Bank {
    Bank::new(market.mint.config.bank.clone()).unwrap()
}

fn request(market: &Market, shop: &SigningKey, at: UnixSeconds) -> PayoutRequestBody {
    let request = PayoutRequest { mint: market.mint.ring().keys.mint(), requested_at: at };
    PayoutRequestBody { request: Signed::sign_self_keyed(request, shop).to_compact() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_bank_paid_and_the_mint_forgot_is_paid_once() {
    let market = market(Limits::default()).await;
    let shop = merchant(1);
    market.register(&shop, "merchant").await;
    let mut wallet = Wallet::new(&market, 1).await;
    wallet.withdraw(&market, 100).await;
    pay(&market, &mut wallet, &shop, 1, 60).await;
    let now = market.mint.now();
    let due = Due { by: now.plus(3_601), now };
    let account = market.mint.store.due(due.by).await.unwrap()[0];
    assert!(market.mint.store.gather(account, due, Terms::default()).await.unwrap());
    let payout = market.mint.store.open_payouts(now).await.unwrap().remove(0);
    // The bank does it; the mint dies before it has recorded that.
    let subject = payout_subject(&payout.id.parse().unwrap());
    bank(&market).pay(&payout.id, &payout.account, euros(60), &subject).await.unwrap();
    assert_eq!((market.at_bank("merchant").await, market.assert_balanced().await.paid_out), (60, 0));
    let market = market.restart().await;
    for _ in 0..2 {
        pay_what_is_due(&market.mint, &bank(&market), 0).await.unwrap();
    }
    assert_eq!((market.at_bank("merchant").await, market.assert_balanced().await.paid_out), (60, 60));
    // Two at once find the same payout, and the bank does it once.
    let mut wallet = Wallet::new(&market, 2).await;
    wallet.withdraw(&market, 100).await;
    pay(&market, &mut wallet, &shop, 2, 30).await;
    let (one, other) = (bank(&market), bank(&market));
    let pays = (pay_what_is_due(&market.mint, &one, 3_601), pay_what_is_due(&market.mint, &other, 3_601));
    let (one, other) = tokio::join!(pays.0, pays.1);
    assert!(one.is_ok() && other.is_ok());
    assert_eq!((market.at_bank("merchant").await, market.assert_balanced().await.paid_out), (90, 90));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn less_than_the_minimum_is_carried_forward() {
    let limits = Limits { min_payout_minor: Some(50), max_payout_wait_s: Some(10_000), ..Limits::default() };
    let market = market(limits).await;
    assert_eq!(market.keys().await.policy.min_payout_minor, Some(50), "it is published");
    let shop = merchant(1);
    market.register(&shop, "merchant").await;
    let mut wallet = Wallet::new(&market, 1).await;
    wallet.withdraw(&market, 127).await;
    pay(&market, &mut wallet, &shop, 1, 49).await;
    pay_what_is_due(&market.mint, &bank(&market), 3_601).await.unwrap();
    assert_eq!(market.at_bank("merchant").await, 0, "carried forward");
    pay(&market, &mut wallet, &shop, 2, 1).await;
    pay_what_is_due(&market.mint, &bank(&market), 3_601).await.unwrap();
    assert_eq!(market.at_bank("merchant").await, 50);
    pay(&market, &mut wallet, &shop, 3, 7).await;
    pay_what_is_due(&market.mint, &bank(&market), 13_000).await.unwrap();
    assert_eq!(market.at_bank("merchant").await, 50);
    pay_what_is_due(&market.mint, &bank(&market), 13_601).await.unwrap();
    assert_eq!(market.at_bank("merchant").await, 57, "it has waited long enough");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merchant_is_told_what_each_transfer_was_for() {
    let market = market(Limits::default()).await;
    let (shop, other) = (merchant(1), merchant(2));
    market.register(&shop, "merchant").await;
    let mut wallet = Wallet::new(&market, 1).await;
    wallet.withdraw(&market, 100).await;
    pay(&market, &mut wallet, &shop, 1, 60).await;
    // The second deal goes to another account, as the merchant says; a deposit that says nothing can be directed later.
    let mut books = market.registration(&shop, "kiosk", market.mint.now().0);
    let signed: Signed<PayoutAccount> = {
        let text = Compact::<PayoutAccount>::new(books["registration"].as_str().unwrap().to_owned());
        let labelled = PayoutAccount { label: Some("books".to_owned()), ..text.peek_unverified().unwrap() };
        Signed::sign(labelled, &shop)
    };
    books["registration"] = json!(signed.compact());
    let mut deposit = wallet.pay(&market, &shop, deal(2), 30);
    let mint = market.mint.ring().keys.mint();
    let direct = |key: &SigningKey, deal: Digest, label: &str| {
        let account = DepositAccount { mint, deal, label: label.to_owned() };
        Some(Signed::sign_self_keyed(account, key).to_compact())
    };
    deposit.account = direct(&shop, deal(2), "books");
    assert_eq!(market.refused("/deposits", &deposit).await, (409, "payout-account-missing".to_owned()));
    assert_eq!(market.post("/accounts", &books).await.0, 200);
    for wrong in [direct(&other, deal(2), "books"), direct(&shop, deal(1), "books"), direct(&shop, deal(2), "B")] {
        deposit.account = wrong;
        assert_eq!(market.refused("/deposits", &deposit).await, (400, "request-invalid".to_owned()));
    }
    deposit.account = None;
    let _: DepositAnswer = market.post_ok("/deposits", &deposit).await;
    deposit.account = direct(&shop, deal(2), "books");
    let _: DepositAnswer = market.post_ok("/deposits", &deposit).await;

    let ask = request(&market, &shop, market.mint.now());
    let empty: PayoutList = market.post_ok("/payouts", &ask).await;
    assert!(empty.payouts.is_empty() && !empty.more);
    pay_what_is_due(&market.mint, &bank(&market), 3_601).await.unwrap();
    assert_eq!((market.at_bank("merchant").await, market.at_bank("kiosk").await), (60, 30));
    let list: PayoutList = market.post_ok("/payouts", &ask).await;
    let amounts: Vec<u64> = list.payouts.iter().map(|line| line.amount.minor()).collect();
    assert_eq!(amounts, [60, 30]);
    let rest: PayoutList = market.post_ok(&format!("/payouts?after={}", list.payouts[0].serial), &ask).await;
    assert_eq!(rest.payouts, list.payouts[1..]);
    let address = format!("/payouts/{}", list.payouts[1].payout);
    let first: PayoutAnswer = market.post_ok(&address, &ask).await;
    let again: PayoutAnswer = market.post_ok(&address, &ask).await;
    assert_eq!(first, again, "the same text each time");
    let key = market.mint.signer.public_key();
    let payout = check_payout(&first.payout, key, &shop.public_key().thumbprint(), &Portable).unwrap();
    assert_eq!((payout.account.as_str(), payout.label.as_deref()), ("kiosk", Some("books")));
    assert_eq!(payout.deals[0].deal, deal(2));
    assert!(check_payout(&first.payout, key, &other.public_key().thumbprint(), &Portable).is_err());

    // Nobody else sees it, and an old request opens nothing.
    let stranger = request(&market, &other, market.mint.now());
    let list: PayoutList = market.post_ok("/payouts", &stranger).await;
    assert!(list.payouts.is_empty());
    assert_eq!(market.refused(&address, &stranger).await, (404, "payout-unknown".to_owned()));
    let old = request(&market, &shop, UnixSeconds(market.mint.now().0 - 301));
    assert_eq!(market.refused(&address, &old).await, (400, "request-invalid".to_owned()));
    market.assert_balanced().await;
}
