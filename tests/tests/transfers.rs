//! Cash from person to person with the real programs: sent, asked for, called off, expired, restored; and the mint's limits.
#![allow(missing_docs)]

use std::thread::sleep;
use std::time::{Duration, Instant};

use semper_tests::{Demo, Outcome, Wallet};
use serde_json::Value;

fn text<'a>(value: &'a Value, member: &str) -> Outcome<&'a str> {
    value[member].as_str().ok_or_else(|| format!("no {member} in {value}").into())
}

fn send(wallet: &Wallet, amount: &str, expires: &str) -> Outcome<Value> {
    wallet.json(&["send", amount, "--purpose", "Lunch", "--expires", expires, "--json"])
}

fn state_of(wallet: &Wallet, transfer: &str) -> Outcome<String> {
    let transfers = wallet.json(&["transfers", "--json"])?;
    let list = transfers.as_array().ok_or("a list")?;
    let found = list.iter().find(|one| one["transfer"] == transfer).ok_or("the transfer")?;
    Ok(text(found, "state")?.to_owned())
}

#[test]
fn a_link_takes_cash_from_one_person_to_another() -> Outcome {
    let demo = Demo::start()?;
    let (sender, payee, third) = (Wallet::funded("20.00", &demo.urls.mint)?, Wallet::init()?, Wallet::init()?);
    let printed = sender.run(&["send", "3.20", "--purpose", "Lunch", "--site", &demo.urls.wallet])?;
    let link = printed.trim();
    assert!(link.starts_with(&format!("{}/#receive=", demo.urls.wallet)), "{link}");
    assert_eq!(sender.balance()?, 1680);

    assert!(payee.run(&["receive", link])?.contains("3.20 EUR received"));
    assert_eq!(payee.balance()?, 320);
    payee.run(&["receive", link])?;
    assert_eq!(payee.balance()?, 320, "once");
    assert_eq!(third.refused(&["receive", link])?, "transfer-accepted");

    sender.run(&["resume"])?;
    let transfers = sender.run(&["transfers"])?;
    assert!(transfers.contains("sent and taken: Lunch"), "{transfers}");
    // The payee's cash is cash: it pays in the shop.
    payee.buy(&demo.offer("article"))?;
    assert_eq!(payee.balance()?, 0);
    Ok(())
}

#[test]
fn who_is_asked_pays_once() -> Outcome {
    let demo = Demo::start()?;
    let (payee, payer, second) =
        (Wallet::init()?, Wallet::funded("5.00", &demo.urls.mint)?, Wallet::funded("5.00", &demo.urls.mint)?);
    let asked = payee.json(&["request", "4.00", "--mint", &demo.urls.mint, "--purpose", "Rent", "--json"])?;
    let link = text(&asked, "link")?;
    payer.run(&["pay-request", link])?;
    payer.run(&["pay-request", link])?;
    assert_eq!(payer.balance()?, 100, "once");
    assert_eq!(second.refused(&["pay-request", link])?, "transfer-accepted");
    assert_eq!(second.balance()?, 500);
    assert_eq!(payee.balance()?, 0, "not fetched yet");
    payee.run(&["resume"])?;
    assert_eq!(payee.balance()?, 400);
    assert_eq!(payer.refused(&["pay-request", "https://example.org/#nonsense"])?, "request-invalid");
    Ok(())
}

#[test]
fn what_is_called_off_or_expires_is_back() -> Outcome {
    let demo = Demo::start()?;
    let (sender, payee) = (Wallet::funded("10.00", &demo.urls.mint)?, Wallet::init()?);
    let called_off = send(&sender, "3.00", "1h")?;
    sender.run(&["call-off", text(&called_off, "transfer")?])?;
    assert_eq!(sender.balance()?, 1000);
    assert_eq!(payee.refused(&["receive", text(&called_off, "link")?])?, "transfer-returned");

    let expiring = send(&sender, "3.00", "2s")?;
    assert_eq!(sender.balance()?, 700);
    let begun = Instant::now();
    while state_of(&sender, text(&expiring, "transfer")?)? != "returned" {
        assert!(begun.elapsed() < Duration::from_secs(30), "it does not come back");
        sleep(Duration::from_millis(500));
        sender.run(&["resume"])?;
    }
    assert_eq!(sender.balance()?, 1000);
    assert_eq!(payee.refused(&["receive", text(&expiring, "link")?])?, "transfer-returned");
    Ok(())
}

/// The mint and the senders' devices are lost in between; words and disk bring everything back.
#[test]
fn neither_a_power_cut_nor_a_lost_device_loses_a_transfer() -> Outcome {
    let mut demo = Demo::start()?;
    let sender = Wallet::none()?;
    let made = sender.json(&["init", "--json"])?;
    let words = text(&made, "words")?;
    sender.run(&["withdraw", "10.00", "--mint", &demo.urls.mint])?;
    let (taken, open) = (send(&sender, "1.00", "1h")?, send(&sender, "2.00", "1h")?);
    demo.kill()?;
    demo.restart()?;
    let payee = Wallet::init()?;
    payee.run(&["receive", text(&taken, "link")?])?;
    drop(sender);

    let restored = Wallet::none()?;
    restored.run(&["restore", "--words", words, "--mint", &demo.urls.mint])?;
    assert_eq!(restored.balance()?, 700);
    assert_eq!(state_of(&restored, text(&taken, "transfer")?)?, "done");
    assert_eq!(state_of(&restored, text(&open, "transfer")?)?, "open");
    restored.run(&["call-off", text(&open, "transfer")?])?;
    assert_eq!(restored.balance()?, 900);
    assert_eq!(payee.balance()?, 100);
    Ok(())
}
