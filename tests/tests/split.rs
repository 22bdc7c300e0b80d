//! One price over two modules from end to end: both are taken, or neither.
#![allow(missing_docs)]

use std::thread;
use std::time::{Duration, Instant};

use semper_shared::security::Signer as _;
use semper_tests::{Demo, Outcome, Wallet};
use serde_json::{Value, json};

const APPROVED: &str = "4242424242424242";
const DECLINED: &str = "4000000000000002";
const CHARGED_BACK: &str = "4000000000000259";

/// A wallet with 5.00 in coins and a card.
fn funded(demo: &Demo, card: &str) -> Outcome<Wallet> {
    let wallet = Wallet::funded("5.00", &demo.urls.mint)?;
    wallet.run(&["card", "add", "--number", card, "--expiry", "12/40", "--gateway", &demo.urls.gateway])?;
    await_split(demo)?;
    Ok(wallet)
}

/// The offers let two modules share their price as soon as merchant and gateway have met.
fn await_split(demo: &Demo) -> Outcome {
    let deadline = Instant::now() + Duration::from_secs(20);
    while offer(demo, "article")?["split"] != json!(["card", "ecash"]) {
        if Instant::now() > deadline {
            return Err("the shop lets nothing share a price".into());
        }
        thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

fn offer(demo: &Demo, good: &str) -> Outcome<Value> {
    payload(&reqwest::blocking::get(demo.offer(good))?.text()?).ok_or_else(|| "no offer".into())
}

fn payload(compact: &str) -> Option<Value> {
    let payload = semper_shared::foundation::base64::decode(compact.split('.').nth(1)?)?;
    serde_json::from_slice(&payload).ok()
}

fn euros(minor: u64) -> Value {
    json!({"currency": "EUR", "minor": minor})
}

/// What `buy` is asked.
fn buying(demo: &Demo, wallet: &Wallet, parts: &str) -> Outcome<Vec<String>> {
    let goods = wallet.goods();
    let out = goods.to_str().ok_or("path")?;
    Ok(["buy", &demo.offer("article"), "--out", out, "--split", parts, "--json"].map(str::to_owned).to_vec())
}

fn buy(demo: &Demo, wallet: &Wallet, parts: &str) -> Outcome<Value> {
    let words = buying(demo, wallet, parts)?;
    wallet.json(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

fn refused(demo: &Demo, wallet: &Wallet, parts: &str) -> Outcome<String> {
    let words = buying(demo, wallet, parts)?;
    wallet.refused(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Every statement of a deal that its wallet holds, by type.
fn statements(wallet: &Wallet, deal: &str, typ: &str) -> Outcome<Vec<Value>> {
    let file = wallet.home().join("../evidence.json");
    wallet.run(&["evidence", deal, "--out", file.to_str().ok_or("path")?])?;
    let evidence: Value = serde_json::from_slice(&std::fs::read(file)?)?;
    let all = evidence["statements"].as_array().ok_or("no statements")?.iter().filter_map(Value::as_str);
    let of_type = |compact: &&str| {
        let header = semper_shared::foundation::base64::decode(compact.split('.').next().unwrap_or_default());
        header
            .and_then(|header| serde_json::from_slice::<Value>(&header).ok())
            .is_some_and(|header| header["typ"] == typ)
    };
    Ok(all.filter(of_type).filter_map(payload).collect())
}

#[test]
fn coins_and_a_card_share_a_price_and_one_receipt() -> Outcome {
    let demo = Demo::start()?;
    let wallet = funded(&demo, APPROVED)?;
    let bought = buy(&demo, &wallet, "ecash=2.00,card")?;
    assert_eq!((&bought["state"], &bought["paid"]), (&json!("delivered"), &euros(320)));
    let parts = json!([{"module": "ecash", "amount": euros(200)}, {"module": "card", "amount": euros(120)}]);
    assert_eq!(bought["split"], parts);
    assert_eq!(wallet.balance()?, 300, "2.00 of 5.00 in coins");

    let deal = bought["deal"].as_str().ok_or("no deal")?;
    let [receipt] = statements(&wallet, deal, "semper-receipt+jwt")?.try_into().map_err(|_| "not one receipt")?;
    assert_eq!((&receipt["module"], &receipt["paid"]), (&json!("split"), &euros(320)));
    let named: Vec<_> = receipt["split"].as_array().ok_or("no parts")?.iter().map(|part| &part["amount"]).collect();
    assert_eq!(named, [&euros(200), &euros(120)]);
    let proofs: Vec<_> =
        receipt["split"].as_array().ok_or("no parts")?.iter().map(|part| part["payment"].clone()).collect();
    assert_eq!(receipt["payment"], json!([proofs[0][0], proofs[1][0]]), "each part has its proof");
    let [captured] = statements(&wallet, deal, "semper-card-done+jwt")?.try_into().map_err(|_| "not one capture")?;
    assert_eq!((&captured["operation"], &captured["captured_minor"]), (&json!("capture"), &json!(120)));
    assert_eq!(statements(&wallet, deal, "semper-deposit-confirmation+jwt")?[0]["amount"], euros(200));
    Ok(())
}

#[test]
fn a_declined_card_leaves_the_coins_where_they_are() -> Outcome {
    let demo = Demo::start()?;
    let wallet = funded(&demo, DECLINED)?;
    assert_eq!(refused(&demo, &wallet, "ecash=2.00,card")?, "card-declined");
    assert_eq!(wallet.balance()?, 500, "no coin was deposited, and none is lost");
    let deals = wallet.json(&["deals", "--json"])?;
    assert_eq!(deals[0]["state"], "refused", "{deals}");
    // The same coins pay the same good alone.
    let bought = wallet.buy(&demo.offer("article"))?;
    assert_eq!((&bought["state"], wallet.balance()?), (&json!("delivered"), 180));
    Ok(())
}

#[test]
fn more_coins_than_there_are_and_parts_that_do_not_fit_are_not_signed() -> Outcome {
    let demo = Demo::start()?;
    let wallet = Wallet::funded("1.00", &demo.urls.mint)?;
    await_split(&demo)?;
    assert_eq!(refused(&demo, &wallet, "ecash=0.50,card")?, "card-not-enrolled");
    wallet.run(&["card", "add", "--number", APPROVED, "--expiry", "12/40", "--gateway", &demo.urls.gateway])?;
    assert_eq!(refused(&demo, &wallet, "ecash=2.00,card")?, "funds-insufficient");
    assert_eq!(refused(&demo, &wallet, "ecash=3.20,card")?, "split-invalid");
    assert_eq!(refused(&demo, &wallet, "ecash=3.21,card")?, "split-invalid");
    assert_eq!(refused(&demo, &wallet, "card=1.00,card")?, "split-invalid");
    assert_eq!(refused(&demo, &wallet, "ecash=1.00")?, "split-invalid");
    assert_eq!(refused(&demo, &wallet, "dummy=1.00,card")?, "module-unsupported");
    assert_eq!((wallet.json(&["deals", "--json"])?, wallet.balance()?), (json!([]), 100), "nothing was ordered");

    // What is there is enough for its part, and either may be named first.
    let bought = buy(&demo, &wallet, "card=2.20,ecash")?;
    assert_eq!(bought["split"][1], json!({"module": "ecash", "amount": euros(100)}));
    assert_eq!(wallet.balance()?, 0);
    Ok(())
}

/// Runs `semper` as the demo's operator.
fn operate(demo: &Demo, arguments: &[&str]) -> Outcome<Value> {
    let mut command = std::process::Command::new(semper_tests::binaries::semper()?);
    let output = command.args(arguments).arg("--json").arg("--data").arg(demo.data()).output()?;
    if !output.status.success() {
        return Err(String::from_utf8(output.stderr)?.into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

#[test]
fn money_goes_back_to_the_card_first_and_then_to_the_coins() -> Outcome {
    let mut demo = Demo::start()?;
    let wallet = funded(&demo, APPROVED)?;
    let bought = buy(&demo, &wallet, "ecash=2.00,card")?;
    let deal = bought["deal"].as_str().ok_or("no deal")?;
    let listed = operate(&demo, &["deals"])?;
    let amounts: Vec<_> = listed[0]["split"].as_array().ok_or("no parts")?.iter().map(|part| &part["amount"]).collect();
    assert_eq!((amounts, &listed[0]["paid"]), (vec![&euros(200), &euros(120)], &euros(320)));

    let done = operate(&demo, &["refund", "--deal", deal, "--amount", "1.50", "--reason", "A page is missing."])?;
    assert_eq!((&done["amount"], &done["state"]), (&euros(150), &json!("done")));
    let found = wallet.json(&["refunds", "--json"])?;
    let parts: Vec<_> = found.as_array().ok_or("no refunds")?.iter().map(|refund| &refund["amount"]).collect();
    assert_eq!(parts, [&euros(120), &euros(30)], "all that the card paid, then coins");
    assert_eq!(wallet.balance()?, 330);
    assert_ne!(found[0]["via"], found[1]["via"]);

    demo.restart()?;
    operate(&demo, &["refund", "--deal", deal])?;
    let found = wallet.json(&["refunds", deal, "--json"])?;
    assert_eq!(found[0]["amount"], euros(170), "the rest, in coins: {found}");
    assert_eq!((found.as_array().map(Vec::len), wallet.balance()?), (Some(1), 500));
    assert!(operate(&demo, &["refund", "--deal", deal, "--amount", "0.01"]).is_err());
    let deals = wallet.json(&["deals", "--json"])?;
    assert_eq!((&deals[0]["refunded"], &deals[0]["split"]), (&euros(320), &bought["split"]));
    let refunds = statements(&wallet, deal, "semper-refund+jwt")?;
    assert_eq!(refunds[0]["refund"], refunds[1]["refund"], "one refund, one name");
    let [by_card] = &statements(&wallet, deal, "semper-card-done+jwt")?
        .into_iter()
        .filter(|done| done["operation"] == "refund")
        .collect::<Vec<_>>()[..]
    else {
        return Err("not one refund to the card".into());
    };
    assert_eq!(by_card["amount"], euros(120));
    Ok(())
}

/// Refunds as the operator does: what was printed, and the code where not all of it went back.
fn refund(demo: &Demo, deal: &str, more: &[&str]) -> Outcome<(Value, Option<String>)> {
    let mut command = std::process::Command::new(semper_tests::binaries::semper()?);
    command.args(["refund", "--deal", deal, "--json", "--data"]).arg(demo.data()).args(more);
    let output = command.output()?;
    let said = String::from_utf8(output.stderr)?;
    let code = said.lines().find_map(|line| Some(line.strip_prefix("semper: ")?.split_once(": ")?.0.to_owned()));
    assert_eq!(output.status.success(), code.is_none(), "{said}");
    Ok((serde_json::from_slice(&output.stdout).unwrap_or_default(), code))
}

/// The amounts that the wallet finds to have come back since it looked last, and what it has in coins then.
fn came_back(wallet: &Wallet, deal: &str) -> Outcome<(Vec<u64>, u64)> {
    let found = wallet.json(&["refunds", deal, "--json"])?;
    let minor = |refund: &Value| refund["amount"]["minor"].as_u64();
    Ok((found.as_array().ok_or("no refunds")?.iter().filter_map(minor).collect(), wallet.balance()?))
}

/// The shop cannot reach its coins when it gives the price back: the card has its part, the rest is still to be refunded.
#[test]
fn a_refund_of_which_a_part_failed_is_one_in_part_and_the_rest_is_tried_again() -> Outcome {
    let mut demo = Demo::start()?;
    let wallet = funded(&demo, APPROVED)?;
    let bought = buy(&demo, &wallet, "ecash=2.00,card")?;
    let deal = bought["deal"].as_str().ok_or("no deal")?;
    demo.serve_with(without_mints)?;
    let named = ["--reason", "A page is missing.", "--name", "AAAAAAAAAAAAAAAAAAAAAA"];
    let (done, code) = refund(&demo, deal, &named)?;
    assert_eq!(code.as_deref(), Some("module-unsupported"));
    assert_eq!((&done["state"], &done["amount"], &done["returned"]), (&json!("partly"), &euros(320), &euros(120)));
    assert_eq!(done["refused"], json!([{"module": "ecash", "code": "module-unsupported"}]));
    assert_eq!(operate(&demo, &["deals"])?[0]["refunded"], euros(120), "what went back counts, and no more");
    assert_eq!(came_back(&wallet, deal)?, (vec![120], 300));
    // The same decision is answered as it was, whatever the shop can do by now.
    demo.serve_with(|config| config)?;
    let all = [&named[..], &["--amount", "3.20"]].concat();
    assert_eq!(refund(&demo, deal, &all)?, (done, code));
    assert_eq!(refund(&demo, deal, &["--amount", "2.01"])?.1.as_deref(), Some("refund-excessive"));

    let (done, code) = refund(&demo, deal, &[])?;
    assert_eq!((&done["state"], &done["amount"], code), (&json!("done"), &euros(200), None), "{done}");
    assert_eq!(came_back(&wallet, deal)?, (vec![200], 500), "the coins' part, and nothing more to the card");
    assert_eq!(wallet.json(&["deals", "--json"])?[0]["refunded"], euros(320));
    Ok(())
}

fn without_mints(config: String) -> String {
    let mut within = false;
    let mut kept = String::new();
    for line in config.lines() {
        if line.starts_with('[') {
            within = line == "[[merchant.mints]]";
        }
        if !within {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

#[test]
fn coins_that_were_paid_out_are_told_of_beside_the_card_s_part() -> Outcome {
    let mut demo = Demo::start()?;
    demo.serve_with(|config| config.replace("wire_delay_s = 600", "wire_delay_s = 1"))?;
    let wallet = funded(&demo, APPROVED)?;
    let bought = buy(&demo, &wallet, "ecash=2.00,card")?;
    let deal = bought["deal"].as_str().ok_or("no deal")?;
    let deadline = Instant::now() + Duration::from_secs(20);
    while operate(&demo, &["payouts"])? == json!([]) {
        assert!(Instant::now() < deadline, "the mint never paid out");
        thread::sleep(Duration::from_millis(200));
    }
    let (done, code) = refund(&demo, deal, &[])?;
    assert_eq!((&done["returned"], code.as_deref()), (&euros(120), Some("already-paid-out")), "{done}");
    let (_, code) = refund(&demo, deal, &[])?;
    assert_eq!(code.as_deref(), Some("already-paid-out"), "the rest is asked for again, and refused again");
    assert_eq!(came_back(&wallet, deal)?, (vec![120], 300));
    assert_eq!(operate(&demo, &["payouts"])?[0]["agrees"], true);
    Ok(())
}

/// Who charged the card's part back has it: the coins' part can be refunded, up to what the coins paid.
#[test]
fn a_card_s_part_that_was_charged_back_leaves_the_coins_to_be_refunded() -> Outcome {
    let demo = Demo::start()?;
    let wallet = funded(&demo, CHARGED_BACK)?;
    let bought = buy(&demo, &wallet, "ecash=2.00,card")?;
    let deal = bought["deal"].as_str().ok_or("no deal")?;
    let [captured] = statements(&wallet, deal, "semper-card-done+jwt")?.try_into().map_err(|_| "not one capture")?;
    let url = format!("{}/authorisations/{}", demo.urls.gateway, captured["common"].as_str().ok_or("no name")?);
    let deadline = Instant::now() + Duration::from_secs(20);
    while reqwest::blocking::get(&url)?.json::<Value>()?["state"] != "charged-back" {
        assert!(Instant::now() < deadline, "it was never charged back");
        thread::sleep(Duration::from_millis(200));
    }
    let (done, code) = refund(&demo, deal, &["--amount", "0.50"])?;
    assert_eq!(
        (&done["state"], &done["amount"], code),
        (&json!("done"), &euros(50), None),
        "all of it in coins: {done}"
    );
    assert_eq!(came_back(&wallet, deal)?, (vec![50], 350));

    let (done, code) = refund(&demo, deal, &[])?;
    assert_eq!(code.as_deref(), Some("authorisation-closed"));
    assert_eq!((&done["state"], &done["amount"], &done["returned"]), (&json!("partly"), &euros(270), &euros(150)));
    assert_eq!(done["refused"], json!([{"module": "card", "code": "authorisation-closed"}]));
    assert_eq!(came_back(&wallet, deal)?, (vec![150], 500), "as much as the coins had paid");
    assert_eq!(refund(&demo, deal, &[])?.1.as_deref(), Some("authorisation-closed"));
    assert_eq!(operate(&demo, &["deals"])?[0]["refunded"], euros(200));
    Ok(())
}

#[test]
fn a_policy_judges_each_part_by_the_whole_price() -> Outcome {
    let demo = Demo::start()?;
    let wallet = funded(&demo, APPROVED)?;
    let key = semper_shared::security::SigningKey::from_bytes(&[9; 32])?;
    let policy = json!({
        "name": "No cash above 3.00", "issuer": "A parent", "key": key.public_key(),
        "rules": [{"then": "forbid", "modules": ["ecash"], "when": {"over": euros(300)}, "why": "Too much for cash."}],
        "otherwise": "allow", "issued_at": 1, "expires_at": 9_000_000_000_u64,
    });
    let policy: semper_shared::commerce::Policy = serde_json::from_value(policy)?;
    let file = wallet.home().join("../policy.jws");
    std::fs::write(&file, semper_shared::items::statement::Signed::sign(policy, &key).compact())?;
    let authority = key.public_key().thumbprint().to_string();
    wallet.run(&["policy", "set", file.to_str().ok_or("path")?, "--authority", &authority])?;
    assert_eq!(refused(&demo, &wallet, "ecash=2.00,card")?, "policy-forbids", "2.00 of 3.20 is still a part of 3.20");
    assert_eq!(wallet.balance()?, 500);
    Ok(())
}
