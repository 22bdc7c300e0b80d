//! The files that banks and their customers exchange (ISO 20022): statements and notifications (camt.053, camt.054) and orders
//! (pain.001).
//!
//! | file | from, to | read in versions | written in |
//! | --- | --- | --- | --- |
//! | camt.053 | bank, customer | 001.02 to 001.13 | 001.08 |
//! | camt.054 | bank, customer | 001.02 to 001.13 | 001.08 |
//! | pain.001 | customer, bank | 001.03 to 001.12 | 001.09 |
//!
//! Both sides use this module, as both sides of HTTP use one library; what a party makes of a file is its own affair. What is
//! read is not trusted: the size is bounded, document types and entities are refused, and amounts that do not add up too.

mod camt;
mod dates;
mod pain;
#[cfg(test)]
mod tests;
mod xml;

use semper_shared::foundation::{Amount, Code, Coded, Currency};

pub use camt::{Balances, Entry, Kind, Statement, Transaction};
pub use dates::{day, moment, read_day};
pub use pain::{Batch, Order};
pub use xml::MAX_FILE;

/// Why a file was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// It is no XML, or larger or deeper than is read, or it has a document type.
    #[error("it cannot be read: {0}")]
    Xml(String),
    /// It is another kind of file.
    #[error("it is another kind of file: {0}")]
    Kind(String),
    /// Something is missing or not what it must be.
    #[error("{0}")]
    Content(String),
}

impl Coded for FileError {
    fn code(&self) -> Code {
        Code::BANK_FILE_INVALID
    }
}

/// An amount as it stands in these files: `3.20`.
fn decimal(amount: Amount) -> String {
    let text = amount.to_string();
    text.split_once(' ').map_or(text.clone(), |(_, number)| number.to_owned())
}

/// An amount out of a file: up to five decimal places, of which those that the currency does not have are zero.
fn read_amount(text: &str, currency: &str) -> Result<Amount, FileError> {
    let wrong = || FileError::Content(format!("`{text}` is no amount in {currency}"));
    let currency: Currency = currency.parse().map_err(|_| wrong())?;
    let places = usize::try_from(currency.exponent()).map_err(|_| wrong())?;
    let text = match text.split_once('.') {
        Some((whole, fraction)) => {
            let (kept, rest) = fraction.split_at_checked(places).unwrap_or((fraction, ""));
            if fraction.is_empty() || !rest.bytes().all(|b| b == b'0') {
                return Err(wrong());
            }
            if kept.is_empty() { whole.to_owned() } else { format!("{whole}.{kept}") }
        }
        None => text.to_owned(),
    };
    Amount::parse_decimal(&text, currency).map_err(|_| wrong())
}

/// A text in the characters that every bank of the SEPA takes (EPC217-08), at most `max` of them.
pub fn plain(text: &str, max: usize) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '/' | '-' | '?' | ':' | '(' | ')' | '.' | ',' | '\'' | '+' | ' ' => {
                out.push(c)
            }
            'ä' => out.push_str("ae"),
            'ö' => out.push_str("oe"),
            'ü' => out.push_str("ue"),
            'Ä' => out.push_str("Ae"),
            'Ö' => out.push_str("Oe"),
            'Ü' => out.push_str("Ue"),
            'ß' => out.push_str("ss"),
            'à' | 'á' | 'â' | 'ã' | 'å' => out.push('a'),
            'è' | 'é' | 'ê' | 'ë' => out.push('e'),
            'ì' | 'í' | 'î' | 'ï' => out.push('i'),
            'ò' | 'ó' | 'ô' | 'õ' | 'ø' => out.push('o'),
            'ù' | 'ú' | 'û' => out.push('u'),
            'ç' => out.push('c'),
            'ñ' => out.push('n'),
            'À' | 'Á' | 'Â' | 'Ã' | 'Å' => out.push('A'),
            'È' | 'É' | 'Ê' | 'Ë' => out.push('E'),
            'Ç' => out.push('C'),
            _ => out.push('.'),
        }
    }
    out.chars().take(max).collect::<String>().trim().to_owned()
}
