//! Why cash was refused.

use crate::foundation::{AmountError, Code, Coded};
use crate::items::statement::StatementError;
use crate::security::SecurityError;

/// Why cash was refused, grouped by who is to blame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EcashError {
    /// A request has the wrong shape.
    #[error("the request is malformed: {0}")]
    Malformed(&'static str),
    /// A statement was refused.
    #[error("a statement was refused: {0}")]
    Statement(#[from] StatementError),
    /// An amount was refused.
    #[error("an amount was refused: {0}")]
    Amount(#[from] AmountError),
    /// A key was refused.
    #[error("a key was refused: {0}")]
    Security(#[from] SecurityError),
    /// It is for another mint.
    #[error("it is meant for another mint")]
    Mint,
    /// The mint has no such denomination.
    #[error("the denomination is not known")]
    DenominationUnknown,
    /// The denomination's time for this has not come or is over.
    #[error("the denomination cannot be used for this at this time")]
    DenominationExpired,
    /// The denomination was revoked.
    #[error("the denomination was revoked")]
    DenominationRevoked,
    /// The mint did not sign this coin.
    #[error("the coin is not one that the mint signed")]
    Coin,
    /// What was revealed is not what was committed to.
    #[error("the reveal does not fit the melt's commitment")]
    Reveal,
    /// More than the mint's policy allows; the code says of what.
    #[error("it is beyond the mint's limits")]
    Limit(Code),
    /// Its time is over.
    #[error("the transfer has expired")]
    TransferExpired,
    /// The coins at hand, good for long enough, do not make up the amount.
    #[error("there is not enough cash at hand for this")]
    Insufficient,
    /// There is enough, in more coins than one payment may have.
    #[error("it takes more coins than one payment may have")]
    TooManyCoins,
    /// The mint broke the protocol.
    #[error("the mint's answer breaks the protocol: {0}")]
    Peer(&'static str),
    /// The purse has no such mint, reserve, coin or refresh.
    #[error("the purse holds no such thing: {0}")]
    Unknown(&'static str),
}

impl Coded for EcashError {
    fn code(&self) -> Code {
        match self {
            Self::Malformed(_) => Code::REQUEST_INVALID,
            Self::Statement(error) => error.code(),
            Self::Amount(error) => error.code(),
            Self::Security(error) => error.code(),
            Self::Mint => Code::MINT_MISMATCH,
            Self::DenominationUnknown => Code::DENOMINATION_UNKNOWN,
            Self::DenominationExpired => Code::DENOMINATION_EXPIRED,
            Self::DenominationRevoked => Code::DENOMINATION_REVOKED,
            Self::Coin => Code::COIN_INVALID,
            Self::Reveal => Code::REVEAL_INVALID,
            Self::Limit(code) => *code,
            Self::TransferExpired => Code::TRANSFER_EXPIRED,
            Self::Insufficient => Code::FUNDS_INSUFFICIENT,
            Self::TooManyCoins => Code::COINS_TOO_MANY,
            Self::Peer(_) => Code::PEER_INVALID,
            Self::Unknown(_) => Code::NOT_FOUND,
        }
    }
}
