//! One party is killed (SIGKILL) at an exact step of a payment in coins and by card, or refuses there; the others live on.
//! Whatever happens, both parts stand in the end, or neither, and all books agree.
#![allow(missing_docs)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use semper_tests::market::{Party, open_readonly};
use semper_tests::proxy::{Moment, Trap};
use semper_tests::{Market, Outcome, Wallet};
use serde_json::Value;

use Moment::{Answered, Arriving, Asked};
use Who::{Gateway, Merchant, Mint};

const APPROVED: &str = "4242424242424242";
const STEP_UP: &str = "4000002760003184";
const ANSWER_LOST: &str = "4000000000000119";
const CASH: (&str, u64) = ("5.00", 500);
/// Of the article's 3.20.
const PARTS: &str = "ecash=2.00,card";
const BY_COINS: u64 = 200;
const BY_CARD: u64 = 120;

#[derive(Debug, Clone, Copy)]
enum Who {
    Mint,
    Merchant,
    Gateway,
}

/// Who dies, at which request to whom, and at which moment of it.
type Step = (Who, Who, &'static str, Moment);

const STEPS: &[Step] = &[
    (Merchant, Gateway, "/authorisations", Asked),
    (Merchant, Gateway, "/authorisations", Arriving),
    (Merchant, Gateway, "/authorisations", Answered),
    (Merchant, Mint, "/deposits", Asked),
    (Merchant, Mint, "/deposits", Arriving),
    (Merchant, Mint, "/deposits", Answered),
    (Merchant, Gateway, "/orders", Asked),
    (Merchant, Gateway, "/orders", Arriving),
    (Merchant, Gateway, "/orders", Answered),
    (Merchant, Merchant, "/deals", Answered),
    (Mint, Gateway, "/authorisations", Answered),
    (Mint, Mint, "/deposits", Asked),
    (Mint, Mint, "/deposits", Answered),
    (Mint, Gateway, "/orders", Asked),
    (Gateway, Gateway, "/authorisations", Asked),
    (Gateway, Gateway, "/authorisations", Answered),
    (Gateway, Mint, "/deposits", Asked),
    (Gateway, Mint, "/deposits", Answered),
    (Gateway, Gateway, "/orders", Asked),
    (Gateway, Gateway, "/orders", Answered),
];

fn party(market: &Market, who: Who) -> Outcome<&Arc<Party>> {
    match who {
        Mint => Ok(&market.mint),
        Merchant => Ok(&market.merchant),
        Gateway => market.gateway.as_ref().ok_or_else(|| "the market has no gateway".into()),
    }
}

/// A wallet with coins and a card, at a shop that lets them share a price.
fn funded(market: &Market, card: &str) -> Outcome<Wallet> {
    let gateway = party(market, Gateway)?.url();
    let deadline = Instant::now() + Duration::from_secs(40);
    loop {
        let offer = reqwest::blocking::get(market.offer("article"))?.text()?;
        let payload = offer.split('.').nth(1).and_then(semper_shared::foundation::base64::decode);
        let payload: Value = serde_json::from_slice(&payload.ok_or("no payload")?)?;
        if payload.get("split").is_some() {
            break;
        }
        if Instant::now() > deadline {
            return Err(format!("the shop takes no cards: {}", market.merchant.log()?).into());
        }
        thread::sleep(Duration::from_millis(100));
    }
    let wallet = Wallet::funded(CASH.0, &market.mint.url())?;
    wallet.run(&["card", "add", "--number", card, "--expiry", "12/40", "--gateway", &gateway])?;
    Ok(wallet)
}

fn buying(market: &Market, wallet: &Wallet) -> Outcome<Vec<String>> {
    let goods = wallet.goods();
    let out = goods.to_str().ok_or("path")?;
    Ok(["buy", &market.offer("article"), "--out", out, "--split", PARTS, "--json"].map(str::to_owned).to_vec())
}

/// What the gateway has of all cards: held, captured and refunded.
fn cards(market: &Market) -> Outcome<(u64, u64, u64)> {
    let books = open_readonly(&market.folder().join("gateway/gateway.sqlite"))?;
    let sum = |sql: &str| -> Outcome<u64> { Ok(u64::try_from(books.query_row(sql, (), |row| row.get::<_, i64>(0))?)?) };
    Ok((
        sum("SELECT coalesce(sum(amount), 0) FROM authorisation WHERE state = 2")?,
        sum("SELECT coalesce(sum(captured), 0) FROM authorisation")?,
        sum("SELECT coalesce(sum(refunded), 0) FROM authorisation")?,
    ))
}

fn require(holds: bool, what: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(what().into()) }
}

/// How many steps are taken in one market after another; the markets run at once, since most of the time somebody waits
/// for who is dead.
const STEPS_A_MARKET: usize = 5;

