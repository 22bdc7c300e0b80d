//! International bank account numbers (ISO 13616) and bank identifiers (ISO 9362).

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

use super::super::PaymentError;
use super::{compact, grouped, mod_97, refused};
use crate::foundation::Code;

/// How long the numbers of the countries in the Single Euro Payments Area are, by the register of ISO 13616.
const SEPA: &[u8] = b"AD24AL28AT20BE16BG22CH21CY28CZ24DE22DK18EE20ES24FI18FR27GB22GI23GR27HR21HU28IE22IS26IT27LI21LT20\
LU20LV21MC27MD24ME22MK19MT31NL18NO15PL28PT25RO24RS22SE24SI19SK24SM27VA22";

/// An account's number. Its check digits are right, and its length is its country's, where that is one of the SEPA's. Spaces
/// and small letters are accepted when it is read.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Iban(String);

impl Iban {
    /// The characters, without spaces.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// In groups of four, as it is printed.
    pub fn printed(&self) -> String {
        grouped(&self.0)
    }

    /// The number of `account` in a country (two capital letters), with its check digits.
    ///
    /// # Errors
    /// `iban-invalid` where it does not make one.
    pub fn make(country: &str, account: &str) -> Result<Self, PaymentError> {
        let rest = mod_97(account.bytes().chain(country.bytes()).chain(*b"00"));
        let rest = rest.ok_or_else(|| refused(Code::IBAN_INVALID))?;
        format!("{country}{:02}{account}", 98 - rest).parse()
    }

    /// Whether it is of a country of the Single Euro Payments Area.
    pub fn is_sepa(&self) -> bool {
        length_in(&self.0).is_some()
    }
}

/// The length that an account's number has in the country whose letters the text begins with.
fn length_in(text: &str) -> Option<usize> {
    let country = text.as_bytes().get(..2)?;
    let row = SEPA.chunks(4).find(|row| row.starts_with(country))?;
    Some(row.iter().skip(2).fold(0, |length, digit| length * 10 + usize::from(digit - b'0')))
}

impl FromStr for Iban {
    type Err = PaymentError;

    fn from_str(text: &str) -> Result<Self, PaymentError> {
        let text = compact(text);
        let bytes = text.as_bytes();
        let begins = matches!(bytes, [a, b, c, d, ..]
            if a.is_ascii_uppercase() && b.is_ascii_uppercase() && c.is_ascii_digit() && d.is_ascii_digit());
        let length = length_in(&text).map_or((15..=34).contains(&text.len()), |length| length == text.len());
        let fits = begins && length && mod_97(text.bytes().skip(4).chain(text.bytes().take(4))) == Some(1);
        if fits { Ok(Self(text)) } else { Err(refused(Code::IBAN_INVALID)) }
    }
}

impl TryFrom<String> for Iban {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map_err(|_: PaymentError| "an account's number has a length and check digits (ISO 13616)")
    }
}

impl From<Iban> for String {
    fn from(iban: Iban) -> Self {
        iban.0
    }
}

impl fmt::Display for Iban {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Only the country and the end: it names a person.
impl fmt::Debug for Iban {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Iban({}…{})", &self.0[..2], &self.0[self.0.len() - 4..])
    }
}

/// A bank's identifier: 8 or 11 letters and digits (ISO 9362).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Bic(String);

impl Bic {
    /// The characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Bic {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bytes = text.as_bytes();
        let letters = |b: &u8| b.is_ascii_uppercase();
        let either = |b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit();
        let fits = matches!(bytes.len(), 8 | 11)
            && bytes.iter().take(4).all(either)
            && bytes.iter().skip(4).take(2).all(letters)
            && bytes.iter().skip(6).all(either);
        if fits { Ok(Self(text)) } else { Err("a bank's identifier is 8 or 11 letters and digits (ISO 9362)") }
    }
}

impl From<Bic> for String {
    fn from(bic: Bic) -> Self {
        bic.0
    }
}
