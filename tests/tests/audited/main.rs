//! `semper audit`: it finds whatever is changed in the tables of mint and bank, and nothing where nothing was changed.
#![allow(missing_docs)]

mod postgres;
mod sqlite;

use std::collections::BTreeSet;
use std::process::Command;
use std::thread;
use std::time::Duration;

use rusqlite::Connection;
use semper_server::audit::{self, Report};
use semper_server::config::Config;
use semper_server::demo::CONFIG_FILE;
use semper_server::store::sql::StoreUrl;
use semper_shared::foundation::{Amount, Currency, UnixSeconds, base64};
use semper_tests::parts::{self, Parts, buy};
use semper_tests::{Outcome, binaries};
use semper_wallet::core::Progress;
use serde_json::{Value, json};

/// Columns whose change is no money and breaks no signature, each with the reason.
const HARMLESS: [(&str, &str); 14] = [
    // When something is tried again, which is not signed and moves nothing by itself.
    ("mint.payout", "next_at"),
    ("mint.stray_transfers", "next_at"),
    ("mint.transfer", "decided_at"),
    ("mint.revocation", "reason"),
    ("mint.revocation", "revoked_at"),
    ("mint.recoup", "at"),
    // On which day a reserve gave what it gave: its orders say when they were made by the customer's clock.
    ("mint.reserve_day", "day"),
    // What a refresh left behind is signed blindly: the mint does not keep what it was, so that only its shape is known.
    ("mint.melt", "transfer_public"),
    ("mint.melt", "signatures"),
    // What an account is called, and who may use it, is not bookkeeping.
    ("bank.account", "name"),
    ("bank.account", "token_hash"),
    // How far below zero an account may go; that it is not further is checked.
    ("bank.account", "floor"),
    ("mint.funding", "only"),
    ("bank.book", "only_one"),
];

/// Where PostgreSQL keeps which scripts have run: no book, and a server does not start on one with another number.
const SCHEMA_TABLE: &str = "semper_schema";

/// The article is paid to another account than the rest.
const SETTLEMENT: &str = "
[merchant.payout.accounts]
books = \"shelf\"
[[bank.accounts]]
account = \"shelf\"
name = \"The shelf\"
token = \"c2hlbGYtb2YtdGhlLXRlc3Rz\"
opening_minor = 0
";

fn euros(cents: u64) -> Outcome<Amount> {
    Ok(Amount::new(Currency::EUR, cents)?)
}

/// A market in which something of each kind has happened, stopped.
fn eventful(store: Option<&StoreUrl>) -> Outcome<Parts> {
    let mut market = Parts::start_with(8, store, SETTLEMENT, &["article"])?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(happen(&market))?;
    // The payout comes within the wire delay.
    thread::sleep(Duration::from_secs(11));
    // The merchant asks what it was for, and the mint signs that.
    let token = std::fs::read_to_string(market.data().join("merchant/admin.token"))?;
    let payouts = reqwest::blocking::Client::new()
        .get(format!("{}/admin/payouts", market.url("merchant")))
        .bearer_auth(token.trim())
        .send()?
        .json::<Value>()?;
    let seen = payouts["payouts"].as_array().ok_or("no payouts")?;
    assert!(seen.len() >= 2 && seen.iter().all(|payout| payout["agrees"] == true), "{payouts}");
    market.stop()?;
    Ok(market)
}

