#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use semper_shared::foundation::UnixSeconds;
use semper_shared::items::party::Party;
use semper_shared::items::payment::ecash::{EcashBody, Permission};
use semper_shared::items::payment::{ModuleId, Payment, Registry, dummy::DummyPayee};
use semper_shared::items::statement::Signed;
use semper_shared::security::{Portable, Signer as _, SigningKey};
use serde_json::{Value, json};

use super::offers::{Shelf, Stocking, is_honoured};
use super::store::{Ended, Ending, NewDeal, Refusal, Store};
use super::testing::{Shop, accept, import_goods, order, write_goods};
use super::*;
use crate::crypto::system_rng;

fn header(answer: &reqwest::Response, name: &str) -> String {
    answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

#[tokio::test]
async fn contents_can_be_resumed_at_any_byte() {
    let shop = Shop::open().await;
    let part = shop.offer("course").await.delivery.parts[1].clone();
    let path = format!("/content/{}", part.commitment.ciphertext);
    let whole = shop.get(&path).await;
    assert_eq!(header(&whole, "etag"), format!("\"{}\"", part.commitment.ciphertext));
    assert_eq!(header(&whole, "cache-control"), "public, max-age=31536000, immutable, no-transform");
    assert_eq!(header(&whole, "accept-ranges"), "bytes");
    assert_eq!(header(&whole, "content-type"), "application/octet-stream");
    assert_eq!(header(&whole, "access-control-allow-origin"), "*");
    let whole = whole.bytes().await.unwrap();
    assert_eq!(whole.len() as u64, part.commitment.ciphertext_len());
    let length = whole.len();

    let ask = |name: &'static str, value: String| shop.client.get(shop.url(&path)).header(name, value).send();
    for cut in [1, 65_536, 131_072, length - 1] {
        let rest = ask("range", format!("bytes={cut}-")).await.unwrap();
        assert_eq!(rest.status(), 206);
        assert_eq!(header(&rest, "content-range"), format!("bytes {cut}-{}/{length}", length - 1));
        assert_eq!(rest.bytes().await.unwrap(), whole[cut..]);
    }
    let last = ask("range", "bytes=-5".to_owned()).await.unwrap();
    assert_eq!(last.bytes().await.unwrap(), whole[length - 5..]);
    let behind = ask("range", format!("bytes={length}-")).await.unwrap();
    assert_eq!((behind.status().as_u16(), header(&behind, "content-range")), (416, format!("bytes */{length}")));
    let same = ask("if-none-match", format!("W/\"x\", \"{}\"", part.commitment.ciphertext)).await.unwrap();
    assert_eq!(same.status(), 304);
    for (tag, status) in [(format!("\"{}\"", part.commitment.ciphertext), 206), ("\"old\"".to_owned(), 200)] {
        let request = shop.client.get(shop.url(&path)).header("range", "bytes=7-").header("if-range", tag);
        assert_eq!(request.send().await.unwrap().status(), status);
    }
    let head = shop.client.head(shop.url(&path)).send().await.unwrap();
    assert_eq!((head.status().as_u16(), header(&head, "content-length")), (200, length.to_string()));
    assert!(head.bytes().await.unwrap().is_empty());
    for wrong in ["x", "..%2Fmerchant.sqlite", "%2e%2e%2fkey.pem", &part.commitment.key_hash.to_string()] {
        assert_eq!(shop.get(&format!("/content/{wrong}")).await.status(), 404, "{wrong}");
    }
}

#[tokio::test]
async fn the_shop_window_shows_what_is_offered() {
    let shop = Shop::open().await;
    let list = shop.get("/offers").await;
    let tag = header(&list, "etag");
    let list: Value = list.json().await.unwrap();
    let ids: Vec<_> = list["offers"].as_array().unwrap().iter().map(|card| card["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["guide", "course", "data"], "in the order of the shop");
    let card = &list["offers"][1];
    assert_eq!(card["total"], json!({"currency": "EUR", "minor": 320}));
    assert_eq!(card["url"], shop.url("/offers/course"));
    let unchanged = shop.client.get(shop.url("/offers")).header("if-none-match", tag).send().await.unwrap();
    assert_eq!(unchanged.status(), 304);

    let good = shop.json("/goods/course").await;
    assert_eq!(good["title"], card["title"]);
    assert_eq!(good["vat"], json!({"currency": "EUR", "minor": 21}));
    assert_eq!(good["parts"][1]["media_type"], "text/plain");
    assert_eq!(good["offer_url"], card["url"]);
    assert!(good["description_html"].as_str().unwrap().contains("<em>course</em>"));

    let picture = shop.get(card["picture"].as_str().unwrap()).await;
    assert_eq!(header(&picture, "content-type"), "image/svg+xml");
    assert!(header(&picture, "content-security-policy").contains("sandbox"));
    assert!(header(&picture, "cache-control").contains("immutable"));
    assert_eq!(shop.get("/pictures/none.svg").await.status(), 404);
    assert_eq!(shop.get("/goods/none").await.status(), 404);

    let offer = shop.get("/offers/course").await;
    assert_eq!(header(&offer, "content-type"), "application/jose");
    let document = shop.get("/.well-known/semper").await.text().await.unwrap();
    let party = Party::verify(&document, &shop.config.server.public_url, clock::now(), &Portable).unwrap();
    assert_eq!(party.key, shop.offer("course").await.merchant.key);
    let api = shop.json("/openapi.json").await;
    for path in ["/deals", "/deals/{deal}", "/content/{digest}", "/offers/{good}"] {
        assert!(api["paths"][path].is_object(), "{path}");
    }
    let metrics = shop.get("/metrics").await.text().await.unwrap();
    assert!(metrics.contains("semper_deals{"), "{metrics}");
}

/// What a merchant that died after the first step left behind is finished at the next start.
#[tokio::test]
async fn a_deal_that_was_cut_off_is_finished_after_the_start() {
    let mut shop = Shop::open().await;
    let offer = shop.offer("course").await;
    let (wallet, body) = order(&offer);
    shop.stop().await;
    let store = sql::open(&shop.config.data, None, None).await.unwrap();
    let serial =
        store.offers(clock::now(), 0).await.unwrap().iter().find(|o| o.compact == offer.compact()).unwrap().serial;
    let payment = serde_json::to_string(&body.payment).unwrap();
    let deal = NewDeal {
        deal: wallet.deal(),
        offer: serial,
        request: semper_shared::foundation::Digest::of(payment.as_bytes()),
        order: body.order.as_str().to_owned(),
        payment: Some(payment),
        opened_at: clock::now(),
    };
    store.open_deal(deal, None).await.unwrap();
    assert_eq!(store.count_deals().await.unwrap().ordered, 1);
    drop(store);
    shop.start().await;
    let mut state = Value::Null;
    for _ in 0..200 {
        state = shop.json(&format!("/deals/{}", wallet.deal())).await["state"].take();
        if state == "delivered" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(state, "delivered");
    let (status, answer) = shop.post(&body).await;
    assert_eq!(status, 200, "{answer}");
    accept(&wallet, &answer);
}

#[tokio::test]
async fn a_refusal_is_answered_again_with_its_proof() {
    let mut shop = Shop::open().await;
    let (wallet, body) = order(&shop.offer("course").await);
    shop.stop().await;
    let store = sql::open(&shop.config.data, None, None).await.unwrap();
    let payment = serde_json::to_string(&body.payment).unwrap();
    let deal = NewDeal {
        deal: wallet.deal(),
        offer: 1,
        request: semper_shared::foundation::Digest::of(payment.as_bytes()),
        order: body.order.as_str().to_owned(),
        payment: None,
        opened_at: clock::now(),
    };
    let extra = json!({"coin": {"kty": "EC"}, "spent": ["a.b.c"]});
    let refusal = Refusal { code: "coin-already-spent".to_owned(), extra: extra.to_string() };
    store.open_deal(deal, Some(Ending::Refused(refusal.clone()))).await.unwrap();
    let late = Ending::Refused(Refusal { code: "coin-invalid".to_owned(), ..refusal });
    let kept = store.end_deal(wallet.deal(), late, clock::now()).await.unwrap();
    let Ended::Before(kept) = kept else { panic!("a deal ended twice") };
    assert_eq!(kept.refusal.unwrap().code, "coin-already-spent", "what was stored first counts");
    drop(store);
    shop.start().await;
    for _ in 0..2 {
        let (status, answer) = shop.post(&body).await;
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!((status, &answer["code"]), (409, &json!("coin-already-spent")));
        assert_eq!(answer["spent"], extra["spent"]);
    }
    let status = shop.json(&format!("/deals/{}", wallet.deal())).await;
    assert_eq!((&status["state"], &status["problem"]["spent"]), (&json!("refused"), &extra["spent"]));
}

/// A mint that was met before and cannot be reached: the shop sells, and says that an outcome is not known.
#[tokio::test]
async fn an_unreachable_mint_leaves_the_outcome_open() {
    let mut shop = Shop::open().await;
    shop.stop().await;
    let mint = SigningKey::make(&mut system_rng());
    let url = "http://127.0.0.1:9".to_owned();
    let store = sql::open(&shop.config.data, None, None).await.unwrap();
    store.keep_mint(url.clone(), mint.public_key().clone()).await.unwrap();
    let other = SigningKey::make(&mut system_rng()).public_key().clone();
    let kept = store.keep_mint(url.clone(), other).await.unwrap();
    assert_eq!(kept, *mint.public_key(), "whom it once was, it remains");
    drop(store);
    shop.config.dummy_payments = false;
    shop.config.mints = vec![MintConfig { url: url.clone(), key: None }];
    shop.config.payout = Some(PayoutConfig {
        bank: "http://127.0.0.1:9".to_owned(),
        account: "shop".to_owned(),
        accounts: std::collections::BTreeMap::default(),
    });
    shop.start().await;
    let offer = shop.offer("course").await;
    assert_eq!(offer.accepts[0].module, ModuleId::new("ecash").unwrap());
    let mut rng = system_rng();
    let draft = semper_shared::commerce::deal::Draft::new(offer.clone(), SigningKey::make(&mut rng));
    let wallet = draft.order(ModuleId::new("ecash").unwrap(), clock::now(), &mut rng).unwrap();
    let bill = wallet.bill();
    let permission = Permission {
        mint: mint.public_key().thumbprint(),
        merchant: bill.payee,
        deal: bill.deal,
        amount: bill.total,
        denomination: bill.deal,
        signature: [1; 256],
        refund_by: bill.refund_by,
    };
    let coin = SigningKey::make(&mut rng);
    let pay = |permission: Permission| {
        let permissions = vec![Signed::sign_self_keyed(permission, &coin).to_compact()];
        let body = EcashBody { mint: mint.public_key().thumbprint(), permissions };
        let body = serde_json::to_value(body).unwrap();
        let payment = Payment { module: ModuleId::new("ecash").unwrap(), version: 1, body, critical: Vec::new() };
        json!({"order": wallet.order().to_compact(), "payment": payment})
    };
    let foreign = Permission { refund_by: UnixSeconds(1), ..permission.clone() };
    let (status, answer) = shop.post(&pay(foreign)).await;
    assert_eq!(status, 400, "{answer}");
    assert_eq!(shop.get(&format!("/deals/{}", wallet.deal())).await.status(), 404);
    let body = pay(permission.clone());
    for _ in 0..2 {
        let (status, answer) = shop.post(&body).await;
        assert_eq!((status, answer.contains("outcome-unknown")), (503, true), "{answer}");
        assert_eq!(shop.json(&format!("/deals/{}", wallet.deal())).await["state"], "ordered");
    }
    let conflict = pay(Permission { signature: [2; 256], ..permission });
    assert_eq!(shop.post(&conflict).await.0, 409);
    assert_eq!(shop.get("/ready").await.status(), 200);
}

#[tokio::test]
async fn without_a_mint_only_what_is_free_is_offered() {
    let mut shop = Shop::open().await;
    shop.stop().await;
    let mut fresh = super::testing::config(&shop.config.data.join("other"));
    import_goods(&fresh.data, &shop.folder.path().join("goods"));
    fresh.dummy_payments = false;
    shop.config = fresh;
    shop.start().await;
    let list = shop.json("/offers").await;
    assert_eq!(list["offers"].as_array().unwrap().len(), 1);
    assert_eq!(list["offers"][0]["id"], "guide");
    assert_eq!(shop.get("/ready").await.status(), 503);
}

#[test]
fn a_configuration_must_say_what_offers_carry() {
    let right = super::testing::config(std::path::Path::new("/nowhere"));
    assert!(right.check().is_ok());
    for url in ["", "localhost", "http://", "http://a/b", "ftp://a"] {
        let mut wrong = right.clone();
        wrong.server.public_url = url.to_owned();
        assert!(wrong.check().is_err(), "{url}");
    }
    let mut wrong = right;
    wrong.mints = vec![MintConfig { url: "http://mint".to_owned(), key: None }];
    assert!(wrong.check().is_err(), "no account to be paid to");
}

#[tokio::test]
async fn offers_are_renewed_before_they_run_out() {
    let folder = tempfile::tempdir().unwrap();
    let goods = folder.path().join("goods");
    write_goods(&goods);
    let mut config = super::testing::config(&folder.path().join("data"));
    import_goods(&config.data, &goods);
    let store = sql::open(&config.data, None, None).await.unwrap();
    let (signer, verifier) = (crate::crypto::NativeSigner::make().unwrap(), Native::new().unwrap());
    let registry = std::sync::Arc::new(Registry::new().with(DummyPayee));
    let shelf = Shelf::default();
    let mut seen = Vec::new();
    let start = 1_800_000_000;
    let day = 86_400;
    for at in [start, start + 3 * day, start + 4 * day, start + 12 * day, start + 30 * day] {
        let with = Stocking { config: &config, policy: None, store: &store, signer: &signer, verifier: &verifier };
        shelf.stock(&with, &|_| std::sync::Arc::clone(&registry), UnixSeconds(at)).await.unwrap();
        let window = shelf.window();
        let compact = String::from_utf8(window.goods["course"].1.body.to_vec()).unwrap();
        let offer = Signed::<semper_shared::commerce::Offer>::verify(&compact, signer.public_key(), &Portable).unwrap();
        assert!(offer.expires_at.since(UnixSeconds(at)) >= 3 * day, "{at}");
        seen.push(offer);
    }
    assert_eq!(seen[0].digest(), seen[1].digest(), "less than half is over");
    assert!(seen[1].digest() != seen[2].digest() && seen[2].digest() != seen[3].digest());
    let (first, end) = (seen[0].digest(), seen[0].expires_at);
    let first = shelf.find_sold(&first).unwrap();
    assert!(is_honoured(&first.offer, end.plus(30 * day)) && !is_honoured(&first.offer, end.plus(30 * day + 1)));

    // Other terms make other offers at once; a new process finds the ones it needs.
    let now = UnixSeconds(start + 30 * day);
    let again = Shelf::default();
    let with = Stocking { config: &config, policy: None, store: &store, signer: &signer, verifier: &verifier };
    again.load(&with, now).await.unwrap();
    again.stock(&with, &|_| std::sync::Arc::clone(&registry), now).await.unwrap();
    assert_eq!(again.window().goods["course"].1.tag, format!("\"{}\"", seen[4].digest()));
    config.refund_days = 30;
    let with = Stocking { config: &config, policy: None, store: &store, signer: &signer, verifier: &verifier };
    again.stock(&with, &|_| std::sync::Arc::clone(&registry), now).await.unwrap();
    assert_ne!(again.window().goods["course"].1.tag, format!("\"{}\"", seen[4].digest()));
    let stranger = crate::crypto::NativeSigner::make().unwrap();
    let with = Stocking { signer: &stranger, ..with };
    assert!(Shelf::default().load(&with, now).await.is_err(), "another key than the offers' is refused");
}
