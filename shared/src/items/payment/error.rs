//! Why a payment was refused, and why a module cannot be used.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ModuleId;
use crate::foundation::{AmountError, Code, Coded};
use crate::items::statement::StatementError;

/// Why a payment was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PaymentError {
    /// Malformed, or bound to another bill.
    #[error("the payment does not fit the bill: {0}")]
    Invalid(&'static str),
    /// A statement in it was refused.
    #[error("a statement of the payment was refused: {0}")]
    Statement(#[from] StatementError),
    /// An amount in it was refused.
    #[error("an amount of the payment was refused: {0}")]
    Amount(#[from] AmountError),
    /// Nobody here runs the module in that version.
    #[error("the payment module {0} is not supported here in that version")]
    Unsupported(ModuleId),
    /// The module cannot pay this.
    #[error("the payment module cannot pay this: {0}")]
    Unusable(#[from] Unusable),
    /// The third party refused, for a reason with a code; `extra` holds what it added, such as a proof.
    #[error("the payment was refused: {}", code.as_str())]
    Refused {
        /// Why.
        code: Code,
        /// The refusal's further members.
        extra: Value,
    },
    /// The third party broke the protocol.
    #[error("the answer to the payment breaks the protocol: {0}")]
    Peer(&'static str),
    /// The third party did not say what became of it; the same request may be sent again.
    #[error("the payment's outcome is not known yet")]
    Unknown,
}

impl Coded for PaymentError {
    fn code(&self) -> Code {
        match self {
            Self::Invalid(_) => Code::PAYMENT_INVALID,
            Self::Statement(error) => error.code(),
            Self::Amount(error) => error.code(),
            Self::Unsupported(_) => Code::MODULE_UNSUPPORTED,
            Self::Unusable(Unusable::Insufficient { .. }) => Code::FUNDS_INSUFFICIENT,
            Self::Unusable(Unusable::NoCard | Unusable::NoFittingCard) => Code::CARD_NOT_ENROLLED,
            Self::Unusable(Unusable::NoCommonPurse) => Code::MINT_UNTRUSTED,
            Self::Unusable(_) => Code::MODULE_UNSUPPORTED,
            Self::Refused { code, .. } => *code,
            Self::Peer(_) => Code::PEER_INVALID,
            Self::Unknown => Code::OUTCOME_UNKNOWN,
        }
    }
}

/// Why a module cannot pay a bill, told to the customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "reason", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Unusable {
    /// The wallet does not have the module.
    #[error("this wallet does not have it")]
    NotInWallet,
    /// The two sides speak different versions.
    #[error("the shop speaks version {theirs} of it, this wallet version {ours}")]
    Version {
        /// The wallet's.
        ours: u32,
        /// The merchant's.
        theirs: u32,
    },
    /// The offer's parameters are not what the module expects.
    #[error("the shop describes it in a way that this wallet does not understand")]
    Parameters,
    /// No purse holds money that the merchant takes.
    #[error("the shop takes none of this wallet's cash")]
    NoCommonPurse,
    /// There is no card for the gateway that the merchant works with.
    #[error("there is no card in the wallet that goes through the shop's gateway")]
    NoCard,
    /// There are cards, none of which the merchant takes.
    #[error("the shop takes none of this wallet's cards: of another brand, at their end, or not enrolled")]
    NoFittingCard,
    /// There is money, but not enough.
    #[error("there is not enough in the purse")]
    Insufficient {
        /// What is there, in minor units.
        available_minor: u64,
    },
}
