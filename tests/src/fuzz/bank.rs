//! What banks and their customers write: files of ISO 20022, and the codes that pay invoices.

use semper_server::iso20022::{Batch, Statement};
use semper_shared::items::payment::account::{Epc, Iban, Reference};

/// Whatever is read has the amounts that it is counted by.
pub(super) fn bank_file(input: &[u8]) {
    match Statement::read(input) {
        Ok(statements) => {
            for entry in statements.iter().flat_map(|statement| &statement.entries) {
                assert!(!entry.transactions.is_empty(), "a booking of nothing");
                let minor = entry.transactions.iter().map(|one| one.amount.map_or(0, |amount| amount.minor()));
                assert_eq!(minor.sum::<u64>(), entry.amount.minor(), "a booking of another amount");
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    if let Ok(batches) = Batch::read(input) {
        assert!(batches.iter().flat_map(|batch| &batch.orders).all(|order| order.end_to_end.chars().count() <= 35));
    }
}

/// A code that is read is written and read again as the same.
pub(super) fn epc(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Some(code) = Epc::read(text) {
        assert_eq!(Epc::read(&code.payload()), Some(code));
    }
    if let Ok(reference) = text.parse::<Reference>() {
        assert_eq!(reference.printed().parse().ok(), Some(reference));
    }
    if let Ok(iban) = text.parse::<Iban>() {
        assert_eq!(iban.printed().parse().ok(), Some(iban));
    }
    for reference in Reference::find_in(text) {
        assert_eq!(reference.as_str().parse().ok(), Some(reference.clone()));
    }
}
