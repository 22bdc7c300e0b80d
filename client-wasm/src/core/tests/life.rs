//! A wallet's life when nothing fails.

use semper_shared::foundation::{Code, Coded, Digest};
use semper_shared::items::payment::ModuleId;
use semper_shared::security::{Signer, SigningKey};
use serde_json::{Value, json};

use super::market::{MINT, Market, SHOP, cents, problem};
use super::world::{Fate, Here, World, run};
use crate::core::ports::Ports;
use crate::core::{Answer, Bought, Progress, Status, Wallet, WalletError, Words};

pub(super) const OFFER: &str = "http://shop.test/offers/article";
const WORDS: &str = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";

pub(super) async fn fresh(wallet: &mut Wallet<Here>) {
    wallet.create(&Words::parse(WORDS).unwrap(), "pass").await.unwrap();
}

pub(super) async fn buy(wallet: &mut Wallet<Here>) -> Result<Bought, WalletError> {
    let review = wallet.review(OFFER).await?;
    let module = review.methods[0].module.clone();
    wallet.pay(&review.offer_digest, &module, Progress::none()).await
}

async fn balance(wallet: &mut Wallet<Here>) -> u64 {
    wallet.balance().await.unwrap().get("EUR").copied().unwrap_or(0)
}

#[test]
fn buys_with_cash_and_gets_change_back() {
    let world = World::new();
    let mut wallet = world.wallet();
    run(async {
        fresh(&mut wallet).await;
        assert_eq!(wallet.add_cash(MINT, cents(16), Progress::none()).await.unwrap().added, cents(16));
        let review = wallet.review(OFFER).await.unwrap();
        assert_eq!(review.merchant.domain, "shop.test");
        assert!(!review.merchant.known && review.already.is_none());
        let bought = buy(&mut wallet).await.unwrap();
        assert_eq!(bought.paid, cents(5));
        assert_eq!(balance(&mut wallet).await, 11);
        wallet.refresh().await.unwrap();
        assert_eq!(balance(&mut wallet).await, 11);

        let again = wallet.review(OFFER).await.unwrap();
        assert!(again.merchant.known);
        assert_eq!(again.already.unwrap().deal, bought.deal);
        let access = wallet.part_access(&bought.deal, "a.html").await.unwrap();
        assert_eq!(access.key.as_bytes(), Market::content_key().as_bytes());

        let evidence = wallet.evidence(&bought.deal).await.unwrap();
        let types: Vec<String> =
            wallet.deal(&bought.deal).await.unwrap().statements.into_iter().map(|statement| statement.typ).collect();
        let expected = [
            "party",
            "offer",
            "order",
            "coin-permission",
            "deposit-confirmation",
            "receipt",
            "delivery",
            "acknowledgement",
        ];
        assert_eq!(types, expected.map(|typ| format!("semper-{typ}+jwt")));
        assert_eq!(evidence["statements"].as_array().unwrap().len(), expected.len());
    })
    .unwrap();
}

/// The same review pays once, however often it is asked; another one pays again.
#[test]
fn one_review_is_one_purchase() {
    let world = World::new();
    let mut wallet = world.wallet();
    run(async {
        fresh(&mut wallet).await;
        wallet.add_cash(MINT, cents(16), Progress::none()).await.unwrap();
        let review = wallet.review(OFFER).await.unwrap();
        let ecash = ModuleId::new("ecash").unwrap();
        let first = wallet.pay(&review.offer_digest, &ecash, Progress::none()).await.unwrap();
        let second = wallet.pay(&review.offer_digest, &ecash, Progress::none()).await.unwrap();
        assert_eq!(first, second);
        // The coins at hand are change by now: paying exchanges it first.
        let third = buy(&mut wallet).await.unwrap();
        assert_ne!(third.deal, first.deal);
        assert_eq!(world.market.borrow().mint.deposited_minor, 10);
        assert_eq!(balance(&mut wallet).await, 6);
        assert_eq!(wallet.library().await.unwrap().len(), 2);
    })
    .unwrap();
}

#[test]
fn what_is_free_needs_no_money() {
    let world = World::new();
    world.market.borrow_mut().price_minor = 0;
    let mut wallet = world.wallet();
    run(async {
        fresh(&mut wallet).await;
        assert!(buy(&mut wallet).await.unwrap().paid.is_zero());
    })
    .unwrap();
}

