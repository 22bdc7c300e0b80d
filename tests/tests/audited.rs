//! `semper audit`: it finds whatever is changed in the tables of mint and bank, and nothing where nothing was changed.
#![allow(missing_docs)]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::types::Value as Cell;
use semper_server::audit::{self, Report};
use semper_server::config::Config;
use semper_server::demo::CONFIG_FILE;
use semper_shared::foundation::{Amount, Currency, UnixSeconds};
use semper_tests::parts::{self, Parts, buy};
use semper_tests::{Outcome, binaries};
use semper_wallet::core::Progress;
use serde_json::{Value, json};

/// Columns whose change is no money and breaks no signature, each with the reason.
const HARMLESS: [(&str, &str); 14] = [
    // When something is tried again, which is not signed and moves nothing by itself.
    ("mint.payout", "made_at"),
    ("mint.payout", "next_at"),
    ("mint.stray_transfers", "next_at"),
    ("mint.transfer", "decided_at"),
    ("mint.revocation", "reason"),
    ("mint.revocation", "revoked_at"),
    ("mint.recoup", "at"),
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

/// Tables that this run leaves empty; nothing in them can be changed.
const EMPTY: [&str; 3] = ["mint.revocation", "mint.recoup", "mint.reserve_day"];

fn euros(cents: u64) -> Outcome<Amount> {
    Ok(Amount::new(Currency::EUR, cents)?)
}

/// A market in which something of each kind has happened, stopped.
fn eventful() -> Outcome<Parts> {
    let mut market = Parts::start(8)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(happen(&market))?;
    // The payout comes within the wire delay.
    thread::sleep(Duration::from_secs(11));
    market.stop()?;
    Ok(market)
}

async fn happen(market: &Parts) -> Outcome {
    let (mint, merchant, bank) = (market.url("mint"), market.url("merchant"), market.url("bank"));
    let http = reqwest::Client::new();
    let (mut alice, mut bob) = (parts::wallet().await?, parts::wallet().await?);
    alice.add_cash(&mint, euros(2_000)?, Progress::none()).await?;
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

    let sent = alice.send_person(euros(50)?, "lunch", 3_600).await?;
    bob.receive_link(sent.link.as_deref().ok_or("no link")?).await?;
    alice.send_person(euros(30)?, "not taken yet", 3_600).await?;
    let back = alice.send_person(euros(20)?, "taken back", 3_600).await?;
    alice.cancel_transfer(&back.transfer).await?;
    buy(&mut bob, &merchant, "letter").await?;
    Ok(())
}

/// Audits as if it were tomorrow, when nothing can be on its way any longer.
fn look(market: &Parts) -> Outcome<Report> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let config = Config::read(&market.data().join(CONFIG_FILE))?;
    let tomorrow = UnixSeconds(semper_server::clock::now().0 + 86_400);
    Ok(runtime.block_on(audit::run(&config, tomorrow))?)
}

struct Column {
    table: String,
    name: String,
}

