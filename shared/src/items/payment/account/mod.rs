//! Invoice and credit transfer: money from account to account, found again by its reference.
//!
//! The merchant answers an order with a signed [`Invoice`]. It names a creditor reference (ISO 11649) that is made from the
//! deal, so that a bank's statement of account says which deal was paid, and says nothing else of it. Two terms:
//!
//! | terms | goods | who trusts whom |
//! | --- | --- | --- |
//! | prepaid | when all of the money is on the merchant's account | the customer the merchant, until the goods come |
//! | pay-later | at once; the invoice comes with them, reminders follow | the merchant the customer, until the money comes |
//!
//! ```text
//! wallet                       merchant (module, desk)                    bank
//!   order ───────────────────▶ invoice, stored
//!   invoice, QR code ◀────────
//!   transfer with the reference ────────────────────────────────────────▶ books it
//!                              entry, matched by the reference ◀───────── camt.053, camt.054
//!   receipt, keys ◀─────────── settled
//!                              surplus, refunds ─────── pain.001 ───────▶ pays it back
//! ```
//!
//! The module does no input or output. What it asks goes to the merchant's own desk, which keeps the books of invoices:
//! [`DESK_INVOICES`] opens one, once a deal, and [`DESK_REFUNDS`] gives some of it back.
//!
//! ```
//! use semper_shared::foundation::Digest;
//! use semper_shared::items::payment::account::{Iban, Reference};
//!
//! let reference = Reference::of(&Digest::of(b"deal"));
//! assert!(reference.as_str().parse::<Reference>().is_ok());
//! assert_eq!("FR14 2004 1010 0505 0001 3m02 606".parse::<Iban>()?.as_str(), "FR1420041010050500013M02606");
//! # Ok::<(), semper_shared::items::payment::PaymentError>(())
//! ```
//!
//! Specification: `spec/account.md`.

mod epc;
mod iban;
mod ledger;
mod messages;
mod payee;
mod payer;
mod reference;

#[cfg(test)]
mod tests;

pub use epc::Epc;
pub use iban::{Bic, Iban};
pub use ledger::{InvoiceState, Ledger};
pub use messages::{
    AccountBody, AccountParameters, BankAccount, Invoice, InvoiceAnswer, InvoiceRequest, InvoiceStanding, InvoiceTerms,
    RefundRequest, check_invoice, check_standing,
};
pub use payee::{AccountPayee, DESK_INVOICES, DESK_REFUNDS};
pub use payer::AccountPayer;
pub use reference::Reference;

const ID: &str = "account";
const VERSION: u32 = 1;

/// The remainder modulo 97 of a text of digits and capital letters, as ISO 7064 MOD 97-10 reads it: A is 10, Z is 35.
fn mod_97(text: impl Iterator<Item = u8>) -> Option<u32> {
    let mut rest = 0;
    for byte in text {
        rest = match byte {
            b'0'..=b'9' => rest * 10 + u32::from(byte - b'0'),
            b'A'..=b'Z' => rest * 100 + u32::from(byte - b'A') + 10,
            _ => return None,
        } % 97;
    }
    Some(rest)
}

/// A text as people write it, in capital letters and without the spaces that part its groups.
fn compact(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_uppercase()).collect()
}

/// A text in groups of four, as it is printed.
fn grouped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    for (index, c) in text.chars().enumerate() {
        if index > 0 && index % 4 == 0 {
            out.push(' ');
        }
        out.push(c);
    }
    out
}

fn refused(code: crate::foundation::Code) -> super::PaymentError {
    super::PaymentError::Refused { code, extra: serde_json::Value::Null }
}
