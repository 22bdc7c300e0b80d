//! Refunds from end to end, with the real programs: the operator's command, the mint's books, and the customer's wallet.
#![allow(missing_docs)]

use std::process::Command;

use semper_tests::wallet::path;
use semper_tests::{Demo, Outcome, Wallet, binaries};
use serde_json::Value;

/// Runs `semper` as the demo's operator; what it printed, or the stable code of its refusal.
fn operate(demo: &Demo, arguments: &[&str]) -> Outcome<Result<Value, String>> {
    let mut command = Command::new(binaries::semper()?);
    let output = command.args(arguments).arg("--json").arg("--data").arg(demo.data()).output()?;
    if output.status.success() {
        return Ok(Ok(serde_json::from_slice(&output.stdout)?));
    }
    let said = String::from_utf8(output.stderr)?;
    let code = said.lines().find_map(|line| line.strip_prefix("semper: ")?.split_once(": "));
    Ok(Err(code.map(|(code, _)| code.to_owned()).ok_or(said)?))
}

fn refund(demo: &Demo, deal: &str, amount: &str, reason: &str) -> Outcome<Result<Value, String>> {
    operate(demo, &["refund", "--deal", deal, "--amount", amount, "--reason", reason])
}

#[test]
fn money_comes_back_in_parts_and_no_more_than_was_paid() -> Outcome {
    let mut demo = Demo::start()?;
    let wallet = Wallet::funded("20.00", &demo.urls.mint)?;
    let bought = wallet.buy(&demo.offer("course"))?;
    let deal = bought["deal"].as_str().ok_or("no deal")?;
    assert_eq!(wallet.balance()?, 800);
    assert!(wallet.json(&["refunds", "--json"])?.as_array().is_some_and(Vec::is_empty));

    let done = refund(&demo, deal, "2.50", "One lesson is missing.")??;
    assert_eq!(done["amount"]["minor"], 250);
    let found = wallet.json(&["refunds", "--json"])?;
    assert_eq!((&found[0]["amount"]["minor"], &found[0]["reason"]), (&250.into(), &"One lesson is missing.".into()));
    assert_eq!(wallet.balance()?, 1050);

    assert_eq!(refund(&demo, deal, "9.51", "")?, Err("refund-excessive".to_owned()));
    assert_eq!(refund(&demo, deal, "0.00", "")?, Err("request-invalid".to_owned()));
    // The rest, while everything was down in between; the wallet finds it when it looks at this deal.
    demo.restart()?;
    let all = operate(&demo, &["refund", "--deal", deal])??;
    assert_eq!(all["amount"]["minor"], 950);
    assert_eq!(refund(&demo, deal, "0.01", "")?, Err("refund-excessive".to_owned()));
    wallet.run(&["refunds", deal])?;
    assert_eq!(wallet.balance()?, 2000);
    assert!(wallet.json(&["refunds", "--json"])?.as_array().is_some_and(Vec::is_empty), "each is found once");

    let deals = wallet.json(&["deals", "--json"])?;
    assert_eq!((&deals[0]["paid"]["minor"], &deals[0]["refunded"]["minor"]), (&1200.into(), &1200.into()));
    let listed = operate(&demo, &["deals"])??;
    assert_eq!((&listed[0]["deal"], &listed[0]["refunded"]["minor"]), (&deal.into(), &1200.into()));

    // What came back pays again, all of it, and the goods of the refunded deal still open.
    wallet.buy(&demo.offer("course"))?;
    wallet.buy(&demo.offer("article"))?;
    assert_eq!(wallet.balance()?, 480);
    wallet.run(&["fetch", deal, "--out", path(&wallet.goods())?])?;
    Ok(())
}

#[test]
fn a_refund_is_evidence() -> Outcome {
    let demo = Demo::start()?;
    let wallet = Wallet::funded("5.00", &demo.urls.mint)?;
    let bought = wallet.buy(&demo.offer("article"))?;
    let deal = bought["deal"].as_str().ok_or("no deal")?;
    refund(&demo, deal, "1.00", "Kept waiting.")??;
    wallet.run(&["refunds"])?;
    let file = wallet.home().join("../evidence.json");
    wallet.run(&["evidence", deal, "--out", path(&file)?])?;
    let evidence: Value = serde_json::from_str(&std::fs::read_to_string(file)?)?;
    let statements = evidence["statements"].as_array().ok_or("no statements")?;
    let header = |statement: &Value| {
        let header = semper_shared::foundation::base64::decode(statement.as_str()?.split('.').next()?)?;
        String::from_utf8(header).ok()
    };
    let headers: Vec<String> = statements.iter().filter_map(header).collect();
    for typ in ["semper-refund+jwt", "semper-refund-confirmation+jwt"] {
        assert!(headers.iter().any(|header| header.contains(typ)), "{typ} is missing");
    }
    Ok(())
}

#[test]
fn words_alone_find_what_was_refunded() -> Outcome {
    let demo = Demo::start()?;
    let wallet = Wallet::none()?;
    let made = wallet.json(&["init", "--json"])?;
    let words = made["words"].as_str().ok_or("words")?;
    wallet.run(&["withdraw", "20.00", "--mint", &demo.urls.mint])?;
    let bought = wallet.buy(&demo.offer("course"))?;
    refund(&demo, bought["deal"].as_str().ok_or("no deal")?, "4.00", "")??;
    // The wallet is lost before it has heard of it.
    let restored = Wallet::none()?;
    restored.run(&["restore", "--words", words, "--mint", &demo.urls.mint])?;
    assert_eq!(restored.balance()?, 1200);
    restored.buy(&demo.offer("course"))?;
    assert_eq!(restored.balance()?, 0);
    Ok(())
}

#[test]
fn after_the_payout_nothing_is_refunded() -> Outcome {
    let mut demo = Demo::start()?;
    demo.serve_with(|config| config.replace("wire_delay_s = 600", "wire_delay_s = 1"))?;
    let wallet = Wallet::funded("20.00", &demo.urls.mint)?;
    let bought = wallet.buy(&demo.offer("course"))?;
    let deal = bought["deal"].as_str().ok_or("no deal")?;
    // The mint gathers what is due within a second or two.
    for _ in 0..20 {
        std::thread::sleep(std::time::Duration::from_millis(500));
        match refund(&demo, deal, "0.01", "")? {
            Err(code) => {
                assert_eq!(code, "already-paid-out");
                assert_eq!(wallet.json(&["deals", "--json"])?[0]["refunded"], Value::Null);
                return Ok(());
            }
            Ok(_) => assert!(!demo.log()?.contains("do not balance")),
        }
    }
    Err("the mint never paid out".into())
}
