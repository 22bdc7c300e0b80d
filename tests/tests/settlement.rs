//! Settlement from end to end, with the real programs: fees, a minimum payout, two accounts, the mint's signed lists of deals.
#![allow(missing_docs)]

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use semper_tests::wallet::path;
use semper_tests::{Demo, Outcome, Wallet, binaries, goods};
use serde_json::Value;

/// What the mint takes, when it pays, and where to.
const SETTLEMENT: &str = r#"
[mint.fees]
withdraw_minor = 1
deposit_minor = 2
refresh_minor = 1
[mint.fees.by_value.2]
withdraw_minor = 1
[mint.policy]
min_payout_minor = 1000
max_payout_wait_s = 3600
[merchant.payout.accounts]
books = "shelf"
[[bank.accounts]]
account = "shelf"
name = "The shelf"
token = "c2hlbGYtb2YtdGhlLXRlc3Rz"
opening_minor = 0
"#;

/// Runs `semper` with the demo's changed settings: what it printed, and the stable code of its refusal.
fn operate(demo: &Demo, arguments: &[&str]) -> Outcome<(Value, Option<String>)> {
    let mut command = Command::new(binaries::semper()?);
    let output =
        command.args(arguments).arg("--json").arg("--config").arg(demo.data().join("changed.toml")).output()?;
    let said = String::from_utf8(output.stderr)?;
    let code = said.lines().find_map(|line| line.strip_prefix("semper: ")?.split_once(": "));
    if !output.status.success() && code.is_none() {
        return Err(said.into());
    }
    Ok((serde_json::from_slice(&output.stdout).unwrap_or_default(), code.map(|(code, _)| code.to_owned())))
}

/// A demo whose course is paid to another account than the rest, at a mint that takes fees.
fn market() -> Outcome<Demo> {
    let mut demo = Demo::start()?;
    demo.kill()?;
    // The fees are part of what a denomination is, so the mint begins anew with those that have them.
    for file in std::fs::read_dir(demo.data().join("mint"))? {
        let file = file?.path();
        if file.file_name().is_some_and(|name| name != "key.pem") {
            std::fs::remove_file(file)?;
        }
    }
    let goods = demo.data().join("../goods");
    goods::pay_to(&goods, "course", "books")?;
    let imported = Command::new(binaries::semper()?)
        .args(["catalogue", "import", path(&goods)?, "--data", path(&demo.data().join("merchant"))?])
        .output()?;
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    serve(&mut demo)?;
    Ok(demo)
}

fn serve(demo: &mut Demo) -> Outcome {
    demo.serve_with(|config| config.replace("wire_delay_s = 600", "wire_delay_s = 8") + SETTLEMENT)
}

/// Buys, and holds what was shown against what it cost.
fn buy(wallet: &Wallet, demo: &Demo, good: &str, price: u64) -> Outcome<String> {
    let before = wallet.balance()?;
    let bought = wallet.buy(&demo.offer(good))?;
    let fee = bought["fee"]["minor"].as_u64().ok_or("no fee was shown")?;
    assert!(fee >= 2, "a coin at least, which costs two cents: {bought}");
    assert_eq!(bought["paid"]["minor"], price, "the merchant gets the whole price");
    assert_eq!(wallet.balance()?, before - price - fee, "what was shown is what it cost");
    bought["deal"].as_str().map(str::to_owned).ok_or_else(|| "no deal".into())
}

/// Waits until so many payouts were made.
fn payouts(demo: &Demo, count: usize) -> Outcome<Vec<Value>> {
    let since = Instant::now();
    loop {
        let (payouts, code) = operate(demo, &["payouts"])?;
        let payouts = payouts.as_array().cloned().unwrap_or_default();
        if payouts.len() >= count {
            assert_eq!(code, None, "{payouts:?}");
            return Ok(payouts);
        }
        if since.elapsed() > Duration::from_secs(60) {
            return Err(format!("{} of {count} payouts: {payouts:?}", payouts.len()).into());
        }
        thread::sleep(Duration::from_millis(500));
    }
}

