//! What the wallet stores: three kinds of records, each JSON under the vault's key.

use semper_shared::commerce::deal::{Acknowledgement, Delivery, Event, Order, Receipt, State, transition};
use semper_shared::commerce::offer::Offer;
use semper_shared::foundation::{Amount, Digest, UnixSeconds, base64, json};
use semper_shared::items::information::{ContentKey, exposed_key};
use semper_shared::items::party::Party;
use semper_shared::items::payment::ecash::KeptCoin;
use semper_shared::items::payment::{ErasedPayer, ModuleId, Payment, RefundStatus, Share};
use semper_shared::items::statement::Compact;
use semper_shared::security::{Seed, SigningKey, Thumbprint};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::WalletError;
use super::policies::Rules;

/// The name of the settings' record.
pub(super) const SETTINGS: &str = "settings";
/// The name of the purse's record.
pub(super) const PURSE: &str = "purse";
/// The name of the cards' record.
#[cfg(feature = "card")]
pub(super) const CARDS: &str = "cards";
const DEAL_PREFIX: &str = "deal/";

/// The name of a deal's record.
pub(super) fn deal_name(deal: &Digest) -> String {
    format!("{DEAL_PREFIX}{deal}")
}

/// The name of a payment module's record.
pub(super) fn module_name(module: &(impl ErasedPayer + ?Sized)) -> String {
    format!("module/{}/{}", module.id(), module.version())
}

/// Whether a name is a deal's.
pub(super) fn is_deal(name: &str) -> bool {
    name.starts_with(DEAL_PREFIX)
}

pub(super) fn write<T: Serialize>(record: &T) -> Result<Zeroizing<Vec<u8>>, WalletError> {
    serde_json::to_vec(record).map(Zeroizing::new).map_err(|_| WalletError::Damaged("a record cannot be written"))
}

pub(super) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, WalletError> {
    json::from_slice(bytes).map_err(|_| WalletError::Damaged("a record cannot be read"))
}

/// The wallet's identity and settings.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Settings {
    /// The version of the records.
    pub(super) version: u32,
    #[serde(with = "base64::array")]
    seed: [u8; 32],
    /// Whether the customer has said that words or a backup are kept safe.
    pub(super) backup_confirmed: bool,
    /// Whether the mints are to be asked what became of the coins since a backup was made.
    pub(super) rescan: bool,
    /// Whether another device with the same words has the money now.
    #[serde(default)]
    pub(super) taken_over: bool,
    /// What the customer lives under.
    #[serde(default)]
    pub(super) rules: Rules,
    /// When the wallet was made.
    pub(super) created_at: UnixSeconds,
}

const VERSION: u32 = 1;

impl Settings {
    pub(super) fn new(seed: &Seed, now: UnixSeconds) -> Self {
        Self {
            version: VERSION,
            seed: *seed.as_bytes(),
            backup_confirmed: false,
            rescan: false,
            taken_over: false,
            rules: Rules::default(),
            created_at: now,
        }
    }

    pub(super) const fn seed(&self) -> Seed {
        Seed::new(self.seed)
    }

    pub(super) fn check(self) -> Result<Self, WalletError> {
        if self.version == VERSION { Ok(self) } else { Err(WalletError::Damaged("it was written by a newer wallet")) }
    }
}

/// When a deal came into a state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The state.
    pub state: State,
    /// When.
    pub at: UnixSeconds,
}

/// Why a merchant refused a deal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Refusal {
    pub(super) code: String,
    pub(super) detail: String,
    /// Statements that came with the refusal and were found to prove it.
    pub(super) proof: Vec<String>,
}

/// The key of one part.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct PartKey {
    pub(super) part: String,
    #[serde(with = "exposed_key")]
    pub(super) key: ContentKey,
}

/// A deal: everything that is needed to finish it, to open its goods and to prove it.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct DealRecord {
    pub(super) deal: Digest,
    pub(super) state: State,
    pub(super) steps: Vec<Step>,
    #[serde(with = "base64::array")]
    key: [u8; 32],
    pub(super) title: String,
    pub(super) good: String,
    pub(super) merchant_name: String,
    pub(super) merchant_url: String,
    pub(super) merchant: Thumbprint,
    pub(super) total: Amount,
    pub(super) module: ModuleId,
    pub(super) offer_digest: Digest,
    pub(super) offer: Compact<Offer>,
    /// The merchant's introduction, as it was when the customer ordered.
    pub(super) party: Compact<Party>,
    pub(super) order: Compact<Order>,
    pub(super) payment: Option<Payment>,
    pub(super) receipt: Option<Compact<Receipt>>,
    pub(super) delivery: Option<Compact<Delivery>>,
    pub(super) proofs: Vec<String>,
    pub(super) acknowledgement: Option<Compact<Acknowledgement>>,
    pub(super) keys: Vec<PartKey>,
    pub(super) refusal: Option<Refusal>,
    /// Whether the customer has the goods in hand, so that buying them again means a second purchase.
    #[serde(default)]
    pub(super) handed_over: bool,
    /// What must be kept of the coins that paid, for refunds to return to.
    #[serde(default)]
    pub(super) coins: Vec<KeptCoin>,
    /// Until when the merchant may refund.
    #[serde(default)]
    pub(super) refund_by: UnixSeconds,
    /// The refunds that were taken, oldest first.
    #[serde(default)]
    pub(super) refunds: Vec<RefundStatus>,
    /// The invoice by which the deal is paid, and how it stood when the merchant last said so.
    #[serde(default)]
    pub(super) notices: Vec<String>,
    /// How often the invoice was owed again, after the bank had taken the money back.
    #[serde(default)]
    pub(super) reopened: u32,
    /// When refunds were last looked for.
    #[serde(default)]
    pub(super) looked_at: UnixSeconds,
}

