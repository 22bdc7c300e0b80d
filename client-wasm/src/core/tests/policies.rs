//! A wallet under a policy, and before merchants that hide something: what it refuses, and that nothing is paid then.

use semper_shared::commerce::Policy;
use semper_shared::foundation::{Code, Coded};
use semper_shared::items::payment::dummy::DummyPayee;
use semper_shared::items::payment::{ModuleId, ModuleVersion};
use semper_shared::items::statement::Signed;
use semper_shared::security::{Signer, SigningKey};
use serde_json::{Value, json};

use super::life::{OFFER, buy, fresh};
use super::market::{MINT, cents};
use super::world::{Here, World, run};
use crate::core::{Bought, Method, Progress, Trust, Wallet, WalletError};

/// The authority that the wallets here obey.
fn trusted() -> Trust {
    let authority = SigningKey::from_bytes(&[9; 32]).unwrap().public_key().thumbprint();
    Trust { authority: Some(authority), replacing: false }
}

/// A policy of the authority, signed.
fn signed(members: Value) -> String {
    signed_by(9, members)
}

fn signed_by(number: u8, members: Value) -> String {
    let authority = SigningKey::from_bytes(&[number; 32]).unwrap();
    let mut whole = json!({
        "name": "A policy", "issuer": "An authority", "key": authority.public_key(),
        "issued_at": 0, "expires_at": 2_000_000,
    });
    whole.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    Signed::sign(serde_json::from_value::<Policy>(whole).unwrap(), &authority).compact().to_owned()
}

fn euro(minor: u64) -> Value {
    json!({ "currency": "EUR", "minor": minor })
}

fn module(name: &str) -> ModuleId {
    ModuleId::new(name).unwrap()
}

fn code<T>(result: Result<T, WalletError>) -> Code {
    result.err().unwrap().code()
}

async fn with_cash(wallet: &mut Wallet<Here>) {
    fresh(wallet).await;
    wallet.add_cash(MINT, cents(100), Progress::none()).await.unwrap();
}

async fn methods(wallet: &mut Wallet<Here>) -> Vec<Method> {
    wallet.review(OFFER).await.unwrap().methods
}

async fn pay(wallet: &mut Wallet<Here>, name: &str) -> Result<Bought, WalletError> {
    let review = wallet.review(OFFER).await?;
    wallet.pay(&review.offer_digest, &module(name), Progress::none()).await
}

fn cause<'a>(methods: &'a [Method], name: &str) -> Option<&'a str> {
    methods.iter().find(|method| method.module.as_str() == name).unwrap().cause
}

#[test]
fn a_forbidden_module_is_not_paid_with_even_when_it_is_asked_for() {
    let world = World::new();
    let mut wallet = world.wallet();
    run(async {
        with_cash(&mut wallet).await;
        let rules =
            json!([{ "modules": ["ecash"], "when": { "over": euro(4) }, "then": "forbid", "why": "Too much." }]);
        wallet.set_policy(&signed(json!({ "rules": rules })), Some("DE"), trusted()).await.unwrap();
        let seen = methods(&mut wallet).await;
        assert_eq!(cause(&seen, "ecash"), Some("forbidden"));
        assert_eq!(seen[0].why, Some("policy-forbids"));
        assert!(seen[0].reason.as_ref().unwrap().contains("Too much"), "{seen:?}");
        assert_eq!(code(pay(&mut wallet, "ecash").await), Code::POLICY_FORBIDS);
        assert!(wallet.deals().await.unwrap().is_empty(), "nothing was ordered");
        assert_eq!(wallet.balance().await.unwrap()["EUR"], 100);
        assert_eq!(code(wallet.send_person(cents(5), "", 1_000).await), Code::POLICY_FORBIDS, "nor sent");

        world.market.borrow_mut().price_minor = 4;
        pay(&mut wallet, "ecash").await.unwrap();
        wallet.set_policy("", None, Trust::default()).await.unwrap();
        world.market.borrow_mut().price_minor = 5;
        pay(&mut wallet, "ecash").await.unwrap();
    })
    .unwrap();
}

#[test]
fn what_is_to_be_confirmed_is_paid_once_it_is() {
    let world = World::new();
    let mut wallet = world.wallet();
    run(async {
        with_cash(&mut wallet).await;
        wallet
            .set_policy(&signed(json!({ "rules": [{ "then": "confirm", "why": "Ask." }] })), None, trusted())
            .await
            .unwrap();
        let review = wallet.review(OFFER).await.unwrap();
        assert!(review.methods[0].usable);
        assert_eq!(review.methods[0].confirm.as_deref(), Some("Ask."));
        let (offer, cash) = (review.offer_digest, module("ecash"));
        assert_eq!(code(wallet.pay(&offer, &cash, Progress::none()).await), Code::CONFIRMATION_REQUIRED);
        assert!(wallet.deals().await.unwrap().is_empty());
        wallet.confirm(&offer);
        wallet.pay(&offer, &cash, Progress::none()).await.unwrap();
        // The word was for that purchase.
        assert_eq!(code(buy(&mut wallet).await), Code::CONFIRMATION_REQUIRED);
    })
    .unwrap();
}

