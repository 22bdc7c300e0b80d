//! The same facts give the same answer; versions meet or say why not; what is hidden is noticed.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use rand_core::CryptoRng;
use serde_json::{Value, json};

use super::*;
use crate::foundation::{Amount, Currency, Digest};
use crate::items::payment::{Bill, Payment, PaymentError};

const NOW: UnixSeconds = UnixSeconds(1_000);

/// A wallet's module by name, version and what it holds.
#[derive(Clone)]
struct Purse(&'static str, u32, u64);

impl ErasedPayer for Purse {
    fn id(&self) -> ModuleId {
        ModuleId::new(self.0).unwrap()
    }

    fn version(&self) -> u32 {
        self.1
    }

    fn strength_bits(&self) -> u16 {
        128
    }

    fn quote(&self, total: Amount, _: &Acceptance, _: UnixSeconds) -> Result<Quote, Unusable> {
        if self.2 < total.minor() {
            return Err(Unusable::Insufficient { available_minor: self.2 });
        }
        Ok(Quote { available: Amount::new(total.currency(), self.2).unwrap(), fee: Amount::zero(total.currency()) })
    }

    fn pay(
        &mut self,
        _: &Bill,
        _: &Acceptance,
        _: UnixSeconds,
        _: &mut dyn CryptoRng,
    ) -> Result<Payment, PaymentError> {
        Err(PaymentError::Unknown)
    }

    fn settled(&mut self, _: &Digest) {}

    fn refused(&mut self, _: &Digest) {}

    fn purses(&self) -> Vec<crate::items::payment::Purse> {
        Vec::new()
    }

    fn stored(&self) -> Value {
        Value::Null
    }

    fn restore(&mut self, _: Value) -> Result<(), PaymentError> {
        Ok(())
    }
}

fn offer(accepts: &[(&str, u32)]) -> Offer {
    let text = include_str!("../../../vectors/offer/offer.json");
    let vector: Value = serde_json::from_str(text).unwrap();
    let compact = vector["input"]["offer"].as_str().unwrap();
    let payload = crate::foundation::base64::decode(compact.split('.').nth(1).unwrap()).unwrap();
    let mut offer: Offer = serde_json::from_slice(&payload).unwrap();
    let way = |(name, version): &(&str, u32)| Acceptance {
        module: ModuleId::new(*name).unwrap(),
        version: *version,
        parameters: json!({}),
        critical: Vec::new(),
    };
    offer.accepts = accepts.iter().map(way).collect();
    offer.total = Amount::new(Currency::EUR, 320).unwrap();
    offer
}

fn versions(list: &[(&str, u32)]) -> Vec<ModuleVersion> {
    list.iter().map(|(name, version)| ModuleVersion { id: ModuleId::new(*name).unwrap(), version: *version }).collect()
}

fn told(purses: &[Purse], situation: &Situation<'_>) -> Vec<String> {
    let payers: Vec<&dyn ErasedPayer> = purses.iter().map(|purse| purse as _).collect();
    let word = |way: Way| match way.quote {
        Ok(_) => format!("{}/{}", way.module.id, way.module.version),
        Err(why) => format!("{}: {}", way.module.id, why.reason()),
    };
    negotiate(&payers, situation).into_iter().map(word).collect()
}

#[test]
fn every_module_is_explained_in_the_order_of_preference() {
    let offer = offer(&[("zebra", 1), ("card", 1), ("abacus", 3), ("ecash", 2)]);
    let purses = [Purse("ecash", 1, 999), Purse("card", 1, 999), Purse("account", 1, 999), Purse("barter", 1, 0)];
    let situation = Situation::new(&offer, NOW);
    let expected = [
        "ecash: version",
        "card/1",
        "account: not-offered",
        "barter: not-offered",
        "abacus: not-in-wallet",
        "zebra: not-in-wallet",
    ];
    assert_eq!(told(&purses, &situation), expected);
}

/// Wallets and merchants with an old version, a new one, or both.
#[test]
fn versions_meet_or_say_why_not() {
    let sides: [&[u32]; 3] = [&[1], &[2], &[1, 2]];
    let mut table = Vec::new();
    for wallet in sides {
        for merchant in sides {
            let accepts: Vec<_> = merchant.iter().map(|version| ("ecash", *version)).collect();
            let offer = offer(&accepts);
            let purses: Vec<_> = wallet.iter().map(|version| Purse("ecash", *version, 999)).collect();
            let introduced = versions(&accepts);
            let situation = Situation { introduced: &introduced, ..Situation::new(&offer, NOW) };
            table.push(told(&purses, &situation).remove(0));
        }
    }
    let none = "ecash: version";
    assert_eq!(table, ["ecash/1", none, "ecash/1", none, "ecash/2", "ecash/2", "ecash/1", "ecash/2", "ecash/2"]);
}

#[test]
fn the_missing_version_is_named() {
    let offer = offer(&[("ecash", 3)]);
    let purse = Purse("ecash", 1, 999);
    let ways = negotiate(&[&purse], &Situation::new(&offer, NOW));
    assert_eq!(ways[0].quote, Err(Unusable::Version { ours: 1, theirs: 3 }));
}

#[test]
fn what_a_merchant_hides_is_not_made_up_for_by_something_worse() {
    let purses = [Purse("ecash", 1, 999), Purse("card", 1, 999)];
    let offer = offer(&[("card", 1)]);
    let introduced = versions(&[("card", 1), ("ecash", 1)]);
    let hiding = Situation { introduced: &introduced, ..Situation::new(&offer, NOW) };
    assert_eq!(told(&purses, &hiding), ["ecash: hidden", "card: downgrade"]);
    // What is preferred to the hidden module is paid with all the same.
    let turned = [purses[1].clone(), purses[0].clone()];
    assert_eq!(told(&turned, &hiding), ["card/1", "ecash: hidden"]);
    // A module that the wallet does not have is not missed.
    assert_eq!(told(&purses[1..], &hiding), ["card/1"]);
}

#[test]
fn an_old_version_is_refused_where_both_have_a_newer_one() {
    let purses = [Purse("ecash", 1, 999), Purse("ecash", 2, 999)];
    let (offer, introduced) = (offer(&[("ecash", 1)]), versions(&[("ecash", 1), ("ecash", 2)]));
    let situation = Situation { introduced: &introduced, ..Situation::new(&offer, NOW) };
    assert_eq!(told(&purses, &situation), ["ecash: older"]);
    assert_eq!(told(&purses[..1], &situation), ["ecash/1"], "an old wallet pays as it can");
}

#[test]
fn a_published_policy_says_why_something_is_left_out() {
    let key = {
        use crate::security::Signer as _;
        crate::security::SigningKey::from_bytes(&[9; 32]).unwrap().public_key().clone()
    };
    let policy: Policy = serde_json::from_value(json!({
        "name": "Cards alone", "issuer": "The shop", "key": key, "issued_at": 0, "expires_at": 2_000,
        "rules": [{ "modules": ["card"], "when": { "role": "payee" }, "then": "require" }],
    }))
    .unwrap();
    let (offer, introduced) = (offer(&[("card", 1)]), versions(&[("card", 1), ("ecash", 1)]));
    let purses = [Purse("ecash", 1, 999), Purse("card", 1, 999)];
    let situation = Situation { introduced: &introduced, theirs: Some(&policy), ..Situation::new(&offer, NOW) };
    assert_eq!(told(&purses, &situation), ["ecash: not-offered", "card/1"]);
    // The customer's own policy holds whatever the offer says.
    let ours: Policy = Policy {
        rules: serde_json::from_value(json!([{ "modules": ["card"], "then": "forbid" }])).unwrap(),
        ..policy.clone()
    };
    let situation = Situation { ours: Some(&ours), ..situation };
    assert_eq!(told(&purses, &situation), ["ecash: not-offered", "card: forbidden"]);
}

proptest! {
    /// However an offer and an introduction list the ways, the answer is one, and complete.
    #[test]
    fn the_order_of_an_offer_says_nothing(
        listed in proptest::collection::btree_set((0_usize..5, 1_u32..4), 1..8),
        said in proptest::collection::btree_set((0_usize..5, 1_u32..4), 0..8),
        held in proptest::collection::vec((0_usize..5, 1_u32..4, 0_u64..640), 0..6),
        turn in 0_usize..8,
    ) {
        const NAMES: [&str; 5] = ["account", "card", "ecash", "barter", "zebra"];
        let mut accepts: Vec<_> = listed.iter().map(|(name, version)| (NAMES[*name], *version)).collect();
        let mut introduced = versions(&said.iter().map(|(name, version)| (NAMES[*name], *version)).collect::<Vec<_>>());
        let purses: Vec<_> = held.iter().map(|(name, version, minor)| Purse(NAMES[*name], *version, *minor)).collect();
        let first = offer(&accepts);
        let answer = told(&purses, &Situation { introduced: &introduced, ..Situation::new(&first, NOW) });
        let turn_by = turn % accepts.len();
        accepts.rotate_left(turn_by);
        introduced.reverse();
        let second = offer(&accepts);
        let again = told(&purses, &Situation { introduced: &introduced, ..Situation::new(&second, NOW) });
        prop_assert_eq!(&answer, &again);
        let named = |way: &str| way.split([':', '/']).next().unwrap_or_default().to_owned();
        let mut names: Vec<_> = answer.iter().map(|way| named(way)).collect();
        names.sort();
        let mut all: Vec<_> = accepts.iter().map(|(name, _)| (*name).to_owned()).chain(purses.iter().map(|p| p.0.to_owned())).collect();
        all.sort();
        all.dedup();
        prop_assert_eq!(names, all, "each module once");
    }
}
