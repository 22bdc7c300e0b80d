//! Payment by card from end to end, with every outcome that the sandbox has a card for.
#![allow(missing_docs)]

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use semper_tests::{Demo, Outcome, Wallet, goods};
use serde_json::{Value, json};

const APPROVED: &str = "4242424242424242";
const DECLINED: &str = "4000000000000002";
const LOST: &str = "4000000000009987";
const INSUFFICIENT: &str = "4000000000009995";
const ISSUER_EXPIRED: &str = "4000000000000069";
const STEP_UP: &str = "4000002760003184";
const ANSWER_LOST: &str = "4000000000000119";
const CHARGED_BACK: &str = "4000000000000259";

fn with_card(demo: &Demo, number: &str) -> Outcome<Wallet> {
    let wallet = Wallet::init()?;
    wallet.run(&["card", "add", "--number", number, "--expiry", "12/40", "--gateway", &demo.urls.gateway])?;
    Ok(wallet)
}

/// The offers name the gateway as soon as merchant and gateway have met.
fn await_cards(demo: &Demo, wallet: &Wallet) -> Outcome {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let refused = wallet.attempt(&["buy", &demo.offer("article"), "--out", "unused", "--method", "card-not"])?;
        let offer = reqwest::blocking::get(demo.offer("article"))?.text()?;
        let payload =
            offer.split('.').nth(1).and_then(semper_shared::foundation::base64::decode).ok_or("no payload")?;
        let payload: Value = serde_json::from_slice(&payload)?;
        assert!(!refused.status.success());
        if payload["accepts"].as_array().is_some_and(|list| list.iter().any(|one| one["module"] == "card")) {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err("the shop takes no cards".into());
        }
        thread::sleep(Duration::from_millis(100));
    }
}

fn buy(wallet: &Wallet, demo: &Demo, good: &str) -> Outcome<Value> {
    let goods = wallet.goods();
    let out = goods.to_str().ok_or("path")?;
    wallet.json(&["buy", &demo.offer(good), "--out", out, "--method", "card", "--json"])
}

fn refused(wallet: &Wallet, demo: &Demo) -> Outcome<String> {
    wallet.refused(&["buy", &demo.offer("article"), "--out", "unused", "--method", "card", "--json"])
}

#[test]
fn a_card_buys_a_file() -> Outcome {
    let demo = Demo::start()?;
    let wallet = with_card(&demo, APPROVED)?;
    await_cards(&demo, &wallet)?;
    let bought = buy(&wallet, &demo, "article")?;
    assert_eq!(bought["state"], "delivered");
    assert_eq!(bought["paid"], json!({"currency": "EUR", "minor": 320}));
    let file = bought["files"][0].as_str().ok_or("no file")?;
    assert_eq!(fs::read_to_string(file)?, goods::text("article"));
    // The same card, a second purchase.
    assert_eq!(buy(&wallet, &demo, "letter")?["state"], "delivered");

    no_card_number_is_outside(&demo, &wallet, APPROVED)
}

#[test]
fn a_wrong_number_and_a_card_past_its_end_are_sent_nowhere() -> Outcome {
    let wallet = Wallet::init()?;
    // Nobody listens there: it is refused before anything is asked.
    let nowhere = "http://localhost:1";
    let add =
        |number, expiry| wallet.refused(&["card", "add", "--number", number, "--expiry", expiry, "--gateway", nowhere]);
    assert_eq!(add("4242424242424241", "12/40")?, "card-number-invalid");
    assert_eq!(add(APPROVED, "01/20")?, "card-expired");
    assert_eq!(add(APPROVED, "13/40")?, "payment-invalid");
    Ok(())
}

#[test]
fn every_refusal_has_its_code_and_takes_nothing() -> Outcome {
    let demo = Demo::start()?;
    let none = Wallet::init()?;
    await_cards(&demo, &none)?;
    assert_eq!(refused(&none, &demo)?, "card-not-enrolled");
    for (number, code) in [
        (DECLINED, "card-declined"),
        (LOST, "card-declined"),
        (INSUFFICIENT, "funds-insufficient"),
        (ISSUER_EXPIRED, "card-expired"),
    ] {
        let wallet = with_card(&demo, number)?;
        assert_eq!(refused(&wallet, &demo)?, code, "{number}");
        let deals = wallet.json(&["deals", "--json"])?;
        assert_eq!(deals[0]["state"], "refused", "{number}: {deals}");
        no_card_number_is_outside(&demo, &wallet, number)?;
    }
    Ok(())
}

#[test]
fn the_cardholder_approves_what_the_issuer_asks() -> Outcome {
    let demo = Demo::start()?;
    let wallet = with_card(&demo, STEP_UP)?;
    await_cards(&demo, &wallet)?;
    assert_eq!(refused(&wallet, &demo)?, "step-up-required");
    let deals = wallet.json(&["deals", "--json"])?;
    let deal = deals[0]["deal"].as_str().ok_or("no deal")?.to_owned();
    assert_eq!(deals[0]["state"], "ordered", "nothing is decided");
    // Asking again changes nothing.
    assert_eq!(refused(&wallet, &demo)?, "step-up-required");

    let said = wallet.json(&["card", "approve", &deal, "--json"])?;
    assert_eq!(said["asked"]["amount"], json!({"currency": "EUR", "minor": 320}));
    assert_eq!(said["asked"]["payee"], "Meridian");
    let bought = buy(&wallet, &demo, "article")?;
    assert_eq!((&bought["deal"], &bought["state"]), (&json!(deal), &json!("delivered")));
    Ok(())
}

