//! What the bank refuses.

use semper_shared::foundation::Code;

use super::ledger::LedgerError;
use crate::http::Problem;
use crate::store::StoreError;

/// Why the bank did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BankError {
    /// There is no such account.
    #[error("there is no such account")]
    AccountUnknown,
    /// The token is not the account's.
    #[error("the token is not this account's")]
    TokenInvalid,
    /// The payer used the identifier before, for another transfer.
    #[error("another transfer was made under this identifier")]
    RequestConflict,
    /// The bank deals in another currency.
    #[error("this bank deals in another currency")]
    CurrencyMismatch,
    /// The ledger refuses the transfer.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The books cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<BankError> for Problem {
    fn from(error: BankError) -> Self {
        match error {
            BankError::AccountUnknown => Self::new(Code::ACCOUNT_UNKNOWN),
            BankError::TokenInvalid => Self::new(Code::TOKEN_INVALID),
            BankError::RequestConflict => Self::new(Code::REQUEST_CONFLICT),
            BankError::CurrencyMismatch => Self::new(Code::CURRENCY_MISMATCH),
            BankError::Ledger(LedgerError::FundsInsufficient) => Self::new(Code::FUNDS_INSUFFICIENT),
            BankError::Ledger(LedgerError::AmountInvalid) => Self::new(Code::AMOUNT_INVALID),
            BankError::Ledger(LedgerError::SameAccount) => {
                Self::request_invalid("Payer and payee are the same account: name two.")
            }
            BankError::Store(error) => error.into(),
        }
    }
}
