//! Failures of the primitives. A failed verification says that it failed, never how.

use crate::foundation::{Code, Coded};

/// Why a primitive refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SecurityError {
    /// Not a key of the right kind.
    #[error("the key is not a valid key of its kind")]
    Key,
    /// A signature does not verify.
    #[error("the signature is not valid")]
    Signature,
    /// A sealed message does not open.
    #[error("the sealed message was not sealed for this recipient and purpose")]
    Sealed,
}

impl Coded for SecurityError {
    fn code(&self) -> Code {
        match self {
            Self::Key => Code::KEY_INVALID,
            Self::Signature => Code::SIGNATURE_INVALID,
            Self::Sealed => Code::SEALED_INVALID,
        }
    }
}
