//! Denominations that come, go and are revoked, at a mint that runs.

use semper_shared::items::payment::ecash::{CoinStatus, DepositAnswer, RecoupAnswer, RecoupBody};

use super::*;

const DAY_S: u64 = 24 * 3_600;

impl Wallet {
    async fn renew_keys(&mut self, market: &Market) {
        self.payer.trust(market.keys().await).unwrap();
    }

    /// Recoups what is revoked, each order sent twice, and withdraws what came of it.
    async fn recoup(&mut self, market: &Market) -> u64 {
        let (mut reserves, mut sum) = (Vec::new(), 0);
        for name in self.payer.recoups(&self.mint).unwrap() {
            let recoup = self.payer.recoup(&self.mint, &name, market.mint.now()).unwrap();
            let body = RecoupBody { recoup: recoup.to_compact() };
            let answer: RecoupAnswer = market.post_ok("/recoups", &body).await;
            assert_eq!(answer, market.post_ok::<RecoupAnswer>("/recoups", &body).await);
            sum += answer.recouped.minor();
            reserves.push(self.payer.recouped(&self.mint, &name).unwrap());
        }
        reserves.sort_unstable();
        reserves.dedup();
        for reserve in reserves {
            let name = self.payer.reserve_key(&self.mint, reserve).public_key().to_text();
            let (_, text) = market.get(&format!("/reserves/{name}")).await;
            let status: ReserveStatus = serde_json::from_str(&text).unwrap();
            let body = self.withdrawal(market, reserve, status.balance.minor());
            let signed: Signatures = market.post_ok("/withdrawals", &body).await;
            self.payer.withdrawn(&self.mint, reserve, &signed.signatures).unwrap();
        }
        sum
    }
}

/// How many values the mint issues coins of.
const VALUES: usize = 8;

/// Revokes all that was made so far, as the command does it, and waits until the running mint has seen it. Returns how many.
async fn revoke_all(market: &Market) -> usize {
    let revoked = revoke(&market.mint.config, &[], "a drill").unwrap();
    assert!(revoked > 0);
    market.mint.take_revocations().await;
    assert!(market.mint.renew_ring(Ahead::Settings).await, "keys were made in their place");
    revoked
}

/// A revocation is urgent: the coins are refused while somebody still makes keys. Those that take the place come afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_does_not_wait_for_new_keys() {
    let market = Market::start().await;
    let shop = merchant(1);
    market.register(&shop, "merchant").await;
    let mut wallet = Wallet::new(&market, 1).await;
    wallet.withdraw(&market, 100).await;
    // Another replica makes keys, and takes its time.
    let lock = std::fs::File::create(market.folder.path().join("mint/denominations.lock")).unwrap();
    lock.lock().unwrap();
    let revoked = revoke(&market.mint.config, &[], "a drill").unwrap();
    for _ in 0..400 {
        if !market.keys().await.revoked.is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    assert_eq!(market.keys().await.revoked.len(), revoked);
    let late = wallet.pay(&market, &shop, deal(1), 23);
    assert_eq!(market.refused("/deposits", &late).await, (410, "denomination-revoked".to_owned()));
    let later = market.mint.now().plus(59 * DAY_S);
    assert!(market.mint.ring().keys.withdrawal(euros(255), later).is_err(), "nothing takes their place yet");

    drop(lock);
    // First what is issued now, then what will be.
    for _ in 0..1_200 {
        if keys::known(&market.mint.config.data).unwrap().len() == revoked + 2 * VALUES {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    assert_replaced(&market, revoked).await;
}

/// A key document that was begun before a revocation, and whose keys took longer to make, does not undo it: neither are the
/// coins taken again, nor are the denominations unknown that wallets have heard of meanwhile. And it is dated by when it is
/// there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_that_took_long_does_not_undo_a_revocation() {
    let market = Market::start().await;
    let mint = &market.mint;
    let begun = mint.now();
    let mut wallet = Wallet::new(&market, 1).await;
    wallet.withdraw(&market, 100).await;
    let slow = make_ring(&mint.config, &mint.url, &mint.signer, &*mint.store, &mint.clock, Ahead::Now).await.unwrap();
    assert!(slow.keys.document().issued_at >= begun);
    let revoked = revoke_all(&market).await;
    let published = market.keys().await;
    mint.publish(slow);
    assert_eq!(market.keys().await.payload(), published.payload());
    assert_replaced(&market, revoked).await;
    let shop = merchant(1);
    market.register(&shop, "merchant").await;
    let late = wallet.pay(&market, &shop, deal(1), 23);
    assert_eq!(market.refused("/deposits", &late).await, (410, "denomination-revoked".to_owned()));
    // One that knows as much is published.
    market.ahead_s.store(60, Ordering::SeqCst);
    mint.renew_ring(Ahead::Now).await;
    assert!(market.keys().await.issued_at >= begun.plus(60));
}

/// The document's date is not that of the moment before its keys were made.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_is_dated_after_its_keys() {
    let market = Market::start().await;
    let mint = &market.mint;
    let asked = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&asked);
    // Every question takes an hour.
    let clock: Clock = Arc::new(move || UnixSeconds(2_000_000_000 + 3_600 * counted.fetch_add(1, Ordering::SeqCst)));
    let ring = make_ring(&mint.config, &mint.url, &mint.signer, &*mint.store, &clock, Ahead::Now).await.unwrap();
    let document = ring.keys.document();
    let first = UnixSeconds(2_000_000_000);
    assert_eq!(document.issued_at, first.plus(3_600), "once before the keys, once after");
    assert!(ring.keys.withdrawal(euros(255), first).is_ok(), "who is an hour behind finds what is issued");
    assert!(ring.keys.withdrawal(euros(255), document.issued_at).is_ok());
}

