//! A purchase from end to end, with the real programs.
#![allow(missing_docs)]

use std::fs;

use semper_tests::{Demo, Outcome, Wallet, goods};

#[test]
fn a_wallet_buys_a_file_with_coins() -> Outcome {
    let demo = Demo::start()?;
    let wallet = Wallet::funded("20.00", &demo.urls.mint)?;
    assert_eq!(wallet.balance()?, 2000);

    let bought = wallet.buy(&demo.offer("article"))?;
    assert_eq!(bought["state"], "delivered");
    assert_eq!(bought["paid"], serde_json::json!({"currency": "EUR", "minor": 320}));
    let file = bought["files"][0].as_str().ok_or("no file")?;
    assert_eq!(fs::read_to_string(file)?, goods::text("article"));
    assert_eq!(wallet.balance()?, 1680);
    Ok(())
}

#[test]
fn change_pays_the_next_purchase() -> Outcome {
    let demo = Demo::start()?;
    let wallet = Wallet::funded("20.00", &demo.urls.mint)?;
    for (id, left) in [("article", 1680), ("course", 480), ("article", 160), ("leaflet", 160), ("letter", 159)] {
        wallet.buy(&demo.offer(id))?;
        assert_eq!(wallet.balance()?, left, "after the {id}");
    }
    let recording = wallet.goods().join("recording.bin");
    assert_eq!(fs::read(recording)?, goods::recording());
    assert_eq!(wallet.refused(&["buy", &demo.offer("article"), "--out", "unused", "--json"])?, "funds-insufficient");
    assert_eq!(wallet.balance()?, 159);
    Ok(())
}

#[test]
fn every_statement_of_a_deal_is_evidence() -> Outcome {
    let demo = Demo::start()?;
    let wallet = Wallet::funded("5.00", &demo.urls.mint)?;
    let bought = wallet.buy(&demo.offer("article"))?;
    let deal = bought["deal"].as_str().ok_or("no deal")?;
    let file = wallet.home().join("../evidence.json");
    wallet.run(&["evidence", deal, "--out", file.to_str().ok_or("path")?])?;
    let evidence: serde_json::Value = serde_json::from_str(&fs::read_to_string(file)?)?;
    let statements = evidence["statements"].as_array().ok_or("no statements")?;
    let headers: Vec<String> = statements.iter().filter_map(header).collect();
    let types = [
        "semper-offer+jwt",
        "semper-order+jwt",
        "semper-coin-permission+jwt",
        "semper-deposit-confirmation+jwt",
        "semper-receipt+jwt",
        "semper-delivery+jwt",
        "semper-acknowledgement+jwt",
    ];
    for typ in types {
        assert!(headers.iter().any(|header| header.contains(typ)), "{typ} is missing");
    }
    let deals = wallet.json(&["deals", "--json"])?;
    assert_eq!(deals[0]["deal"], deal);
    Ok(())
}

/// The protected header of a compact JWS, as text.
fn header(statement: &serde_json::Value) -> Option<String> {
    let header = statement.as_str()?.split('.').next()?;
    String::from_utf8(semper_shared::foundation::base64::decode(header)?).ok()
}

#[test]
fn offers_are_listed_with_their_prices() -> Outcome {
    let demo = Demo::start()?;
    let wallet = Wallet::init()?;
    let offers = wallet.json(&["offers", &demo.urls.merchant, "--json"])?;
    let listed: Vec<_> = offers.as_array().ok_or("a list")?.iter().filter_map(|offer| offer["id"].as_str()).collect();
    assert_eq!(listed.len(), goods::GOODS.len(), "{listed:?}");
    assert_eq!(offers[1]["total"], serde_json::json!({"currency": "EUR", "minor": 320}));
    assert_eq!(offers[1]["url"], demo.offer("article"));
    Ok(())
}

#[test]
fn a_second_start_keeps_everything() -> Outcome {
    let mut demo = Demo::start()?;
    let wallet = Wallet::funded("10.00", &demo.urls.mint)?;
    wallet.buy(&demo.offer("article"))?;
    assert!(demo.stop()?, "SIGTERM ends it cleanly");
    demo.restart()?;
    wallet.buy(&demo.offer("article"))?;
    assert_eq!(wallet.balance()?, 360);
    Ok(())
}

#[test]
fn words_alone_restore_the_money() -> Outcome {
    let demo = Demo::start()?;
    let wallet = Wallet::none()?;
    let made = wallet.json(&["init", "--json"])?;
    let words = made["words"].as_str().ok_or("words")?;
    wallet.run(&["withdraw", "20.00", "--mint", &demo.urls.mint])?;
    wallet.buy(&demo.offer("article"))?;
    wallet.buy(&demo.offer("letter"))?;
    let before = wallet.balance()?;

    let restored = Wallet::none()?;
    restored.run(&["restore", "--words", words, "--mint", &demo.urls.mint])?;
    assert_eq!(restored.balance()?, before);
    restored.buy(&demo.offer("course"))?;
    assert_eq!(restored.balance()?, before - 1200);
    Ok(())
}