#[test]
fn too_little_money_pays_nothing() {
    let world = World::new();
    let mut wallet = world.wallet();
    run(async {
        fresh(&mut wallet).await;
        wallet.add_cash(MINT, cents(4), Progress::none()).await.unwrap();
        let review = wallet.review(OFFER).await.unwrap();
        assert_eq!(review.methods[0].why, Some("funds-insufficient"));
        assert_eq!(review.methods[0].balance, Some(cents(4)));
        assert_eq!(buy(&mut wallet).await.unwrap_err().code(), Code::FUNDS_INSUFFICIENT);
        assert_eq!(balance(&mut wallet).await, 4);
        let poor = wallet.add_cash(MINT, cents(20_000), Progress::none()).await.unwrap_err();
        assert_eq!(poor.code(), Code::REQUEST_INVALID, "more than 64 coins");
        world.market.borrow_mut().account_minor = 0;
        let poor = wallet.add_cash(MINT, cents(16), Progress::none()).await.unwrap_err();
        assert_eq!(poor.code(), Code::FUNDS_INSUFFICIENT);
        assert!(!wallet.is_unfinished().await.unwrap(), "nothing waits for money that does not come");
    })
    .unwrap();
}

/// A refusal for good gives the coins back; one with a proof that does not hold is not believed.
#[test]
fn a_refusal_gives_the_money_back() {
    let world = World::new();
    let mut wallet = world.wallet();
    run(async {
        fresh(&mut wallet).await;
        wallet.add_cash(MINT, cents(16), Progress::none()).await.unwrap();
        world.market.borrow_mut().merchant_refuses = Some(problem(Code::OFFER_EXPIRED));
        assert_eq!(buy(&mut wallet).await.unwrap_err().code(), Code::OFFER_EXPIRED);
        assert_eq!(balance(&mut wallet).await, 16);
        assert!(!wallet.is_unfinished().await.unwrap());
        assert_eq!(wallet.library().await.unwrap().len(), 0);

        let lie = json!({ "coin": SigningKey::from_bytes(&[1; 32]).unwrap().public_key(), "spent": [] });
        world.market.borrow_mut().merchant_refuses = Some((409, Code::COIN_ALREADY_SPENT, lie));
        assert_eq!(buy(&mut wallet).await.unwrap_err().code(), Code::PEER_INVALID);
        assert!(wallet.is_unfinished().await.unwrap(), "the deal stays open");
        world.market.borrow_mut().merchant_refuses = None;
        assert_eq!(wallet.resume(Progress::none()).await.unwrap().completed.len(), 1);
        assert_eq!(balance(&mut wallet).await, 11);
    })
    .unwrap();
}

#[test]
fn a_purchase_that_does_not_end_can_be_given_up() {
    let world = World::new();
    let mut wallet = world.wallet();
    run(async {
        fresh(&mut wallet).await;
        wallet.add_cash(MINT, cents(16), Progress::none()).await.unwrap();
        world.market.borrow_mut().merchant_refuses = Some(problem(Code::OUTCOME_UNKNOWN));
        assert_eq!(buy(&mut wallet).await.unwrap_err().code(), Code::OUTCOME_UNKNOWN);
        let given_up = wallet.deals().await.unwrap()[0].deal;
        wallet.abandon(&given_up).await.unwrap();
        assert_eq!(balance(&mut wallet).await, 16);
        assert!(!wallet.is_unfinished().await.unwrap());
        assert_eq!(wallet.abandon(&given_up).await.unwrap_err().code(), Code::REQUEST_INVALID);
        world.market.borrow_mut().merchant_refuses = None;

        // A merchant who has the money is not let off: the deal stays open until it delivers.
        world.market.borrow_mut().merchant_is_silent = true;
        assert_eq!(buy(&mut wallet).await.unwrap_err().code(), Code::OUTCOME_UNKNOWN);
        let paid = wallet.deals().await.unwrap().into_iter().find(|line| line.deal != given_up).unwrap().deal;
        assert_eq!(wallet.abandon(&paid).await.unwrap_err().code(), Code::OUTCOME_UNKNOWN);
        world.market.borrow_mut().merchant_is_silent = false;
        assert_eq!(wallet.resume(Progress::none()).await.unwrap().completed, [paid]);
        assert_eq!(world.market.borrow().mint.deposited_minor, 5);
        assert_eq!(balance(&mut wallet).await, 11);
    })
    .unwrap();
}

