//! The mint's policy at its edges, and the way back of what it does not keep.

use semper_shared::items::payment::ecash::Policy;
use semper_shared::items::payment::ecash::transfer::{AcceptanceBody, Link, Terms, TransferState, TransferStatus};

use super::*;

const DAY_S: u64 = 24 * 3_600;

async fn market(limits: Limits) -> Market {
    Market::open_with(TempDir::new().unwrap(), Arc::default(), 3_600, limits).await
}

fn refusal(code: &str) -> (u16, String) {
    (403, code.to_owned())
}

/// Until `done` says so, at most some seconds.
async fn eventually(what: &str, mut done: impl AsyncFnMut() -> bool) {
    for _ in 0..600 {
        if done().await {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("{what} did not happen");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_withdrawal_takes_up_to_its_limit() {
    let market = market(Limits { max_withdrawal_minor: Some(50), ..Limits::default() }).await;
    let keys = market.keys().await;
    assert_eq!(keys.policy, Policy { max_withdrawal_minor: Some(50), ..Policy::default() }, "it is published, signed");
    let mut wallet = Wallet::new(&market, 1).await;
    let reserve = wallet.fund(&market, 101).await;
    let mut greedy = wallet.copy();
    let more = greedy.withdrawal(&market, reserve, 51);
    assert_eq!(market.refused("/withdrawals", &more).await, refusal("withdrawal-limit"));
    for minor in [50, 50, 1] {
        let body = wallet.withdrawal(&market, reserve, minor);
        let signed: Signatures = market.post_ok("/withdrawals", &body).await;
        wallet.payer.withdrawn(&wallet.mint, reserve, &signed.signatures).unwrap();
    }
    assert_eq!(wallet.balance(), 101);
    market.assert_balanced().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_has_its_limit_and_the_next_day_another() {
    let market = market(Limits { max_day_minor: Some(60), ..Limits::default() }).await;
    // Some minutes before midnight, so that the test itself does not run into it.
    let now = crate::clock::now().0;
    let ahead = DAY_S - now % DAY_S - 300;
    market.ahead_s.store(ahead, Ordering::SeqCst);
    let mut wallet = Wallet::new(&market, 1).await;
    let reserve = wallet.fund(&market, 200).await;
    let other = wallet.fund(&market, 60).await;
    let take = |wallet: &mut Wallet, reserve: u32, minor: u64| wallet.withdrawal(&market, reserve, minor);

    let first = take(&mut wallet, reserve, 40);
    let signed: Signatures = market.post_ok("/withdrawals", &first).await;
    wallet.payer.withdrawn(&wallet.mint, reserve, &signed.signatures).unwrap();
    let over = take(&mut wallet.copy(), reserve, 21);
    assert_eq!(market.refused("/withdrawals", &over).await, refusal("day-limit"));
    let edge = take(&mut wallet, reserve, 20);
    let signed: Signatures = market.post_ok("/withdrawals", &edge).await;
    assert_eq!(market.post_ok::<Signatures>("/withdrawals", &edge).await, signed, "a repetition is not counted");
    wallet.payer.withdrawn(&wallet.mint, reserve, &signed.signatures).unwrap();
    let one_more = take(&mut wallet, reserve, 1);
    assert_eq!(market.refused("/withdrawals", &one_more).await, refusal("day-limit"));
    // Another reserve has its own.
    let of_other = take(&mut wallet, other, 60);
    let signed: Signatures = market.post_ok("/withdrawals", &of_other).await;
    wallet.payer.withdrawn(&wallet.mint, other, &signed.signatures).unwrap();

    market.ahead_s.store(ahead + 301, Ordering::SeqCst);
    let signed: Signatures = market.post_ok("/withdrawals", &one_more).await;
    wallet.payer.withdrawn(&wallet.mint, reserve, &signed.signatures).unwrap();
    assert_eq!(wallet.balance(), 121);
    let rest = take(&mut wallet, reserve, 60);
    assert_eq!(market.refused("/withdrawals", &rest).await, refusal("day-limit"), "one was taken already");
    market.assert_balanced().await;
}

/// Two devices ask at once for what only one can have today.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_that_race_do_not_pass_the_limit_together() {
    let market = market(Limits { max_day_minor: Some(64), ..Limits::default() }).await;
    for round in 0..5_u8 {
        let mut wallet = Wallet::new(&market, 1 + round).await;
        let reserve = wallet.fund(&market, 128).await;
        // Different coins, so that nothing but the limit stands between them.
        let bodies = [wallet.copy().withdrawal(&market, reserve, 64), wallet.copy().withdrawal(&market, reserve, 33)];
        let (one, two) = tokio::join!(market.post("/withdrawals", &bodies[0]), market.post("/withdrawals", &bodies[1]));
        let statuses = [one.0, two.0];
        assert!(statuses.contains(&200) && statuses.contains(&403), "{one:?} {two:?}");
        let refused = if one.0 == 403 { one.1 } else { two.1 };
        assert_eq!(serde_json::from_str::<Value>(&refused).unwrap()["code"], "day-limit");
    }
    market.assert_balanced().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_reserve_may_not_hold_goes_back_to_its_sender() {
    let limits = Limits { max_reserve_minor: Some(100), max_transfer_minor: Some(100), ..Limits::default() };
    let market = market(limits).await;
    let mut wallet = Wallet::new(&market, 1).await;
    let reserve = wallet.fund(&market, 100).await;
    let name = wallet.payer.reserve_key(&wallet.mint, reserve).public_key().to_text();
    assert_eq!((market.at_bank("customer").await, market.at_bank("mint").await), (49_900, 100));

    // One cent more than it may hold; more than any may hold; what names no reserve; and what fits.
    let other = SigningKey::from_bytes(&[9; 32]).unwrap().public_key().to_text();
    market.transfer("over", 1, &name).await;
    market.transfer("large", 101, &other).await;
    market.transfer("rent", 7, "rent").await;
    market.transfer("fits", 60, &other).await;
    eventually("the return of three transfers", async || {
        market.at_bank("mint").await == 160 && market.at_bank("customer").await == 49_840
    })
    .await;
    let (_, text) = market.get(&format!("/reserves/{other}")).await;
    assert_eq!(serde_json::from_str::<ReserveStatus>(&text).unwrap().balance.minor(), 60);
    let books = market.assert_balanced().await;
    assert_eq!((books.received, books.reserves), (160, 160), "what went back was never received");

    // After a restart nothing goes back twice, and what is free again can be filled.
    let market = market.restart().await;
    let body = wallet.withdrawal(&market, reserve, 30);
    let signed: Signatures = market.post_ok("/withdrawals", &body).await;
    wallet.payer.withdrawn(&wallet.mint, reserve, &signed.signatures).unwrap();
    market.transfer("refill", 30, &name).await;
    eventually("the refill", async || {
        let (_, text) = market.get(&format!("/reserves/{name}")).await;
        serde_json::from_str::<ReserveStatus>(&text).unwrap().balance.minor() == 100
    })
    .await;
    tokio::time::sleep(std::time::Duration::from_millis(2_500)).await;
    assert_eq!(market.at_bank("mint").await, 190);
    market.assert_balanced().await;
}

/// Two mints at one bank do not send the same money to and fro: what came back itself is kept for the operator.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_back_is_not_sent_back() {
    let market = market(Limits::default()).await;
    market.transfer("bounced", 5, "semper return abc").await;
    market.transfer("stray", 6, "rent").await;
    eventually("the return of the other", async || market.at_bank("customer").await == 49_995).await;
    assert_eq!(market.at_bank("mint").await, 5);
    eventually("both are recorded", async || {
        market.mint.store.open_returns(market.mint.now()).await.unwrap().is_empty()
    })
    .await;
    market.assert_balanced().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transfer_between_people_has_its_limits() {
    let limits = Limits { max_reserve_minor: Some(100), max_transfer_minor: Some(80), ..Limits::default() };
    let market = market(limits).await;
    let mut sender = Wallet::new(&market, 1).await;
    for _ in 0..3 {
        sender.withdraw(&market, 100).await;
    }
    let expires_at = market.mint.now().plus(600);
    let terms = |minor| Terms { mint: sender.mint, amount: euros(minor), purpose: String::new(), expires_at };
    let (edge, over) = (terms(80), terms(81));
    let now = market.mint.now();
    assert!(sender.payer.send(over.clone(), now).is_err(), "the wallet knows");
    let sent = sender.payer.send(edge.clone(), now).unwrap();
    let second = sender.payer.send(edge, now).unwrap();
    for digest in [sent, second] {
        let body = sender.payer.transfer(&digest).unwrap().1.body();
        assert_eq!(market.post("/transfers", &body).await.0, 200);
        sender.payer.paid_in(&digest).unwrap();
    }
    // A wallet that does not keep to it is refused by the mint.
    let key = SigningKey::from_bytes(&[3; 32]).unwrap();
    let statement = Signed::sign_self_keyed(semper_shared::items::payment::ecash::transfer::Transfer(over), &key);
    let bill = Bill { deal: statement.digest(), payee: statement.signer(), total: euros(81), refund_by: expires_at };
    let parameters = EcashParameters {
        mints: vec![AcceptedMint { url: market.mint.url.clone(), mint: sender.mint }],
        account: None,
    };
    let mut rng = crate::crypto::system_rng();
    let paid = PayerModule::pay(&mut sender.payer, &bill, &parameters, now, &mut rng).unwrap();
    let body = json!({ "transfer": statement.compact(), "permissions": paid.permissions });
    assert_eq!(market.refused("/transfers", &body).await, refusal("transfer-limit"));

    // Two transfers into one reserve are more than it may hold: the second stays pending, and fits into another.
    let payee = Wallet::new(&market, 2).await;
    let accept = |digest: &Digest, reserve: u32| {
        let Link::Receive { key, .. } = sender.payer.link(digest).unwrap() else { panic!("a link to receive") };
        let reserve = payee.payer.reserve_key(&payee.mint, reserve);
        let acceptance = semper_shared::items::payment::ecash::transfer::Acceptance {
            mint: payee.mint,
            transfer: *digest,
            reserve: reserve.public_key().thumbprint(),
            accepted_at: now,
        };
        let body = AcceptanceBody {
            by_transfer: Signed::sign_self_keyed(acceptance.clone(), &key).to_compact(),
            by_reserve: Signed::sign_self_keyed(acceptance, &reserve).to_compact(),
        };
        (format!("/transfers/{}/acceptance", key.public_key().thumbprint()), body)
    };
    let (path, body) = accept(&sent, 0);
    assert_eq!(market.post(&path, &body).await.0, 200);
    let (path, body) = accept(&second, 0);
    assert_eq!(market.refused(&path, &body).await, refusal("reserve-limit"));
    let (_, text) = market.get(path.trim_end_matches("/acceptance")).await;
    assert_eq!(serde_json::from_str::<TransferStatus>(&text).unwrap().state, TransferState::Pending);
    assert_eq!(market.assert_balanced().await.pending, 80);
    let (path, body) = accept(&second, 1);
    assert_eq!(market.post(&path, &body).await.0, 200);
    assert_eq!(market.assert_balanced().await.pending, 0);
}

#[test]
fn limits_that_make_no_sense_are_refused_at_the_start() {
    let config = |policy: Value| {
        let mut config = json!({
            "data": "x", "name": "Mint", "server": {"public_url": "http://localhost:1"},
            "bank": {"url": "http://localhost:2", "account": "mint", "token": TOKEN},
        });
        config["policy"] = policy;
        serde_json::from_value::<Config>(config)
    };
    assert!(config(json!({"max_reserve_minor": 100, "max_transfer_minor": 100})).unwrap().check().is_ok());
    assert!(config(json!({"max_reserve_minor": 100})).unwrap().check().is_err());
    assert!(config(json!({"max_reserve_minor": 100, "max_transfer_minor": 101})).unwrap().check().is_err());
    assert!(config(json!({"max_day_minor": 0})).unwrap().check().is_err());
    assert!(config(json!({"max_year_minor": 5})).is_err());
}
