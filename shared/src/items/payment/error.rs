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
            Self::Unusable(unusable) => unusable.code(),
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
    #[error("it is spoken here in version {ours}, there in version {theirs}")]
    Version {
        /// Our side's.
        ours: u32,
        /// The other side's newest.
        theirs: u32,
    },
    /// The offer's parameters are not what the module expects.
    #[error("the shop describes it in a way that this wallet does not understand")]
    Parameters,
    /// No purse holds money that the merchant takes.
    #[error("the shop takes none of this wallet's cash")]
    NoCommonPurse,
    /// The offer asks for an extension that the module does not know.
    #[error("the shop asks for an extension of it that this wallet does not know: {name}")]
    Critical {
        /// The extension.
        name: String,
    },
    /// The offer does not take the module.
    #[error("the shop does not take it")]
    NotOffered,
    /// The merchant runs the module, by its own word, and its offer leaves it out.
    #[error("the shop says elsewhere that it takes it, and leaves it out of this offer")]
    Hidden,
    /// The merchant runs a newer version, by its own word, and its offer has an old one.
    #[error("the shop offers version {offered} of it, and says elsewhere that it takes version {better}")]
    Older {
        /// The version that stands in the offer.
        offered: u32,
        /// The newest that both sides have.
        better: u32,
    },
    /// It would stand in for something better that the merchant hides.
    #[error("the shop takes {better}, which you prefer, and hides it in this offer")]
    Downgrade {
        /// What is hidden.
        better: ModuleId,
    },
    /// A policy forbids it.
    #[error("the policy forbids it here{}", because(why))]
    Forbidden {
        /// Why, as the policy says it.
        why: String,
    },
    /// A policy requires another.
    #[error("the policy requires another way to pay here{}", because(why))]
    OtherRequired {
        /// Why, as the policy says it.
        why: String,
    },
    /// A policy asks for stronger algorithms.
    #[error("the policy asks for stronger algorithms than it has ({bits} bits)")]
    TooWeak {
        /// Its security strength.
        bits: u16,
    },
    /// A policy asks for a newer version.
    #[error("the policy asks for version {least} of it")]
    TooOld {
        /// The oldest version that the policy allows.
        least: u32,
    },
    /// The policy holds no longer.
    #[error("the policy has expired: nothing may be paid until it is renewed")]
    PolicyExpired,
    /// More than the policy lets be spent within 24 hours.
    #[error("the policy's limit for a day leaves less than this costs")]
    DayLimit {
        /// What is left of the limit, in minor units.
        left_minor: u64,
    },
    /// More than the policy lets be spent at one merchant within 24 hours.
    #[error("the policy's limit for a day at one shop leaves less than this costs")]
    MerchantLimit {
        /// What is left of the limit, in minor units.
        left_minor: u64,
    },
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
    /// There is enough, in more coins than one payment may have.
    #[error("there is enough in the purse, in more coins than one payment may have")]
    TooManyCoins {
        /// What is there, in minor units.
        available_minor: u64,
    },
}

fn because(why: &str) -> String {
    if why.is_empty() { String::new() } else { format!(": {}", why.trim_end_matches('.')) }
}

impl Unusable {
    /// The reason's stable name, such as `no-card`: `spec/payment.md` lists them.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::NotInWallet => "not-in-wallet",
            Self::Version { .. } => "version",
            Self::Parameters => "parameters",
            Self::Critical { .. } => "critical",
            Self::NotOffered => "not-offered",
            Self::Hidden => "hidden",
            Self::Older { .. } => "older",
            Self::Downgrade { .. } => "downgrade",
            Self::Forbidden { .. } => "forbidden",
            Self::OtherRequired { .. } => "other-required",
            Self::TooWeak { .. } => "too-weak",
            Self::TooOld { .. } => "too-old",
            Self::PolicyExpired => "policy-expired",
            Self::DayLimit { .. } => "day-limit",
            Self::MerchantLimit { .. } => "merchant-limit",
            Self::NoCommonPurse => "no-common-purse",
            Self::NoCard => "no-card",
            Self::NoFittingCard => "no-fitting-card",
            Self::Insufficient { .. } => "insufficient",
            Self::TooManyCoins { .. } => "too-many-coins",
        }
    }
}

impl Coded for Unusable {
    fn code(&self) -> Code {
        match self {
            Self::Insufficient { .. } => Code::FUNDS_INSUFFICIENT,
            Self::TooManyCoins { .. } => Code::COINS_TOO_MANY,
            Self::NoCard | Self::NoFittingCard => Code::CARD_NOT_ENROLLED,
            Self::NoCommonPurse => Code::MINT_UNTRUSTED,
            Self::Hidden | Self::Older { .. } | Self::Downgrade { .. } => Code::DOWNGRADE_REFUSED,
            Self::Forbidden { .. } | Self::OtherRequired { .. } | Self::TooWeak { .. } | Self::TooOld { .. } => {
                Code::POLICY_FORBIDS
            }
            Self::PolicyExpired => Code::POLICY_EXPIRED,
            Self::DayLimit { .. } | Self::MerchantLimit { .. } => Code::SPENDING_LIMIT,
            Self::NotInWallet | Self::Version { .. } | Self::Parameters | Self::Critical { .. } | Self::NotOffered => {
                Code::MODULE_UNSUPPORTED
            }
        }
    }
}