#[test]
fn words_bring_everything_back() {
    let world = World::new();
    let mut wallet = world.wallet();
    run(async {
        fresh(&mut wallet).await;
        wallet.add_cash(MINT, cents(16), Progress::none()).await.unwrap();
        buy(&mut wallet).await.unwrap();
        wallet.add_cash(MINT, cents(9), Progress::none()).await.unwrap();
        wallet.refresh().await.unwrap();
        buy(&mut wallet).await.unwrap();
        assert_eq!(balance(&mut wallet).await, 15);
    })
    .unwrap();
    // Not exchanged change, an exchange that was cut off: all of it is found.
    let elsewhere = world.elsewhere();
    let mut restored = elsewhere.wallet();
    run(async {
        let words = Words::parse(WORDS).unwrap();
        let found = restored.restore(&words, "other", &[MINT.to_owned()], Progress::none()).await.unwrap();
        assert_eq!(found.balance["EUR"], 15);
        buy(&mut restored).await.unwrap();
        assert_eq!(balance(&mut restored).await, 10);
    })
    .unwrap();
}

#[test]
fn a_backup_brings_everything_back_even_when_it_is_old() {
    let world = World::new();
    let mut wallet = world.wallet();
    let backup = run(async {
        fresh(&mut wallet).await;
        wallet.add_cash(MINT, cents(16), Progress::none()).await.unwrap();
        buy(&mut wallet).await.unwrap();
        let backup = wallet.export_backup("backup").await.unwrap();
        wallet.add_cash(MINT, cents(8), Progress::none()).await.unwrap();
        buy(&mut wallet).await.unwrap();
        assert_eq!(balance(&mut wallet).await, 14);
        backup
    })
    .unwrap();
    let elsewhere = world.elsewhere();
    let mut restored = elsewhere.wallet();
    run(async {
        assert_eq!(restored.import_backup(&backup, "wrong", "new").await, Err(WalletError::Backup));
        assert_eq!(restored.import_backup(&backup[1..], "backup", "new").await, Err(WalletError::Backup));
        restored.import_backup(&backup, "backup", "new").await.unwrap();
        assert_eq!(restored.library().await.unwrap().len(), 1);
        restored.resume(Progress::none()).await.unwrap();
        assert_eq!(balance(&mut restored).await, 14);
        buy(&mut restored).await.unwrap();
        assert_eq!(balance(&mut restored).await, 9);
        assert_eq!(restored.import_backup(&backup, "backup", "new").await, Err(WalletError::Exists));
    })
    .unwrap();
}

#[test]
fn the_passphrase_opens_and_changes() {
    let world = World::new();
    let mut wallet = world.wallet();
    run(async {
        assert_eq!(wallet.status().await.unwrap(), (Status::Empty, false));
        assert_eq!(wallet.balance().await, Err(WalletError::Empty));
        fresh(&mut wallet).await;
        wallet.confirm_backup().await.unwrap();
        assert_eq!(wallet.status().await.unwrap(), (Status::Unlocked, true));
        wallet.lock().await.unwrap();
        assert_eq!(wallet.status().await.unwrap().0, Status::Locked);
        assert_eq!(wallet.balance().await, Err(WalletError::Locked));
        assert_eq!(wallet.unlock("wrong").await, Err(WalletError::Passphrase));
        wallet.unlock("pass").await.unwrap();
        assert_eq!(wallet.change_passphrase("wrong", "new").await, Err(WalletError::Passphrase));
        wallet.change_passphrase("pass", "new").await.unwrap();
        wallet.lock().await.unwrap();
        assert_eq!(wallet.unlock("pass").await, Err(WalletError::Passphrase));
        wallet.unlock("new").await.unwrap();
        let words = Words::parse(WORDS).unwrap();
        assert_eq!(wallet.create(&words, "x").await, Err(WalletError::Exists));
    })
    .unwrap();
}

/// Two windows over one store: what one does, the other sees, and never overwrites.
#[test]
fn two_windows_do_not_overwrite_each_other() {
    let world = World::new();
    let (mut one, mut other) = (world.wallet(), world.wallet());
    run(async {
        fresh(&mut one).await;
        other.unlock("pass").await.unwrap();
        one.add_cash(MINT, cents(16), Progress::none()).await.unwrap();
        assert_eq!(balance(&mut other).await, 16);
        let bought = buy(&mut other).await.unwrap();
        assert_eq!(balance(&mut one).await, 11);
        assert_eq!(one.deals().await.unwrap()[0].deal, bought.deal);
        // A commit that does not reach the disk is forgotten, not half remembered.
        world.set_fates(|_| Fate::Lost);
        assert!(one.confirm_backup().await.is_err());
        world.set_fates(|_| Fate::Good);
        assert!(!one.status().await.unwrap().1);
    })
    .unwrap();
}

