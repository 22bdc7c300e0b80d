//! What the merchant's store promises, over every database.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;

use semper_shared::commerce::deal::State;
use semper_shared::foundation::{Digest, UnixSeconds};
use semper_shared::items::information::ContentKey;
use semper_shared::security::{Signer as _, SigningKey};

use super::*;
use crate::crypto::system_rng;
use crate::merchant::store::{Paid, Refusal};
use crate::store::testing::{Place, on_every_database};

on_every_database!(
    a_deal_is_stored_once_and_ends_once,
    many_at_once_agree_on_one_deal,
    a_refusal_stays_one,
    an_acknowledgement_needs_a_delivery,
    offers_are_found_by_digest_and_serial,
    a_mint_stays_who_it_was,
    contents_and_covers_are_replaced,
    open_deals_come_in_pages,
);

pub(in crate::merchant) async fn store(place: &Place) -> Sql {
    Sql { database: Database::open(&place.config, &SCHEMA, None).await.unwrap() }
}

fn digest(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}

fn new_deal(name: &str, request: &str, offer: i64) -> NewDeal {
    NewDeal {
        deal: digest(name),
        offer,
        request: digest(request),
        order: "eyJh.eyJi.c2ln".to_owned(),
        payment: Some(r#"{"coins":1}"#.to_owned()),
        opened_at: UnixSeconds(5),
    }
}

fn paid(receipt: &str) -> Ending {
    Ending::Paid(Paid {
        receipt: format!("eyJy.{receipt}.c2ln"),
        delivery: "eyJk.eyJr.c2ln".to_owned(),
        proofs: vec!["eyJw.eyJw.c2ln".to_owned()],
    })
}

fn refused(code: &str) -> Ending {
    Ending::Refused(Refusal { code: code.to_owned(), extra: "{}".to_owned() })
}

async fn one_offer(store: &Sql) -> i64 {
    let offer = NewOffer {
        digest: digest("offer"),
        good: "course".to_owned(),
        compact: "a.b.c".to_owned(),
        expires_at: UnixSeconds(100),
    };
    store.add_offers(vec![offer]).await.unwrap()[0]
}

async fn a_deal_is_stored_once_and_ends_once(place: Place) {
    let store = store(&place).await;
    let offer = one_offer(&store).await;
    let Opening::New(serial) = store.open_deal(new_deal("a", "x", offer), None).await.unwrap() else { panic!("old") };
    let Opening::Before(before) = store.open_deal(new_deal("a", "y", offer), Some(paid("eyJx"))).await.unwrap() else {
        panic!("stored twice")
    };
    assert_eq!((before.serial, before.request, before.state), (serial, digest("x"), State::Ordered));
    assert_eq!(before.payment.as_deref(), Some(r#"{"coins":1}"#));
    assert!(matches!(store.end_deal(digest("a"), paid("eyJx"), UnixSeconds(6)).await.unwrap(), Ended::Now));
    let Ended::Before(kept) = store.end_deal(digest("a"), refused("coin-invalid"), UnixSeconds(7)).await.unwrap()
    else {
        panic!("ended twice")
    };
    assert_eq!((kept.state, kept.payment.clone(), kept.refusal.clone()), (State::Delivered, None, None));
    assert_eq!(kept.paid.as_ref().unwrap().receipt, "eyJr.eyJx.c2ln".replace("eyJr", "eyJy"));
    assert_eq!(store.deal(digest("a")).await.unwrap(), Some(*kept));
    assert_eq!(store.deal(digest("b")).await.unwrap(), None);
    let counts = store.count_deals().await.unwrap();
    assert_eq!((counts.ordered, counts.delivered), (0, 1));
}

/// Two replicas, each with its own connections, get the same order at once, and each ends it in its own way.
async fn many_at_once_agree_on_one_deal(place: Place) {
    let one = Arc::new(store(&place).await);
    // A file has one owner; PostgreSQL takes a second one.
    let two = if place.config.url.is_some() { Arc::new(store(&place).await) } else { Arc::clone(&one) };
    let offer = one_offer(&one).await;
    for round in 0..20 {
        let name = format!("deal {round}");
        let tasks: Vec<_> = (0..8)
            .map(|index| {
                let store = if index % 2 == 0 { Arc::clone(&one) } else { Arc::clone(&two) };
                let deal = new_deal(&name, &format!("request {index}"), offer);
                tokio::spawn(async move {
                    let opened = store.open_deal(deal.clone(), None).await.unwrap();
                    let mine = paid(&format!("cmVjZWlwdC{index}"));
                    let ended = store.end_deal(deal.deal, mine, UnixSeconds(9)).await.unwrap();
                    (matches!(opened, Opening::New(_)), matches!(ended, Ended::Now))
                })
            })
            .collect();
        let (mut new, mut now) = (0, 0);
        for task in tasks {
            let (opened, ended) = task.await.unwrap();
            new += usize::from(opened);
            now += usize::from(ended);
        }
        assert_eq!((new, now), (1, 1), "one opens it, one ends it");
    }
    let counts = two.count_deals().await.unwrap();
    assert_eq!((counts.ordered, counts.delivered), (0, 20));
}

async fn a_refusal_stays_one(place: Place) {
    let store = store(&place).await;
    let offer = one_offer(&store).await;
    let opened = store.open_deal(new_deal("a", "x", offer), Some(refused("coin-already-spent"))).await.unwrap();
    assert!(matches!(opened, Opening::New(_)));
    let Ended::Before(kept) = store.end_deal(digest("a"), paid("eyJx"), UnixSeconds(7)).await.unwrap() else {
        panic!("ended twice")
    };
    assert_eq!((kept.state, kept.refusal.unwrap().code.as_str()), (State::Refused, "coin-already-spent"));
    assert_eq!(kept.paid, None);
}

async fn an_acknowledgement_needs_a_delivery(place: Place) {
    let store = store(&place).await;
    let offer = one_offer(&store).await;
    store.open_deal(new_deal("a", "x", offer), None).await.unwrap();
    let said = || "eyJh.eyJj.c2ln".to_owned();
    assert_eq!(store.acknowledge(digest("a"), said()).await.unwrap(), State::Ordered);
    store.end_deal(digest("a"), paid("eyJx"), UnixSeconds(7)).await.unwrap();
    for _ in 0..2 {
        assert_eq!(store.acknowledge(digest("a"), said()).await.unwrap(), State::Acknowledged);
    }
    assert!(store.acknowledge(digest("b"), said()).await.is_err());
}

async fn offers_are_found_by_digest_and_serial(place: Place) {
    let store = store(&place).await;
    let offer = |name: &str, expires_at| NewOffer {
        digest: digest(name),
        good: "course".to_owned(),
        compact: name.to_owned(),
        expires_at: UnixSeconds(expires_at),
    };
    let serials = store.add_offers(vec![offer("a", 10), offer("b", 20), offer("c", 30)]).await.unwrap();
    assert!(serials.is_sorted() && serials.len() == 3);
    // The same offer, made by another replica.
    assert_eq!(store.add_offers(vec![offer("b", 20)]).await.unwrap(), serials[1..2]);
    let found = store.offers(UnixSeconds(10), 0).await.unwrap();
    assert_eq!(found.iter().map(|offer| offer.compact.as_str()).collect::<Vec<_>>(), ["b", "c"]);
    assert_eq!(store.offers(UnixSeconds(10), serials[1]).await.unwrap().len(), 1);
    assert_eq!(store.offer(digest("a")).await.unwrap().unwrap().serial, serials[0]);
    assert!(store.offer(digest("d")).await.unwrap().is_none());
}

async fn a_mint_stays_who_it_was(place: Place) {
    let store = store(&place).await;
    let keys: Vec<_> = (0..2).map(|_| SigningKey::make(&mut system_rng()).public_key().clone()).collect();
    for key in &keys {
        assert_eq!(store.keep_mint("http://mint".to_owned(), key.clone()).await.unwrap(), keys[0]);
    }
    assert_eq!(store.mints().await.unwrap(), [("http://mint".to_owned(), keys[0].clone())]);
}

async fn contents_and_covers_are_replaced(place: Place) {
    let store = store(&place).await;
    let content = |plaintext: &str, ciphertext: &str| Content {
        plaintext: digest(plaintext),
        ciphertext: digest(ciphertext),
        size: 7,
        root: digest("root"),
        key_hash: digest("key"),
    };
    let cover = |bytes: &[u8]| Picture {
        name: "a.svg".to_owned(),
        media_type: "image/svg+xml".to_owned(),
        digest: Digest::of(bytes),
        bytes: bytes.to_vec(),
    };
    let mut rng = system_rng();
    let (first, second) = (ContentKey::make(&mut rng), ContentKey::make(&mut rng));
    let change = |stream: &str, key: &ContentKey, bytes: &[u8]| CatalogueChange {
        contents: vec![(content("plain", stream), ContentKey::from_bytes(*key.as_bytes()))],
        generated: vec![("year".to_owned(), "1".to_owned(), digest("plain"))],
        pictures: vec![cover(bytes)],
        goods: Vec::new(),
    };
    store.replace_catalogue(change("one", &first, b"x")).await.unwrap();
    store.replace_catalogue(change("two", &second, b"y")).await.unwrap();
    assert_eq!(store.contents().await.unwrap(), [content("plain", "two")]);
    assert_eq!(store.generated("year", "1").await.unwrap(), Some(digest("plain")));
    assert_eq!(store.generated("year", "2").await.unwrap(), None);
    assert_eq!(store.picture("a.svg").await.unwrap(), Some(cover(b"y")));
    // Offers of the first stream are still honoured.
    for (stream, key) in [("one", &first), ("two", &second)] {
        assert_eq!(store.content_key(digest(stream)).await.unwrap().unwrap().as_bytes(), key.as_bytes());
    }
}

async fn open_deals_come_in_pages(place: Place) {
    let store = store(&place).await;
    let offer = one_offer(&store).await;
    for index in 0..5 {
        store.open_deal(new_deal(&index.to_string(), "x", offer), None).await.unwrap();
    }
    store.end_deal(digest("1"), paid("eyJx"), UnixSeconds(7)).await.unwrap();
    let first = store.open_deals(0, 3).await.unwrap();
    let rest = store.open_deals(first[2].0, 3).await.unwrap();
    let deals: Vec<_> = first.iter().chain(&rest).map(|(_, deal)| *deal).collect();
    assert_eq!(deals, ["0", "2", "3", "4"].map(digest));
}
