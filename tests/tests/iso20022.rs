//! The bank's files, read by what others made of the standard's schemas (`tests/python/validate.py`).
#![allow(missing_docs)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use semper_server::iso20022::{Balances, Batch, Entry, Kind, Order, Statement, Transaction};
use semper_shared::foundation::{Amount, Currency, UnixSeconds};
use semper_shared::items::payment::account::{BankAccount, Bic};
use semper_tests::Outcome;

const NOW: UnixSeconds = UnixSeconds(1_795_417_200);
const ACCOUNT: &str = "DE89370400440532013000";
const OTHER: &str = "FR1420041010050500013M02606";

fn euros(minor: u64) -> Amount {
    Amount::new(Currency::EUR, minor).unwrap_or(Amount::zero(Currency::EUR))
}

/// Asks the other implementation; what it says.
fn validate(files: &[PathBuf]) -> Outcome<Result<String, String>> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = tests.join("../target/python/bin/python");
    if !python.exists() {
        let how = "run `cargo xtask test --only python`, or: python3 -m venv target/python && \
                   target/python/bin/pip install -r tests/python/requirements.txt";
        return Err(format!("the readers of bank files are not installed: {how}").into());
    }
    let output = Command::new(python).arg(tests.join("python/validate.py")).args(files).output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok(if output.status.success() { Ok(String::from_utf8(output.stdout)?) } else { Err(said) })
}

fn statement(kind: Kind) -> Outcome<Statement> {
    let entry = |number: u64, credit: bool, structured: Vec<String>, text: &str| -> Outcome<Entry> {
        let transaction = Transaction {
            reference: Some(format!("S{number}")),
            end_to_end: (number != 2).then(|| format!("invoice-{number}")),
            amount: Some(euros(320)),
            name: if number == 2 { String::new() } else { "Jürgen & Söhne <Café>".to_owned() },
            iban: if number == 2 { None } else { Some(OTHER.parse().map_err(|_| "an IBAN")?) },
            structured,
            text: text.to_owned(),
        };
        Ok(Entry {
            number: number.to_string(),
            reference: Some(format!("S{number}")),
            amount: euros(320),
            credit,
            reversal: number == 3,
            booked: true,
            booked_on: "2026-11-23".to_owned(),
            transactions: vec![transaction],
        })
    };
    Ok(Statement {
        kind,
        id: "053-1793491200-1796083200".to_owned(),
        account: ACCOUNT.parse().map_err(|_| "an IBAN")?,
        holder: "Meridian".to_owned(),
        bank: Bic::try_from("SEMPDEF0XXX".to_owned()).ok(),
        currency: Currency::EUR,
        balances: (kind == Kind::Statement).then_some(Balances { opening_minor: -500, closing_minor: -180 }),
        period: (UnixSeconds(1_793_491_200), NOW),
        entries: vec![
            entry(1, true, vec!["RF18539007547034".to_owned()], "")?,
            entry(2, true, Vec::new(), "Greetings, with a \u{7}bell and 200 letters: ".repeat(9).as_str())?,
            entry(3, false, Vec::new(), "")?,
        ],
    })
}

fn batch() -> Outcome<Batch> {
    let order = |number: u8, reference: Option<&str>| -> Outcome<Order> {
        Ok(Order {
            end_to_end: format!("R{number}-1"),
            amount: euros(80),
            name: "Zoë Çelik".to_owned(),
            iban: OTHER.parse().map_err(|_| "an IBAN")?,
            reference: reference.map(str::to_owned),
            text: "Sent back of RF18539007547034".to_owned(),
        })
    };
    let from = BankAccount { iban: ACCOUNT.parse().map_err(|_| "an IBAN")?, name: "Meridian".to_owned(), bic: None };
    let orders = vec![order(1, None)?, order(2, Some("RF18539007547034"))?];
    Ok(Batch { id: "P20261123070000".to_owned(), from, on: "2026-11-23".to_owned(), orders })
}

#[test]
fn others_read_every_file() -> Outcome {
    let folder = tempfile::tempdir()?;
    let mut files = Vec::new();
    let mut write = |name: &str, text: &str| -> Outcome {
        let path = folder.path().join(name);
        fs::write(&path, text)?;
        files.push(path);
        Ok(())
    };
    write("camt.053.xml", &statement(Kind::Statement)?.write(NOW))?;
    write("camt.054.xml", &statement(Kind::Notification)?.write(NOW))?;
    write("pain.001.xml", &batch()?.write(NOW).ok_or("no orders")?)?;
    let mut named = batch()?;
    named.from.bic = Bic::try_from("SEMPDEF0XXX".to_owned()).ok();
    write("pain.001-named.xml", &named.write(NOW).ok_or("no orders")?)?;
    let said = validate(&files)?.map_err(|why| format!("refused: {why}"))?;
    assert_eq!(said.lines().count(), files.len(), "{said}");
    Ok(())
}

/// The other readers do refuse what breaks a rule.
#[test]
fn others_refuse_what_breaks_a_rule() -> Outcome {
    let folder = tempfile::tempdir()?;
    let camt = statement(Kind::Statement)?.write(NOW);
    let pain = batch()?.write(NOW).ok_or("no orders")?;
    let cases = [
        ("an unknown element", camt.replace("AcctSvcrRef>", "Reference>")),
        ("no name", camt.replacen("<MsgId>053-1793491200-1796083200</MsgId>", "", 1)),
        ("a name too long", camt.replacen("<MsgId>", &format!("<MsgId>{}", "x".repeat(30)), 1)),
        ("a wrong code", camt.replace(">CRDT<", ">PLUS<")),
        ("an unknown order", pain.replace("<PmtMtd>TRF<", "<PmtMtd>XYZ<")),
        (
            "elements in another order",
            pain.replace("<PmtMtd>TRF</PmtMtd>", "").replace("<ChrgBr>", "<PmtMtd>TRF</PmtMtd><ChrgBr>"),
        ),
        ("a wrong account", pain.replace(OTHER, "FR-1")),
    ];
    for (number, (what, text)) in cases.into_iter().enumerate() {
        assert!(text != camt && text != pain, "{what}");
        let path = folder.path().join(format!("{number}.xml"));
        fs::write(&path, text)?;
        assert!(validate(&[path])?.is_err(), "{what}");
    }
    Ok(())
}
