//! Card numbers and expiry dates: what may never be seen by the merchant.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::super::PaymentError;
use crate::foundation::{Code, UnixSeconds};

/// A card's number (ISO/IEC 7812-1): 12 to 19 digits, the last one after Luhn. Wiped when dropped, and never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CardNumber(Zeroizing<String>);

impl CardNumber {
    /// The digits.
    pub fn digits(&self) -> &str {
        &self.0
    }

    /// The last four digits, by which people know their cards.
    pub fn last_four(&self) -> &str {
        &self.0[self.0.len() - 4..]
    }

    /// Whose card it is, by its first digits.
    pub fn brand(&self) -> Brand {
        let starts = |length: usize| self.0[..length].parse::<u32>().unwrap_or(0);
        match (starts(1), starts(2), starts(4)) {
            (4, ..) => Brand::Visa,
            (_, 51..=55, _) | (.., 2221..=2720) => Brand::Mastercard,
            (_, 34 | 37, _) => Brand::Amex,
            (_, 50 | 56..=69, _) => Brand::Maestro,
            _ => Brand::Other,
        }
    }
}

/// Refuses what is not a card's number before it is sent anywhere. Spaces and hyphens between digits are accepted.
impl FromStr for CardNumber {
    type Err = PaymentError;

    fn from_str(text: &str) -> Result<Self, PaymentError> {
        let digits: Zeroizing<String> = Zeroizing::new(text.chars().filter(|c| !matches!(c, ' ' | '-')).collect());
        let fits = matches!(digits.len(), 12..=19) && digits.bytes().all(|b| b.is_ascii_digit()) && luhn(&digits);
        if fits { Ok(Self(digits)) } else { Err(refused(Code::CARD_NUMBER_INVALID)) }
    }
}

impl TryFrom<String> for CardNumber {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Zeroizing::new(text).parse().map_err(|_: PaymentError| "a card's number is 12 to 19 digits with a check digit")
    }
}

impl From<CardNumber> for String {
    fn from(number: CardNumber) -> Self {
        (*number.0).clone()
    }
}

impl fmt::Debug for CardNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CardNumber(…)")
    }
}

/// ISO/IEC 7812-1 annex B: every second digit from the right doubled, the sum of all digits a multiple of ten.
fn luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .map(|b| u32::from(b - b'0'))
        .enumerate()
        .map(|(position, digit)| match (position % 2, digit * 2) {
            (0, _) => digit,
            (_, double @ 10..) => double - 9,
            (_, double) => double,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Whose card it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Brand {
    /// Visa.
    Visa,
    /// Mastercard.
    Mastercard,
    /// American Express.
    Amex,
    /// Maestro.
    Maestro,
    /// Another.
    Other,
}

impl fmt::Display for Brand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Visa => "Visa",
            Self::Mastercard => "Mastercard",
            Self::Amex => "American Express",
            Self::Maestro => "Maestro",
            Self::Other => "Card",
        })
    }
}

/// The month in which a card ends; good until its last second (UTC). As text, `MM/YY`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Expiry {
    year: u16,
    month: u8,
}

impl Expiry {
    /// Refuses a card whose month is over.
    ///
    /// # Errors
    /// [`PaymentError::Refused`] with `card-expired`.
    pub fn check(self, now: UnixSeconds) -> Result<(), PaymentError> {
        if now.0 < self.end() { Ok(()) } else { Err(refused(Code::CARD_EXPIRED)) }
    }

    /// The first second after the month.
    pub fn end(self) -> u64 {
        let (year, month) = if self.month == 12 { (self.year + 1, 1) } else { (self.year, self.month + 1) };
        days_before(u64::from(year), u64::from(month)) * 86_400
    }

    /// The month, 1 to 12, and the year, such as 2031.
    pub const fn month_and_year(self) -> (u8, u16) {
        (self.month, self.year)
    }
}

/// The days from 1970-01-01 to the first of a month of the Gregorian calendar, after 1970.
const fn days_before(year: u64, month: u64) -> u64 {
    // Years begin in March, so that the leap day is the last (Hinnant, "chrono-compatible low-level date algorithms").
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let day_of_year = (153 * month + 2) / 5;
    year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
}

impl FromStr for Expiry {
    type Err = PaymentError;

    fn from_str(text: &str) -> Result<Self, PaymentError> {
        let two = |text: &str| (text.len() == 2).then(|| text.parse::<u8>().ok()).flatten();
        let parts = text.split_once('/').and_then(|(month, year)| Some((two(month)?, two(year)?)));
        match parts {
            Some((month @ 1..=12, year)) => Ok(Self { year: 2000 + u16::from(year), month }),
            _ => Err(PaymentError::Invalid("a card's expiry is a month and a year, such as 08/31")),
        }
    }
}

impl TryFrom<String> for Expiry {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map_err(|_: PaymentError| "a card's expiry is a month and a year, such as 08/31")
    }
}

impl From<Expiry> for String {
    fn from(expiry: Expiry) -> Self {
        expiry.to_string()
    }
}

impl fmt::Display for Expiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}/{:02}", self.month, self.year % 100)
    }
}

pub(super) const fn refused(code: Code) -> PaymentError {
    PaymentError::Refused { code, extra: serde_json::Value::Null }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::foundation::Coded as _;

    #[test]
    fn takes_what_satisfies_luhn_and_nothing_else() {
        for good in ["4242 4242 4242 4242", "5555-5555-5555-4444", "378282246310005", "6304000000000000"] {
            assert!(good.parse::<CardNumber>().is_ok(), "{good}");
        }
        for bad in ["4242424242424241", "0", "", "4242 4242 4242 424x", "42424242424242424242", "４242424242424242"] {
            assert_eq!(bad.parse::<CardNumber>().unwrap_err().code(), Code::CARD_NUMBER_INVALID, "{bad}");
        }
    }

    #[test]
    fn every_single_wrong_digit_is_noticed() {
        let number = "4242424242424242";
        for position in 0..number.len() {
            for digit in ('0'..='9').filter(|digit| !number[position..].starts_with(*digit)) {
                let mut other = number.to_owned();
                other.replace_range(position..=position, &digit.to_string());
                assert!(other.parse::<CardNumber>().is_err(), "{other}");
            }
        }
    }

    #[test]
    fn is_never_printed() {
        let number: CardNumber = "4242424242424242".parse().unwrap();
        assert_eq!(format!("{number:?}"), "CardNumber(…)");
        assert_eq!((number.last_four(), number.brand()), ("4242", Brand::Visa));
    }

    #[test]
    fn ends_with_its_month() {
        let ends = |text: &str| text.parse::<Expiry>().unwrap().end();
        assert_eq!(ends("12/29"), 1_893_456_000, "2030-01-01T00:00:00Z");
        assert_eq!(ends("02/28"), 1_835_481_600, "2028-02-29 is good, 2028-03-01T00:00:00Z is not");
        let expiry: Expiry = "02/28".parse().unwrap();
        assert!(expiry.check(UnixSeconds(1_835_481_599)).is_ok());
        assert_eq!(expiry.check(UnixSeconds(1_835_481_600)).unwrap_err().code(), Code::CARD_EXPIRED);
        for bad in ["13/30", "00/30", "1/30", "01/2030", "0130", ""] {
            assert!(bad.parse::<Expiry>().is_err(), "{bad}");
        }
    }
}