async fn happen(market: &Parts) -> Outcome {
    let (mint, merchant, bank) = (market.url("mint"), market.url("merchant"), market.url("bank"));
    let http = reqwest::Client::new();
    let (mut alice, mut bob) = (parts::wallet().await?, parts::wallet().await?);
    for _ in 0..2 {
        alice.add_cash(&mint, euros(1_500)?, Progress::none()).await?;
    }
    bob.add_cash(&mint, euros(100)?, Progress::none()).await?;

    let test: Value = http.get(format!("{bank}/test-account")).send().await?.json().await?;
    let order = json!({"id": "astray", "from": test["account"], "to": "mint", "amount": euros(77)?, "subject": "rent"});
    let token = test["token"].as_str().ok_or("no test account")?;
    http.post(format!("{bank}/transfers")).bearer_auth(token).json(&order).send().await?.error_for_status()?;

    buy(&mut alice, &merchant, "article").await?;
    let deal = alice.deals().await?.pop().ok_or("no deal")?.deal;
    let token = std::fs::read_to_string(market.data().join("merchant/admin.token"))?;
    let refund = json!({"refund": "AAAAAAAAAAAAAAAAAAAAAA", "amount": euros(100)?, "reason": "a scratch"});
    let refunds = format!("{merchant}/admin/deals/{deal}/refunds");
    let answer = http.post(refunds).bearer_auth(token.trim()).json(&refund).send().await?;
    if !answer.status().is_success() {
        return Err(format!("the refund was refused: {}", answer.text().await?).into());
    }
    alice.resume(Progress::none()).await?;
    alice.refresh().await?;
    buy(&mut alice, &merchant, "letter").await?;

    // More than the mint gives at once: two withdrawals from one reserve.
    let sent = alice.send_person(euros(1_600)?, "a bicycle", 3_600).await?;
    bob.receive_link(sent.link.as_deref().ok_or("no link")?).await?;
    alice.send_person(euros(30)?, "not taken yet", 3_600).await?;
    let back = alice.send_person(euros(20)?, "taken back", 3_600).await?;
    alice.cancel_transfer(&back.transfer).await?;
    buy(&mut bob, &merchant, "letter").await?;
    revoke(market).await?;
    // The shop hears that her coins are good no longer, and so does she: they become fresh ones.
    assert!(buy(&mut alice, &merchant, "article").await.is_err());
    alice.resume(Progress::none()).await?;
    buy(&mut alice, &merchant, "article").await.map_err(|error| format!("with fresh coins: {error}"))?;
    Ok(())
}

/// The denominations' keys that the mint publishes, and how many denominations it has revoked.
async fn published(market: &Parts) -> Outcome<(BTreeSet<String>, usize)> {
    let keys = reqwest::get(format!("{}/keys", market.url("mint"))).await?.text().await?;
    let keys = base64::decode(keys.split('.').nth(1).unwrap_or_default()).ok_or("no key document")?;
    let keys: Value = serde_json::from_slice(&keys)?;
    let denominations = keys["denominations"].as_array().ok_or("no denominations")?;
    let moduli = denominations.iter().filter_map(|denomination| denomination["n"].as_str().map(str::to_owned));
    Ok((moduli.collect(), keys["revoked"].as_array().map_or(0, Vec::len)))
}

/// Revokes every denomination, and waits until the mint has taken that in and made others.
async fn revoke(market: &Parts) -> Outcome {
    let (before, _) = published(market).await?;
    let mut revoke = Command::new(binaries::semper()?);
    revoke.args(["mint", "revoke", "--all", "--reason", "a disk was lost", "--data"]).arg(market.data());
    if !revoke.status()?.success() {
        return Err("nothing was revoked".into());
    }
    for _ in 0..600 {
        let (now, revoked) = published(market).await?;
        if revoked > 0 && !now.is_subset(&before) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err("the mint did not hear that it revokes".into())
}

/// Audits as if it were tomorrow, when nothing can be on its way any longer.
fn look(market: &Parts) -> Outcome<Report> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let config = Config::read(&market.data().join(CONFIG_FILE))?;
    let tomorrow = UnixSeconds(semper_server::clock::now().0 + 86_400);
    Ok(runtime.block_on(audit::run(&config, tomorrow))?)
}

/// What became of a change.
enum Change {
    /// There are no so many rows that could be changed.
    NoMore,
    /// The database does not allow it.
    Refused,
    /// A value is another one; it is said which.
    Made(String),
}

/// A party's tables, with the power to change them behind its back.
trait Tables {
    /// Every column of every table, as (table, column).
    fn columns(&self) -> Outcome<Vec<(String, String)>>;

    /// How many rows a table has.
    fn count(&self, table: &str) -> Outcome<u64>;

    /// Changes the n-th value of a column that can be changed, and nothing else.
    fn change(&mut self, table: &str, column: &str, nth: usize) -> Outcome<Change>;

    /// Puts a table back as it was.
    fn restore(&mut self, table: &str) -> Outcome;
}

/// How many rows are tried until one is found. Of the mint's the first must be; at the bank there are accounts that are
/// nobody's here, whose papers say nothing that could be compared.
fn patience(party: &str) -> usize {
    if party == "mint" { 1 } else { 24 }
}

/// How much is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Depth {
    /// Every column of every table.
    Columns,
    /// One column of every table, and those that are money.
    Tables,
}

/// Columns that are money.
const MONEY: [&str; 3] = ["amount", "balance", "spent"];

