//! What the merchant keeps of refunds.

use futures_util::future::BoxFuture;
use semper_shared::commerce::deal::State;
use semper_shared::foundation::{Digest, UnixSeconds};
use semper_shared::items::payment::{ModuleId, RefundId, RefundStatus};
use serde::{Deserialize, Serialize};

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

/// What a module gave back of a refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::merchant) struct Given {
    /// The module; none in what was stored when a refund was done in full or not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::merchant) module: Option<ModuleId>,
    /// The merchant's order, and what proves it.
    #[serde(flatten)]
    pub(in crate::merchant) status: RefundStatus,
}

impl Given {
    /// How much, by the merchant's own order.
    pub(in crate::merchant) fn minor(&self) -> u64 {
        self.status.refund.peek_unverified().map_or(0, |refund| refund.amount.minor())
    }
}

/// What a module does not give back, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::merchant) struct NotGiven {
    pub(in crate::merchant) module: ModuleId,
    /// The stable code of its refusal, which is for good.
    pub(in crate::merchant) code: String,
}

/// How far a refund has come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::merchant) struct Progress {
    pub(in crate::merchant) given: Vec<Given>,
    pub(in crate::merchant) refused: Vec<NotGiven>,
}

impl Progress {
    /// How much went back.
    pub(in crate::merchant) fn minor(&self) -> u64 {
        self.given.iter().map(Given::minor).sum()
    }

    /// Whether a module has given its answer.
    pub(in crate::merchant) fn has_asked(&self, module: &ModuleId) -> bool {
        self.given.iter().any(|given| given.module.as_ref() == Some(module))
            || self.refused.iter().any(|refused| refused.module == *module)
    }
}

/// How a refund stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::merchant) enum Standing {
    /// Whoever holds the money was asked, or is still to be; what has been answered.
    Asked(Progress),
    /// The customer has it: from each module that paid, what that gave back.
    Done(Vec<Given>),
    /// Some of it went back and the rest did not: that counts as not refunded.
    Partly(Progress),
    /// It was refused for good, with this code.
    Refused(String),
}

impl Standing {
    /// Whether it has not ended.
    pub(in crate::merchant) const fn is_open(&self) -> bool {
        matches!(self, Self::Asked(_))
    }

    /// What went back, as far as it has ended.
    pub(in crate::merchant) fn given(&self) -> &[Given] {
        match self {
            Self::Done(given) => given,
            Self::Partly(progress) => &progress.given,
            Self::Asked(_) | Self::Refused(_) => &[],
        }
    }
}

/// A refund as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::merchant) struct StoredRefund {
    pub(in crate::merchant) id: RefundId,
    /// What was decided.
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
    /// What is owed for goods that are out: paid later, or taken back by the bank.
    pub(in crate::merchant) owed_minor: u64,
}

/// The store's part in refunds.
pub(in crate::merchant) trait RefundStore {
    /// Stores a refund, unless it is there already or too much. The deal is held meanwhile, so that two refunds at once are
    /// never more than was paid.
    fn open_refund(&self, refund: NewRefund) -> BoxFuture<'_, Result<Opened, StoreError>>;

    /// Records how far a refund has come, unless it has come further than `before` meanwhile; whether it was recorded.
    fn keep_refund(
        &self,
        deal: Digest,
        id: RefundId,
        before: Progress,
        now: Progress,
    ) -> BoxFuture<'_, Result<bool, StoreError>>;

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
