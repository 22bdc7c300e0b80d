//! What the gateway keeps.

use futures_util::future::BoxFuture;
use semper_shared::foundation::{Code, Digest, UnixSeconds};
use semper_shared::items::payment::card::{Authorisation, Level, MoneyError, Operation, Terms};
use semper_shared::security::{PublicKey, Thumbprint};

use crate::store::StoreError;

/// The gateway's books. Every operation is durable once it has answered.
pub(super) trait Store: Send + Sync {
    /// Keeps a merchant's key under its address, and returns the key that was kept first.
    fn keep_merchant(&self, merchant: Merchant) -> BoxFuture<'_, Result<PublicKey, StoreError>>;

    /// Every merchant.
    fn merchants(&self) -> BoxFuture<'_, Result<Vec<Merchant>, StoreError>>;

    /// Enrols a card under its key, and returns the certificate that was kept first.
    fn enrol(
        &self,
        holder: Thumbprint,
        tag: [u8; 32],
        certificate: String,
    ) -> BoxFuture<'_, Result<String, StoreError>>;

    /// The tag of the card that is enrolled under a key.
    fn enrolled(&self, holder: Thumbprint) -> BoxFuture<'_, Result<Option<[u8; 32]>, StoreError>>;

    /// Begins an authorisation, or finds the one with the same terms; a conflict where the deal has another.
    fn begin(&self, new: NewAuthorisation) -> BoxFuture<'_, Result<Begun, StoreError>>;

    /// How an authorisation stands.
    fn find(&self, common: Digest) -> BoxFuture<'_, Result<Option<Case>, StoreError>>;

    /// The cardholder is to approve.
    fn await_approval(&self, common: Digest) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Records the cardholder's word, once; returns what counts.
    fn approve(&self, common: Digest, approved: bool) -> BoxFuture<'_, Result<bool, StoreError>>;

    /// Records the acquirer's decision with the signed answer, once; returns the answer that counts.
    fn decide(
        &self,
        common: Digest,
        reference: Option<String>,
        answer: String,
    ) -> BoxFuture<'_, Result<String, StoreError>>;

    /// Begins an order: takes it from the sums; or finds it.
    fn begin_order(&self, order: NewOrder) -> BoxFuture<'_, Result<OrderBegun, OrderError>>;

    /// Records what the acquirer said; a refused order is put back. Returns the word that counts.
    fn end_order(
        &self,
        common: Digest,
        id: [u8; 16],
        done: Option<String>,
    ) -> BoxFuture<'_, Result<Option<String>, StoreError>>;

    /// Authorisations that were asked for and not decided, and orders that were begun and not ended.
    fn open(&self, before: UnixSeconds) -> BoxFuture<'_, Result<Open, StoreError>>;

    /// Records chargebacks by the acquirer's references. How many were new.
    fn charge_back(&self, references: Vec<String>) -> BoxFuture<'_, Result<u64, StoreError>>;

    /// Gathers what was done and not cleared into a batch. Whether there was anything.
    fn clear(&self, now: UnixSeconds) -> BoxFuture<'_, Result<bool, StoreError>>;

    /// The last batch, whose file may be missing after a crash.
    fn last_batch(&self) -> BoxFuture<'_, Result<Option<Batch>, StoreError>>;
}

#[derive(Debug, Clone)]
pub(super) struct Merchant {
    pub(super) url: String,
    pub(super) name: String,
    pub(super) key: PublicKey,
}

pub(super) struct NewAuthorisation {
    pub(super) common: Digest,
    pub(super) terms: Terms,
    pub(super) holder: Option<Thumbprint>,
    pub(super) capture_by: UnixSeconds,
    pub(super) asked_at: UnixSeconds,
}

pub(super) enum Begun {
    New,
    Before(Box<Case>),
    /// The deal has an authorisation under other terms.
    Conflict,
}

/// An authorisation as it is kept.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) merchant: Thumbprint,
    pub(super) deal: Digest,
    pub(super) level: Level,
    pub(super) holder: Option<Thumbprint>,
    pub(super) stage: Stage,
    pub(super) sums: Authorisation,
    /// The cardholder's word, where it was asked for and given.
    pub(super) approval: Option<bool>,
    pub(super) reference: Option<String>,
    pub(super) answer: Option<String>,
}

/// How far an authorisation has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The acquirer is being asked.
    Asked,
    /// The cardholder is to approve.
    AwaitApproval,
    /// It is decided; the sums say how it stands.
    Decided,
    /// It was declined.
    Declined,
}

pub(super) struct NewOrder {
    pub(super) common: Digest,
    pub(super) id: [u8; 16],
    pub(super) operation: Operation,
    pub(super) now: UnixSeconds,
}

pub(super) enum OrderBegun {
    /// It is to be carried out, under this reference.
    Now { reference: String },
    /// It was carried out.
    Done(String),
}

#[derive(Debug, thiserror::Error)]
pub(super) enum OrderError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Money(#[from] MoneyError),
    #[error("refused: {0}")]
    Refused(Code),
}

/// Authorisations that were asked for and not decided, and orders that were begun and not ended.
pub(super) type Open = (Vec<Digest>, Vec<OpenOrder>);

/// An order that was begun and not ended.
pub(super) struct OpenOrder {
    pub(super) common: Digest,
    pub(super) id: [u8; 16],
    pub(super) operation: Operation,
    pub(super) reference: String,
}

/// What is cleared together.
pub(super) struct Batch {
    pub(super) number: u64,
    pub(super) rows: Vec<Cleared>,
}

pub(super) struct Cleared {
    pub(super) merchant: String,
    pub(super) common: Digest,
    pub(super) deal: Digest,
    pub(super) kind: String,
    pub(super) currency: String,
    pub(super) amount_minor: u64,
    pub(super) made_at: UnixSeconds,
}
