//! What the merchant asks of its store.

use futures_util::future::BoxFuture;
use semper_shared::commerce::deal::State;
use semper_shared::foundation::{Digest, UnixSeconds};
use semper_shared::items::information::ContentKey;
use semper_shared::items::payment::Phase;
use semper_shared::security::PublicKey;

use super::accounts::AccountStore;
use super::catalogue::Good;
use super::payouts::PayoutStore;
use super::refunds::RefundStore;
use crate::store::StoreError;

/// An encrypted content, by its plaintext's hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) plaintext: Digest,
    pub(super) ciphertext: Digest,
    pub(super) size: u64,
    pub(super) root: Digest,
    pub(super) key_hash: Digest,
}

/// A cover picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Picture {
    pub(super) name: String,
    pub(super) media_type: String,
    pub(super) digest: Digest,
    pub(super) bytes: Vec<u8>,
}

/// What an import found: all goods, and what is new beside them.
#[derive(Debug, Default)]
pub(super) struct CatalogueChange {
    pub(super) goods: Vec<Good>,
    pub(super) pictures: Vec<Picture>,
    pub(super) contents: Vec<(Content, ContentKey)>,
    /// Generator, edition and the plaintext that they made.
    pub(super) generated: Vec<(String, String, Digest)>,
}

/// How many goods a change touched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) added: usize,
    pub(super) changed: usize,
    pub(super) removed: usize,
}

/// A signed offer.
#[derive(Debug, Clone)]
pub(super) struct StoredOffer {
    pub(super) serial: i64,
    pub(super) compact: String,
}

/// An offer to be stored.
#[derive(Debug, Clone)]
pub(super) struct NewOffer {
    pub(super) digest: Digest,
    pub(super) good: String,
    pub(super) compact: String,
    pub(super) expires_at: UnixSeconds,
}

/// An order to be stored.
#[derive(Debug, Clone)]
pub(super) struct NewDeal {
    pub(super) deal: Digest,
    /// The offer's serial.
    pub(super) offer: i64,
    /// The digest of the payment, by which a repeated request is told from another one.
    pub(super) request: Digest,
    pub(super) order: String,
    /// The payment as JSON, where it must be asked for.
    pub(super) payment: Option<String>,
    pub(super) opened_at: UnixSeconds,
}

/// A deal as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoredDeal {
    pub(super) serial: i64,
    pub(super) deal: Digest,
    pub(super) state: State,
    /// The offer's serial.
    pub(super) offer: i64,
    pub(super) request: Digest,
    pub(super) order: String,
    pub(super) payment: Option<String>,
    /// How far a payment over two modules has come.
    pub(super) phase: Phase,
    pub(super) paid: Option<Paid>,
    pub(super) refusal: Option<Refusal>,
}

/// What a deal came to: statements, compact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Paid {
    pub(super) receipt: String,
    pub(super) delivery: String,
    pub(super) proofs: Vec<String>,
}

/// Why a deal was refused for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: String,
    /// The refusal's further members, a JSON object: the proof.
    pub(super) extra: String,
}

/// How a deal ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ending {
    Paid(Paid),
    Refused(Refusal),
}

/// What came of opening a deal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Opening {
    /// It is stored now, under this serial.
    New(i64),
    /// It was stored before.
    Before(Box<StoredDeal>),
}

/// What came of ending a deal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ended {
    /// It ended as asked.
    Now,
    /// It had ended before, like this.
    Before(Box<StoredDeal>),
}

/// How many deals are in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct DealCounts {
    pub(super) ordered: i64,
    pub(super) delivered: i64,
    pub(super) acknowledged: i64,
    pub(super) refused: i64,
}

/// The merchant's store. Every write is durable when it answers.
pub(super) trait Store: Send + Sync + RefundStore + PayoutStore + AccountStore {
    /// Every content that was ever encrypted.
    fn contents(&self) -> BoxFuture<'_, Result<Vec<Content>, StoreError>>;

    /// What a generator's edition made before.
    fn generated(&self, name: &str, edition: &str) -> BoxFuture<'_, Result<Option<Digest>, StoreError>>;

    /// Replaces the goods, all at once.
    fn replace_catalogue(&self, change: CatalogueChange) -> BoxFuture<'_, Result<Counts, StoreError>>;

    /// The goods in the shop, in its order.
    fn goods(&self) -> BoxFuture<'_, Result<Vec<Good>, StoreError>>;

    /// The key of a content.
    fn content_key(&self, ciphertext: Digest) -> BoxFuture<'_, Result<Option<ContentKey>, StoreError>>;

    /// A cover.
    fn picture(&self, name: &str) -> BoxFuture<'_, Result<Option<Picture>, StoreError>>;

    /// Offers that expire after `moment` and were stored after this serial, oldest first.
    fn offers(&self, moment: UnixSeconds, after: i64) -> BoxFuture<'_, Result<Vec<StoredOffer>, StoreError>>;

    /// An offer, whichever replica made it.
    fn offer(&self, digest: Digest) -> BoxFuture<'_, Result<Option<StoredOffer>, StoreError>>;

    /// Stores offers and answers with their serials.
    fn add_offers(&self, offers: Vec<NewOffer>) -> BoxFuture<'_, Result<Vec<i64>, StoreError>>;

    /// The mints as they introduced themselves.
    fn mints(&self) -> BoxFuture<'_, Result<Vec<(String, PublicKey)>, StoreError>>;

    #[cfg(feature = "card")]
    /// The gateways as they introduced themselves.
    fn gateways(&self) -> BoxFuture<'_, Result<Vec<(String, PublicKey)>, StoreError>>;

    #[cfg(feature = "card")]
    /// Remembers a gateway; the key remembered before stays where there is one, and is returned.
    fn keep_gateway(&self, url: String, key: PublicKey) -> BoxFuture<'_, Result<PublicKey, StoreError>>;

    /// Remembers a mint; the one remembered before stays where there is one, and is returned.
    fn keep_mint(&self, url: String, key: PublicKey) -> BoxFuture<'_, Result<PublicKey, StoreError>>;

    /// A deal.
    fn deal(&self, deal: Digest) -> BoxFuture<'_, Result<Option<StoredDeal>, StoreError>>;

    /// Stores a deal: at most one under its name. With an ending, both at once.
    fn open_deal(&self, deal: NewDeal, ending: Option<Ending>) -> BoxFuture<'_, Result<Opening, StoreError>>;

    /// Keeps what was found of a payment over two modules, and answers what is kept then, which may be further; none where
    /// the deal has ended.
    fn keep_phase(&self, deal: Digest, found: Phase) -> BoxFuture<'_, Result<Option<Phase>, StoreError>>;

    /// Ends a deal that is ordered: one that was ended before stays as it is.
    fn end_deal(&self, deal: Digest, ending: Ending, at: UnixSeconds) -> BoxFuture<'_, Result<Ended, StoreError>>;

    /// Keeps an acknowledgement; the first one counts.
    fn acknowledge(&self, deal: Digest, statement: String) -> BoxFuture<'_, Result<State, StoreError>>;

    /// Deals that are ordered, after a serial.
    /// Those that wait for a customer's transfer are not among them.
    fn open_deals(&self, after: i64, limit: u32) -> BoxFuture<'_, Result<Vec<(i64, Digest)>, StoreError>>;

    /// Counts all deals.
    fn count_deals(&self) -> BoxFuture<'_, Result<DealCounts, StoreError>>;
}
