//! What the merchant keeps of refunds.

use futures_util::future::BoxFuture;
use semper_shared::commerce::deal::State;
use semper_shared::foundation::{Digest, UnixSeconds};
use semper_shared::items::payment::{RefundId, RefundStatus};

use crate::store::StoreError;

/// A refund that was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::merchant) struct NewRefund {
    pub(in crate::merchant) deal: Digest,
    pub(in crate::merchant) id: RefundId,
    pub(in crate::merchant) amount_minor: u64,
    pub(in crate::merchant) reason: String,
    pub(in crate::merchant) at: UnixSeconds,
    /// What was paid: all refunds of the deal that were not refused are at most this.
    pub(in crate::merchant) paid_minor: u64,
}

/// How a refund stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::merchant) enum Standing {
    /// Whoever holds the money was asked, or is still to be.
    Asked,
    /// The customer has it: from each module that paid, what that gave back.
    Done(Vec<RefundStatus>),
    /// It was refused for good, with this code.
    Refused(String),
}

/// A refund as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::merchant) struct StoredRefund {
    pub(in crate::merchant) id: RefundId,
    pub(in crate::merchant) amount_minor: u64,
    pub(in crate::merchant) reason: String,
    pub(in crate::merchant) at: UnixSeconds,
    pub(in crate::merchant) standing: Standing,
}

/// What came of opening a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::merchant) enum Opened {
    /// It is stored now.
    New,
    /// It was stored before, under its name.
    Before(StoredRefund),
    /// It is more than this, which is what is left.
    Excessive(u64),
}

/// A deal as the operator's list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::merchant) struct DealLine {
    pub(in crate::merchant) serial: i64,
    pub(in crate::merchant) deal: Digest,
    pub(in crate::merchant) state: State,
    /// The digest of its offer.
    pub(in crate::merchant) offer: Digest,
    pub(in crate::merchant) opened_at: UnixSeconds,
    /// The receipt, once it is paid.
    pub(in crate::merchant) receipt: Option<String>,
    /// What was refunded, or is being refunded.
    pub(in crate::merchant) refunded_minor: u64,
}

/// The store's part in refunds.
pub(in crate::merchant) trait RefundStore {
    /// Stores a refund, unless it is there already or too much. The deal is held meanwhile, so that two refunds at once are
    /// never more than was paid.
    fn open_refund(&self, refund: NewRefund) -> BoxFuture<'_, Result<Opened, StoreError>>;

    /// Records how a refund ended, and answers how it stands: the first ending counts.
    fn end_refund(
        &self,
        deal: Digest,
        id: RefundId,
        ending: Standing,
    ) -> BoxFuture<'_, Result<StoredRefund, StoreError>>;

    /// The refunds of a deal, oldest first.
    fn refunds(&self, deal: Digest) -> BoxFuture<'_, Result<Vec<StoredRefund>, StoreError>>;

    /// Refunds that have not ended.
    fn open_refunds(&self, limit: u32) -> BoxFuture<'_, Result<Vec<(Digest, RefundId)>, StoreError>>;

    /// Deals before a serial, the newest first.
    fn deal_lines(&self, before: i64, limit: u32) -> BoxFuture<'_, Result<Vec<DealLine>, StoreError>>;
}
