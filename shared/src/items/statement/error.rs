//! Why a statement was refused.

use crate::foundation::{Code, Coded};

/// Why a statement was refused. A failed verification says that it failed, never how.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatementError {
    /// Not a compact JWS with the members that its kind has.
    #[error("the statement is malformed: {0}")]
    Malformed(&'static str),
    /// More than [`super::MAX_LEN`] bytes.
    #[error("the statement is larger than 64 KiB")]
    TooLarge,
    /// Signed with something other than ES256, or with extensions that must be understood.
    #[error("the statement's algorithm or critical extension is not supported")]
    Unsupported,
    /// Another kind of statement.
    #[error("the statement is not of the expected type {expected}")]
    Type {
        /// The type that was asked for.
        expected: &'static str,
    },
    /// The signature, or the key that it names, is not the expected one.
    #[error("the statement's signature is not valid")]
    Signature,
}

impl Coded for StatementError {
    fn code(&self) -> Code {
        match self {
            Self::Malformed(_) => Code::STATEMENT_MALFORMED,
            Self::TooLarge => Code::STATEMENT_TOO_LARGE,
            Self::Unsupported => Code::ALGORITHM_UNSUPPORTED,
            Self::Type { .. } => Code::STATEMENT_TYPE_MISMATCH,
            Self::Signature => Code::SIGNATURE_INVALID,
        }
    }
}
