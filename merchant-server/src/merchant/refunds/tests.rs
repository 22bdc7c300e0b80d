#![allow(clippy::unwrap_used, clippy::panic)]

use semper_shared::commerce::deal::{DealStatus, check_refunds};
use semper_shared::foundation::Currency;
use semper_shared::items::payment::ModuleId;
use semper_shared::security::{Portable, Signer as _};
use serde_json::{Value, json};

use super::*;
use crate::merchant::sql;
use crate::merchant::store::{Ending, NewDeal, NewOffer, Store};
use crate::merchant::testing::{ADMIN, Shop, order};
use crate::store::testing::{Place, on_every_database};

fn id(number: u8) -> RefundId {
    RefundId([number; 16])
}

fn body(number: u8, minor: u64, reason: &str) -> Value {
    json!({"refund": id(number), "amount": {"currency": "EUR", "minor": minor}, "reason": reason})
}

impl Shop {
    async fn refund(&self, deal: &Digest, token: &str, body: &Value) -> (u16, Value) {
        let url = self.url(&format!("/admin/deals/{deal}/refunds"));
        let answer = self.client.post(url).bearer_auth(token).json(body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn admin(&self, path: &str) -> Value {
        self.client.get(self.url(path)).bearer_auth(ADMIN).send().await.unwrap().json().await.unwrap()
    }
}

#[tokio::test]
async fn a_deal_is_refunded_in_parts_and_no_more_than_was_paid() {
    let mut shop = Shop::open().await;
    let offer = shop.offer("course").await;
    let (wallet, order) = order(&offer);
    let deal = wallet.deal();
    let (status, answer) = shop.refund(&deal, ADMIN, &body(1, 100, "Late.")).await;
    assert_eq!((status, answer["code"].as_str()), (404, Some("deal-unknown")));
    assert_eq!(shop.post(&order).await.0, 200);

    let (status, first) = shop.refund(&deal, ADMIN, &body(1, 100, "Late.")).await;
    assert_eq!((status, first["state"].as_str()), (200, Some("done")), "{first}");
    assert_eq!(shop.refund(&deal, ADMIN, &body(1, 100, "Late.")).await, (200, first.clone()), "the stored answer");
    for other in [body(1, 101, "Late."), body(1, 100, "Other.")] {
        let (status, answer) = shop.refund(&deal, ADMIN, &other).await;
        assert_eq!((status, answer["code"].as_str()), (409, Some("request-conflict")));
    }
    let (status, answer) = shop.refund(&deal, ADMIN, &body(2, 221, "")).await;
    assert_eq!((status, answer["code"].as_str()), (409, Some("refund-excessive")));
    assert_eq!(answer["left"]["minor"], 220);
    let (status, _) = shop.refund(&deal, ADMIN, &body(2, 220, "")).await;
    assert_eq!(status, 200);

    shop.stop().await;
    shop.start().await;
    let told: DealStatus = serde_json::from_value(shop.json(&format!("/deals/{deal}")).await).unwrap();
    let merchant = offer.merchant.key.thumbprint();
    let refunds = check_refunds(&deal, &merchant, offer.total, &told.refunds, &Portable).unwrap();
    let amounts: Vec<_> = refunds.iter().map(|refund| (refund.amount.minor(), refund.reason.as_str())).collect();
    assert_eq!(amounts, [(100, "Late."), (220, "")]);
    let list = shop.admin("/admin/deals").await;
    assert_eq!(
        (&list["deals"][0]["paid"]["minor"], &list["deals"][0]["refunded"]["minor"]),
        (&json!(320), &json!(320))
    );
    assert_eq!((&list["deals"][0]["title"], &list["deals"][0]["good"]), (&json!("A course"), &json!("course")));
    let list = shop.admin(&format!("/admin/deals/{deal}/refunds")).await;
    assert_eq!(list["refunds"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn the_operator_s_token_opens_it_and_nothing_else() {
    let shop = Shop::open().await;
    let (wallet, order) = order(&shop.offer("course").await);
    assert_eq!(shop.post(&order).await.0, 200);
    for token in ["", "operator", "operator-0123456789 ", "x"] {
        let (status, answer) = shop.refund(&wallet.deal(), token, &body(1, 1, "")).await;
        let refused = token.trim() != ADMIN;
        assert_eq!(status == 401, refused, "{token}: {answer}");
    }
    let answer = shop.get("/admin/deals").await;
    assert_eq!(answer.status(), 401);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let shop = Shop::open().await;
    let (wallet, order) = order(&shop.offer("course").await);
    assert_eq!(shop.post(&order).await.0, 200);
    let deal = wallet.deal();
    let dollars = json!({"refund": id(1), "amount": {"currency": "USD", "minor": 1}, "reason": ""});
    for (what, body, code) in [
        ("nothing", body(1, 0, ""), "request-invalid"),
        ("a long reason", body(1, 1, &"x".repeat(201)), "request-invalid"),
        ("two lines", body(1, 1, "a\nb"), "request-invalid"),
        ("dollars", dollars, "currency-mismatch"),
    ] {
        assert_eq!(shop.refund(&deal, ADMIN, &body).await.1["code"], code, "{what}");
    }
    let (free, order) = crate::merchant::testing::order(&shop.offer("guide").await);
    assert_eq!(shop.post(&order).await.0, 200);
    assert_eq!(shop.refund(&free.deal(), ADMIN, &body(1, 1, "")).await.1["code"], "refund-excessive");
}

on_every_database!(
    refunds_at_once_are_no_more_than_was_paid,
    the_first_ending_counts,
    of_a_refund_in_part_counts_what_went_back,
);

async fn paid_deal(place: &Place) -> (sql::Sql, Digest) {
    let store = sql::tests::store(place).await;
    let offer = NewOffer {
        digest: Digest::of(b"offer"),
        good: "good".to_owned(),
        compact: "a.b.c".to_owned(),
        expires_at: UnixSeconds(9),
    };
    let offer = store.add_offers(vec![offer]).await.unwrap()[0];
    let deal = Digest::of(b"deal");
    let new = NewDeal {
        deal,
        offer,
        request: Digest::of(b"request"),
        order: "a.b.c".to_owned(),
        payment: None,
        opened_at: UnixSeconds(1),
    };
    let paid = Paid { receipt: "r.r.r".to_owned(), delivery: "d.d.d".to_owned(), proofs: Vec::new() };
    store.open_deal(new, Some(Ending::Paid(paid))).await.unwrap();
    (store, deal)
}

fn new(deal: Digest, number: u8, amount_minor: u64) -> NewRefund {
    NewRefund { deal, id: id(number), amount_minor, reason: "why".to_owned(), at: UnixSeconds(2), paid_minor: 100 }
}

async fn refunds_at_once_are_no_more_than_was_paid(place: Place) {
    let (store, deal) = paid_deal(&place).await;
    let opened = (0..8).map(|number| {
        tokio::spawn({
            let store = store.clone();
            async move { store.open_refund(new(deal, number, 30)).await.unwrap() }
        })
    });
    let opened = futures_util::future::join_all(opened).await.into_iter().map(Result::unwrap);
    let (taken, refused): (Vec<_>, Vec<_>) = opened.partition(|opened| *opened == Opened::New);
    assert_eq!(taken.len(), 3, "three times 30 of 100");
    assert!(refused.iter().all(|opened| *opened == Opened::Excessive(10)));
    // What was refused by the mint is free again.
    let one = store.refunds(deal).await.unwrap()[0].id;
    let ended = store.end_refund(deal, one, Standing::Refused("already-paid-out".to_owned())).await.unwrap();
    assert_eq!(ended.standing, Standing::Refused("already-paid-out".to_owned()));
    assert_eq!(store.open_refund(new(deal, 99, 41)).await.unwrap(), Opened::Excessive(40));
    assert_eq!(store.open_refund(new(deal, 99, 40)).await.unwrap(), Opened::New);
    assert_eq!(store.open_refunds(10).await.unwrap().len(), 3);
    let lines = store.deal_lines(i64::MAX, 10).await.unwrap();
    assert_eq!((lines.len(), lines[0].refunded_minor, lines[0].deal), (1, 100, deal));
    assert!(store.deal_lines(lines[0].serial, 10).await.unwrap().is_empty());
}

async fn the_first_ending_counts(place: Place) {
    let (store, deal) = paid_deal(&place).await;
    assert_eq!(store.open_refund(new(deal, 1, 30)).await.unwrap(), Opened::New);
    let Opened::Before(before) = store.open_refund(new(deal, 1, 30)).await.unwrap() else { panic!("it is there") };
    assert_eq!((before.standing, before.amount_minor), (Standing::Asked(Progress::default()), 30));
    let done = Standing::Done(vec![given(deal, 1, 30, None)]);
    assert_eq!(store.end_refund(deal, id(1), done.clone()).await.unwrap().standing, done);
    let late = store.end_refund(deal, id(1), Standing::Refused("internal".to_owned())).await.unwrap();
    assert_eq!(late.standing, done);
    assert!(store.open_refunds(10).await.unwrap().is_empty());
}

/// What a module says that it has given back.
fn given(deal: Digest, number: u8, minor: u64, module: Option<&str>) -> Given {
    let key = semper_shared::security::SigningKey::from_bytes(&[7; 32]).unwrap();
    let refund = semper_shared::items::payment::Refund {
        refund: id(number),
        merchant: key.public_key().thumbprint(),
        via: deal,
        deal,
        amount: Amount::new(Currency::EUR, minor).unwrap(),
        reason: "why".to_owned(),
        issued_at: UnixSeconds(2),
    };
    let refund = semper_shared::items::statement::Signed::sign_self_keyed(refund, &key).to_compact();
    Given { module: module.map(module_id), status: RefundStatus { refund, proofs: vec!["p".to_owned()] } }
}

fn module_id(name: &str) -> ModuleId {
    ModuleId::new(name).unwrap()
}

async fn of_a_refund_in_part_counts_what_went_back(place: Place) {
    let (store, deal) = paid_deal(&place).await;
    assert_eq!(store.open_refund(new(deal, 1, 100)).await.unwrap(), Opened::New);
    let (none, first) =
        (Progress::default(), Progress { given: vec![given(deal, 1, 30, Some("card"))], refused: vec![] });
    assert!(store.keep_refund(deal, id(1), none.clone(), first.clone()).await.unwrap());
    assert!(!store.keep_refund(deal, id(1), none.clone(), first.clone()).await.unwrap(), "another was first");
    assert_eq!(
        store.refunds(deal).await.unwrap()[0].standing,
        Standing::Asked(first.clone()),
        "kept for after a crash"
    );
    assert_eq!(store.open_refund(new(deal, 2, 1)).await.unwrap(), Opened::Excessive(0), "all of it may still go back");

    let refused = NotGiven { module: module_id("ecash"), code: "already-paid-out".to_owned() };
    let both = Progress { refused: vec![refused], ..first.clone() };
    assert!(store.keep_refund(deal, id(1), first.clone(), both.clone()).await.unwrap());
    let ended = store.end_refund(deal, id(1), Standing::Partly(both.clone())).await.unwrap();
    assert_eq!((ended.amount_minor, &ended.standing), (100, &Standing::Partly(both.clone())));
    assert!(!store.keep_refund(deal, id(1), both.clone(), none).await.unwrap(), "it has ended");
    let Opened::Before(before) = store.open_refund(new(deal, 1, 100)).await.unwrap() else { panic!("it is there") };
    assert_eq!(before, ended, "the same decision is known by what was decided");
    assert!(store.open_refunds(10).await.unwrap().is_empty());
    assert_eq!(store.deal_lines(i64::MAX, 10).await.unwrap()[0].refunded_minor, 30);
    assert_eq!(store.open_refund(new(deal, 2, 71)).await.unwrap(), Opened::Excessive(70));
    assert_eq!(store.open_refund(new(deal, 2, 70)).await.unwrap(), Opened::New);
}

fn share(module: &str, minor: u64) -> Share {
    let amount = Amount::new(Currency::EUR, minor).unwrap();
    Share { module: module_id(module), version: 1, amount, payment: Vec::new() }
}

#[test]
fn each_share_has_left_what_its_module_did_not_give_back() {
    let (card, coins, deal) = (share("card", 120), share("ecash", 200), Digest::of(b"deal"));
    let shares = [&card, &coins];
    let refund =
        |standing| StoredRefund { id: id(1), amount_minor: 1, reason: String::new(), at: UnixSeconds(2), standing };
    let by = |module, minor| given(deal, 1, minor, module);
    let left_after = |standings: Vec<Standing>| left(&shares, &standings.into_iter().map(refund).collect::<Vec<_>>());
    assert_eq!(left_after(vec![]), [120, 200]);
    assert_eq!(left_after(vec![Standing::Done(vec![by(Some("ecash"), 50)])]), [120, 150], "the card's was refused");
    let part = Progress { given: vec![by(Some("card"), 120)], refused: Vec::new() };
    assert_eq!(left_after(vec![Standing::Partly(part), Standing::Refused("x".to_owned())]), [0, 200]);
    // As it was stored before the module's name was: first the card's, as far as it goes.
    let old = vec![Standing::Done(vec![by(None, 120), by(None, 30)]), Standing::Done(vec![by(None, 20)])];
    assert_eq!(left_after(old), [0, 150]);
}
