//! One price over two modules: settled as one, or not at all.
//!
//! The order names each module with its exact [`Share`]. The merchant holds what can be let go again, takes what cannot,
//! and then takes what it held:
//!
//! ```text
//! merchant                        card's gateway            mint
//!   hold 12.00      ────────────▶ authorised
//!   take  5.00      ───────────────────────────────────────▶ deposited        refused? let go of what is held
//!   take what is held ──────────▶ captured                                    refused? let go, and give the coins back
//!   one receipt
//! ```
//!
//! [`Saga`] is that, without input or output: what it knows after each step is a [`Phase`], to be stored before the next.
//!
//! Specification: `spec/split.md`.

mod saga;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use saga::{Act, Failure, Outcome, Phase, Saga};

use super::{Bill, ModuleId, ModuleVersion, Payment, PaymentError, first_version, is_first_version};
use crate::foundation::{Amount, Digest, json};

/// How many modules share a price.
const SHARES: usize = 2;

/// What a module can do in a payment that is split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SplitRole {
    /// Hold the money first, and let go of it or take it later.
    Holds,
    /// Take the money in one step, all or nothing.
    Takes,
}

/// A module's part of a price. An order names it, and the receipt names it again with what proves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// The module.
    pub module: ModuleId,
    /// The version of its protocol; the first where it is not named.
    #[serde(default = "first_version", skip_serializing_if = "is_first_version")]
    pub version: u32,
    /// How much it pays.
    pub amount: Amount,
    /// In a receipt, the digests of the statements that prove it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub payment: Vec<Digest>,
}

impl Share {
    /// The module in its version.
    pub fn module(&self) -> ModuleVersion {
        ModuleVersion { id: self.module.clone(), version: self.version }
    }
}

/// What is wrong with how an order splits `total`, if anything.
pub fn shares_fault(shares: &[Share], total: Amount) -> Option<&'static str> {
    let [first, second] = shares else { return Some("a price is split over two modules") };
    if first.module == second.module {
        return Some("a module stands in it twice");
    }
    if shares.iter().any(|share| share.amount.is_zero()) {
        return Some("a part of it is nothing");
    }
    if !shares.iter().all(|share| share.payment.is_empty()) {
        return Some("what proves a payment stands in no order");
    }
    let sum = first.amount.checked_add(second.amount);
    (sum != Ok(total)).then_some("its parts are not the price")
}

impl Bill {
    /// What one share of it pays.
    #[must_use]
    pub fn share(&self, share: &Share) -> Self {
        Self { total: share.amount, ..self.clone() }
    }
}

impl Payment {
    /// The payments of two shares, as one.
    ///
    /// # Errors
    /// [`PaymentError::Invalid`] where they do not serialize.
    pub fn split(parts: &[Self]) -> Result<Self, PaymentError> {
        let body = serde_json::to_value(parts).map_err(|_| PaymentError::Invalid("it does not serialize"))?;
        Ok(Self { module: ModuleId::split(), version: first_version(), body, critical: Vec::new() })
    }

    /// What it is made of: the payments of its shares, or itself.
    pub fn parts(&self) -> Vec<Self> {
        if self.module != ModuleId::split() {
            return vec![self.clone()];
        }
        json::from_value::<Vec<Self>>(self.body.clone()).unwrap_or_default()
    }

    /// The part of it that a module pays.
    pub fn of(&self, module: &str) -> Option<Self> {
        self.parts().into_iter().find(|part| part.module.as_str() == module)
    }
}