#[test]
fn an_offer_that_is_not_the_shops_is_refused() {
    let world = World::new();
    let mut wallet = world.wallet();
    run(async {
        fresh(&mut wallet).await;
        for url in ["shop.test", "javascript:alert(1)", ""] {
            assert_eq!(wallet.review(url).await.unwrap_err().code(), Code::REQUEST_INVALID, "{url}");
        }
        let missing = wallet.review(&format!("{SHOP}/offers/other")).await.unwrap_err();
        assert_eq!(missing.code(), Code::NOT_FOUND);
        let (offer, module) = (Digest::of(b"x"), ModuleId::none());
        let not_reviewed = wallet.pay(&offer, &module, Progress::none()).await;
        assert_eq!(not_reviewed.unwrap_err().code(), Code::REQUEST_INVALID);
    })
    .unwrap();
}

/// What pages call.
#[test]
fn methods_are_called_by_name() {
    let world = World::new();
    let mut wallet = world.wallet();
    run(async {
        let steps = std::cell::RefCell::new(Vec::new());
        let report = |progress: &Value| steps.borrow_mut().push(progress["step"].as_str().unwrap().to_owned());
        let progress = Progress::new(&report);
        let status = call(&mut wallet, "status", json!({}), progress).await.unwrap();
        assert_eq!(status, json!({ "state": "empty", "backup_confirmed": false }));
        let words = call(&mut wallet, "make_words", json!({}), progress).await.unwrap()["words"].clone();
        call(&mut wallet, "create", json!({ "words": words, "passphrase": "p" }), progress).await.unwrap();
        let cash = json!({ "mint": MINT, "amount": { "currency": "EUR", "minor": 16 } });
        let added = call(&mut wallet, "add_cash", cash, progress).await.unwrap();
        assert_eq!(added, json!({ "added": { "currency": "EUR", "minor": 16 } }));
        assert_eq!(steps.take(), ["reserve", "transfer", "arrived", "coins", "done"]);
        let review = call(&mut wallet, "review", json!({ "offer_url": OFFER }), progress).await.unwrap();
        assert_eq!(review["methods"][0]["usable"], true);
        assert!(review.get("already").is_none());
        let pay = json!({ "offer_digest": review["offer_digest"], "module": "ecash" });
        let paid = call(&mut wallet, "pay", pay, progress).await.unwrap();
        assert_eq!(paid["state"], "delivered");
        assert_eq!(steps.take(), ["ordering", "paying", "receipt", "delivered"]);
        let access = json!({ "deal": paid["deal"], "part": "a.html" });
        let access = call(&mut wallet, "part_access", access, progress).await.unwrap();
        assert_eq!(access["record_size"], 65_536);
        assert_eq!(access["content_key"].as_str().unwrap().len(), 22);
        let purses = call(&mut wallet, "purses", json!({}), progress).await.unwrap();
        assert_eq!(purses[0]["mint"], json!({ "url": MINT, "name": "Test mint" }));
        assert_eq!(call(&mut wallet, "balance", json!({}), progress).await.unwrap(), json!({ "EUR": 11 }));
        for (method, params) in [("pay", json!({})), ("frob", json!({})), ("deal", json!({ "deal": 1 }))] {
            let error = call(&mut wallet, method, params, progress).await.unwrap_err();
            assert_eq!(error.code(), Code::REQUEST_INVALID, "{method}");
        }
        let backup = wallet.call("export_backup", r#"{"passphrase":"b"}"#, None, progress).await.unwrap();
        assert!(matches!(backup, Answer::Bytes(bytes) if bytes.starts_with(b"semper-backup/1\n")));
    })
    .unwrap();
}

async fn call<P: Ports>(
    wallet: &mut Wallet<P>,
    method: &str,
    params: Value,
    progress: Progress<'_>,
) -> Result<Value, WalletError> {
    match wallet.call(method, &params.to_string(), None, progress).await? {
        Answer::Json(json) => Ok(serde_json::from_str(&json).unwrap()),
        Answer::Bytes(_) => panic!("no file was asked for"),
    }
}
