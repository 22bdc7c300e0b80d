//! What goes wrong: parties killed in the middle, coins copied, bodies tampered with. With the real programs.
#![allow(missing_docs)]

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use semper_tests::{Demo, Outcome, Wallet, goods};
use serde_json::{Value, json};

/// Kills every party after `pause`, while the wallet buys; starts them again; the same command finishes the purchase.
fn interrupted(pause: Duration) -> Outcome {
    let mut demo = Demo::start()?;
    let wallet = Wallet::funded("20.00", &demo.urls.mint)?;
    let out = wallet.goods();
    let out = out.to_str().ok_or("path")?;
    let offer = demo.offer("article");
    let mut first = wallet.command(&["buy", &offer, "--out", out, "--json"])?;
    let mut first = first.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    thread::sleep(pause);
    demo.kill()?;
    first.kill()?;
    first.wait()?;
    demo.restart()?;

    let before = wallet.json(&["deals", "--json"])?;
    let bought = wallet.buy(&offer)?;
    assert_eq!(bought["state"], "delivered", "after {pause:?}");
    assert_eq!(fs::read_to_string(out_file(&bought)?)?, goods::text("article"));
    wallet.run(&["resume"])?;
    let deals = wallet.json(&["deals", "--json"])?;
    let deals = deals.as_array().ok_or("a list")?;
    let paid: u64 = deals.iter().filter_map(|deal| deal["paid"]["minor"].as_u64()).sum();
    assert_eq!(wallet.balance()?, 2000 - paid, "after {pause:?}, from {before}: {deals:?}");
    // Only a first purchase that had come to its very end, files and all, makes a second one.
    assert!(deals.len() <= 2, "{deals:?}");
    Ok(())
}

fn out_file(bought: &Value) -> Outcome<&Path> {
    bought["files"][0].as_str().map(Path::new).ok_or_else(|| "no file".into())
}

#[test]
fn a_market_killed_while_it_is_paid_finishes_after_its_restart() -> Outcome {
    for pause_ms in [0, 15, 30, 60, 120] {
        interrupted(Duration::from_millis(pause_ms))?;
    }
    Ok(())
}

#[test]
fn a_copied_wallet_cannot_spend_its_coins_twice() -> Outcome {
    let demo = Demo::start()?;
    let wallet = Wallet::funded("3.20", &demo.urls.mint)?;
    let copy = Wallet::none()?;
    copy_folder(&wallet.home(), &copy.home())?;

    wallet.buy(&demo.offer("article"))?;
    let code = copy.refused(&["buy", &demo.offer("article"), "--out", "unused", "--json"])?;
    assert_eq!(code, "coin-already-spent");
    assert_eq!(wallet.balance()?, 0);
    Ok(())
}

#[test]
fn two_copies_at_once_pay_once() -> Outcome {
    let demo = Demo::start()?;
    let wallet = Wallet::funded("3.20", &demo.urls.mint)?;
    let copy = Wallet::none()?;
    copy_folder(&wallet.home(), &copy.home())?;
    let offer = demo.offer("article");
    let begin = |wallet: &Wallet| {
        let goods = wallet.goods();
        let mut command = wallet.command(&["buy", &offer, "--out", &goods.to_string_lossy(), "--json"])?;
        Outcome::Ok(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?)
    };
    let both = [begin(&wallet)?, begin(&copy)?];
    let mut delivered = 0;
    for mut one in both {
        delivered += u32::from(one.wait()?.success());
    }
    assert_eq!(delivered, 1);
    Ok(())
}