#[test]
fn the_cardholder_may_say_no() -> Outcome {
    let demo = Demo::start()?;
    let wallet = with_card(&demo, STEP_UP)?;
    await_cards(&demo, &wallet)?;
    assert_eq!(refused(&wallet, &demo)?, "step-up-required");
    let deals = wallet.json(&["deals", "--json"])?;
    let deal = deals[0]["deal"].as_str().ok_or("no deal")?.to_owned();
    wallet.run(&["card", "approve", &deal, "--refuse"])?;
    // The first word counts.
    assert_eq!(wallet.refused(&["card", "approve", &deal])?, "card-declined");
    assert_eq!(refused(&wallet, &demo)?, "card-declined");
    Ok(())
}

#[test]
fn a_lost_answer_is_found_out_and_charged_once() -> Outcome {
    let demo = Demo::start()?;
    let wallet = with_card(&demo, ANSWER_LOST)?;
    await_cards(&demo, &wallet)?;
    let bought = buy(&wallet, &demo, "article")?;
    assert_eq!(bought["state"], "delivered");
    let books = fs::read(demo.data().join("gateway").join("sandbox.sqlite"))?;
    assert!(!books.is_empty());
    Ok(())
}

#[test]
fn a_purchase_goes_on_after_everything_was_killed() -> Outcome {
    let mut demo = Demo::start()?;
    let wallet = with_card(&demo, STEP_UP)?;
    await_cards(&demo, &wallet)?;
    assert_eq!(refused(&wallet, &demo)?, "step-up-required");
    let deals = wallet.json(&["deals", "--json"])?;
    let deal = deals[0]["deal"].as_str().ok_or("no deal")?.to_owned();
    demo.restart()?;
    wallet.run(&["card", "approve", &deal])?;
    demo.restart()?;
    assert_eq!(buy(&wallet, &demo, "article")?["deal"], json!(deal));
    Ok(())
}

#[test]
fn a_chargeback_is_noticed() -> Outcome {
    let demo = Demo::start()?;
    let wallet = with_card(&demo, CHARGED_BACK)?;
    await_cards(&demo, &wallet)?;
    let bought = buy(&wallet, &demo, "article")?;
    let deal = bought["deal"].as_str().ok_or("no deal")?;
    let evidence = wallet.home().join("../evidence.json");
    wallet.run(&["evidence", deal, "--out", evidence.to_str().ok_or("path")?])?;
    let evidence: Value = serde_json::from_str(&fs::read_to_string(evidence)?)?;
    let done = evidence["statements"].as_array().ok_or("no statements")?.iter().filter_map(payload);
    let common = done.filter_map(|payload| payload["common"].as_str().map(str::to_owned)).next().ok_or("no capture")?;
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let url = format!("{}/authorisations/{common}", demo.urls.gateway);
        let standing: Value = reqwest::blocking::get(url)?.json()?;
        assert_eq!(standing["captured_minor"], 320, "{standing}");
        if standing["state"] == "charged-back" {
            return Ok(());
        }
        assert!(Instant::now() < deadline, "{standing}");
        thread::sleep(Duration::from_millis(200));
    }
}

fn payload(statement: &Value) -> Option<Value> {
    let compact = statement["jws"].as_str().or_else(|| statement.as_str())?;
    let payload = semper_shared::foundation::base64::decode(compact.split('.').nth(1)?)?;
    serde_json::from_slice(&payload).ok()
}

/// Looks for the number in everything that the parties keep and log, and in the wallet's own files, in the usual encodings.
fn no_card_number_is_outside(demo: &Demo, wallet: &Wallet, number: &str) -> Outcome {
    let digits: Vec<u8> = number.bytes().map(|b| b - b'0').collect();
    let grouped: Vec<String> =
        number.as_bytes().chunks(4).map(|four| String::from_utf8_lossy(four).into_owned()).collect();
    let mut needles = vec![
        number.as_bytes().to_vec(),
        grouped.join(" ").into_bytes(),
        grouped.join("-").into_bytes(),
        number.bytes().map(|b| format!("{b:02x}")).collect::<String>().into_bytes(),
        digits.clone(),
        number.parse::<u64>()?.to_be_bytes().to_vec(),
        number.parse::<u64>()?.to_le_bytes().to_vec(),
        // Packed decimals.
        digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect(),
        number.encode_utf16().flat_map(u16::to_le_bytes).collect(),
    ];
    // Base64 of a text that contains it, wherever it begins in a group of three bytes.
    for before in 0..3 {
        let text = format!("{}{number}", "x".repeat(before));
        let encoded = semper_shared::foundation::base64::encode(text.as_bytes());
        let whole = &encoded[(before * 4).div_ceil(3)..encoded.len() - 2];
        needles.push(whole.as_bytes().to_vec());
    }
    let mut read = 0;
    let mut files = vec![(demo.data().join("..").join("log"), fs::read(demo.data().join("..").join("log"))?)];
    collect(&demo.data(), &mut files)?;
    collect(&wallet.home(), &mut files)?;
    for (path, bytes) in &files {
        read += bytes.len();
        for needle in &needles {
            let found = bytes.windows(needle.len()).any(|window| window == needle);
            assert!(!found, "{} holds the card's number", path.display());
        }
    }
    assert!(read > 100_000, "nothing was searched");
    // The search would find it.
    assert!(needles.iter().all(|needle| needle.len() >= 8));
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<(std::path::PathBuf, Vec<u8>)>) -> Outcome {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            let bytes = fs::read(&path)?;
            files.push((path, bytes));
        }
    }
    Ok(())
}