#[test]
fn limits_outlast_a_restart_and_end_with_the_day() {
    let world = World::new();
    let mut wallet = world.wallet();
    run(async {
        with_cash(&mut wallet).await;
        let limits = json!({ "limits": { "day": [euro(14)] } });
        wallet.set_policy(&signed(limits), None, trusted()).await.unwrap();
        buy(&mut wallet).await.unwrap();
        wallet.send_person(cents(3), "", 1_000).await.unwrap();
        assert_eq!(wallet.policy().await.unwrap().spent, [cents(8)]);

        let mut again = world.wallet();
        again.unlock("pass").await.unwrap();
        buy(&mut again).await.unwrap();
        assert_eq!(cause(&methods(&mut again).await, "ecash"), Some("day-limit"));
        assert_eq!(code(buy(&mut again).await), Code::SPENDING_LIMIT);
        assert_eq!(code(again.send_person(cents(2), "", 1_000).await), Code::SPENDING_LIMIT);
        again.send_person(cents(1), "", 1_000).await.unwrap();
        world.advance(86_401);
        assert_eq!(again.policy().await.unwrap().spent, [cents(0)]);
        assert_ne!(cause(&methods(&mut again).await, "ecash"), Some("day-limit"));
    })
    .unwrap();
}

/// Two windows have reviewed the same offer and both pay: what is left is enough for one.
#[test]
fn two_windows_do_not_spend_one_limit_twice() {
    let world = World::new();
    let mut wallet = world.wallet();
    run(async {
        with_cash(&mut wallet).await;
        wallet.set_policy(&signed(json!({ "limits": { "merchant_day": [euro(5)] } })), None, trusted()).await.unwrap();
        let mut other = world.wallet();
        other.unlock("pass").await.unwrap();
        // Two statements of the same good: two purchases.
        let first = other.review(OFFER).await.unwrap();
        assert!(first.methods[0].usable);
        world.advance(1);
        let second = wallet.review(OFFER).await.unwrap();
        assert_ne!(first.offer_digest, second.offer_digest);
        wallet.pay(&second.offer_digest, &module("ecash"), Progress::none()).await.unwrap();
        let refused = other.pay(&first.offer_digest, &module("ecash"), Progress::none()).await;
        assert_eq!(code(refused), Code::SPENDING_LIMIT);
        assert_eq!(wallet.deals().await.unwrap().len(), 1);
        assert_eq!(wallet.balance().await.unwrap()["EUR"], 95);
    })
    .unwrap();
}

/// The commit itself: a payment that was judged before another window's was stored is not stored.
#[test]
fn a_payment_judged_upon_an_old_memory_is_not_stored() {
    let world = World::new();
    let mut wallet = world.wallet();
    run(async {
        with_cash(&mut wallet).await;
        wallet.set_policy(&signed(json!({ "limits": { "day": [euro(5)] } })), None, trusted()).await.unwrap();
        let mut other = world.wallet();
        other.unlock("pass").await.unwrap();
        wallet.review(OFFER).await.unwrap();
        wallet.change().unwrap();
        buy(&mut other).await.unwrap();
        let late = wallet.save(crate::core::records::Touched::purse()).await;
        assert_eq!(code(late), Code::STORE_CONFLICT);
        assert_eq!(code(buy(&mut wallet).await), Code::SPENDING_LIMIT);
    })
    .unwrap();
}

/// The merchant takes cash and the test module, by its own word.
fn honest(world: &World) {
    let mut market = world.market.borrow_mut();
    let registry = std::mem::take(&mut market.registry);
    market.registry = registry.with(DummyPayee);
    market.introduced = ["ecash", "dummy"].map(|name| ModuleVersion { id: module(name), version: 1 }).to_vec();
}

#[test]
fn a_merchant_that_hides_a_better_module_is_not_paid() {
    let world = World::new();
    let mut wallet = world.wallet();
    run(async {
        with_cash(&mut wallet).await;
        honest(&world);
        assert_eq!(cause(&methods(&mut wallet).await, "ecash"), None);
        world.market.borrow_mut().accepts = |mut accepts| {
            accepts.retain(|way| way.module.as_str() != "ecash");
            accepts
        };
        let seen = methods(&mut wallet).await;
        assert_eq!((cause(&seen, "ecash"), cause(&seen, "dummy")), (Some("hidden"), Some("downgrade")));
        let refused = pay(&mut wallet, "dummy").await.err().unwrap();
        assert_eq!(refused.code(), Code::DOWNGRADE_REFUSED);
        assert!(refused.message().contains("ecash"), "{}", refused.message());
        assert!(wallet.deals().await.unwrap().is_empty());

        // A policy that the merchant publishes says why: then it hides nothing.
        let rules = json!([{ "modules": ["dummy"], "when": { "role": "payee" }, "then": "require" }]);
        world.market.borrow_mut().policy = Some(signed(json!({ "rules": rules })));
        let seen = methods(&mut wallet).await;
        assert_eq!((cause(&seen, "ecash"), cause(&seen, "dummy")), (Some("not-offered"), None));
        pay(&mut wallet, "dummy").await.unwrap();
    })
    .unwrap();
}

