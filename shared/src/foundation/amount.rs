//! Money: an ISO 4217 currency and a whole number of its minor units, with checked arithmetic and never a float.
//!
//! ```
//! use semper_shared::foundation::{Amount, Currency};
//!
//! let price: Amount = Amount::parse_decimal("3.20", Currency::EUR)?;
//! assert_eq!(price.minor(), 320);
//! assert_eq!(price.checked_add(price)?.to_string(), "EUR 6.40");
//! # Ok::<(), semper_shared::foundation::AmountError>(())
//! ```

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

use super::code::{Code, Coded};

/// An ISO 4217 alphabetic currency code, such as `EUR`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

impl Currency {
    /// The euro.
    pub const EUR: Self = Self(*b"EUR");

    /// The three letters.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or("XXX")
    }

    /// How many decimal places the currency's minor unit has (ISO 4217).
    pub fn exponent(&self) -> u32 {
        match &self.0 {
            b"BIF" | b"CLP" | b"DJF" | b"GNF" | b"ISK" | b"JPY" | b"KMF" | b"KRW" | b"PYG" | b"RWF" | b"UGX"
            | b"VND" | b"VUV" | b"XAF" | b"XOF" | b"XPF" => 0,
            b"BHD" | b"IQD" | b"JOD" | b"KWD" | b"LYD" | b"OMR" | b"TND" => 3,
            _ => 2,
        }
    }
}

impl FromStr for Currency {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        match text.as_bytes() {
            &[a, b, c] if [a, b, c].iter().all(u8::is_ascii_uppercase) => Ok(Self([a, b, c])),
            _ => Err(AmountError::Currency),
        }
    }
}

impl TryFrom<String> for Currency {
    type Error = AmountError;

    fn try_from(text: String) -> Result<Self, AmountError> {
        text.parse()
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.as_str().to_owned()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An amount of money, never negative, at most [`Amount::MAX_MINOR`] minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "WireAmount")]
pub struct Amount {
    currency: Currency,
    minor: u64,
}

#[derive(Deserialize)]
#[serde(rename = "closed WireAmount", deny_unknown_fields)]
struct WireAmount {
    currency: Currency,
    minor: u64,
}

impl TryFrom<WireAmount> for Amount {
    type Error = AmountError;

    fn try_from(wire: WireAmount) -> Result<Self, AmountError> {
        Self::new(wire.currency, wire.minor)
    }
}

impl Amount {
    /// The largest amount, in minor units: what every JSON number can carry exactly (2^53 - 1).
    pub const MAX_MINOR: u64 = (1 << 53) - 1;

    /// An amount of `minor` minor units.
    ///
    /// # Errors
    /// [`AmountError::Overflow`] above [`Amount::MAX_MINOR`].
    pub fn new(currency: Currency, minor: u64) -> Result<Self, AmountError> {
        if minor > Self::MAX_MINOR {
            return Err(AmountError::Overflow);
        }
        Ok(Self { currency, minor })
    }

    /// Nothing, in a currency.
    pub const fn zero(currency: Currency) -> Self {
        Self { currency, minor: 0 }
    }

