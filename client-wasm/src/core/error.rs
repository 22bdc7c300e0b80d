//! Why the wallet did not do what it was asked for.

use semper_shared::commerce::deal::DealError;
use semper_shared::commerce::{OfferError, PolicyError};
use semper_shared::foundation::{Amount, AmountError, Code, Coded, Digest};
use semper_shared::items::payment::PaymentError;
use semper_shared::items::payment::ecash::EcashError;
use semper_shared::items::statement::StatementError;
use semper_shared::security::Thumbprint;

use super::ports::StoreError;

/// Why the wallet did not do what it was asked for, grouped by who can mend it.
///
/// Almost every function of the wallet returns it, and each `?` moves it: what is large in it lies in a box.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum WalletError {
    /// It is locked.
    #[error("the wallet is locked")]
    Locked,
    /// Nothing is set up yet.
    #[error("there is no wallet here yet")]
    Empty,
    /// Something is set up already.
    #[error("nothing was changed")]
    Exists,
    /// Another device with the same words has the money now.
    #[error(
        "another device with the same words has taken this wallet's money over; nothing was lost, and nothing was paid"
    )]
    TakenOver,
    /// Not the passphrase.
    #[error("that is not the passphrase of this wallet")]
    Passphrase,
    /// Not recovery words.
    #[error("these are not 12 recovery words")]
    Words,
    /// Not a backup, or not its passphrase.
    #[error("the backup cannot be opened")]
    Backup,
    /// The caller asked for something that makes no sense.
    #[error("{0}")]
    Request(String),
    /// The wallet holds no such deal.
    #[error("this wallet has no such deal")]
    DealUnknown,
    /// The wallet holds no such thing.
    #[error("{0}")]
    NotFound(&'static str),
    /// The money has to be transferred by hand.
    #[error("{0}, then resume")]
    TransferNeeded(Box<TransferNeeded>),
    /// Somebody could not be reached.
    #[error("{host} cannot be reached")]
    Network {
        /// Who.
        host: String,
    },
    /// Somebody was reached and did not come to an end.
    #[error("{host} has not finished; your money is safe")]
    Unfinished {
        /// Who.
        host: String,
        /// What it said last.
        code: Code,
    },
    /// The card's issuer wants the person's approval: [`crate::core::Wallet::approve`], then the same purchase again.
    #[error("the card's issuer wants your approval for this payment (deal {}, through {})", .0.0, .0.1)]
    StepUp(Box<(Digest, String)>),
    /// An invoice is to be paid by transfer, before the goods come.
    #[error("transfer {} to {}, {}, with the reference {}, then resume (deal {})", .0.amount, .0.name, .0.iban, .0.reference, .0.deal)]
    InvoiceOpen(Box<OpenInvoice>),
    /// Somebody refused, for a reason with a code.
    #[error("{said}")]
    Refused {
        /// Why.
        code: Code,
        /// Who, and why in words.
        said: Box<Said>,
    },
    /// Somebody broke the protocol.
    #[error("{} answered in a way that breaks the protocol: {}", .0.host, .0.what)]
    Peer(Box<Said>),
    /// The policy wants the person's word, for this reason: [`crate::core::Wallet::confirm`], then the same purchase again.
    #[error("the policy asks you to confirm this payment. {0}")]
    Confirm(Box<str>),
    /// A policy is signed by an authority that was not confirmed, where another one may have been.
    #[error("the policy is signed with the key {}, which you have not confirmed{}", .0.0, instead_of(.0.1.as_ref()))]
    Authority(Box<(Thumbprint, Option<Thumbprint>)>),
    /// A policy was refused.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// An offer was refused.
    #[error(transparent)]
    Offer(#[from] OfferError),
    /// A step of a deal was refused.
    #[error("{0}")]
    Deal(Box<DealError>),
    /// A payment could not be made.
    #[error("{0}")]
    Payment(Box<PaymentError>),
    /// A step with coins was refused.
    #[error(transparent)]
    Ecash(#[from] EcashError),
    /// A statement was refused.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// An amount was refused.
    #[error(transparent)]
    Amount(#[from] AmountError),
    /// Somebody else changed the store meanwhile.
    #[error("the wallet was changed elsewhere at the same time")]
    StoreConflict,
    /// The store failed.
    #[error("the wallet's store failed: {0}")]
    Store(String),
    /// What is stored cannot be understood.
    #[error("the wallet's store is damaged: {0}")]
    Damaged(&'static str),
}

/// A transfer that has to be made by hand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("transfer {amount} to account {account} at {bank} with the subject {subject}")]
pub struct TransferNeeded {
    /// How much.
    pub amount: Amount,
    /// The bank's origin.
    pub bank: String,
    /// The mint's account.
    pub account: String,
    /// The reserve, which the transfer must name.
    pub subject: String,
}

/// What somebody said or did.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{host} refused: {what}")]
pub struct Said {
    /// Who.
    pub host: String,
    /// What.
    pub what: String,
}

/// What is to be transferred.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenInvoice {
    /// The deal.
    pub deal: Digest,
    /// What is still to be paid.
    pub amount: Amount,
    /// Who is paid.
    pub name: String,
    /// Into which account.
    pub iban: String,
    /// What the transfer must name.
    pub reference: String,
}

impl WalletError {
    /// Somebody refused.
    pub(super) fn refused(code: Code, host: String, what: String) -> Self {
        Self::Refused { code, said: Box::new(Said { host, what }) }
    }

    /// What happened, in words.
    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn told(&self) -> String {
        self.to_string()
    }

    /// What somebody said, or the code: the pages have words for every code, in three languages.
    #[cfg(target_arch = "wasm32")]
    pub(super) fn told(&self) -> String {
        match self {
            Self::Refused { said, .. } | Self::Peer(said) => [&*said.host, ": ", &*said.what].concat(),
            Self::Request(what) | Self::Store(what) => what.clone(),
            Self::NotFound(what) | Self::Damaged(what) => (*what).to_owned(),
            other => other.code().as_str().to_owned(),
        }
    }

    /// What happened, and what to do about it.
    pub fn message(&self) -> String {
        let (happened, advice) = (self.told(), self.code().advice());
        let happened = happened.trim_end_matches('.');
        if happened.ends_with(advice.trim_end_matches('.')) {
            format!("{happened}.")
        } else {
            format!("{happened}. {advice}")
        }
    }

    /// Whether the outcome is open: the same may succeed when it is asked again, and nothing was refused for good.
    pub const fn is_open(&self) -> bool {
        matches!(
            self,
            Self::Network { .. }
                | Self::Unfinished { .. }
                | Self::Peer(_)
                | Self::StoreConflict
                | Self::Store(_)
                | Self::StepUp(_)
                | Self::TransferNeeded(_)
                | Self::InvoiceOpen(_)
        )
    }
}

impl Coded for WalletError {
    fn code(&self) -> Code {
        match self {
            Self::Locked => Code::WALLET_LOCKED,
            Self::Empty => Code::WALLET_EMPTY,
            Self::Exists => Code::WALLET_EXISTS,
            Self::TakenOver => Code::WALLET_TAKEN_OVER,
            Self::Passphrase => Code::PASSPHRASE_WRONG,
            Self::Words => Code::WORDS_INVALID,
            Self::Backup => Code::BACKUP_INVALID,
            Self::Request(_) => Code::REQUEST_INVALID,
            Self::DealUnknown => Code::DEAL_UNKNOWN,
            Self::NotFound(_) => Code::NOT_FOUND,
            Self::TransferNeeded(_) => Code::RESERVE_UNKNOWN,
            Self::StepUp(_) => Code::STEP_UP_REQUIRED,
            Self::InvoiceOpen(_) => Code::PAYMENT_AWAITED,
            Self::Network { .. } => Code::NETWORK_FAILED,
            Self::Unfinished { code, .. } | Self::Refused { code, .. } => *code,
            Self::Peer(_) => Code::PEER_INVALID,
            Self::Confirm(_) => Code::CONFIRMATION_REQUIRED,
            Self::Authority(_) => Code::POLICY_AUTHORITY,
            Self::Policy(error) => error.code(),
            Self::Offer(error) => error.code(),
            Self::Deal(error) => error.code(),
            Self::Payment(error) => error.code(),
            Self::Ecash(error) => error.code(),
            Self::Statement(error) => error.code(),
            Self::Amount(error) => error.code(),
            Self::StoreConflict => Code::STORE_CONFLICT,
            Self::Store(_) | Self::Damaged(_) => Code::STORE_FAILED,
        }
    }
}

fn instead_of(trusted: Option<&Thumbprint>) -> String {
    trusted.map(|trusted| format!("; this wallet obeys {trusted}")).unwrap_or_default()
}

impl From<DealError> for WalletError {
    fn from(error: DealError) -> Self {
        Self::Deal(Box::new(error))
    }
}

impl From<PaymentError> for WalletError {
    fn from(error: PaymentError) -> Self {
        Self::Payment(Box::new(error))
    }
}

impl From<StoreError> for WalletError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict => Self::StoreConflict,
            StoreError::Failed(cause) => Self::Store(cause),
        }
    }
}

const _: () = assert!(size_of::<WalletError>() <= 4 * size_of::<usize>(), "what is large lies in a box");
