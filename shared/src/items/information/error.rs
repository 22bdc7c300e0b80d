//! Why content was refused.

use crate::foundation::{Code, Coded};

/// Why content was refused. A failed verification says that it failed, never how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InformationError {
    /// Not the content that was committed to, cut short, or not encrypted with this key.
    #[error("the content is not what was promised")]
    Content,
    /// The key is not the one that was committed to.
    #[error("the delivered key does not open the content that was promised")]
    Key,
    /// More than [`super::MAX_SIZE`] bytes.
    #[error("the content is larger than 1 TiB")]
    TooLarge,
    /// Our own caller sealed records in an order that no reader would accept.
    #[error("a record was sealed out of turn")]
    Record,
}

impl Coded for InformationError {
    fn code(&self) -> Code {
        match self {
            Self::Content => Code::CONTENT_INVALID,
            Self::Key => Code::DELIVERY_INVALID,
            Self::TooLarge => Code::BODY_TOO_LARGE,
            Self::Record => Code::INTERNAL,
        }
    }
}
