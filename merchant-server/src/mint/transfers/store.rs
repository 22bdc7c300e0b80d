//! What the ledger keeps of transfers.

use futures_util::future::BoxFuture;
use semper_shared::foundation::{Digest, UnixSeconds};
use semper_shared::items::payment::ecash::transfer::TransferState;
use semper_shared::security::Thumbprint;
use semper_shared::security::keys::SignatureBytes;

use crate::mint::store::{Key, LedgerError, NewSpend};
use crate::store::StoreError;

/// The ledger's operations on transfers.
pub(in crate::mint) trait TransferStore {
    /// Takes all the coins, or none; credits the reserve at once where there is one. For a transfer known already, returns that.
    fn pay_in(&self, transfer: NewTransfer) -> BoxFuture<'_, Result<TransferRecord, LedgerError>>;

    /// A transfer by its name.
    fn transfer(&self, name: Digest) -> BoxFuture<'_, Result<Option<TransferRecord>, StoreError>>;

    /// Decides a transfer that is pending, once; returns what was decided, now or before.
    fn decide(&self, name: Digest, decision: Decision) -> BoxFuture<'_, Result<TransferRecord, LedgerError>>;

    /// The names of some transfers that are pending and expired.
    fn expired(&self, now: UnixSeconds) -> BoxFuture<'_, Result<Vec<Digest>, StoreError>>;
}

/// A transfer to be paid in.
pub(in crate::mint) struct NewTransfer {
    pub(in crate::mint) name: Digest,
    pub(in crate::mint) digest: Digest,
    pub(in crate::mint) signer: Thumbprint,
    pub(in crate::mint) statement: String,
    /// A hash of the permissions, in any order.
    pub(in crate::mint) coins: Digest,
    pub(in crate::mint) amount: u64,
    pub(in crate::mint) expires_at: UnixSeconds,
    /// The reserve that asked for it.
    pub(in crate::mint) reserve: Option<Key>,
    /// What a reserve may hold at most.
    pub(in crate::mint) reserve_limit: Option<u64>,
    pub(in crate::mint) confirmed_at: UnixSeconds,
    /// The confirmation's.
    pub(in crate::mint) signature: SignatureBytes,
    pub(in crate::mint) spends: Vec<NewSpend>,
}

/// What is to become of a pending transfer.
#[derive(Clone)]
pub(in crate::mint) enum Decision {
    /// Into a reserve, unless it has expired.
    Accept { reserve: Key, reserve_limit: Option<u64>, statement: String, now: UnixSeconds },
    /// Back to the coins, whether or not it has expired.
    Cancel { statement: String, now: UnixSeconds },
    /// Back to the coins, if it has expired.
    Expire { now: UnixSeconds },
}

/// A transfer as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::mint) struct TransferRecord {
    pub(in crate::mint) digest: Digest,
    pub(in crate::mint) signer: Thumbprint,
    pub(in crate::mint) statement: String,
    pub(in crate::mint) coins: Digest,
    pub(in crate::mint) amount: u64,
    pub(in crate::mint) expires_at: UnixSeconds,
    pub(in crate::mint) state: TransferState,
    pub(in crate::mint) reserve: Option<Key>,
    pub(in crate::mint) confirmed_at: UnixSeconds,
    pub(in crate::mint) signature: SignatureBytes,
}