fn columns(database: &Connection) -> Outcome<Vec<Column>> {
    let sql = "SELECT m.name, p.name FROM sqlite_schema AS m, pragma_table_info(m.name) AS p
               WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' ORDER BY m.name, p.cid";
    let mut statement = database.prepare(sql)?;
    let found = statement.query_map((), |row| Ok(Column { table: row.get(0)?, name: row.get(1)? }))?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// Another value of the same kind.
fn other(value: &Cell) -> Option<Cell> {
    match value {
        Cell::Integer(number) => Some(Cell::Integer(number + 1)),
        Cell::Text(text) => {
            let middle = text.len() / 2;
            let new = if text.as_bytes().get(middle) == Some(&b'A') { "B" } else { "A" };
            let mut text = text.clone();
            if text.is_empty() || !text.is_ascii() {
                text.push_str(new);
            } else {
                text.replace_range(middle..=middle, new);
            }
            Some(Cell::Text(text))
        }
        Cell::Blob(bytes) => {
            let mut bytes = bytes.clone();
            let middle = bytes.len() / 2;
            *bytes.get_mut(middle)? ^= 1;
            Some(Cell::Blob(bytes))
        }
        _ => None,
    }
}

/// How many rows are tried until one is found. Of the mint's the first must be; at the bank there are accounts that are
/// nobody's here, whose papers say nothing that could be compared.
fn patience(party: &str) -> usize {
    if party == "mint" { 1 } else { 24 }
}

/// Changes each column of a row of each table, one at a time, and audits; returns what was overlooked.
fn corrupt(market: &Parts, party: &str, tried: &mut BTreeSet<String>) -> Outcome<Vec<String>> {
    let path = market.data().join(format!("{party}/{party}.sqlite"));
    // All of it into the one file, which is then put back after each change.
    Connection::open(&path)?.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()))?;
    let intact = std::fs::read(&path)?;
    let schema = columns(&Connection::open(&path)?)?;
    let mut overlooked = Vec::new();
    for Column { table, name } in &schema {
        let full = format!("{party}.{table}");
        let all: Vec<&String> =
            schema.iter().filter(|column| column.table == *table).map(|column| &column.name).collect();
        let rows = rows(&Connection::open(&path)?, table, all.len())?;
        if !rows.is_empty() {
            tried.insert(full.clone());
        }
        let place = all.iter().position(|column| *column == name).ok_or("a column is lost")?;
        let changes: Vec<_> = rows
            .iter()
            .filter_map(|row| other(&row[place]).map(|changed| (row, changed)))
            .take(patience(party))
            .collect();
        if changes.is_empty() || HARMLESS.contains(&(full.as_str(), name.as_str())) {
            continue;
        }
        let mut found = false;
        for (row, changed) in &changes {
            let database = Connection::open(&path)?;
            // Whoever changes rows behind the program's back does not ask for leave.
            database.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON;")?;
            let this: Vec<String> =
                (2..).zip(&all).map(|(number, column)| format!("\"{column}\" IS ?{number}")).collect();
            let set = format!("UPDATE \"{table}\" SET \"{name}\" = ?1 WHERE {}", this.join(" AND "));
            let values = std::iter::once(changed).chain(row.iter());
            let done = database.execute(&set, rusqlite::params_from_iter(values));
            drop(database);
            // What cannot even be read was noticed, too; and what the database itself does not allow cannot happen.
            found |= match done {
                Ok(rows) => {
                    assert_eq!(rows, 1, "{full}.{name}");
                    !look(market).is_ok_and(|report| report.balances())
                }
                Err(rusqlite::Error::SqliteFailure(error, _)) => error.code == rusqlite::ErrorCode::ConstraintViolation,
                Err(error) => return Err(error.into()),
            };
            restore(&path, &intact)?;
            if found {
                break;
            }
        }
        if !found {
            overlooked.push(format!("{full}.{name}: {:?} made {:?}", changes[0].0[place], changes[0].1));
        }
    }
    Ok(overlooked)
}

fn rows(database: &Connection, table: &str, columns: usize) -> Outcome<Vec<Vec<Cell>>> {
    let mut statement = database.prepare(&format!("SELECT * FROM \"{table}\" LIMIT 64"))?;
    let found = statement.query_map((), |row| (0..columns).map(|column| row.get(column)).collect())?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// Puts the database back as it was.
fn restore(path: &Path, intact: &[u8]) -> Outcome {
    for beside in ["-wal", "-shm"] {
        let mut file = path.as_os_str().to_owned();
        file.push(beside);
        if Path::new(&file).exists() {
            std::fs::remove_file(file)?;
        }
    }
    Ok(std::fs::write(path, intact)?)
}

fn tables(market: &Parts, party: &str) -> Outcome<BTreeSet<String>> {
    let database = Connection::open(market.data().join(format!("{party}/{party}.sqlite")))?;
    Ok(columns(&database)?.into_iter().map(|column| format!("{party}.{}", column.table)).collect())
}

#[test]
fn whatever_is_changed_in_a_table_is_found() -> Outcome {
    let market = eventful()?;
    let untouched = look(&market)?;
    println!("{untouched}");
    assert!(untouched.balances(), "{untouched}");
    assert!(untouched.compared);

    let mut tried = BTreeSet::new();
    let mut overlooked = corrupt(&market, "mint", &mut tried)?;
    overlooked.extend(corrupt(&market, "bank", &mut tried)?);
    assert!(overlooked.is_empty(), "overlooked:\n{}", overlooked.join("\n"));

    let all: BTreeSet<String> = tables(&market, "mint")?.union(&tables(&market, "bank")?).cloned().collect();
    let untried: BTreeSet<&str> = all.difference(&tried).map(String::as_str).collect();
    assert_eq!(untried, EMPTY.into_iter().collect(), "a table that is new needs something in it here, and its check");
    let uncounted: Vec<_> = all.iter().filter(|table| !untouched.rows.contains_key(*table)).collect();
    assert!(uncounted.is_empty(), "not looked at: {uncounted:?}");
    assert!(look(&market)?.balances(), "everything is as it was");
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
