//! What policies forbid, require, confirm and limit; and what is not known speaks against a payment.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::foundation::{Amount, Code, Coded, Currency, UnixSeconds};
use crate::items::payment::{ModuleId, ModuleVersion, Unusable};
use crate::items::statement::Signed;
use crate::security::{Portable, Signer, SigningKey};

fn policy(members: Value) -> Policy {
    let key = SigningKey::from_bytes(&[9; 32]).unwrap();
    let mut whole = json!({
        "name": "A policy", "issuer": "An authority", "key": key.public_key(), "issued_at": 0, "expires_at": 1_000,
    });
    whole.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    serde_json::from_value(whole).unwrap()
}

fn facts(minor: u64) -> Facts<'static> {
    Facts {
        role: Side::Payer,
        customer: Some("DE"),
        merchant: Some("FR"),
        amount: Amount::new(Currency::EUR, minor).unwrap(),
        kind: Some("article"),
        now: UnixSeconds(10),
    }
}

fn judge(policy: &Policy, facts: &Facts<'_>, module: &str) -> Result<Option<String>, &'static str> {
    let module = ModuleVersion { id: ModuleId::new(module).unwrap(), version: 1 };
    policy.judge(facts, &Means { module: &module, strength_bits: 112 }).map_err(|unusable| unusable.reason())
}

#[test]
fn a_prohibition_is_not_overruled() {
    let policy = policy(json!({ "rules": [
        { "modules": ["ecash"], "then": "allow" },
        { "modules": ["ecash"], "when": { "over": { "currency": "EUR", "minor": 100 } }, "then": "forbid", "why": "Too much." },
    ]}));
    assert_eq!(judge(&policy, &facts(100), "ecash"), Ok(None));
    assert_eq!(judge(&policy, &facts(101), "ecash"), Err("forbidden"));
    assert_eq!(judge(&policy, &facts(101), "card"), Ok(None));
}

#[test]
fn what_is_required_shuts_out_the_rest() {
    let policy =
        policy(json!({ "rules": [{ "modules": ["card"], "when": { "kinds": ["game"] }, "then": "require" }] }));
    let game = Facts { kind: Some("game"), ..facts(1) };
    assert_eq!(judge(&policy, &game, "ecash"), Err("other-required"));
    assert_eq!(judge(&policy, &game, "card"), Ok(None));
    assert_eq!(judge(&policy, &facts(1), "ecash"), Ok(None), "an article");
    assert_eq!(judge(&policy, &Facts { kind: None, ..facts(1) }, "ecash"), Err("other-required"), "it may be a game");
}

#[test]
fn what_is_forbidden_otherwise_must_be_allowed() {
    let policy = policy(json!({ "otherwise": "forbid", "rules": [
        { "modules": ["ecash"], "when": { "customer": ["DE"], "merchant": ["FR"], "role": "payer" }, "then": "allow" },
    ]}));
    assert_eq!(judge(&policy, &facts(1), "ecash"), Ok(None));
    assert_eq!(judge(&policy, &facts(1), "card"), Err("forbidden"));
    for other in [
        Facts { customer: Some("AT"), ..facts(1) },
        Facts { customer: None, ..facts(1) },
        Facts { merchant: None, ..facts(1) },
        Facts { role: Side::Payee, ..facts(1) },
    ] {
        assert_eq!(judge(&policy, &other, "ecash"), Err("forbidden"), "{other:?}");
    }
}

#[test]
fn a_person_confirms_what_is_to_be_confirmed() {
    let over = json!({ "over": { "currency": "EUR", "minor": 50 } });
    let policy = policy(json!({ "rules": [{ "when": over, "then": "confirm", "why": "It is much." }] }));
    assert_eq!(judge(&policy, &facts(50), "ecash"), Ok(None));
    assert_eq!(judge(&policy, &facts(51), "ecash"), Ok(Some("It is much.".to_owned())));
    let yen = Facts { amount: Amount::new("JPY".parse().unwrap(), 1).unwrap(), ..facts(0) };
    assert_eq!(judge(&policy, &yen, "ecash"), Ok(Some("It is much.".to_owned())), "what that is in euros is not known");
}

#[test]
fn minima_hold_for_every_module() {
    let module = ModuleVersion { id: ModuleId::new("ecash").unwrap(), version: 1 };
    let means = |strength_bits| Means { module: &module, strength_bits };
    let strong = policy(json!({ "minima": { "strength_bits": 128 } }));
    assert_eq!(strong.judge(&facts(1), &means(112)), Err(Unusable::TooWeak { bits: 112 }));
    assert_eq!(strong.judge(&facts(1), &means(128)), Ok(None));
    let other = policy(json!({ "minima": { "algorithms": ["ML-DSA-65"] } }));
    assert_eq!(other.judge(&facts(1), &means(256)), Err(Unusable::TooWeak { bits: 256 }));
    let newer = policy(json!({ "minima": { "versions": { "ecash": 2 } } }));
    assert_eq!(newer.judge(&facts(1), &means(112)), Err(Unusable::TooOld { least: 2 }));
}

#[test]
fn limits_count_what_was_spent() {
    let eur = |minor| json!({ "currency": "EUR", "minor": minor });
    let policy = policy(json!({ "limits": { "day": [eur(1_000)], "merchant_day": [eur(400)] } }));
    let amount = |minor| Amount::new(Currency::EUR, minor).unwrap();
    let spent = |day_minor, merchant_minor| Spent { day_minor, merchant_minor };
    assert_eq!(policy.check_spending(amount(400), spent(600, 0)), Ok(()));
    assert_eq!(policy.check_spending(amount(401), spent(600, 0)), Err(Unusable::DayLimit { left_minor: 400 }));
    assert_eq!(policy.check_spending(amount(1), spent(900, 400)), Err(Unusable::MerchantLimit { left_minor: 0 }));
    assert_eq!(
        policy.check_spending(amount(u64::from(u32::MAX)), spent(u64::MAX, 0)).unwrap_err().reason(),
        "day-limit"
    );
    assert_eq!(policy.check_spending(Amount::new("JPY".parse().unwrap(), 9_999).unwrap(), spent(0, 0)), Ok(()));
}

#[test]
fn an_expired_policy_lets_nothing_through() {
    let policy = policy(json!({}));
    assert_eq!(judge(&policy, &Facts { now: UnixSeconds(1_000), ..facts(1) }, "ecash"), Ok(None));
    assert_eq!(judge(&policy, &Facts { now: UnixSeconds(1_001), ..facts(1) }, "ecash"), Err("policy-expired"));
}

#[test]
fn a_policy_is_its_authoritys_own() {
    let (authority, other) = (SigningKey::from_bytes(&[9; 32]).unwrap(), SigningKey::from_bytes(&[8; 32]).unwrap());
    let verify = |signed: &Signed<Policy>, key: Option<&SigningKey>| {
        let key = key.map(|key| key.public_key().thumbprint());
        Policy::verify(signed.compact(), key.as_ref(), UnixSeconds(10), &Portable).map_err(|error| error.code())
    };
    let good = Signed::sign(policy(json!({})), &authority);
    assert!(verify(&good, None).is_ok());
    assert!(verify(&good, Some(&authority)).is_ok());
    assert_eq!(verify(&good, Some(&other)).unwrap_err(), Code::POLICY_INVALID);
    assert_eq!(verify(&Signed::sign(policy(json!({})), &other), None).unwrap_err(), Code::SIGNATURE_INVALID);
    for odd in [
        json!({ "expires_at": 0 }),
        json!({ "name": "" }),
        json!({ "otherwise": "confirm" }),
        json!({ "rules": [{ "when": { "customer": ["Germany"] }, "then": "forbid" }] }),
        json!({ "limits": { "day": [{ "currency": "EUR", "minor": 1 }, { "currency": "EUR", "minor": 2 }] } }),
    ] {
        let signed = Signed::sign(policy(odd.clone()), &authority);
        assert_eq!(verify(&signed, None).unwrap_err(), Code::POLICY_INVALID, "{odd}");
    }
    let old = Signed::sign(policy(json!({ "expires_at": 9 })), &authority);
    assert_eq!(verify(&old, None).unwrap_err(), Code::POLICY_EXPIRED);
}

#[test]
fn what_is_not_understood_is_refused() {
    let rule = json!({ "then": "forbid", "when": { "moon": "full" } });
    let whole = serde_json::to_value(policy(json!({}))).unwrap();
    for (member, value) in [("rules", json!([rule])), ("curfew", json!(22)), ("limits", json!({ "week": [] }))] {
        let mut odd = whole.clone();
        odd[member] = value;
        assert!(serde_json::from_value::<Policy>(odd).is_err(), "{member}");
    }
}

proptest! {
    /// The order of rules says nothing, and no rule makes more possible than a prohibition leaves.
    #[test]
    fn verdicts_do_not_hang_on_the_order_of_rules(
        picks in proptest::collection::vec((0_usize..4, 0_usize..3, 0_u64..200, any::<bool>()), 0..8),
        turn in 0_usize..8, minor in 0_u64..200, module in 0_usize..3,
    ) {
        let names = ["ecash", "card", "account"];
        let rules: Vec<_> = picks.iter().map(|(effect, module, bound, over)| {
            let bound = json!({ "currency": "EUR", "minor": bound });
            let when = if *over { json!({ "over": bound }) } else { json!({ "up_to": bound }) };
            let then = ["allow", "forbid", "require", "confirm"][*effect];
            json!({ "modules": [names[*module]], "when": when, "then": then })
        }).collect();
        let mut turned = rules.clone();
        turned.rotate_left(if rules.is_empty() { 0 } else { turn % rules.len() });
        let (one, other) = (policy(json!({ "rules": rules })), policy(json!({ "rules": turned })));
        let verdict = judge(&one, &facts(minor), names[module]);
        prop_assert_eq!(&verdict, &judge(&other, &facts(minor), names[module]));
        let stricter: Vec<_> = one.rules.iter().map(|rule| serde_json::to_value(rule).unwrap())
            .chain([json!({ "modules": [names[module]], "then": "forbid" })]).collect();
        prop_assert_eq!(judge(&policy(json!({ "rules": stricter })), &facts(minor), names[module]), Err("forbidden"));
    }
}

/// The samples of three jurisdictions (`docs/policies`): whole, signed, and what they say.
#[test]
fn samples_say_what_they_are_for() {
    let now = UnixSeconds(1_800_000_000);
    let read = |text: &str| Policy::verify(text.trim(), None, now, &Portable).unwrap().payload().clone();
    let germany = read(include_str!("../../../../docs/policies/de.jws"));
    let france = read(include_str!("../../../../docs/policies/fr.jws"));
    let switzerland = read(include_str!("../../../../docs/policies/ch.jws"));
    let at = |customer, merchant, minor, kind| Facts {
        role: Side::Payee,
        customer: Some(customer),
        merchant: Some(merchant),
        kind: Some(kind),
        now,
        ..facts(minor)
    };
    let francs = |facts: Facts<'static>| Facts {
        amount: Amount::new("CHF".parse().unwrap(), facts.amount.minor()).unwrap(),
        ..facts
    };
    for (policy, facts, module, expected) in [
        (&germany, at("DE", "DE", 1_000_000, "article"), "ecash", Ok(None)),
        (&germany, at("DE", "DE", 1_000_001, "article"), "ecash", Err("forbidden")),
        (&germany, at("DE", "DE", 1_000_001, "article"), "card", Ok(None)),
        (&germany, at("DE", "DE", 1, "gambling"), "ecash", Err("forbidden")),
        (&germany, at("DE", "DE", 1, "article"), "dummy", Err("forbidden")),
        (&france, at("FR", "FR", 100_001, "article"), "ecash", Err("forbidden")),
        (&france, at("DE", "FR", 100_001, "article"), "ecash", Ok(None)),
        (&france, at("DE", "FR", 1_500_001, "article"), "ecash", Err("forbidden")),
        (&france, at("DE", "FR", 1, "precious-metal"), "ecash", Err("other-required")),
        (&france, at("DE", "FR", 1, "precious-metal"), "card", Ok(None)),
        (&switzerland, francs(at("CH", "CH", 1_500_000, "article")), "ecash", Ok(None)),
        (&switzerland, francs(at("CH", "CH", 1_500_001, "article")), "ecash", Err("forbidden")),
        (&switzerland, francs(at("CH", "DE", 1, "article")), "ecash", Err("forbidden")),
        (&switzerland, francs(at("CH", "DE", 1, "article")), "card", Ok(None)),
        (&switzerland, francs(at("CH", "CH", 1, "article")), "dummy", Err("forbidden")),
    ] {
        assert_eq!(judge(policy, &facts, module), expected, "{} {facts:?} {module}", policy.name);
    }
    let payer = Facts { role: Side::Payer, ..at("FR", "FR", 15_001, "article") };
    assert_eq!(judge(&france, &payer, "ecash"), Ok(Some("More than 150 EUR.".to_owned())));
    assert_eq!(judge(&germany, &payer, "ecash"), Ok(None));
    for (name, policy) in [("de", &germany), ("fr", &france), ("ch", &switzerland)] {
        let clear = std::fs::read_to_string(format!("{}/../docs/policies/{name}.json", env!("CARGO_MANIFEST_DIR")));
        let clear: Policy = serde_json::from_str(&clear.unwrap()).unwrap();
        assert_eq!(clear, *policy, "{name}.json says what {name}.jws signs");
    }
}