/// The private keys of what was revoked are destroyed, and what takes its place is there, now and ahead of its time.
async fn assert_replaced(market: &Market, revoked: usize) {
    let published = market.keys().await.payload().revoked.clone();
    assert_eq!(published.len(), revoked);
    let text = std::fs::read_to_string(market.folder.path().join("mint/denominations.json")).unwrap();
    let stored: Value = serde_json::from_str(&text).unwrap();
    let stored = stored["denominations"].as_array().unwrap();
    let made = keys::known(&market.mint.config.data).unwrap();
    assert_eq!(stored.len(), made.len());
    for (key, stored) in made.iter().zip(stored) {
        let id = key.id(Currency::EUR);
        let gone = published.iter().any(|revoked| revoked.denomination == id);
        assert_eq!(stored.get("private").is_none(), gone, "the keys that may be in other hands, and only these");
    }
    assert_eq!(made.len() - revoked, 2 * VALUES, "each value is issued, and its successor was made");
    let (ring, now) = (market.mint.ring(), market.mint.now());
    for at in [now, now.plus(59 * DAY_S)] {
        assert!(ring.keys.withdrawal(euros(255), at).unwrap().iter().all(|key| ring.signs(&key.id)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revoked_coins_are_refused_and_recouped_and_the_books_balance() {
    let market = Market::start().await;
    let shop = merchant(1);
    market.register(&shop, "merchant").await;
    let mut wallet = Wallet::new(&market, 1).await;
    wallet.withdraw(&market, 200).await;
    let deposit = wallet.pay(&market, &shop, deal(1), 77);
    let first: DepositAnswer = market.post_ok("/deposits", &deposit).await;
    wallet.payer.settled(&deal(1));
    wallet.refresh(&market).await;
    let late = wallet.copy().pay(&market, &shop, deal(2), 23);
    let melted = wallet.copy();

    let revoked = revoke_all(&market).await;
    assert_eq!(market.refused("/deposits", &late).await, (410, "denomination-revoked".to_owned()));
    assert_eq!(
        market.post_ok::<DepositAnswer>("/deposits", &deposit).await,
        first,
        "what was confirmed stays confirmed"
    );
    let reserve = wallet.fund(&market, 8).await;
    let stale = wallet.copy().withdrawal(&market, reserve, 8);
    assert_eq!(market.refused("/withdrawals", &stale).await, (410, "denomination-revoked".to_owned()));
    assert_replaced(&market, revoked).await;

    wallet.renew_keys(&market).await;
    assert_eq!(wallet.recoup(&market).await, 123);
    assert_eq!(wallet.balance(), 123);
    market.assert_balanced().await;
    // Nothing comes twice, whoever asks: the coins are empty, and the proof says why.
    let mut copy = melted;
    copy.renew_keys(&market).await;
    let name = copy.payer.recoups(&copy.mint).unwrap().remove(0);
    let again = copy.payer.recoup(&copy.mint, &name, market.mint.now().plus(1)).unwrap();
    let again = RecoupBody { recoup: again.to_compact() };
    let (status, text) = market.post("/recoups", &again).await;
    assert_eq!(status, 409, "{text}");
    assert!(text.contains("coin-already-spent"), "{text}");
    let coin: CoinStatus = serde_json::from_str(&market.get(&format!("/coins/{name}")).await.1).unwrap();
    assert!(coin.remaining.is_zero());
    // The fresh coins are as good as any.
    let deposit = wallet.pay(&market, &shop, deal(3), 123);
    let _: DepositAnswer = market.post_ok("/deposits", &deposit).await;
    market.assert_balanced().await;
}

/// A coin that whoever stole the key signed: perfect, and in no record.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_coin_is_not_recouped() {
    let market = Market::start().await;
    let mut victim = Wallet::new(&market, 1).await;
    victim.withdraw(&market, 64).await;
    // The thief signs a planchet of its own with the stolen key, past the ledger.
    let mut thief = Wallet::new(&market, 9).await;
    let reserve = thief.payer.open_reserve(&thief.mint, euros(64), market.mint.now()).unwrap();
    let request = thief.payer.withdraw(&thief.mint, reserve, euros(64), market.mint.now()).unwrap();
    let ring = market.mint.ring();
    let stolen = ring.sign(request.batch.iter().map(|planchet| (&planchet.denomination, &planchet.blinded))).unwrap();
    thief.payer.withdrawn(&thief.mint, reserve, &ring::split_signatures(&stolen)).unwrap();
    assert_eq!(thief.balance(), 64);

    revoke_all(&market).await;
    thief.renew_keys(&market).await;
    victim.renew_keys(&market).await;
    let name = thief.payer.recoups(&thief.mint).unwrap().remove(0);
    let recoup = thief.payer.recoup(&thief.mint, &name, market.mint.now()).unwrap();
    let body = RecoupBody { recoup: recoup.to_compact() };
    assert_eq!(market.refused("/recoups", &body).await, (400, "coin-invalid".to_owned()));
    // Nor does it help to name the victim's reserve as the origin.
    let mut elsewhere = recoup.payload().clone();
    let of_victim = victim.payer.reserve_key(&victim.mint, 0).public_key().clone();
    elsewhere.origin = semper_shared::items::payment::ecash::RecoupOrigin::Reserve(of_victim);
    let coins = &thief.payer.mint_purse(&thief.mint).unwrap().coins;
    let key = coins.iter().find(|coin| coin.name() == name).unwrap().secret().key();
    let body = RecoupBody { recoup: Signed::sign_self_keyed(elsewhere, &key).to_compact() };
    assert_eq!(market.refused("/recoups", &body).await, (400, "coin-invalid".to_owned()));
    assert_eq!(victim.recoup(&market).await, 64);
    market.assert_balanced().await;
}

/// Years: keys are made ahead, destroyed after their time, and the pages lead to all of them; wallets renew.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn years_of_rotation_at_a_mint_that_runs() {
    let market = Market::start().await;
    let mut wallet = Wallet::new(&market, 1).await;
    wallet.withdraw(&market, 200).await;
    let file = market.folder.path().join("mint/denominations.json");
    for _ in 0..20 {
        market.ahead_s.fetch_add(40 * DAY_S, Ordering::SeqCst);
        market.mint.renew_ring(Ahead::Settings).await;
        wallet.renew_keys(&market).await;
        wallet.refresh(&market).await;
        assert_eq!(wallet.payer.mint_purse(&wallet.mint).unwrap().spendable(market.mint.now()).minor(), 200);
        let keys = wallet.payer.keys(&wallet.mint).unwrap();
        assert!(keys.withdrawal(euros(255), market.mint.now()).is_ok());
        assert!(keys.withdrawal(euros(255), market.mint.now().plus(59 * DAY_S)).is_ok(), "published ahead");
        let private = std::fs::read_to_string(&file).unwrap().matches("\"private\"").count();
        assert!((16..=32).contains(&private), "{private} private keys");
    }
    let mut keys = KeySet::new(market.keys().await).unwrap();
    let mut pages = 0;
    while let Some(page) = keys.next_page() {
        let (status, text) = market.get(&format!("/keys/{page}")).await;
        assert_eq!(status, 200);
        keys.turn_page(text.as_bytes()).unwrap();
        pages += 1;
    }
    assert!(pages >= 12, "{pages}");
    assert_eq!(market.get(&format!("/keys/{}", deal(1))).await.0, 404);
    market.assert_balanced().await;

    // Where making keys fails, the mint goes on with what it has.
    std::fs::write(&file, "harmed").unwrap();
    market.ahead_s.fetch_add(40 * DAY_S, Ordering::SeqCst);
    market.mint.renew_ring(Ahead::Settings).await;
    wallet.withdraw(&market, 16).await;
}

/// What was melted and not revealed before its outputs' keys were destroyed is back in the coin, for honest wallets.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_melt_that_can_no_longer_be_revealed_comes_back() {
    let market = Market::start().await;
    let shop = merchant(1);
    market.register(&shop, "merchant").await;
    let mut wallet = Wallet::new(&market, 1).await;
    wallet.withdraw(&market, 128).await;
    let deposit = wallet.pay(&market, &shop, deal(1), 100);
    let _: DepositAnswer = market.post_ok("/deposits", &deposit).await;
    wallet.payer.settled(&deal(1));
    let name = wallet.payer.refreshes(&wallet.mint, market.mint.now()).unwrap().remove(0);
    let mut rng = crate::crypto::system_rng();
    let melt = wallet.payer.melt(&wallet.mint, &name, market.mint.now(), &mut rng).unwrap();
    let answer: MeltAnswer = market.post_ok("/melts", &MeltBody { melt: melt.to_compact() }).await;
    let confirmation: MeltConfirmation =
        answer.confirmation.verify(market.mint.signer.public_key(), &Portable).unwrap().payload().clone();
    market.ahead_s.fetch_add(90 * DAY_S, Ordering::SeqCst);
    market.mint.renew_ring(Ahead::Settings).await;

    let path = format!("/melts/{}/reveal", melt.digest());
    let honest = wallet.payer.reveal(&wallet.mint, &name, &confirmation).unwrap();
    let mut cheat = honest.clone();
    cheat.transfer_secrets[0] = cheat.transfer_secrets[1].clone();
    assert_eq!(market.refused(&path, &cheat).await, (400, "reveal-invalid".to_owned()));
    assert_eq!(market.assert_balanced().await.melting, 28);
    for _ in 0..2 {
        assert_eq!(market.refused(&path, &honest).await, (410, "denomination-expired".to_owned()));
    }
    assert_eq!(market.assert_balanced().await.melting, 0);
    let coin: CoinStatus = serde_json::from_str(&market.get(&format!("/coins/{name}")).await.1).unwrap();
    assert!(coin.melts[0].void && coin.remaining == euros(28));
    wallet.renew_keys(&market).await;
    wallet.payer.restore_coin(&wallet.mint, &name, &coin, &Portable).unwrap();
    wallet.refresh(&market).await;
    assert_eq!(wallet.payer.mint_purse(&wallet.mint).unwrap().spendable(market.mint.now()).minor(), 28);
    market.assert_balanced().await;
}

/// Two devices with the same words derive the same coins: the mint signs a planchet once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_planchet_is_signed_once() {
    let market = Market::start().await;
    let mut wallet = Wallet::new(&market, 1).await;
    let reserve = wallet.fund(&market, 16).await;
    let mut copy = wallet.copy();
    let name = wallet.payer.reserve_key(&wallet.mint, reserve).public_key().to_text();
    market.transfer("a-second-transfer", 16, &name).await;
    let body = wallet.withdrawal(&market, reserve, 16);
    let _: Signatures = market.post_ok("/withdrawals", &body).await;
    while market
        .mint
        .store
        .balance(wallet.payer.reserve_key(&wallet.mint, reserve).public_key().to_compressed())
        .await
        .unwrap()
        != Some(16)
    {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    market.ahead_s.fetch_add(5, Ordering::SeqCst);
    let again = copy.withdrawal(&market, reserve, 16);
    assert_ne!(again.request.as_str(), body.request.as_str());
    assert_eq!(market.refused("/withdrawals", &again).await, (409, "request-conflict".to_owned()));
    market.assert_balanced().await;
}

/// Nor are two coins of the same number, where the two devices ask for other denominations: they would have the same keys.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn coins_are_numbered_on_from_all_before() {
    let market = Market::start().await;
    let mut wallet = Wallet::new(&market, 1).await;
    let reserve = wallet.fund(&market, 32).await;
    let mut copy = wallet.copy();
    let (body, other) = (wallet.withdrawal(&market, reserve, 16), copy.withdrawal(&market, reserve, 8));
    let signed: Signatures = market.post_ok("/withdrawals", &body).await;
    for _ in 0..2 {
        assert_eq!(market.refused("/withdrawals", &other).await, (409, "request-conflict".to_owned()));
        assert_eq!(market.post_ok::<Signatures>("/withdrawals", &body).await, signed, "the first is answered the same");
    }
    assert_eq!(market.assert_balanced().await.reserves, 16, "what was refused took nothing");
    wallet.payer.withdrawn(&wallet.mint, reserve, &signed.signatures).unwrap();
    let next = wallet.withdrawal(&market, reserve, 8);
    let signed: Signatures = market.post_ok("/withdrawals", &next).await;
    wallet.payer.withdrawn(&wallet.mint, reserve, &signed.signatures).unwrap();
    // A wallet of an earlier version does not say what it knows of.
    let mut last = wallet.withdrawal(&market, reserve, 4).request.peek_unverified().unwrap();
    assert_eq!(last.first.take(), Some(2));
    let last = Signed::sign_self_keyed(last, &wallet.payer.reserve_key(&wallet.mint, reserve));
    let _: Signatures = market.post_ok("/withdrawals", &json!({"request": last.compact()})).await;
    assert_eq!(market.assert_balanced().await.reserves, 4);
}
