//! Why the mint refused, and how that is told.

use semper_shared::foundation::{Code, Coded as _};
use semper_shared::items::payment::ecash::EcashError;

use super::store::{LedgerError, Limit};
use crate::http::Problem;
use crate::store::StoreError;

/// Why the mint did not do something.
#[derive(Debug, thiserror::Error)]
pub(super) enum MintError {
    /// The request is refused.
    #[error(transparent)]
    Refused(#[from] EcashError),
    /// The ledger refused, or failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl From<StoreError> for MintError {
    fn from(error: StoreError) -> Self {
        Self::Ledger(error.into())
    }
}

impl From<MintError> for Problem {
    fn from(error: MintError) -> Self {
        match error {
            MintError::Refused(error @ EcashError::Malformed(_)) => Self::request_invalid(error.to_string()),
            MintError::Refused(error) => Self::new(error.code()),
            MintError::Ledger(LedgerError::Store(error)) => error.into(),
            MintError::Ledger(LedgerError::ReserveUnknown) => Self::new(Code::RESERVE_UNKNOWN),
            MintError::Ledger(LedgerError::FundsInsufficient) => Self::new(Code::FUNDS_INSUFFICIENT),
            MintError::Ledger(LedgerError::CoinSpent(_)) => Self::new(Code::COIN_ALREADY_SPENT),
            MintError::Ledger(LedgerError::CoinInvalid) => {
                Self::new(Code::COIN_INVALID).detail("Do not accept it: its key was used under another denomination.")
            }
            MintError::Ledger(LedgerError::AccountMissing) => Self::new(Code::PAYOUT_ACCOUNT_MISSING),
            MintError::Ledger(LedgerError::PayoutUnknown) => Self::new(Code::PAYOUT_UNKNOWN),
            MintError::Ledger(LedgerError::DealUnknown) => Self::new(Code::DEAL_UNKNOWN),
            MintError::Ledger(LedgerError::PaidOut) => Self::new(Code::ALREADY_PAID_OUT),
            MintError::Ledger(LedgerError::RefundTooLate) => Self::new(Code::REFUND_TOO_LATE),
            MintError::Ledger(LedgerError::RefundExcessive { left }) => {
                Self::new(Code::REFUND_EXCESSIVE).extra("left_minor", left)
            }
            MintError::Ledger(LedgerError::MeltVoid) => Self::new(Code::DENOMINATION_EXPIRED).detail(
                "Melt the coin again: its outputs can no longer be signed, and the amount is back in the coin.",
            ),
            MintError::Ledger(LedgerError::MeltUnknown) => Self::new(Code::MELT_UNKNOWN),
            MintError::Ledger(LedgerError::TransferUnknown) => Self::new(Code::TRANSFER_UNKNOWN),
            MintError::Ledger(LedgerError::TransferAccepted) => Self::new(Code::TRANSFER_ACCEPTED),
            MintError::Ledger(LedgerError::TransferReturned) => Self::new(Code::TRANSFER_RETURNED),
            MintError::Ledger(LedgerError::Limit(limit)) => Self::new(match limit {
                Limit::Withdrawal => Code::WITHDRAWAL_LIMIT,
                Limit::Reserve => Code::RESERVE_LIMIT,
                Limit::Day => Code::DAY_LIMIT,
            }),
            MintError::Ledger(LedgerError::Conflict(why)) => Self::new(Code::REQUEST_CONFLICT).detail(why),
        }
    }
}

/// What is stored cannot be read: our own fault.
pub(super) fn broken(what: &'static str) -> MintError {
    MintError::Ledger(LedgerError::Store(StoreError::Failed(what.into())))
}

/// A worker of the blocking pool went away, which happens only when the process stops.
pub(super) fn stopped(_: actix_web::error::BlockingError) -> MintError {
    MintError::Ledger(LedgerError::Store(StoreError::Closed))
}