/// Changes each column of a row of each table, one at a time, and audits; returns what was overlooked.
fn corrupt(market: &Parts, party: &str, tables: &mut dyn Tables, depth: Depth) -> Outcome<Vec<String>> {
    let (mut overlooked, mut tried) = (Vec::new(), BTreeSet::new());
    for (table, column) in tables.columns()? {
        let full = format!("{party}.{table}");
        if HARMLESS.contains(&(full.as_str(), column.as_str())) || table == SCHEMA_TABLE {
            continue;
        }
        if !tried.insert(table.clone()) && depth == Depth::Tables && !MONEY.contains(&column.as_str()) {
            continue;
        }
        let mut missed = None;
        for nth in 0..patience(party) {
            // What cannot even be read was noticed, too; and what the database itself does not allow cannot happen.
            let made = match tables.change(&table, &column, nth)? {
                Change::NoMore => break,
                Change::Refused => None,
                Change::Made(what) => Some(what).filter(|_| look(market).is_ok_and(|report| report.balances())),
            };
            tables.restore(&table)?;
            let found = made.is_none();
            missed = made.or(missed);
            if found {
                missed = None;
                break;
            }
        }
        overlooked.extend(missed.map(|what| format!("{full}.{column}: {what}")));
    }
    Ok(overlooked)
}

/// Whatever is changed in any table of mint and bank is found; nothing where nothing is changed.
fn everything_is_found(market: &Parts, mint: &mut dyn Tables, bank: &mut dyn Tables, depth: Depth) -> Outcome {
    let untouched = look(market)?;
    println!("{untouched}");
    assert!(untouched.balances(), "{untouched}");
    assert!(untouched.compared);
    for (party, tables) in [("mint", &*mint), ("bank", &*bank)] {
        for (table, _) in tables.columns()? {
            let full = format!("{party}.{table}");
            assert!(tables.count(&table)? > 0, "{full} is empty: it needs something in it here, and its check");
            let counted = untouched.rows.contains_key(&full) || table == SCHEMA_TABLE;
            assert!(counted, "{full} was not looked at");
        }
    }
    let mut overlooked = corrupt(market, "mint", mint, depth)?;
    overlooked.extend(corrupt(market, "bank", bank, depth)?);
    assert!(overlooked.is_empty(), "overlooked:\n{}", overlooked.join("\n"));
    assert!(look(market)?.balances(), "everything is as it was");
    Ok(())
}

#[test]
fn it_runs_while_purchases_go_on_and_says_so_by_its_exit() -> Outcome {
    let mut market = Parts::start(3)?;
    let (mint, merchant) = (market.url("mint"), market.url("merchant"));
    let customers = thread::spawn(move || -> Outcome {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let mut wallet = parts::wallet().await?;
            for _ in 0..12 {
                wallet.add_cash(&mint, Amount::new(Currency::EUR, 700)?, Progress::none()).await?;
                buy(&mut wallet, &merchant, "article").await?;
                wallet.refresh().await?;
                buy(&mut wallet, &merchant, "letter").await?;
                // The mint's own word, which the wallet has checked.
                let books = wallet.mint_info(&mint).await?.books.ok_or("the mint says nothing of its books")?;
                assert!(books.good, "{books:?}");
            }
            Ok(())
        })
    });
    let audit = |more: &[&str]| -> Outcome<std::process::Output> {
        Ok(Command::new(binaries::semper()?).arg("audit").arg("--data").arg(market.data()).args(more).output()?)
    };
    let mut audits = 0;
    while !customers.is_finished() {
        let output = audit(&[])?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        audits += 1;
    }
    customers.join().map_err(|_| "the customers failed")??;
    println!("{audits} audits beside the purchases");

    let report: Value = serde_json::from_slice(&audit(&["--json"])?.stdout)?;
    assert!(report["rows"]["mint.spend"].as_u64().unwrap_or(0) >= 24, "{report}");
    assert_eq!(report["findings"], json!([]));
    market.stop()?;
    let database = Connection::open(market.data().join("mint/mint.sqlite"))?;
    database.execute("UPDATE deposit SET amount = amount + 1 WHERE number = 1", ())?;
    drop(database);
    let output = Command::new(binaries::semper()?).arg("audit").arg("--data").arg(market.data()).output()?;
    let said = String::from_utf8(output.stdout)?;
    assert!(!output.status.success());
    assert!(said.contains("mint.deposit, row 1, amount: expected"), "{said}");
    Ok(())
}
