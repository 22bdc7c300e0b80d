//! Why an offer was refused.

use crate::foundation::{AmountError, Code, Coded};
use crate::items::statement::StatementError;

/// Why an offer was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OfferError {
    /// The statement was refused.
    #[error("the offer is not a valid statement: {0}")]
    Statement(#[from] StatementError),
    /// An amount was refused.
    #[error("an amount of the offer was refused: {0}")]
    Amount(#[from] AmountError),
    /// It contradicts itself.
    #[error("the offer contradicts itself: {0}")]
    Inconsistent(&'static str),
    /// It was fetched from an origin that is not the merchant's.
    #[error("the offer is another merchant's than the shop it was found in")]
    Origin,
    /// It was issued later than now, further than clocks may differ.
    #[error("the offer is of the future")]
    Early,
    /// Its time is over.
    #[error("the offer has expired")]
    Expired,
}

impl Coded for OfferError {
    fn code(&self) -> Code {
        match self {
            Self::Statement(error) => error.code(),
            Self::Amount(error) => error.code(),
            Self::Inconsistent(_) => Code::OFFER_INVALID,
            Self::Origin => Code::MERCHANT_MISMATCH,
            Self::Early => Code::OFFER_EARLY,
            Self::Expired => Code::OFFER_EXPIRED,
        }
    }
}