/// What a new deal is made of.
pub(super) struct NewDeal<'a> {
    pub(super) deal: Digest,
    pub(super) key: &'a SigningKey,
    pub(super) offer: &'a semper_shared::items::statement::Signed<Offer>,
    pub(super) party: Compact<Party>,
    pub(super) order: &'a semper_shared::items::statement::Signed<Order>,
    pub(super) payment: Option<Payment>,
    pub(super) coins: Vec<KeptCoin>,
    pub(super) now: UnixSeconds,
}

impl DealRecord {
    pub(super) fn new(made: NewDeal<'_>) -> Self {
        let offer = made.offer;
        Self {
            deal: made.deal,
            state: State::Ordered,
            steps: vec![Step { state: State::Ordered, at: made.now }],
            key: *made.key.to_bytes(),
            title: offer.title.clone(),
            good: offer.good.clone(),
            merchant_name: offer.merchant.name.clone(),
            merchant_url: offer.merchant.url.clone(),
            merchant: offer.merchant.key.thumbprint(),
            total: offer.total,
            module: made.order.module.clone(),
            offer_digest: offer.digest(),
            offer: offer.to_compact(),
            party: made.party,
            order: made.order.to_compact(),
            payment: made.payment,
            receipt: None,
            delivery: None,
            proofs: Vec::new(),
            acknowledgement: None,
            keys: Vec::new(),
            refusal: None,
            handed_over: false,
            coins: made.coins,
            refund_by: offer.refund_by(made.order.ordered_at),
            refunds: Vec::new(),
            notices: Vec::new(),
            reopened: 0,
            looked_at: UnixSeconds(0),
        }
    }

    pub(super) fn key(&self) -> Result<SigningKey, WalletError> {
        SigningKey::from_bytes(&self.key).map_err(|_| WalletError::Damaged("a deal's key is none"))
    }

    /// Goes on to the next state.
    pub(super) fn advance(&mut self, event: Event, now: UnixSeconds) -> Result<(), WalletError> {
        let next = transition(self.state, event).ok_or(semper_shared::commerce::deal::DealError::State)?;
        if next != self.state {
            self.state = next;
            self.steps.push(Step { state: next, at: now });
        }
        Ok(())
    }

    pub(super) fn is_bought(&self) -> bool {
        matches!(self.state, State::Delivered | State::Acknowledged)
    }

    /// The payments: two where two modules share the price.
    pub(super) fn payments(&self) -> Vec<Payment> {
        self.payment.as_ref().map(Payment::parts).unwrap_or_default()
    }

    /// What a module pays of it.
    pub(super) fn paid_by(&self, module: &str) -> Option<Payment> {
        self.payment.as_ref()?.of(module)
    }

    /// What each module pays, where two share the price.
    pub(super) fn split(&self) -> Vec<Share> {
        match self.module == ModuleId::split() {
            true => self.order.peek_unverified().map(|order| order.split).unwrap_or_default(),
            false => Vec::new(),
        }
    }

    /// When it was ordered.
    pub(super) fn ordered_at(&self) -> UnixSeconds {
        self.steps.first().map_or(UnixSeconds(0), |step| step.at)
    }
}

/// What changed and is to be stored.
#[derive(Debug, Clone, Default)]
pub(super) struct Touched {
    pub(super) settings: bool,
    pub(super) purse: bool,
    #[cfg(feature = "card")]
    pub(super) cards: bool,
    pub(super) deals: Vec<Digest>,
}

impl Touched {
    /// Everything.
    pub(super) fn all(deals: &[DealRecord]) -> Self {
        Self {
            settings: true,
            purse: true,
            #[cfg(feature = "card")]
            cards: true,
            deals: deals.iter().map(|deal| deal.deal).collect(),
        }
    }

    pub(super) fn settings() -> Self {
        Self { settings: true, ..Self::default() }
    }

    #[cfg(feature = "card")]
    pub(super) fn cards() -> Self {
        Self { cards: true, ..Self::default() }
    }

    pub(super) fn purse() -> Self {
        Self { purse: true, ..Self::default() }
    }

    pub(super) fn deal(deal: Digest) -> Self {
        Self { deals: vec![deal], ..Self::default() }
    }

    pub(super) fn and_purse(self) -> Self {
        Self { purse: true, ..self }
    }
}
