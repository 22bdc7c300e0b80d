#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;

use semper_shared::commerce::deal::{Acknowledgement, DealBody, DealStatus, Draft, Order};
use semper_shared::commerce::offer::Offer;
use semper_shared::foundation::{Amount, Currency, base64};
use semper_shared::items::information::Opener;
use semper_shared::items::payment::dummy::DummyPayer;
use semper_shared::items::payment::{ErasedPayer as _, ModuleId};
use semper_shared::items::statement::{Compact, Signed};
use semper_shared::security::{Portable, SigningKey};
use serde_json::{Value, json};

use super::*;
use crate::clock;
use crate::crypto::system_rng;
use crate::merchant::testing::{Shop, accept, import_goods, order};

fn code(answer: &str) -> String {
    serde_json::from_str::<Value>(answer).unwrap()["code"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_purchase_ends_with_goods_that_open() {
    let shop = Shop::open().await;
    let offer = shop.offer("course").await;
    assert_eq!((offer.total.minor(), offer.vat.minor()), (320, 21));
    let (wallet, body) = order(&offer);
    let (status, answer) = shop.post(&body).await;
    assert_eq!(status, 200, "{answer}");
    let delivered = accept(&wallet, &answer);
    for (part, (name, key)) in offer.delivery.parts.iter().zip(&delivered.keys) {
        assert_eq!(part.name, *name);
        let path = part.url.strip_prefix(&shop.config.server.public_url).unwrap();
        let stream = shop.get(path).await.bytes().await.unwrap();
        let mut opener = Opener::new(&part.commitment, key).unwrap();
        let mut content = opener.push(&stream).unwrap();
        content.extend(opener.finish().unwrap());
        assert_eq!(content, fs::read(shop.folder.path().join("goods/parts").join(name)).unwrap());
    }
    assert_eq!(shop.json(&format!("/deals/{}", wallet.deal())).await["state"], "delivered");
    let path = shop.url(&format!("/deals/{}/acknowledgement", wallet.deal()));
    let said = json!({"acknowledgement": delivered.acknowledge(clock::now()).compact()});
    for _ in 0..2 {
        let answer: Value = shop.client.post(&path).json(&said).send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["state"], "acknowledged");
    }
    let (status, answer) = shop.post(&body).await;
    let again: DealStatus = serde_json::from_str(&answer).unwrap();
    assert_eq!((status, again.state), (200, State::Acknowledged));
    accept(&wallet, &answer);
}

#[tokio::test]
async fn what_is_free_needs_no_payment_and_takes_none() {
    let shop = Shop::open().await;
    let offer = shop.offer("guide").await;
    let (wallet, mut body) = order(&offer);
    assert!(body.payment.is_none());
    let (status, answer) = shop.post(&body).await;
    assert_eq!(status, 200, "{answer}");
    let delivered = accept(&wallet, &answer);
    assert!(delivered.receipt.paid.is_zero() && delivered.receipt.module == ModuleId::none());
    body.payment = order(&shop.offer("course").await).1.payment;
    let (_, answer) = shop.post(&body).await;
    assert_eq!(code(&answer), "payment-invalid");
}

#[tokio::test]
async fn the_same_request_gets_the_same_bytes_also_after_a_restart() {
    let mut shop = Shop::open().await;
    let offer = shop.offer("course").await;
    let (_, body) = order(&offer);
    let (_, first) = shop.post(&body).await;
    assert_eq!(shop.post(&body).await, (200, first.clone()));
    shop.stop().await;
    shop.start().await;
    assert_eq!(shop.post(&body).await, (200, first));
    assert_eq!(shop.offer("course").await.digest(), offer.digest(), "the offer stands");
}

#[tokio::test]
async fn many_at_once_get_one_receipt() {
    let shop = Shop::open().await;
    let (_, body) = order(&shop.offer("course").await);
    let answers = futures_util::future::join_all((0..24).map(|_| shop.post(&body))).await;
    let (done, running): (Vec<_>, Vec<_>) = answers.into_iter().partition(|(status, _)| *status == 200);
    assert!(!done.is_empty() && done.iter().all(|answer| *answer == done[0]), "{done:?}");
    assert!(running.iter().all(|(status, answer)| *status == 409 && code(answer) == "in-progress"), "{running:?}");
}

#[tokio::test]
async fn another_payment_for_the_same_order_is_a_conflict() {
    let shop = Shop::open().await;
    let (wallet, mut body) = order(&shop.offer("course").await);
    shop.post(&body).await;
    if let Some(payment) = &mut body.payment {
        payment.body["more"] = json!(1);
    }
    let (status, answer) = shop.post(&body).await;
    assert_eq!((status, code(&answer).as_str()), (409, "request-conflict"));
    assert_eq!(shop.json(&format!("/deals/{}", wallet.deal())).await["state"], "delivered");
}

/// Orders that a dishonest or broken wallet may send, and what each is answered.
#[tokio::test]
async fn tampered_orders_are_refused() {
    let shop = Shop::open().await;
    let (course, data) = (shop.offer("course").await, shop.offer("data").await);
    let key = SigningKey::make(&mut system_rng());
    let (wallet, good) = order(&course);
    let sign = |change: &dyn Fn(&mut Order)| {
        let mut order = wallet.order().payload().clone();
        change(&mut order);
        Signed::sign_self_keyed(order, &key).compact().to_owned()
    };
    let header = |header: Value| {
        let rest = good.order.as_str().split_once('.').unwrap().1;
        format!("{}.{rest}", base64::encode(header.to_string().as_bytes()))
    };
    let jwk = serde_json::to_value(wallet.public_key()).unwrap();
    let kid = wallet.public_key().thumbprint();
    let payload = |payload: &str| {
        let head = good.order.as_str().split_once('.').unwrap().0;
        let signing_input = format!("{head}.{}", base64::encode(payload.as_bytes()));
        format!("{signing_input}.{}", base64::encode(&[1; 64]))
    };
    let cases: Vec<(&str, String, &str)> = vec![
        ("a lower price", sign(&|order| order.total = Amount::new(Currency::EUR, 1).unwrap()), "price-mismatch"),
        (
            "another currency",
            sign(&|order| order.total = Amount::new("USD".parse().unwrap(), 320).unwrap()),
            "price-mismatch",
        ),
        ("another offer", sign(&|order| order.offer = data.digest()), "price-mismatch"),
        ("no offer of ours", sign(&|order| order.offer = Digest::of(b"x")), "offer-unknown"),
        ("a module not offered", sign(&|order| order.module = ModuleId::new("card").unwrap()), "module-unsupported"),
        ("nothing for something", sign(&|order| order.module = ModuleId::none()), "module-unsupported"),
        ("after the offer's end", sign(&|order| order.ordered_at = course.expires_at.plus(1)), "offer-expired"),
        ("before the offer", sign(&|order| order.ordered_at = UnixSeconds(course.issued_at.0 - 400)), "order-invalid"),
        ("from the future", sign(&|order| order.ordered_at = clock::now().plus(400)), "order-invalid"),
        ("no signature", good.order.as_str().rsplit_once('.').unwrap().0.to_owned(), "statement-malformed"),
        ("nothing", String::new(), "statement-malformed"),
        ("rubbish", "a.b.c".to_owned(), "statement-malformed"),
        ("larger than a statement", "a".repeat(70_000), "statement-too-large"),
        ("a party's statement", course.compact().to_owned(), "statement-type-mismatch"),
        (
            "alg none",
            header(json!({"alg": "none", "typ": "semper-order+jwt", "kid": kid, "jwk": jwk})),
            "algorithm-unsupported",
        ),
        (
            "crit",
            header(json!({"alg": "ES256", "typ": "semper-order+jwt", "kid": kid, "jwk": jwk, "crit": ["x"]})),
            "algorithm-unsupported",
        ),
        (
            "another header",
            header(json!({"alg": "ES256", "typ": "semper-order+jwt", "kid": kid, "jwk": jwk, "x": 1})),
            "signature-invalid",
        ),
        (
            "another kid",
            header(json!({"alg": "ES256", "typ": "semper-order+jwt", "kid": Digest::of(b"x"), "jwk": jwk})),
            "statement-malformed",
        ),
        ("duplicate keys", payload(r#"{"offer":"x","offer":"y"}"#), "statement-malformed"),
        ("signed by nobody", payload(&serde_json::to_string(wallet.order().payload()).unwrap()), "signature-invalid"),
    ];
    for (what, order, expected) in cases {
        let body = DealBody { order: Compact::new(order), payment: good.payment.clone() };
        let (_, answer) = shop.post(&body).await;
        assert_eq!(code(&answer), expected, "{what}: {answer}");
    }
    let unpaid = DealBody { payment: None, ..good.clone() };
    let (status, answer) = shop.post(&unpaid).await;
    assert_eq!((status, code(&answer).as_str()), (402, "payment-missing"));
    let mut other = good.clone();
    other.payment = order(&course).1.payment;
    assert_eq!(code(&shop.post(&other).await.1), "payment-invalid", "a promise for another deal");
    for (what, body) in [("a member too much", r#"{"order":"x","order":"y"}"#), ("cut off", r#"{"order":"#)] {
        let request = shop.client.post(shop.url("/deals")).header("content-type", "application/json").body(body);
        let answer = request.send().await.unwrap().text().await.unwrap();
        assert_eq!(code(&answer), "json-malformed", "{what}");
    }
    assert_eq!(shop.get(&format!("/deals/{}", wallet.deal())).await.status(), 404, "nothing of it was stored");
    assert_eq!(shop.post(&good).await.0, 200, "and the right one still goes through");
}

/// A price that was given up cannot be had by dating an order back; an order that was taken is answered all the same.
#[tokio::test]
async fn an_order_must_be_young_when_it_first_arrives() {
    let mut shop = Shop::open().await;
    let present = shop.offer("course").await;
    shop.stop().await;
    // The same offer, as if it had been published three hours ago.
    let published = UnixSeconds(present.issued_at.0 - 10_800);
    let signer = crate::keys::load_or_make(&shop.config.data).unwrap();
    let old = Signed::sign(Offer { issued_at: published, ..present.payload().clone() }, &signer);
    let books = rusqlite::Connection::open(shop.config.data.join("merchant.sqlite")).unwrap();
    let changed = books.execute(
        "UPDATE offer SET digest = ?1, compact = ?2 WHERE digest = ?3",
        (old.digest().as_bytes(), old.compact(), present.digest().as_bytes()),
    );
    assert_eq!(changed.unwrap(), 1);
    drop(books);
    shop.start().await;
    let order = |age: u64| {
        let mut rng = system_rng();
        let (module, then) = (ModuleId::new("dummy").unwrap(), UnixSeconds(clock::now().0 - age));
        let wallet = Draft::new(old.clone(), SigningKey::make(&mut rng)).order(module, then, &mut rng).unwrap();
        let payment = DummyPayer.pay(&wallet.bill(), &old.accepts[0], then, &mut rng).unwrap();
        DealBody { order: wallet.order().to_compact(), payment: Some(payment) }
    };
    let (status, answer) = shop.post(&order(1_300)).await;
    assert_eq!((status, code(&answer).as_str()), (410, "order-expired"));
    let just = order(1_196);
    let (status, first) = shop.post(&just).await;
    assert_eq!(status, 200, "{first}");
    tokio::time::sleep(std::time::Duration::from_secs(6)).await;
    assert_eq!(shop.post(&just).await, (200, first), "it is too old by now, and was taken");
}

#[tokio::test]
async fn an_acknowledgement_is_the_customer_s_alone() {
    let shop = Shop::open().await;
    let offer = shop.offer("course").await;
    let mut rng = system_rng();
    let key = SigningKey::make(&mut rng);
    let module = ModuleId::new("dummy").unwrap();
    let wallet = Draft::new(offer.clone(), key.clone()).order(module, clock::now(), &mut rng).unwrap();
    let payment = DummyPayer.pay(&wallet.bill(), &offer.accepts[0], clock::now(), &mut rng).unwrap();
    let body = DealBody { order: wallet.order().to_compact(), payment: Some(payment) };
    let delivered = accept(&wallet, &shop.post(&body).await.1);
    let (other_wallet, other_body) = order(&offer);
    let other = accept(&other_wallet, &shop.post(&other_body).await.1);
    let path = shop.url(&format!("/deals/{}/acknowledgement", wallet.deal()));
    // The deal's own key, and yet another receipt than the one that was given.
    let another = Acknowledgement { deal: wallet.deal(), receipt: other.receipt.digest(), received_at: clock::now() };
    let another = Signed::sign_self_keyed(another, &key);
    for said in [other.acknowledge(clock::now()).compact(), delivered.receipt.compact(), another.compact()] {
        let answer = shop.client.post(&path).json(&json!({"acknowledgement": said})).send().await.unwrap();
        assert!(answer.status().is_client_error());
    }
    assert_eq!(shop.json(&format!("/deals/{}", wallet.deal())).await["state"], "delivered");
    for name in ["x", &Digest::of(b"no deal").to_string()] {
        let answer = shop.get(&format!("/deals/{name}")).await;
        assert_eq!(code(&answer.text().await.unwrap()), "deal-unknown");
    }
}

#[tokio::test]
async fn an_offer_is_honoured_after_its_price_has_changed() {
    let mut shop = Shop::open().await;
    let old = shop.offer("course").await;
    let removed = shop.offer("data").await;
    shop.stop().await;
    let goods = shop.folder.path().join("goods");
    let dearer = fs::read_to_string(goods.join("course.md")).unwrap().replace("3.20", "4.00");
    fs::write(goods.join("course.md"), dearer).unwrap();
    fs::remove_file(goods.join("data.md")).unwrap();
    import_goods(&shop.config.data, &goods);
    shop.start().await;
    assert_eq!(shop.offer("course").await.total.minor(), 400);
    assert_eq!(shop.get("/offers/data").await.status(), 404);
    assert_eq!(shop.json("/offers").await["offers"].as_array().unwrap().len(), 2);
    for offer in [old, removed] {
        let (wallet, body) = order(&offer);
        let (status, answer) = shop.post(&body).await;
        assert_eq!(status, 200, "{answer}");
        accept(&wallet, &answer);
    }
}

#[tokio::test]
async fn an_order_signed_with_the_deal_s_key_but_another_offer_s_draft_fails() {
    let shop = Shop::open().await;
    let offer = shop.offer("course").await;
    let stranger = SigningKey::make(&mut system_rng());
    let foreign = Signed::sign(offer.payload().clone(), &stranger);
    let module = ModuleId::new("dummy").unwrap();
    let wallet =
        Draft::new(foreign, SigningKey::make(&mut system_rng())).order(module, clock::now(), &mut system_rng());
    let body = DealBody { order: wallet.unwrap().order().to_compact(), payment: None };
    assert_eq!(code(&shop.post(&body).await.1), "offer-unknown");
    assert!(Compact::<Order>::new(body.order.as_str().to_owned()).verify_self_keyed(&Portable).is_ok());
}
