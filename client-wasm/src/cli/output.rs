//! What people read.

use std::cell::RefCell;
use std::io::{IsTerminal, Write, stderr, stdout};

use semper_shared::foundation::{Amount, Currency};
use serde::Serialize;
use serde_json::Value;

use super::CliError;

/// Prints JSON for scripts on one line.
pub(super) fn print_json(value: &impl Serialize) -> Result<(), CliError> {
    let mut text = serde_json::to_string(value).map_err(|error| CliError::system("standard output", &error.into()))?;
    text.push('\n');
    print(&text)
}

/// Prints a text.
pub(super) fn print(text: &str) -> Result<(), CliError> {
    let mut out = stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| CliError::system("standard output", &error))
}

/// Says how far something has come.
pub(super) fn note(text: &str) {
    // Nobody to read it is no reason to fail.
    let _ = writeln!(stderr().lock(), "{text}");
}

/// `12.34 EUR`, from minor units.
pub(super) fn amount(currency: &str, minor: u64) -> String {
    let parsed = currency.parse::<Currency>().and_then(|currency| Amount::new(currency, minor));
    parsed.map_or_else(|_| format!("{minor} {currency}"), money)
}

/// `12.34 EUR`.
pub(super) fn money(amount: Amount) -> String {
    let text = amount.to_string();
    match text.split_once(' ') {
        Some((currency, number)) => format!("{number} {currency}"),
        None => text,
    }
}

/// Says each step of a wallet's operation once, in words.
pub(super) fn steps() -> impl Fn(&Value) {
    let last = RefCell::new(String::new());
    move |progress| {
        let step = progress.get("step").and_then(Value::as_str).unwrap_or_default();
        if *last.borrow() == step {
            return;
        }
        step.clone_into(&mut last.borrow_mut());
        match step {
            "reserve" => note("asking the mint …"),
            "transfer" => note("transferring the money …"),
            "arrived" => note("the money has arrived at the mint"),
            "coins" => note("fetching coins …"),
            "ordering" => note("ordering …"),
            "paying" => note("paying …"),
            "receipt" => note("the receipt is here"),
            "delivered" => note("delivered"),
            "mint" => {
                let mint = progress.get("mint").and_then(Value::as_str).unwrap_or_default();
                note(&format!("asking {mint} what it has kept …"));
            }
            "change" => note("exchanging change …"),
            _ => {}
        }
    }
}

/// Says how much of a download has come: in place on a terminal, else at the end alone.
pub(super) fn transfer(name: &str) -> impl Fn(u64, u64) {
    let name = name.to_owned();
    let terminal = stderr().is_terminal();
    let shown = RefCell::new(u64::MAX);
    move |done, total| {
        let percent = (done * 100).checked_div(total).unwrap_or(100);
        if *shown.borrow() == percent {
            return;
        }
        *shown.borrow_mut() = percent;
        if terminal {
            let _ = write!(stderr().lock(), "\r{name}: {percent} % of {}", size(total));
        }
        if done == total {
            note(&if terminal { String::new() } else { format!("{name}: {}", size(total)) });
        }
    }
}

/// A size in bytes, in words.
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{} kB", bytes / 1_000),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}

/// A text of another party, without what could steer a terminal.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
