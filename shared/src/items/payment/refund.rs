//! Giving money back, whichever module gives it back.
//!
//! ```text
//! merchant                                            module's own party
//!   PayeeModule::refund         ── Signed<Refund> ──▶
//!   PayeeModule::resume_refund  ◀── what proves it ──
//! wallet
//!   RefundStatus ◀── with the deal, each once, together at most what was paid
//! ```

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Request;
use crate::foundation::{Amount, Digest, UnixSeconds, base64};
use crate::items::statement::{Compact, Statement};
use crate::security::Thumbprint;

/// The most characters of a reason.
pub const MAX_REASON: usize = 200;

/// The name of a refund, which the merchant chooses: the same name is the same refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RefundId(#[serde(with = "base64::array")] pub [u8; 16]);

impl fmt::Display for RefundId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64::encode(&self.0))
    }
}

impl FromStr for RefundId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        base64::decode_array(text).map(Self).ok_or("a refund is named by 16 bytes, base64url")
    }
}

/// What a merchant gives back of a payment, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repayment {
    /// Its name.
    pub id: RefundId,
    /// How much.
    pub amount: Amount,
    /// Why, for the customer to read.
    pub reason: String,
    /// When it was decided.
    pub at: UnixSeconds,
}

/// The merchant's order to give back part of a payment, or all of it. Signed with the merchant's key, which it carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// The name of this refund among the deal's.
    pub refund: RefundId,
    /// The merchant.
    pub merchant: Thumbprint,
    /// Who holds the money and gives it back: the mint, or whoever the module asks.
    pub via: Thumbprint,
    /// The deal that was paid.
    pub deal: Digest,
    /// How much.
    pub amount: Amount,
    /// Why, for the customer to read: at most [`MAX_REASON`] characters on one line.
    pub reason: String,
    /// When it was decided.
    pub issued_at: UnixSeconds,
}

impl Statement for Refund {
    const TYP: &'static str = "semper-refund+jwt";
}

impl Refund {
    /// What is wrong with a refund that `signer` signed, if anything.
    pub fn fault(&self, signer: &Thumbprint) -> Option<&'static str> {
        if self.merchant != *signer {
            Some("it is not signed by the merchant that it names")
        } else if self.amount.is_zero() {
            Some("its amount is zero")
        } else {
            reason_fault(&self.reason)
        }
    }
}

/// What is wrong with a reason, if anything.
pub fn reason_fault(reason: &str) -> Option<&'static str> {
    let fits = reason.chars().count() <= MAX_REASON && !reason.chars().any(char::is_control);
    (!fits).then_some("its reason is longer than 200 characters, or not one line")
}

/// A refund that was made, with what proves it: as the merchant tells the wallet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundStatus {
    /// The merchant's order.
    pub refund: Compact<Refund>,
    /// The statements that prove that it was done, such as the mint's confirmation.
    #[serde(default)]
    pub proofs: Vec<String>,
}

/// How a refund goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefundStep {
    /// Ask this, and resume with the answer.
    Ask(Request),
    /// The customer has the money.
    Done(RefundStatus),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foundation::Currency;

    #[test]
    fn names_are_16_bytes() {
        let id = RefundId([7; 16]);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(serde_json::to_string(&id).ok(), Some(format!("\"{id}\"")));
        for text in ["", "Bw", "BwcHBwcHBwcHBwcHBwcHBwc", "BwcHBwcHBwcHBwcHBwcHBw=="] {
            assert!(text.parse::<RefundId>().is_err(), "{text}");
        }
    }

    #[test]
    fn faults_are_found() {
        let merchant = Digest::of(b"merchant");
        let good = Refund {
            refund: RefundId([1; 16]),
            merchant,
            via: Digest::of(b"mint"),
            deal: Digest::of(b"deal"),
            amount: Amount::new(Currency::EUR, 1).unwrap_or(Amount::zero(Currency::EUR)),
            reason: "ü".repeat(MAX_REASON),
            issued_at: UnixSeconds(1),
        };
        assert_eq!(good.fault(&merchant), None);
        assert_eq!(Refund { reason: String::new(), ..good.clone() }.fault(&merchant), None);
        assert!(good.fault(&Digest::of(b"another")).is_some());
        assert!(Refund { amount: Amount::zero(Currency::EUR), ..good.clone() }.fault(&merchant).is_some());
        assert!(Refund { reason: "u".repeat(MAX_REASON + 1), ..good.clone() }.fault(&merchant).is_some());
        assert!(Refund { reason: "two\nlines".to_owned(), ..good }.fault(&merchant).is_some());
    }
}
