//! Why a step of a deal was refused.

use crate::commerce::offer::OfferError;
use crate::foundation::{Code, Coded};
use crate::items::statement::StatementError;
use crate::security::SecurityError;

/// Why a step of a deal was refused, grouped by who is to blame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DealError {
    /// The order does not fit the offer.
    #[error("the order does not fit the offer: {0}")]
    Order(&'static str),
    /// The order arrives long after it was made, and was not seen before.
    #[error("the order came too late")]
    Stale,
    /// The order is for another price.
    #[error("the order is for another price than the offer")]
    Price,
    /// The order's way to pay is not among the offer's.
    #[error("the offer does not take that payment module")]
    Module,
    /// The order's parts do not make up its price.
    #[error("the price is not split as it may be: {0}")]
    Split(&'static str),
    /// The offer was refused.
    #[error(transparent)]
    Offer(#[from] OfferError),
    /// A statement was refused.
    #[error("a statement of the deal was refused: {0}")]
    Statement(#[from] StatementError),
    /// The merchant's receipt does not fit.
    #[error("the receipt does not fit the deal: {0}")]
    Receipt(&'static str),
    /// What the merchant delivered does not fit.
    #[error("the delivery does not fit the deal: {0}")]
    Delivery(&'static str),
    /// What the merchant says it refunded does not fit.
    #[error("the refund does not fit the deal: {0}")]
    Refund(&'static str),
    /// A key could not be sealed.
    #[error("a content key could not be sealed: {0}")]
    Security(#[from] SecurityError),
    /// The event cannot happen in the deal's state.
    #[error("that cannot happen to the deal now")]
    State,
}

impl Coded for DealError {
    fn code(&self) -> Code {
        match self {
            Self::Order(_) => Code::ORDER_INVALID,
            Self::Stale => Code::ORDER_EXPIRED,
            Self::Price => Code::PRICE_MISMATCH,
            Self::Module => Code::MODULE_UNSUPPORTED,
            Self::Split(_) => Code::SPLIT_INVALID,
            Self::Offer(error) => error.code(),
            Self::Statement(error) => error.code(),
            Self::Receipt(_) => Code::RECEIPT_INVALID,
            Self::Delivery(_) => Code::DELIVERY_INVALID,
            Self::Refund(_) => Code::REFUND_INVALID,
            Self::Security(error) => error.code(),
            Self::State => Code::REQUEST_CONFLICT,
        }
    }
}
