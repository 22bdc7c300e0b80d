//! Acquirers: who moves the money behind the gateway. One trait, and an adapter for each.
//!
//! Every call has a key by which the acquirer recognises it: made twice, it is carried out once. A call without an answer
//! leaves its outcome [`AcquirerError::Unknown`], and is made again with the same key.

mod sandbox;
mod stripe;

use std::path::Path;

use futures_util::future::BoxFuture;
use semper_shared::foundation::{Amount, Code, Digest};
use semper_shared::items::payment::card::{CardNumber, Expiry};
use serde::Deserialize;

pub use self::stripe::StripeConfig;
use crate::http::StartError;
use crate::store::StoreError;

/// Which acquirer stands behind the gateway. A new adapter is a folder beside this file, and a line here.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum AcquirerConfig {
    /// An acquirer and issuer to try things out: no money moves.
    #[default]
    Sandbox,
    /// An account at Stripe.
    Stripe(StripeConfig),
}

/// Opens the acquirer that a gateway's configuration names; its own books are in the gateway's folder.
pub(super) async fn open(config: &AcquirerConfig, data: &Path) -> Result<Box<dyn Acquirer>, StartError> {
    Ok(match config {
        AcquirerConfig::Sandbox => Box::new(sandbox::Sandbox::open(data).await?),
        AcquirerConfig::Stripe(account) => Box::new(stripe::Stripe::open(account, data).await?),
    })
}

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