#[test]
fn the_customer_may_prefer_and_choose() {
    let world = World::new();
    let mut wallet = world.wallet();
    run(async {
        with_cash(&mut wallet).await;
        honest(&world);
        let first = |methods: &[Method]| methods[0].module.as_str().to_owned();
        assert_eq!(first(&methods(&mut wallet).await), "ecash");
        assert_eq!(pay(&mut wallet, "dummy").await.unwrap().paid, cents(5), "the choice overrides the order");
        wallet.prefer(vec![module("dummy")]).await.unwrap();
        assert_eq!(first(&methods(&mut wallet).await), "dummy");
        assert_eq!(code(pay(&mut wallet, "barter").await), Code::MODULE_UNSUPPORTED);
    })
    .unwrap();
}

#[test]
fn critical_extensions_are_refused_and_optional_members_kept() {
    let world = World::new();
    let mut wallet = world.wallet();
    run(async {
        with_cash(&mut wallet).await;
        world.market.borrow_mut().accepts = |mut accepts| {
            accepts[0].critical = vec!["escrow".to_owned()];
            accepts
        };
        let seen = methods(&mut wallet).await;
        assert_eq!(cause(&seen, "ecash"), Some("critical"));
        assert!(seen[0].reason.as_ref().unwrap().contains("escrow"));
        assert_eq!(code(pay(&mut wallet, "ecash").await), Code::MODULE_UNSUPPORTED);

        world.market.borrow_mut().accepts = |mut accepts| {
            accepts[0].parameters["loyalty"] = json!({ "points": 7 });
            accepts
        };
        let bought = pay(&mut wallet, "ecash").await.unwrap();
        let statements = wallet.deal(&bought.deal).await.unwrap().statements;
        let offer = statements.iter().find(|said| said.typ == "semper-offer+jwt").unwrap();
        assert_eq!(offer.payload["accepts"][0]["parameters"]["loyalty"]["points"], 7, "as it was signed");
    })
    .unwrap();
}

#[test]
fn a_policy_that_is_not_whole_leaves_the_one_before_in_force() {
    let world = World::new();
    let mut wallet = world.wallet();
    run(async {
        fresh(&mut wallet).await;
        let good = signed(json!({}));
        wallet.set_policy(&good, None, trusted()).await.unwrap();
        let mut broken = good.clone();
        broken.replace_range(broken.len() - 4.., "AAAA");
        assert_eq!(code(wallet.set_policy(&broken, None, trusted()).await), Code::SIGNATURE_INVALID);
        assert_eq!(code(wallet.set_policy(&good, Some("Germany"), trusted()).await), Code::REQUEST_INVALID);
        assert_eq!(wallet.policy().await.unwrap().policy.unwrap().name, "A policy");
        world.advance(1_500_000);
        assert_eq!(code(wallet.set_policy(&good, None, trusted()).await), Code::POLICY_EXPIRED);
    })
    .unwrap();
}

#[test]
fn no_authority_is_obeyed_that_was_not_confirmed() {
    let world = World::new();
    let mut wallet = world.wallet();
    run(async {
        fresh(&mut wallet).await;
        let (ours, theirs) = (signed(json!({ "name": "Ours" })), signed_by(8, json!({ "name": "Theirs" })));
        let other = SigningKey::from_bytes(&[8; 32]).unwrap().public_key().thumbprint();
        let none = Trust::default();
        // Looked at, it changes nothing; set without a word, or for another authority's word, neither.
        let read = wallet.read_policy(&ours).await.unwrap();
        assert_eq!(
            (read.policy.unwrap().name, read.authority, read.trusted),
            ("Ours".into(), trusted().authority, None)
        );
        assert_eq!(code(wallet.set_policy(&ours, None, none).await), Code::POLICY_AUTHORITY);
        let another = Trust { authority: Some(other), replacing: true };
        assert_eq!(code(wallet.set_policy(&ours, None, another).await), Code::POLICY_AUTHORITY);
        assert_eq!(wallet.policy().await.unwrap().policy, None);
        // Confirmed once, it is obeyed without being asked about again.
        wallet.set_policy(&ours, None, trusted()).await.unwrap();
        assert_eq!(wallet.set_policy(&ours, None, none).await.unwrap().trusted, trusted().authority);
        // Another takes its place by an explicit word alone, also when there is no policy in force any more.
        for _ in 0..2 {
            for refused in [none, Trust { replacing: false, ..another }, Trust { replacing: true, ..none }] {
                assert_eq!(code(wallet.set_policy(&theirs, None, refused).await), Code::POLICY_AUTHORITY);
            }
            wallet.set_policy("", None, none).await.unwrap();
        }
        let view = wallet.set_policy(&theirs, None, another).await.unwrap();
        assert_eq!((view.policy.unwrap().name, view.trusted), ("Theirs".into(), Some(other)));
        assert_eq!(code(wallet.set_policy(&ours, None, none).await), Code::POLICY_AUTHORITY);
    })
    .unwrap();
}
