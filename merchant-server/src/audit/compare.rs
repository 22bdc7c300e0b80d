//! The mint's word against its bank's.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use semper_shared::foundation::{Currency, UnixSeconds};

use super::bank::BankTransfer;
use super::mint::{Seen, Sent};
use super::report::{Finding, Report};

/// How long a transfer that the bank has made may stay unrecorded at the mint: it is asked again after a crash.
const LATE_S: u64 = 900;

/// What the subject of a transfer begins with that sends a stray back.
const RETURN: &str = "semper return ";

pub(super) fn compare(report: &mut Report, seen: &Seen, bank: &[BankTransfer], currency: Currency, now: UnixSeconds) {
    let mut off = |table: &str, row: &dyn Display, what: &str, expected: &dyn Display, found: &dyn Display| {
        report.findings.push(Finding {
            table: table.to_owned(),
            row: row.to_string(),
            what: what.to_owned(),
            expected: expected.to_string(),
            found: found.to_string(),
        });
    };
    let inward: BTreeMap<u64, &BankTransfer> =
        bank.iter().filter(|transfer| transfer.inward).map(|transfer| (transfer.serial, transfer)).collect();
    for (table, serial, told) in &seen.arrivals {
        let Some(transfer) = inward.get(serial) else {
            off(table, serial, "serial", &"a transfer at the bank", &"none");
            continue;
        };
        // A credit does not say what the bank alone needs to know.
        let pairs = [
            ("transfer", Some(&transfer.id), told.transfer.as_ref()),
            ("counterparty", Some(&transfer.counterparty), told.counterparty.as_ref()),
            ("currency", Some(&transfer.currency), told.currency.as_ref()),
        ];
        for (what, expected, found) in pairs {
            if let (Some(expected), Some(found)) = (expected, found)
                && expected != found
            {
                off(table, serial, what, expected, found);
            }
        }
        let (is, says) = (transfer.subject.trim(), told.subject.trim());
        if is != says {
            off(table, serial, "subject", &is, &says);
        }
        if transfer.minor != told.minor {
            off(table, serial, "amount", &transfer.minor, &told.minor);
        }
        if transfer.at != told.at {
            off(table, serial, "at", &transfer.at, &told.at);
        }
    }
    let known: BTreeSet<u64> = seen.arrivals.iter().map(|(_, serial, _)| *serial).collect();
    for serial in inward.keys().filter(|serial| **serial <= seen.cursor && !known.contains(serial)) {
        off("mint.credit", serial, "transfer at the bank", &"in the mint's tables", &"not there");
    }
    let last = bank.iter().map(|transfer| transfer.serial).max().unwrap_or(0);
    if seen.cursor > last {
        off("mint.funding", &"the only one", "cursor", &format!("{last} at most"), &seen.cursor);
    }
    if let Some(other) = bank.iter().find(|transfer| transfer.currency != currency.to_string()) {
        off("bank.book", &"the only one", "currency", &currency, &other.currency);
    }
    payouts(&mut off, seen, bank, now);
}

/// Takes a table, a row, a column, what was expected and what was found.
type Off<'a> = &'a mut dyn FnMut(&str, &dyn Display, &str, &dyn Display, &dyn Display);

fn payouts(off: Off<'_>, seen: &Seen, bank: &[BankTransfer], now: UnixSeconds) {
    let outward: BTreeMap<&str, &BankTransfer> =
        bank.iter().filter(|transfer| !transfer.inward).map(|transfer| (transfer.id.as_str(), transfer)).collect();
    for Sent { number, id, account, amount, sent } in &seen.payouts {
        let Some(transfer) = outward.get(id.as_str()) else {
            if *sent {
                off("mint.payout", number, "id", &"a transfer at the bank", &"none");
            }
            continue;
        };
        if transfer.minor != *amount {
            off("mint.payout", number, "amount", &transfer.minor, amount);
        }
        if *sent && transfer.counterparty != *account {
            off("mint.payout", number, "account", &transfer.counterparty, account);
        }
        if !sent && transfer.at.saturating_add(LATE_S) < now.0 {
            off("mint.payout", number, "state", &"sent, as the bank says", &"not sent");
        }
    }
    let mut returns: BTreeMap<String, &BankTransfer> = BTreeMap::new();
    for transfer in outward.values().filter(|transfer| !seen.later.contains(&transfer.id)) {
        match transfer.subject.strip_prefix(RETURN) {
            Some(stray) => {
                returns.insert(stray.to_owned(), transfer);
            }
            None => off("bank.transfer", &transfer.serial, "id", &"a payout of the mint", &transfer.id),
        }
    }
    for (table, serial, told) in seen.arrivals.iter().filter(|(_, _, told)| told.transfer.is_some()) {
        let back = told.transfer.as_ref().and_then(|transfer| returns.remove(transfer));
        let same = |back: &BankTransfer| {
            back.minor == told.minor && told.counterparty.as_ref().is_some_and(|other| *other == back.counterparty)
        };
        match back {
            Some(back) if !same(back) => {
                off(table, serial, "way back", &"what came in, to whom it came from", &back.minor)
            }
            Some(back) if !told.returned && back.at.saturating_add(LATE_S) < now.0 => {
                off(table, serial, "state", &"sent back, as the bank says", &"not sent back");
            }
            None if told.returned => off(table, serial, "state", &"a transfer back at the bank", &"none"),
            _ => {}
        }
    }
    // One that came in after the mint was read may be back already.
    for transfer in returns.values().filter(|transfer| transfer.serial <= seen.cursor) {
        off("bank.transfer", &transfer.serial, "subject", &"the return of a stray that came in", &transfer.subject);
    }
}