/// Takes the steps in several markets at once, each step with a wallet of its own.
#[test]
fn whoever_dies_at_whatever_step_both_parts_are_taken_once() -> Outcome {
    let markets = STEPS.chunks(STEPS_A_MARKET);
    let markets: Vec<_> =
        markets.map(|steps| thread::spawn(move || dying(steps).map_err(|error| error.to_string()))).collect();
    for market in markets {
        market.join().map_err(|_| "a market's thread ended early")??;
    }
    Ok(())
}

fn dying(steps: &[Step]) -> Outcome {
    let market = Market::start_with_cards()?;
    for (done, step) in (1_u64..).zip(steps) {
        dies(&market, step, done).map_err(|error| format!("{step:?}: {error}"))?;
    }
    Ok(())
}

fn dies(market: &Market, &(victim, to, path, moment): &Step, done: u64) -> Outcome {
    let wallet = funded(market, APPROVED)?;
    let words = buying(market, &wallet)?;
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let (killed, who) = (Arc::new(AtomicBool::new(false)), Arc::clone(party(market, victim)?));
    let deed = {
        let killed = Arc::clone(&killed);
        Box::new(move || killed.store(who.kill().is_ok(), Ordering::SeqCst))
    };
    party(market, to)?.proxy.set(Trap::new("POST", path, 1, moment, deed));
    let first = wallet.attempt(&words)?;
    let said = String::from_utf8_lossy(&first.stderr).into_owned();
    require(!party(market, to)?.proxy.unset() && killed.load(Ordering::SeqCst), || format!("never came: {said}"))?;
    party(market, victim)?.start()?;
    if !first.status.success() {
        let open = ["network-failed", "outcome-unknown", "in-progress", "busy"];
        require(open.iter().any(|code| said.contains(&format!("error[{code}]"))), || format!("told as open: {said}"))?;
        again(&wallet, &words)?;
    }
    wallet.run(&["resume"])?;
    let balance = wallet.balance()?;
    require(balance == CASH.1 - BY_COINS, || format!("the wallet has {balance}"))?;
    let books = market.books()?;
    require(books.balance() && (books.deposits, books.owed) == (done, done * BY_COINS), || format!("{books:?}"))?;
    let cards = cards(market)?;
    require(cards == (0, done * BY_CARD, 0), || format!("held, captured, refunded: {cards:?}"))?;
    let deals = market.deals()?;
    require(deals == (done, 0), || format!("deals: {deals:?}"))
}

/// The same command until nobody else works on the deal any more.
fn again(wallet: &Wallet, words: &[&str]) -> Outcome {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let output = wallet.attempt(words)?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() {
            return Ok(());
        }
        let waits =
            ["in-progress", "outcome-unknown", "busy"].iter().any(|code| said.contains(&format!("error[{code}]")));
        require(waits && Instant::now() < deadline, || said)?;
        thread::sleep(Duration::from_millis(300));
    }
}