#[test]
fn bad_input_is_refused_by_its_code_and_nothing_moves() -> Outcome {
    let demo = Demo::start()?;
    let wallet = Wallet::funded("5.00", &demo.urls.mint)?;
    let http = reqwest::blocking::Client::new();
    let (merchant, mint) = (&demo.urls.merchant, &demo.urls.mint);
    let large = format!(r#"{{"order":"{}"}}"#, "A".repeat(2_000_000));
    let cases = [
        (format!("{merchant}/deals"), "{".to_owned(), 400, "json-malformed"),
        (format!("{merchant}/deals"), r#"{"order":"a","order":"b"}"#.to_owned(), 400, "json-malformed"),
        (format!("{merchant}/deals"), r#"{"order":"a.b.c","payment":null}"#.to_owned(), 400, "statement-malformed"),
        (format!("{merchant}/deals"), large, 413, "body-too-large"),
        (format!("{mint}/deposits"), r#"{"permissions":[]}"#.to_owned(), 400, "request-invalid"),
        (format!("{mint}/deposits"), r#"{"permissions":["x.y.z"]}"#.to_owned(), 400, "statement-malformed"),
        (
            format!("{mint}/deposits"),
            json!({"permissions": [unsigned("none")]}).to_string(),
            400,
            "algorithm-unsupported",
        ),
        (
            format!("{mint}/deposits"),
            json!({"permissions": [unsigned("HS256")]}).to_string(),
            400,
            "algorithm-unsupported",
        ),
        (
            format!("{mint}/withdrawals"),
            json!({"request": unsigned("ES256")}).to_string(),
            400,
            "statement-type-mismatch",
        ),
        (format!("{mint}/melts"), "[]".to_owned(), 400, "json-malformed"),
    ];
    for (url, body, status, code) in cases {
        let shown = body.chars().take(60).collect::<String>();
        let answer = http.post(&url).header("content-type", "application/json").body(body).send()?;
        assert_eq!(answer.status().as_u16(), status, "{url} {shown}");
        let kind =
            answer.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_owned();
        assert!(kind.starts_with("application/problem+json"), "{url} {shown}: {kind}");
        let problem: Value = answer.json()?;
        assert_eq!(problem["code"], code, "{url} {shown}");
    }
    for path in ["/offers/none", "/deals/AAAA", "/content/AAAA", "/nowhere"] {
        let answer = http.get(format!("{merchant}{path}")).send()?;
        assert!(answer.status().is_client_error(), "{path}");
    }
    assert_eq!(wallet.balance()?, 500);
    Ok(())
}

/// A coin's permission with nothing in it, under some algorithm.
fn unsigned(algorithm: &str) -> String {
    let encode = |value: &Value| semper_shared::foundation::base64::encode(value.to_string().as_bytes());
    let kid = semper_shared::foundation::Digest::of(b"nobody").to_string();
    let header = json!({"alg": algorithm, "typ": "semper-coin-permission+jwt", "kid": kid});
    format!("{}.{}.{}", encode(&header), encode(&json!({})), "A".repeat(86))
}

#[test]
fn the_command_line_says_what_went_wrong() -> Outcome {
    let demo = Demo::start()?;
    let wallet = Wallet::init()?;
    let offer = demo.offer("article");
    assert_eq!(wallet.refused(&["init"])?, "wallet-exists");
    assert_eq!(wallet.refused(&["buy", &demo.offer("nothing"), "--out", "unused"])?, "offer-unknown");
    assert_eq!(wallet.refused(&["withdraw", "1.234", "--mint", &demo.urls.mint])?, "amount-invalid");
    assert_eq!(wallet.refused(&["withdraw", "900.00", "--mint", &demo.urls.mint])?, "funds-insufficient");
    assert_eq!(wallet.refused(&["withdraw", "1.00", "--mint", "http://localhost:1"])?, "network-failed");
    assert_eq!(Wallet::none()?.refused(&["balance", "--json"])?, "wallet-empty");
    let code = Wallet::none()?.refused(&["restore", "--words", "one two three", "--mint", &demo.urls.mint])?;
    assert_eq!(code, "words-invalid");
    assert!(
        !wallet.attempt(&["buy", &offer, "--out", "unused", "--json"])?.status.success(),
        "an empty purse pays nothing"
    );
    Ok(())
}

fn copy_folder(from: &Path, to: &Path) -> Outcome {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
