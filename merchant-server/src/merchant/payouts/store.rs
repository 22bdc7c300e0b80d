//! What the merchant keeps of payouts.

use futures_util::future::BoxFuture;
use semper_shared::foundation::{Digest, UnixSeconds};

use crate::store::StoreError;

/// A payout's statement, to be kept.
#[derive(Debug, Clone)]
pub(in crate::merchant) struct NewPayout {
    pub(in crate::merchant) mint: Digest,
    pub(in crate::merchant) id: Digest,
    pub(in crate::merchant) fetched_at: UnixSeconds,
    pub(in crate::merchant) statement: String,
    pub(in crate::merchant) deals: Vec<Digest>,
}

/// A payout's statement, as it was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::merchant) struct StoredPayout {
    pub(in crate::merchant) serial: i64,
    pub(in crate::merchant) mint: Digest,
    pub(in crate::merchant) statement: String,
    /// The deals that were in an earlier payout.
    pub(in crate::merchant) again: Vec<Digest>,
}

/// The store's part in payouts.
pub(in crate::merchant) trait PayoutStore {
    /// Keeps a payout, once; its serial.
    fn keep_payout(&self, payout: NewPayout) -> BoxFuture<'_, Result<i64, StoreError>>;

    /// Whether a payout of a mint is kept.
    fn has_payout(&self, mint: Digest, id: Digest) -> BoxFuture<'_, Result<bool, StoreError>>;

    /// Payouts before a serial, the newest first; `deals` says which deals a statement names.
    fn payouts(
        &self,
        before: i64,
        limit: u32,
        deals: fn(&str) -> Vec<Digest>,
    ) -> BoxFuture<'_, Result<Vec<StoredPayout>, StoreError>>;

    /// Remembers that mints were told to pay out to an account.
    fn keep_account(&self, label: String, account: String) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Whether they were.
    fn told_account(&self, label: String, account: String) -> BoxFuture<'_, Result<bool, StoreError>>;
}