fn books(demo: &Demo) -> Outcome<Value> {
    let (report, code) = operate(demo, &["audit"])?;
    assert_eq!(code, None, "{report}");
    Ok(report)
}

#[test]
fn fees_a_minimum_two_accounts_and_a_signed_list_of_deals() -> Outcome {
    let mut demo = market()?;
    let wallet = Wallet::none()?;
    let made = wallet.json(&["init", "--json"])?;
    let words = made["words"].as_str().ok_or("words")?;
    let added = wallet.json(&["withdraw", "40.00", "--mint", &demo.urls.mint, "--json"])?;
    let fee = added["fee"]["minor"].as_u64().ok_or("no fee")?;
    assert!(fee > 0 && wallet.balance()? == 4_000 - fee, "{added}");

    // Somebody who has the price, and not the fee, is told so before anything is paid.
    let poor = Wallet::init()?;
    poor.run(&["withdraw", "3.22", "--mint", &demo.urls.mint])?;
    let held = poor.balance()?;
    assert_eq!(poor.refused(&["buy", &demo.offer("article"), "--out", path(&poor.goods())?])?, "funds-insufficient");
    assert_eq!(poor.balance()?, held);

    // The course goes to one account, less what is refunded before; the article to the other, where it is too little.
    let course = buy(&wallet, &demo, "course", 1_200)?;
    let (refund, code) = operate(&demo, &["refund", "--deal", &course, "--amount", "1.00", "--reason", "a scratch"])?;
    assert_eq!(code, None, "{refund}");
    let article = buy(&wallet, &demo, "article", 320)?;
    let first = payouts(&demo, 1)?;
    thread::sleep(Duration::from_secs(10));
    assert_eq!(payouts(&demo, 1)?.len(), 1, "3.20 are carried forward");
    assert_eq!((&first[0]["account"], &first[0]["label"]), (&"shelf".into(), &"books".into()));
    assert_eq!((&first[0]["amount"]["minor"], &first[0]["fees"]["minor"]), (&1_100.into(), &0.into()));
    assert_eq!(
        (&first[0]["deals"][0]["deal"], &first[0]["deals"][0]["refunded"]["minor"]),
        (&course.into(), &100.into())
    );
    wallet.run(&["refunds"])?;

    // Three more make it enough; the mint is killed meanwhile.
    let mut deals = vec![article];
    for _ in 0..2 {
        deals.push(buy(&wallet, &demo, "article", 320)?);
    }
    demo.kill()?;
    serve(&mut demo)?;
    deals.push(buy(&wallet, &demo, "article", 320)?);
    let both = payouts(&demo, 2)?;
    assert_eq!((&both[0]["account"], &both[0]["amount"]["minor"]), (&"merchant".into(), &1_280.into()), "{both:?}");
    let mut paid: Vec<&str> =
        both[0]["deals"].as_array().ok_or("deals")?.iter().filter_map(|d| d["deal"].as_str()).collect();
    paid.sort_unstable();
    deals.sort_unstable();
    assert_eq!(paid, deals);
    books(&demo)?;

    // The words alone find what is left, less what exchanging every coin costs: the old device could spend them.
    let left = wallet.balance()?;
    let restored = Wallet::none()?;
    restored.run(&["restore", "--words", words, "--mint", &demo.urls.mint])?;
    let found = restored.balance()?;
    assert!((left - 120..left).contains(&found), "{found} of {left}");
    let report = books(&demo)?;
    assert!(report["sums"]["fees"].as_u64().is_some_and(|fees| fees > 0), "{report}");

    // Whatever does not agree is said, with its code.
    demo.stop()?;
    let store = Connection::open(demo.data().join("merchant/merchant.sqlite"))?;
    assert_eq!(store.execute("UPDATE refund SET amount = 99", ())?, 1);
    drop(store);
    serve(&mut demo)?;
    let (payouts, code) = operate(&demo, &["payouts"])?;
    assert_eq!(code.as_deref(), Some("payout-mismatch"));
    assert_eq!(payouts[1]["deals"][0]["fault"], "another amount was given back");
    assert_eq!((&payouts[0]["agrees"], &payouts[1]["code"]), (&true.into(), &"payout-mismatch".into()));
    Ok(())
}
