//! An authorisation's life: what may be captured, voided and refunded, and when.
//!
//! ```text
//! authorised ──capture──▶ captured (part, whole) ──refund──▶ refunded (part, whole)
//!     │ ╲void▶ voided            ╲ chargeback (from the issuer) ▶ charged back
//!     ╰expiry▶ expired
//! ```

use serde::{Deserialize, Serialize};

use crate::foundation::{Amount, Code, Coded, UnixSeconds};

/// What a merchant may order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "operation", rename_all = "lowercase")]
pub enum Operation {
    /// Take money that is held.
    Capture {
        /// How much; several captures add up.
        amount: Amount,
    },
    /// Let go of what is held and not captured.
    Void,
    /// Give money back that was captured.
    Refund {
        /// How much; several refunds add up.
        amount: Amount,
        /// Why, to be read by the customer; at most 200 characters.
        reason: String,
    },
}

/// How an authorisation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CardState {
    /// Held, nothing captured.
    Authorised,
    /// Some or all of it captured.
    Captured,
    /// Let go.
    Voided,
    /// Ended by time, nothing captured.
    Expired,
    /// Some or all of what was captured given back.
    Refunded,
    /// Taken back by the cardholder's bank.
    ChargedBack,
}

/// An authorisation with its sums, in minor units of its one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorisation {
    /// What was authorised.
    pub amount: Amount,
    /// Until when it may be captured.
    pub capture_by: UnixSeconds,
    /// How it stands; expiry shows only once [`Authorisation::state_at`] is asked.
    pub state: CardState,
    /// Captured so far.
    pub captured_minor: u64,
    /// Given back so far.
    pub refunded_minor: u64,
}

/// Why an order cannot be carried out; nothing was moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MoneyError {
    /// It is in another currency, or for nothing.
    #[error("the amount is zero, or not in the authorisation's currency")]
    Amount,
    /// More than is left.
    #[error("more than is left of the authorisation")]
    Excessive,
    /// Its time is over.
    #[error("the authorisation has expired")]
    Expired,
    /// It is in a state that does not allow this.
    #[error("the authorisation does not allow this any more")]
    State,
    /// The reason is too long.
    #[error("a reason has at most 200 characters")]
    Reason,
}

impl Coded for MoneyError {
    fn code(&self) -> Code {
        match self {
            Self::Amount => Code::AMOUNT_INVALID,
            Self::Excessive => Code::CAPTURE_EXCESSIVE,
            Self::Expired => Code::AUTHORISATION_EXPIRED,
            Self::State => Code::AUTHORISATION_CLOSED,
            Self::Reason => Code::REQUEST_INVALID,
        }
    }
}

impl Authorisation {
    /// A fresh authorisation.
    pub const fn new(amount: Amount, capture_by: UnixSeconds) -> Self {
        Self { amount, capture_by, state: CardState::Authorised, captured_minor: 0, refunded_minor: 0 }
    }

    /// How it stands at a time: what is still held after `capture_by` is not.
    pub fn state_at(&self, now: UnixSeconds) -> CardState {
        match self.state {
            CardState::Authorised if now > self.capture_by => CardState::Expired,
            state => state,
        }
    }

    /// What may still be captured.
    pub fn capturable_minor(&self, now: UnixSeconds) -> u64 {
        match self.state {
            CardState::Authorised | CardState::Captured if now <= self.capture_by => {
                self.amount.minor().saturating_sub(self.captured_minor)
            }
            _ => 0,
        }
    }

    /// What may still be given back.
    pub fn refundable_minor(&self) -> u64 {
        match self.state {
            CardState::ChargedBack => 0,
            _ => self.captured_minor.saturating_sub(self.refunded_minor),
        }
    }

    /// Carries an order out on the sums.
    ///
    /// # Errors
    /// [`MoneyError`]; nothing has changed then.
    pub fn apply(&self, operation: &Operation, now: UnixSeconds) -> Result<Self, MoneyError> {
        let mut next = self.clone();
        match operation {
            Operation::Capture { amount } => {
                let amount = self.minor(*amount)?;
                if self.state_at(now) == CardState::Expired || now > self.capture_by {
                    return Err(MoneyError::Expired);
                }
                if !matches!(self.state, CardState::Authorised | CardState::Captured) {
                    return Err(MoneyError::State);
                }
                if amount > self.capturable_minor(now) {
                    return Err(MoneyError::Excessive);
                }
                next.captured_minor += amount;
                next.state = CardState::Captured;
            }
            Operation::Void => match self.state_at(now) {
                CardState::Authorised => next.state = CardState::Voided,
                _ => return Err(MoneyError::State),
            },
            Operation::Refund { amount, reason } => {
                let amount = self.minor(*amount)?;
                if reason.chars().count() > 200 {
                    return Err(MoneyError::Reason);
                }
                if !matches!(self.state, CardState::Captured | CardState::Refunded) {
                    return Err(MoneyError::State);
                }
                if amount > self.refundable_minor() {
                    return Err(MoneyError::Excessive);
                }
                next.refunded_minor += amount;
                next.state = CardState::Refunded;
            }
        }
        Ok(next)
    }

    /// The cardholder's bank takes back what was captured and not yet given back.
    ///
    /// # Errors
    /// [`MoneyError::State`] where nothing was captured.
    pub fn charge_back(&self) -> Result<Self, MoneyError> {
        if self.refundable_minor() == 0 {
            return Err(MoneyError::State);
        }
        Ok(Self { state: CardState::ChargedBack, ..self.clone() })
    }

    fn minor(&self, amount: Amount) -> Result<u64, MoneyError> {
        let fits = amount.currency() == self.amount.currency() && !amount.is_zero();
        if fits { Ok(amount.minor()) } else { Err(MoneyError::Amount) }
    }
}
