//! A shop under a policy: what it leaves out, what it refuses, and what it says of that.
#![allow(clippy::unwrap_used)]

use semper_shared::commerce::deal::{DealBody, Draft};
use semper_shared::items::payment::dummy::DummyPayer;
use semper_shared::items::payment::{ErasedPayer, ModuleId};
use semper_shared::security::{Portable, SigningKey};
use serde_json::{Value, json};

use super::*;
use crate::clock;
use crate::crypto::{NativeSigner, system_rng};
use crate::merchant::testing::{Shop, accept, order};

/// A shop in France that sells to France and Germany, under a policy with these rules.
async fn under(rules: Value) -> Shop {
    let mut shop = Shop::open().await;
    shop.stop().await;
    let authority = NativeSigner::make().unwrap();
    let policy: Policy = serde_json::from_value(json!({
        "name": "A policy", "issuer": "An authority", "key": semper_shared::security::Signer::public_key(&authority),
        "rules": rules, "issued_at": 0, "expires_at": 4_000_000_000_u64,
    }))
    .unwrap();
    let file = shop.folder.path().join("policy.jws");
    std::fs::write(&file, Signed::sign(policy, &authority).compact()).unwrap();
    shop.config.policy = Some(file);
    shop.config.policy_key = Some(semper_shared::security::Signer::public_key(&authority).thumbprint());
    shop.config.jurisdiction = Some("FR".to_owned());
    shop.config.jurisdictions = vec!["FR".to_owned(), "DE".to_owned()];
    shop.start().await;
    shop
}

#[actix_web::test]
async fn an_order_with_a_forbidden_module_is_refused() {
    let why = "Not for residents.";
    let shop =
        under(json!([{ "modules": ["dummy"], "when": { "customer": ["FR"] }, "then": "forbid", "why": why }])).await;
    let offer = shop.offer("course").await;
    assert_eq!(offer.accepts.len(), 1, "it is offered, since it is not forbidden to everybody");
    for (customer, expected) in [(Some("DE"), 200), (Some("FR"), 403), (None, 403)] {
        let mut rng = system_rng();
        let draft = Draft::new(offer.clone(), SigningKey::make(&mut rng)).from(customer);
        let wallet = draft.order(ModuleId::new("dummy").unwrap(), clock::now(), &mut rng).unwrap();
        assert_eq!(wallet.order().customer.as_deref(), customer);
        let paid = DummyPayer.pay(&wallet.bill(), &offer.accepts[0], clock::now(), &mut rng).unwrap();
        let body = DealBody { order: wallet.order().to_compact(), payment: Some(paid) };
        let (status, answer) = shop.post(&body).await;
        assert_eq!(status, expected, "{customer:?}: {answer}");
        if expected == 200 {
            accept(&wallet, &answer);
        } else {
            let problem: Value = serde_json::from_str(&answer).unwrap();
            assert_eq!(problem["code"], "policy-forbids");
            assert!(problem["detail"].as_str().unwrap().contains("Not for residents"), "{problem}");
        }
    }
}

#[actix_web::test]
async fn what_is_forbidden_to_everybody_is_not_offered() {
    let over = json!({ "over": { "currency": "EUR", "minor": 100 }, "kinds": ["course"] });
    let shop = under(json!([{ "modules": ["dummy"], "when": over, "then": "forbid" }])).await;
    assert_eq!(shop.get("/offers/course").await.status(), 404, "there is no way left to pay it");
    assert_eq!(shop.get("/offers/data").await.status(), 200, "it costs less");
    assert_eq!(shop.get("/offers/guide").await.status(), 200, "it is free");
    let (_, body) = order(&shop.offer("data").await);
    assert_eq!(shop.post(&body).await.0, 200);
}

#[actix_web::test]
async fn the_policy_is_published_as_it_was_signed() {
    let shop = under(json!([])).await;
    let text = shop.get("/policy").await.text().await.unwrap();
    let published = Policy::verify(&text, shop.config.policy_key.as_ref(), clock::now(), &Portable).unwrap();
    assert_eq!(published.name, "A policy");
    let party = shop.get("/.well-known/semper").await.text().await.unwrap();
    let party =
        semper_shared::items::party::Party::verify(&party, &shop.config.server.public_url, clock::now(), &Portable);
    let party = party.unwrap();
    assert_eq!(party.endpoints["policy"], "/policy");
    assert_eq!(party.modules.iter().map(|module| module.id.as_str()).collect::<Vec<_>>(), ["dummy"]);
}

#[actix_web::test]
async fn a_shop_does_not_open_under_another_authoritys_policy() {
    let mut shop = under(json!([])).await;
    shop.stop().await;
    shop.config.policy_key = Some(semper_shared::foundation::Digest::of(b"another"));
    let (_trigger, shutdown) = crate::http::Shutdown::new();
    let refused = crate::merchant::start(&shop.config, &shutdown).await.err().unwrap();
    assert!(refused.to_string().contains("policy"), "{refused}");
}
