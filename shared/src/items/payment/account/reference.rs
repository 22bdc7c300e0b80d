//! The structured creditor reference (ISO 11649), by which a transfer says what it pays.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

use super::super::PaymentError;
use super::{compact, grouped, mod_97, refused};
use crate::foundation::{Code, Digest};

/// Letters and digits that are not taken for one another when they are typed in from paper.
const ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

/// How many characters follow the check digits in a reference that is made from a deal: 80 bits.
const BODY_LEN: usize = 16;

/// A creditor reference: `RF`, two check digits, and 1 to 21 digits and capital letters. Spaces and small letters are
/// accepted when it is read.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Reference(String);

impl Reference {
    /// The reference of a deal: the first 80 bits of its digest in 16 letters and digits. It tells a bank nothing but that this
    /// payment is this payment.
    pub fn of(deal: &Digest) -> Self {
        let digest = Digest::of_parts(&[b"semper/1/creditor-reference\0", deal.as_bytes()]);
        let mut bits = 0_u128;
        for byte in &digest.as_bytes()[..10] {
            bits = bits << 8 | u128::from(*byte);
        }
        let letter = |place: usize| {
            let five = (bits >> (5 * (BODY_LEN - 1 - place))) & 31;
            char::from(ALPHABET[usize::from(u8::try_from(five).unwrap_or(0))])
        };
        Self::with_check((0..BODY_LEN).map(letter).collect())
    }

    fn with_check(body: String) -> Self {
        let rest = mod_97(body.bytes().chain(*b"RF00")).unwrap_or(0);
        Self(format!("RF{:02}{body}", 98 - rest))
    }

    /// The characters, without spaces.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// In groups of four, as it is printed.
    pub fn printed(&self) -> String {
        grouped(&self.0)
    }

    /// Every reference of a deal's length that stands somewhere in a text: people also write it into the line that is meant
    /// for words, with or without spaces.
    pub fn find_in(text: &str) -> Vec<Self> {
        let text: String = compact(text).chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let windows = (0..text.len()).filter_map(|start| text.get(start..start + 4 + BODY_LEN));
        let mut found: Vec<Self> =
            windows.filter(|window| window.starts_with("RF")).filter_map(|window| window.parse().ok()).collect();
        found.dedup();
        found
    }
}

impl FromStr for Reference {
    type Err = PaymentError;

    fn from_str(text: &str) -> Result<Self, PaymentError> {
        let text = compact(text);
        let fits = text.strip_prefix("RF").is_some_and(|rest| {
            let digits = rest.bytes().take(2).all(|b| b.is_ascii_digit());
            digits
                && (3..=23).contains(&rest.len())
                && mod_97(text.bytes().skip(4).chain(text.bytes().take(4))) == Some(1)
        });
        if fits { Ok(Self(text)) } else { Err(refused(Code::REFERENCE_INVALID)) }
    }
}

impl TryFrom<String> for Reference {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map_err(|_: PaymentError| "a creditor reference has a length and check digits (ISO 11649)")
    }
}

impl From<Reference> for String {
    fn from(reference: Reference) -> Self {
        reference.0
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