    /// Reads a decimal such as `3.20`; more places than the currency has are refused.
    ///
    /// # Errors
    /// [`AmountError::Malformed`] for anything but digits with at most one point, [`AmountError::Overflow`] beyond the bound.
    pub fn parse_decimal(text: &str, currency: Currency) -> Result<Self, AmountError> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let places = usize::try_from(currency.exponent()).map_err(|_| AmountError::Malformed)?;
        let digits_only = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        let dangling_point = text.ends_with('.');
        if whole.is_empty()
            || dangling_point
            || fraction.len() > places
            || !digits_only(whole)
            || !digits_only(fraction)
        {
            return Err(AmountError::Malformed);
        }
        let minor = format!("{whole}{fraction:0<places$}").parse().map_err(|_| AmountError::Overflow)?;
        Self::new(currency, minor)
    }

    /// The currency.
    pub const fn currency(&self) -> Currency {
        self.currency
    }

    /// The number of minor units.
    pub const fn minor(&self) -> u64 {
        self.minor
    }

    /// Whether this is nothing.
    pub const fn is_zero(&self) -> bool {
        self.minor == 0
    }

    /// The sum.
    ///
    /// # Errors
    /// [`AmountError::CurrencyMismatch`] or [`AmountError::Overflow`].
    pub fn checked_add(self, other: Self) -> Result<Self, AmountError> {
        self.same_currency(other)?;
        let minor = self.minor.checked_add(other.minor).ok_or(AmountError::Overflow)?;
        Self::new(self.currency, minor)
    }

    /// The difference.
    ///
    /// # Errors
    /// [`AmountError::CurrencyMismatch`], or [`AmountError::Underflow`] where `other` is larger.
    pub fn checked_sub(self, other: Self) -> Result<Self, AmountError> {
        self.same_currency(other)?;
        let minor = self.minor.checked_sub(other.minor).ok_or(AmountError::Underflow)?;
        Ok(Self { minor, ..self })
    }

    /// The amount `factor` times.
    ///
    /// # Errors
    /// [`AmountError::Overflow`].
    pub fn checked_mul(self, factor: u64) -> Result<Self, AmountError> {
        let minor = self.minor.checked_mul(factor).ok_or(AmountError::Overflow)?;
        Self::new(self.currency, minor)
    }

    /// The sum of many amounts of one currency.
    ///
    /// # Errors
    /// As [`Amount::checked_add`].
    pub fn sum(currency: Currency, amounts: impl IntoIterator<Item = Self>) -> Result<Self, AmountError> {
        amounts.into_iter().try_fold(Self::zero(currency), Self::checked_add)
    }

    fn same_currency(self, other: Self) -> Result<(), AmountError> {
        if self.currency == other.currency { Ok(()) } else { Err(AmountError::CurrencyMismatch) }
    }
}

impl PartialOrd for Amount {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        (self.currency == other.currency).then(|| self.minor.cmp(&other.minor))
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = self.currency.exponent();
        if places == 0 {
            return write!(f, "{} {}", self.currency, self.minor);
        }
        let unit = 10_u64.pow(places);
        let width = usize::try_from(places).unwrap_or(2);
        write!(f, "{} {}.{:0width$}", self.currency, self.minor / unit, self.minor % unit)
    }
}

/// Why an amount was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AmountError {
    /// Not three capital letters.
    #[error("a currency is three capital letters (ISO 4217)")]
    Currency,
    /// Not a decimal number of the currency's places.
    #[error("an amount is digits with at most the currency's decimal places")]
    Malformed,
    /// More than fits.
    #[error("the amount is too large")]
    Overflow,
    /// Less than nothing.
    #[error("the amount would fall below zero")]
    Underflow,
    /// Two currencies met.
    #[error("the amounts are in different currencies")]
    CurrencyMismatch,
}

impl Coded for AmountError {
    fn code(&self) -> Code {
        match self {
            Self::CurrencyMismatch => Code::CURRENCY_MISMATCH,
            _ => Code::AMOUNT_INVALID,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parses_and_prints_decimals() {
        for (text, minor) in [("0", 0), ("0.5", 50), ("20.00", 2000), ("3.2", 320)] {
            assert_eq!(Amount::parse_decimal(text, Currency::EUR).map(|a| a.minor()), Ok(minor), "{text}");
        }
        let yen: Result<Currency, _> = "JPY".parse();
        assert_eq!(yen.and_then(|c| Amount::parse_decimal("7", c)).map(|a| a.to_string()), Ok("JPY 7".to_owned()));
    }

    #[test]
    fn refuses_what_is_no_amount() {
        for text in ["", ".5", "1.", "-1", "1.234", "1e3", "1,00", " 1", "99999999999999999999"] {
            assert!(Amount::parse_decimal(text, Currency::EUR).is_err(), "{text}");
        }
        for json in [r#"{"currency":"eur","minor":1}"#, r#"{"currency":"EUR","minor":9007199254740992}"#] {
            assert!(serde_json::from_str::<Amount>(json).is_err(), "{json}");
        }
    }

    proptest! {
        #[test]
        fn decimal_round_trip(minor in 0..=Amount::MAX_MINOR) {
            let amount = Amount::new(Currency::EUR, minor)?;
            let text = amount.to_string();
            prop_assert_eq!(Amount::parse_decimal(&text[4..], Currency::EUR)?, amount);
        }

        #[test]
        fn subtraction_undoes_addition(a in 0..=Amount::MAX_MINOR / 2, b in 0..=Amount::MAX_MINOR / 2) {
            let (a, b) = (Amount::new(Currency::EUR, a)?, Amount::new(Currency::EUR, b)?);
            prop_assert_eq!(a.checked_add(b)?.checked_sub(b)?, a);
        }
    }
}
