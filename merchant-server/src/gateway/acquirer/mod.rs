//! Acquirers: who moves the money behind the gateway. One trait, and an adapter for each.
//!
//! Every call has a key by which the acquirer recognises it: made twice, it is carried out once. A call without an answer
//! leaves its outcome [`AcquirerError::Unknown`], and is made again with the same key.

pub(super) mod sandbox;

use futures_util::future::BoxFuture;
use semper_shared::foundation::{Amount, Code, Digest};
use semper_shared::items::payment::card::{CardNumber, Expiry};

use crate::store::StoreError;

/// What is to be held on a card.
pub(super) struct Hold {
    /// Recognises the call: the digest of the terms.
    pub(super) key: Digest,
    pub(super) card: CardNumber,
    pub(super) expiry: Expiry,
    pub(super) amount: Amount,
    /// Whether the cardholder has approved this payment.
    pub(super) approved: bool,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Decision {
    /// The amount is held, under the acquirer's own reference.
    Held { reference: String },
    /// It is not.
    Declined(Code),
    /// The issuer wants the cardholder's approval first. Nothing is held.
    StepUp,
}

/// What is to be done with what is held.
pub(super) enum Movement {
    Capture(Amount),
    Void,
    Refund(Amount),
}

#[derive(Debug, thiserror::Error)]
pub(super) enum AcquirerError {
    /// There was no answer.
    #[error("the outcome is not known")]
    Unknown,
    /// It will not do it, for good.
    #[error("it refuses: {0}")]
    Refused(Code),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An acquirer's front.
pub(super) trait Acquirer: Send + Sync {
    /// Holds an amount on a card.
    fn hold<'a>(&'a self, hold: &'a Hold) -> BoxFuture<'a, Result<Decision, AcquirerError>>;

    /// What came of a call to [`Acquirer::hold`]; `None` where it never arrived.
    fn inquire(&self, key: Digest) -> BoxFuture<'_, Result<Option<Decision>, AcquirerError>>;

    /// Captures, voids or refunds under a reference. `key` recognises the call.
    fn carry_out<'a>(
        &'a self,
        key: Digest,
        reference: &'a str,
        movement: Movement,
    ) -> BoxFuture<'a, Result<(), AcquirerError>>;

    /// The references that cardholders' banks have charged back.
    fn charged_back(&self) -> BoxFuture<'_, Result<Vec<String>, AcquirerError>>;

    /// Whether `code` is the one-time code of a cardholder who has no key. An acquirer without such codes says no.
    fn approves(&self, code: &str) -> bool;
}