#[test]
fn without_the_customer_recovery_takes_both_parts() -> Outcome {
    let market = Market::start_with_cards()?;
    let wallet = funded(&market, APPROVED)?;
    let words = buying(&market, &wallet)?;
    let merchant = Arc::clone(&market.merchant);
    let deed = Box::new(move || drop(merchant.kill()));
    market.mint.proxy.set(Trap::new("POST", "/deposits", 1, Answered, deed));
    let first = wallet.attempt(&words.iter().map(String::as_str).collect::<Vec<_>>())?;
    assert!(!first.status.success() && !market.mint.proxy.unset());
    assert_eq!(cards(&market)?, (BY_CARD, 0, 0), "held, and not taken");
    market.merchant.start()?;
    let deadline = Instant::now() + Duration::from_secs(40);
    while market.deals()? != (1, 0) {
        assert!(Instant::now() < deadline, "{}", market.merchant.log()?);
        thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(cards(&market)?, (0, BY_CARD, 0));
    Ok(())
}

#[test]
fn coins_that_were_spent_elsewhere_let_go_of_the_card() -> Outcome {
    let market = Market::start_with_cards()?;
    let wallet = funded(&market, APPROVED)?;
    // While the card is asked, the same coins are exchanged by a copy of the wallet.
    let copy = Wallet::none()?;
    let copied = std::process::Command::new("cp").arg("-r").arg(wallet.home()).arg(copy.home()).status()?;
    assert!(copied.success());
    copy.run(&["buy", &market.offer("article"), "--out", copy.goods().to_str().ok_or("path")?, "--method", "ecash"])?;
    let (_, code) = refused(&market, &wallet)?;
    assert_eq!(code, "coin-already-spent");
    assert_eq!(cards(&market)?, (0, 0, 0), "what was held on the card is let go");
    let deal = wallet.json(&["deals", "--json"])?[0].clone();
    assert_eq!(deal["state"], "refused", "{deal}");
    let url = format!("{}/deals/{}", market.merchant.url(), deal["deal"].as_str().ok_or("no deal")?);
    let told: Value = reqwest::blocking::get(url)?.json()?;
    assert_eq!(told["problem"]["part"], "ecash", "{told}");
    let detail = told["problem"]["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("Nothing was taken"), "{detail}");
    Ok(())
}

/// The code of a purchase that is refused for good, and what it said.
fn refused(market: &Market, wallet: &Wallet) -> Outcome<(String, String)> {
    let words = buying(market, wallet)?;
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let output = wallet.attempt(&words)?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        require(!output.status.success(), || "it should have been refused".to_owned())?;
        let code = said.lines().find_map(|line| line.strip_prefix("error[")?.split_once(']'));
        let code = code.map(|(code, _)| code.to_owned()).ok_or_else(|| said.clone())?;
        if !matches!(code.as_str(), "outcome-unknown" | "in-progress" | "network-failed") || Instant::now() > deadline {
            return Ok((said, code));
        }
        thread::sleep(Duration::from_millis(300));
    }
}

#[test]
fn a_capture_that_cannot_stand_gives_the_coins_back() -> Outcome {
    let market = Market::start_with_cards()?;
    let wallet = funded(&market, APPROVED)?;
    let words = buying(&market, &wallet)?;
    let gateway = Arc::clone(party(&market, Gateway)?);
    let deed = {
        let gateway = Arc::clone(&gateway);
        Box::new(move || drop(gateway.kill()))
    };
    gateway.proxy.set(Trap::new("POST", "/orders", 1, Asked, deed));
    let first = wallet.attempt(&words.iter().map(String::as_str).collect::<Vec<_>>())?;
    assert!(!first.status.success() && !gateway.proxy.unset());
    assert_eq!(market.books()?.owed, BY_COINS, "the coins are deposited");
    // So long away that the authorisation has ended.
    let books = Connection::open(market.folder().join("gateway/gateway.sqlite"))?;
    assert_eq!(books.execute("UPDATE authorisation SET capture_by = 1", ())?, 1);
    drop(books);
    gateway.start()?;

    let (said, code) = refused(&market, &wallet)?;
    assert_eq!(code, "split-undone", "{said}");
    assert!(said.contains("The other part was given back"), "{said}");
    wallet.run(&["resume"])?;
    assert_eq!(wallet.balance()?, CASH.1, "every coin is back");
    assert_eq!(cards(&market)?.1, 0, "nothing was captured");
    let deal = wallet.json(&["deals", "--json"])?[0].clone();
    assert_eq!(deal["state"], "refused", "{deal}");
    let url = format!("{}/deals/{}", market.merchant.url(), deal["deal"].as_str().ok_or("no deal")?);
    let told: Value = reqwest::blocking::get(url)?.json()?;
    let problem = &told["problem"];
    assert_eq!((&problem["part"], &problem["cause"]), (&"card".into(), &"authorisation-expired".into()), "{told}");
    assert!(problem["returned"]["refund"].is_string(), "{told}");
    Ok(())
}

#[test]
fn the_cardholder_is_asked_for_the_cards_part_alone() -> Outcome {
    let market = Market::start_with_cards()?;
    let wallet = funded(&market, STEP_UP)?;
    let words = buying(&market, &wallet)?;
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    assert_eq!(wallet.refused(&words)?, "step-up-required");
    assert_eq!(market.books()?.owed, 0, "no coin is asked for before the card is held");
    let deal = wallet.json(&["deals", "--json"])?[0]["deal"].as_str().ok_or("no deal")?.to_owned();
    for who in [Merchant, Gateway] {
        party(&market, who)?.kill()?;
        party(&market, who)?.start()?;
    }
    let said = wallet.json(&["card", "approve", &deal, "--json"])?;
    assert_eq!(said["asked"]["amount"]["minor"], BY_CARD);
    again(&wallet, &words)?;
    assert_eq!((wallet.balance()?, cards(&market)?), (CASH.1 - BY_COINS, (0, BY_CARD, 0)));

    // And one who says no keeps the coins.
    let other = funded(&market, STEP_UP)?;
    let words = buying(&market, &other)?;
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    assert_eq!(other.refused(&words)?, "step-up-required");
    let deal = other.json(&["deals", "--json"])?[0]["deal"].as_str().ok_or("no deal")?.to_owned();
    other.run(&["card", "approve", &deal, "--refuse"])?;
    assert_eq!(refused(&market, &other)?.1, "card-declined");
    assert_eq!((other.balance()?, cards(&market)?), (CASH.1, (0, BY_CARD, 0)));
    Ok(())
}

#[test]
fn an_authorisation_whose_answer_is_lost_is_found_out() -> Outcome {
    let market = Market::start_with_cards()?;
    let wallet = funded(&market, ANSWER_LOST)?;
    let words = buying(&market, &wallet)?;
    again(&wallet, &words.iter().map(String::as_str).collect::<Vec<_>>())?;
    assert_eq!((wallet.balance()?, cards(&market)?), (CASH.1 - BY_COINS, (0, BY_CARD, 0)));
    Ok(())
}
