//! What must not happen.

use semper_shared::items::payment::ecash::{Melt, Permission, PlanchetMessage, Withdrawal};

use super::*;

/// A permission with a change, signed anew by the coin's key.
struct Forger {
    coin: SigningKey,
    honest: Permission,
}

impl Forger {
    fn permission(&self, change: impl FnOnce(&mut Permission)) -> Value {
        let mut permission = self.honest.clone();
        change(&mut permission);
        json!({"permissions": [Signed::sign_self_keyed(permission, &self.coin).compact()]})
    }
}

async fn forger(market: &Market, wallet: &mut Wallet, shop: &SigningKey) -> Forger {
    wallet.withdraw(market, 32).await;
    let body = wallet.copy().pay(market, shop, deal(1), 5);
    let (honest, key) = body.permissions[0].verify_self_keyed(&Portable).unwrap();
    let held = wallet.payer.mint_purse(&wallet.mint).unwrap();
    let coin = held.coins.iter().find(|coin| coin.name() == key.to_text()).unwrap().secret().key();
    Forger { coin, honest: honest.payload().clone() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deposits_that_are_refused() {
    let market = Market::start_with(3_600).await;
    let (shop, stranger) = (merchant(1), merchant(9));
    market.register(&shop, "merchant").await;
    let mut wallet = Wallet::new(&market, 1).await;
    let forger = forger(&market, &mut wallet, &shop).await;
    let honest = forger.permission(|_| {});
    let text = honest["permissions"][0].as_str().unwrap().to_owned();
    let another = market.keys().await.denominations[0].id(Currency::EUR);
    let (input, signature) = text.rsplit_once('.').unwrap();
    let broken_signature = format!("{input}.{}", signature.chars().rev().collect::<String>());
    let no_signature = input.to_owned();
    let other_coin = Signed::sign_self_keyed(forger.honest.clone(), &merchant(77)).compact().to_owned();
    let stranger = stranger.public_key().thumbprint();
    let table = [
        ("none", json!({"permissions": []}), 400, "request-invalid"),
        ("too many", json!({"permissions": vec![&text; 65]}), 400, "request-invalid"),
        ("twice the same", json!({"permissions": [text, text]}), 400, "request-invalid"),
        ("no statement", json!({"permissions": ["x"]}), 400, "statement-malformed"),
        ("no signature", json!({"permissions": [no_signature]}), 400, "statement-malformed"),
        ("another signature", json!({"permissions": [broken_signature]}), 400, ""),
        ("another member", json!({"permission": []}), 400, "json-malformed"),
        ("a coin of nobody", json!({"permissions": [other_coin]}), 400, "coin-invalid"),
        ("a tampered coin", forger.permission(|p| p.signature[7] ^= 1), 400, "coin-invalid"),
        ("another denomination", forger.permission(|p| p.denomination = another), 400, ""),
        ("no such denomination", forger.permission(|p| p.denomination = deal(7)), 400, "denomination-unknown"),
        ("another mint", forger.permission(|p| p.mint = deal(7)), 400, "mint-mismatch"),
        ("nothing", forger.permission(|p| p.amount = euros(0)), 400, "request-invalid"),
        ("more than it is worth", forger.permission(|p| p.amount = euros(33)), 400, "amount-invalid"),
        (
            "another currency",
            forger.permission(|p| p.amount = Amount::new("USD".parse().unwrap(), 5).unwrap()),
            400,
            "currency-mismatch",
        ),
        ("for a stranger", forger.permission(|p| p.merchant = stranger), 409, "payout-account-missing"),
    ];
    for (what, body, status, code) in table {
        let (refused, why) = market.refused("/deposits", &body).await;
        assert_eq!(refused, status, "{what}: {why}");
        assert!(code.is_empty() || why == code, "{what}: {why}");
    }
    for body in ["", "{", "[]", "null", r#"{"permissions":[],"permissions":[]}"#, r#"{"permissions":[1]}"#] {
        let request = market.client.post(market.url("/deposits")).header("content-type", "application/json");
        assert_eq!(request.body(body).send().await.unwrap().status(), 400, "{body}");
    }
    let books = market.assert_balanced().await;
    assert_eq!(books.spent, 0, "no refusal left a trace");
    // The coin itself is as good as before, up to what it is worth.
    assert_eq!(market.post("/deposits", &honest).await.0, 200);
    let more = forger.permission(|p| {
        p.deal = deal(2);
        p.amount = euros(28);
    });
    assert_eq!(market.refused("/deposits", &more).await, (409, "coin-already-spent".to_owned()));
    let rest = forger.permission(|p| {
        p.deal = deal(2);
        p.amount = euros(27);
    });
    assert_eq!(market.post("/deposits", &rest).await.0, 200);
    assert_eq!(market.assert_balanced().await.outstanding(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_spent_coin_spoils_the_whole_deposit() {
    let market = Market::start_with(3_600).await;
    let shop = merchant(1);
    market.register(&shop, "merchant").await;
    let mut wallet = Wallet::new(&market, 1).await;
    wallet.withdraw(&market, 127).await;
    let mut cheat = wallet.copy();
    let first = wallet.pay(&market, &shop, deal(1), 1);
    assert_eq!(market.post("/deposits", &first).await.0, 200);
    let all = cheat.pay(&market, &shop, deal(2), 127);
    assert!(all.permissions.len() > 1);
    assert_eq!(market.refused("/deposits", &all).await, (409, "coin-already-spent".to_owned()));
    let books = market.assert_balanced().await;
    assert_eq!((books.spent, books.owed), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn withdrawals_that_are_refused() {
    let market = Market::start_with(3_600).await;
    let mut wallet = Wallet::new(&market, 1).await;
    let index = wallet.fund(&market, 100).await;
    let key = wallet.payer.reserve_key(&wallet.mint, index);
    let honest = wallet.withdrawal(&market, index, 100);
    let honest: Withdrawal = honest.request.peek_unverified().unwrap();
    let request = |signer: &SigningKey, change: &dyn Fn(&mut Withdrawal)| {
        let mut withdrawal = honest.clone();
        change(&mut withdrawal);
        json!({"request": Signed::sign_self_keyed(withdrawal, signer).compact()})
    };
    let double = |w: &mut Withdrawal| w.batch.extend(w.batch.clone());
    let unknown = |w: &mut Withdrawal| w.batch[0].denomination = deal(7);
    let table = [
        ("another's", request(&merchant(9), &|_| {}), 404, "reserve-unknown"),
        ("more than there is", request(&key, &double), 402, "funds-insufficient"),
        ("nothing", request(&key, &|w| w.batch.clear()), 400, "request-invalid"),
        ("no such denomination", request(&key, &unknown), 400, "denomination-unknown"),
        ("another mint", request(&key, &|w| w.mint = deal(7)), 400, "mint-mismatch"),
        ("zero", request(&key, &|w| w.batch[0].blinded = [0; 256]), 400, "request-invalid"),
        ("above the modulus", request(&key, &|w| w.batch[0].blinded = [255; 256]), 400, "request-invalid"),
        ("no statement", json!({"request": "a.b.c"}), 400, "statement-malformed"),
    ];
    for (what, body, status, code) in table {
        assert_eq!(market.refused("/withdrawals", &body).await, (status, code.to_owned()), "{what}");
    }
    assert_eq!(market.assert_balanced().await.reserves, 100);

    // Ten batches at once, money for one.
    let batches: Vec<_> = (0..10).map(|n| request(&key, &|w| w.requested_at = UnixSeconds(u64::MAX - n))).collect();
    let answers = futures_util::future::join_all(batches.iter().map(|body| market.post("/withdrawals", body))).await;
    assert_eq!(answers.iter().filter(|(status, _)| *status == 200).count(), 1);
    assert_eq!(answers.iter().filter(|(status, _)| *status == 402).count(), 9);
    assert_eq!(market.assert_balanced().await.reserves, 0);
    // The issue ends before the year does.
    market.ahead_s.store(61 * 24 * 3_600, Ordering::SeqCst);
    let late = request(&key, &|w| w.requested_at = UnixSeconds(1));
    assert_eq!(market.refused("/withdrawals", &late).await, (410, "denomination-expired".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn melts_and_reveals_that_are_refused() {
    let market = Market::start_with(3_600).await;
    let shop = merchant(1);
    market.register(&shop, "merchant").await;
    let mut wallet = Wallet::new(&market, 1).await;
    wallet.withdraw(&market, 64).await;
    let deposit = wallet.pay(&market, &shop, deal(1), 21);
    assert_eq!(market.post("/deposits", &deposit).await.0, 200);
    wallet.payer.settled(&deal(1));
    let name = wallet.payer.refreshes(&wallet.mint, market.mint.now()).unwrap().pop().unwrap();
    let melt = wallet.payer.melt(&wallet.mint, &name, market.mint.now(), &mut crate::crypto::system_rng()).unwrap();
    let coin = wallet.payer.mint_purse(&wallet.mint).unwrap().coins[0].secret().key();
    let change = |change: &dyn Fn(&mut Melt)| {
        let mut melt = melt.payload().clone();
        change(&mut melt);
        json!({"melt": Signed::sign_self_keyed(melt, &coin).compact()})
    };
    let more = |m: &mut Melt| {
        m.amount = euros(44);
        m.outputs.push(market.mint.ring().keys.withdrawal(euros(1), market.mint.now()).unwrap()[0].id);
    };
    let table = [
        ("outputs above the amount", change(&|m| m.amount = euros(42)), 400, "request-invalid"),
        ("more than is left", change(&more), 409, "coin-already-spent"),
        ("no outputs", change(&|m| m.outputs.clear()), 400, "request-invalid"),
        ("another mint", change(&|m| m.mint = deal(7)), 400, "mint-mismatch"),
        ("a tampered coin", change(&|m| m.signature[0] ^= 1), 400, "coin-invalid"),
    ];
    for (what, body, status, code) in table {
        assert_eq!(market.refused("/melts", &body).await, (status, code.to_owned()), "{what}");
    }
    assert_eq!(market.assert_balanced().await.melting, 0);
    let answer: MeltAnswer = market.post_ok("/melts", &MeltBody { melt: melt.to_compact() }).await;
    let confirmation = answer.confirmation.verify(market.mint.signer.public_key(), &Portable).unwrap();
    assert_eq!(market.assert_balanced().await.melting, 43);

    let path = format!("/melts/{}/reveal", melt.digest());
    let honest = wallet.payer.reveal(&wallet.mint, &name, &confirmation).unwrap();
    let mut swapped = honest.clone();
    swapped.transfer_secrets.reverse();
    let mut foreign = honest.clone();
    foreign.planchets[0].blinded[9] ^= 1;
    let mut fewer: Vec<PlanchetMessage> = honest.planchets.clone();
    fewer.pop();
    let mut short = honest.clone();
    short.planchets = fewer;
    let mut no_secret = honest.clone();
    no_secret.transfer_secrets.pop();
    for reveal in [swapped, foreign, short, no_secret] {
        assert_eq!(market.refused(&path, &reveal).await, (400, "reveal-invalid".to_owned()));
    }
    let nowhere = format!("/melts/{}/reveal", deal(1));
    assert_eq!(market.refused(&nowhere, &honest).await, (404, "melt-unknown".to_owned()));
    assert_eq!(market.refused("/melts/short/reveal", &honest).await, (400, "request-invalid".to_owned()));
    assert_eq!(market.assert_balanced().await.melting, 43);
    assert_eq!(market.post(&path, &honest).await.0, 200);
    assert_eq!(market.assert_balanced().await.outstanding(), Some(43));
}

/// Of two devices that exchange the same coin, one gets the new coins: no sequence comes twice, and none comes late.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn melts_that_are_not_above_the_earlier_ones_are_refused() {
    let market = Market::start_with(3_600).await;
    let mut wallet = Wallet::new(&market, 1).await;
    wallet.withdraw(&market, 64).await;
    let coin = &wallet.payer.mint_purse(&wallet.mint).unwrap().coins[0];
    let (denomination, signature, key) = (coin.denomination, *coin.signature(), coin.secret().key());
    let output = market.mint.ring().keys.withdrawal(euros(1), market.mint.now()).unwrap()[0].id;
    let melt = |sequence: u32, commitment: u32| {
        let commitment = deal(commitment);
        let (mint, amount, outputs) = (wallet.mint, euros(1), vec![output]);
        let melt = Melt { mint, denomination, signature, amount, outputs, sequence, commitment };
        Signed::sign_self_keyed(melt, &key)
    };
    let body = |melt: &Signed<Melt>| MeltBody { melt: melt.to_compact() };
    // What refused melts would have taken is in the coin still.
    let (mut taken, mut last) = (0, None);
    for sequence in [7, 8, 1_000, u32::MAX] {
        let good = melt(sequence, 1);
        let answer: MeltAnswer = market.post_ok("/melts", &body(&good)).await;
        assert_eq!(answer, market.post_ok::<MeltAnswer>("/melts", &body(&good)).await);
        taken += 1;
        for earlier in [0, 6, 7, sequence - 1, sequence].into_iter().filter(|earlier| *earlier <= sequence) {
            let refused = market.refused("/melts", &body(&melt(earlier, 2))).await;
            assert_eq!(refused, (409, "request-conflict".to_owned()), "{earlier} after {sequence}");
        }
        assert_eq!(market.assert_balanced().await.melting, taken);
        last = Some(good.digest());
    }
    // One that is void has given its amount back, and its sequence is used for ever.
    market.mint.store.void(last.unwrap()).await.unwrap();
    let refused = market.refused("/melts", &body(&melt(u32::MAX, 2))).await;
    assert_eq!(refused, (409, "request-conflict".to_owned()));
    assert_eq!(market.assert_balanced().await.melting, taken - 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_known_and_who_is_not_theirs() {
    let market = Market::start_with(3_600).await;
    let key = merchant(5).public_key().to_text();
    for (path, status, code) in [
        (format!("/reserves/{key}"), 404, "reserve-unknown"),
        (format!("/reserves/{key}?wait_ms=50"), 404, "reserve-unknown"),
        (format!("/reserves/{key}?wait=50"), 400, "request-invalid"),
        ("/reserves/x".to_owned(), 400, "key-invalid"),
        (format!("/coins/{key}"), 404, "coin-unknown"),
        ("/coins/x".to_owned(), 400, "key-invalid"),
    ] {
        let (found, text) = market.get(&path).await;
        let problem: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((found, problem["code"].as_str()), (status, Some(code)), "{path}");
    }
    let now = market.mint.now().0;
    let shop = merchant(1);
    let own = market.registration(&shop, "merchant", now);
    let payload: PayoutAccount =
        Compact::new(own["registration"].as_str().unwrap().to_owned()).peek_unverified().unwrap();
    let sign = |payload: PayoutAccount, key: &SigningKey| json!({"registration": Signed::sign(payload, key).compact()});
    let other_bank = PayoutAccount { bank: "http://localhost:1".to_owned(), ..payload.clone() };
    let other_mint = PayoutAccount { mint: deal(1), ..payload.clone() };
    for (body, status, code) in [
        (sign(payload, &merchant(2)), 400, "signature-invalid"),
        (sign(other_bank, &shop), 400, "request-invalid"),
        (sign(other_mint, &shop), 400, "mint-mismatch"),
        (market.registration(&shop, "merchant", now + 3_600), 400, "request-invalid"),
        (market.registration(&shop, "", now), 404, "account-unknown"),
        (market.registration(&shop, "a/b", now), 404, "account-unknown"),
    ] {
        assert_eq!(market.refused("/accounts", &body).await, (status, code.to_owned()), "{body}");
    }
    // Money that names no reserve is kept apart, and does not stop what comes after it.
    market.transfer("stray", 5, "rent").await;
    Wallet::new(&market, 1).await.withdraw(&market, 3).await;
    assert_eq!(market.mint.metrics.strays.get(), 1);
    assert_eq!(market.assert_balanced().await.received, 3);
}
