//! What a bank's file says, as it is stored: transfers, each with a name by which it is known again.

use std::collections::HashMap;

use semper_shared::foundation::{Code, Currency, Digest};
use semper_shared::items::payment::account::Reference;

use super::{NewBooking, NewEntry};
use crate::http::Problem;
use crate::iso20022::{Entry, Statement, Transaction};

/// The bookings of the statements: those that are booked, and not only announced.
pub(super) fn bookings(statements: &[Statement], currency: Currency) -> Result<Vec<NewBooking>, Problem> {
    let mut said = HashMap::new();
    let mut bookings = Vec::new();
    for statement in statements {
        for entry in statement.entries.iter().filter(|entry| entry.booked) {
            if entry.amount.currency() != currency {
                return Err(Problem::new(Code::CURRENCY_MISMATCH).detail("The account is in another currency."));
            }
            let transactions = entry.transactions.iter().enumerate();
            let entries = transactions.map(|(place, one)| {
                let key = key(statement, entry, place, one, &mut said);
                read(entry, one, key)
            });
            bookings.push(NewBooking { total_minor: entry.amount.minor(), entries: entries.collect() });
        }
    }
    Ok(bookings)
}

fn read(entry: &Entry, one: &Transaction, key: Digest) -> NewEntry {
    let structured = one.structured.iter().filter_map(|reference| reference.parse::<Reference>().ok());
    let mut references: Vec<Reference> = structured.collect();
    references.extend(Reference::find_in(&one.text));
    references.dedup();
    let mut words: Vec<&str> = one.structured.iter().map(String::as_str).collect();
    if !one.text.is_empty() && !words.contains(&one.text.as_str()) {
        words.push(&one.text);
    }
    NewEntry {
        key,
        credit: entry.credit,
        reversal: entry.reversal,
        amount_minor: one.amount.unwrap_or(entry.amount).minor(),
        booked_on: entry.booked_on.clone(),
        name: one.name.clone(),
        iban: one.iban.clone(),
        remittance: words.join(" "),
        end_to_end: one.end_to_end.clone(),
        references,
    }
}

/// The name of a transfer: by the bank's reference of the booking and its place in it. Where the bank gives none, by all that
/// it says, and how often it has said the same before in this file.
fn key(
    statement: &Statement,
    entry: &Entry,
    place: usize,
    one: &Transaction,
    said: &mut HashMap<Digest, u64>,
) -> Digest {
    let mut parts = vec!["semper/1/bank-entry".to_owned(), statement.account.as_str().to_owned()];
    if let Some(reference) = &entry.reference {
        // Banks may book a reversal under the name of what it takes back: it is another booking all the same.
        let kind = if entry.reversal { "reversal" } else { "booking" };
        parts.extend([kind.to_owned(), reference.clone(), place.to_string()]);
        return digest(&parts);
    }
    let minor = one.amount.unwrap_or(entry.amount).minor();
    parts.extend(["words".to_owned(), entry.booked_on.clone(), minor.to_string(), entry.credit.to_string()]);
    parts.push(entry.reversal.to_string());
    parts.extend([one.reference.clone().unwrap_or_default(), one.end_to_end.clone().unwrap_or_default()]);
    parts.extend([one.name.clone(), one.iban.as_ref().map(|iban| iban.as_str().to_owned()).unwrap_or_default()]);
    parts.extend([one.structured.join("\n"), one.text.clone()]);
    let before = said.entry(digest(&parts)).or_default();
    parts.push(before.to_string());
    *before += 1;
    digest(&parts)
}

/// Of texts that may hold anything: each with its length in front.
fn digest(parts: &[String]) -> Digest {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend((u64::try_from(part.len()).unwrap_or(u64::MAX)).to_be_bytes());
        bytes.extend(part.as_bytes());
    }
    Digest::of(&bytes)
}
