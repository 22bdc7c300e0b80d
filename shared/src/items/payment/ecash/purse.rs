//! The purse: what a wallet holds at each mint, as it is stored.

use serde::{Deserialize, Serialize};

use super::denomination::is_zero;
use super::transfer::TransferRecord;
use super::{
    Coin, CoinOrigin, CoinSecret, Denomination, DenominationKey, EcashError, KeySet, MintKeys, PlanchetMessage,
};
use crate::foundation::{Amount, Currency, Digest, Table, UnixSeconds, base64};
use crate::items::statement::Compact;
use crate::security::blinding::MODULUS_LEN;
use crate::security::{Seed, Signer, Thumbprint};

/// Everything that a wallet holds in cash. Secret: store it encrypted.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Purse {
    /// By mint.
    pub mints: Table<Thumbprint, MintPurse>,
}

/// What a wallet holds at one mint.
#[derive(Clone, Serialize, Deserialize)]
pub struct MintPurse {
    /// The mint's key document, as last fetched.
    pub keys: Compact<MintKeys>,
    /// The mint's origin.
    pub url: String,
    /// The mint's name.
    pub name: String,
    /// The currency.
    pub currency: Currency,
    /// The reserves opened, by index.
    pub reserves: Vec<Reserve>,
    /// The coins.
    pub coins: Vec<PurseCoin>,
    /// Denominations that the key document lists no longer, and that something here needs.
    #[serde(default)]
    pub earlier: Vec<DenominationKey>,
    /// What expired before it was renewed, in minor units.
    #[serde(default)]
    pub expired_minor: u64,
    /// Transfers from person to person, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transfers: Vec<TransferRecord>,
}

/// Money on its way from a bank account into coins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reserve {
    /// Its number; its key derives from it.
    pub index: u32,
    /// How much was to be transferred.
    pub expected: Amount,
    /// The number of the next coin.
    pub next_coin: u32,
    /// The withdrawal that was asked for and not yet answered.
    pub pending: Option<PendingWithdrawal>,
    /// Whether everything expected has been withdrawn.
    pub done: bool,
    /// The transfer of another person that fills it, where it is none from a bank account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transfer: Option<Digest>,
}

/// A withdrawal that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingWithdrawal {
    /// The batch, so that a retry asks the same.
    pub batch: Vec<PlanchetMessage>,
    /// The number of its first coin, as it was told to the mint; an earlier version told none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<u32>,
    /// When it was asked for.
    pub requested_at: UnixSeconds,
}

/// A coin in the purse.
#[derive(Clone, Serialize, Deserialize)]
pub struct PurseCoin {
    name: String,
    #[serde(with = "stored_seed")]
    seed: Seed,
    /// Its denomination.
    pub denomination: Digest,
    #[serde(with = "base64::array")]
    signature: [u8; MODULUS_LEN],
    /// What is left of it.
    pub remaining: Amount,
    /// Until when it can be spent.
    pub spend_until: UnixSeconds,
    /// When it should be exchanged for newer ones.
    #[serde(default)]
    pub renew_at: UnixSeconds,
    /// Where it came from.
    #[serde(default)]
    pub origin: Option<CoinOrigin>,
    /// What has become of it.
    pub state: CoinState,
    /// The sequence of its melt, where it is being melted; else the least that the next one may have.
    pub melts: u32,
    /// What is left of it beside what is being melted, in minor units: refunded meanwhile, to be melted next.
    #[serde(default)]
    pub beside: u64,
    /// What the mint takes of it when it is spent, in minor units.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub fee: u64,
}

/// What has become of a coin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case", try_from = "FlatState")]
#[non_exhaustive]
pub enum CoinState {
    /// Nobody but its mint has seen its signature, and not even the mint its key: ready to be spent.
    Fresh,
    /// Signed over to a deal whose receipt is awaited.
    Pledged {
        /// The deal.
        deal: Digest,
        /// How much.
        amount: Amount,
    },
    /// Spent in part: what remains is to be refreshed.
    Shown,
    /// Signed over to a deal that fell through: the mint is to be asked what remains, and that refreshed.
    Doubtful,
    /// Being refreshed: these denominations, in this order.
    Melting {
        /// The denominations of the new coins.
        outputs: Vec<Digest>,
        /// The least sequence of a melt that this wallet does not know of.
        above: u32,
    },
    /// Its denomination was revoked: what is left goes into this reserve.
    Recouping {
        /// The reserve's number.
        reserve: u32,
        /// When it was asked for.
        requested_at: UnixSeconds,
    },
}

/// A coin's state as it is read: what serde makes of a tagged enum to read it is large, and every wallet would carry it.
#[derive(Deserialize)]
struct FlatState {
    is: String,
    deal: Option<Digest>,
    amount: Option<Amount>,
    outputs: Option<Vec<Digest>>,
    #[serde(default)]
    above: u32,
    reserve: Option<u32>,
    requested_at: Option<UnixSeconds>,
}

impl TryFrom<FlatState> for CoinState {
    type Error = &'static str;

    fn try_from(flat: FlatState) -> Result<Self, Self::Error> {
        let FlatState { is, deal, amount, outputs, above, reserve, requested_at } = flat;
        match (is.as_str(), deal, amount, outputs, reserve, requested_at) {
            ("fresh", ..) => Ok(Self::Fresh),
            ("pledged", Some(deal), Some(amount), ..) => Ok(Self::Pledged { deal, amount }),
            ("shown", ..) => Ok(Self::Shown),
            ("doubtful", ..) => Ok(Self::Doubtful),
            ("melting", _, _, Some(outputs), ..) => Ok(Self::Melting { outputs, above }),
            ("recouping", .., Some(reserve), Some(requested_at)) => Ok(Self::Recouping { reserve, requested_at }),
            _ => Err("a coin is in no known state"),
        }
    }
}

impl PurseCoin {
    /// A coin as it comes from the mint.
    pub fn fresh(coin: &Coin, denomination: &Denomination, origin: CoinOrigin) -> Self {
        Self {
            name: coin.secret.key().public_key().to_text(),
            seed: coin.secret.seed().clone(),
            denomination: coin.denomination,
            signature: coin.signature,
            remaining: denomination.value,
            spend_until: denomination.spend_until,
            renew_at: denomination.renew_at(),
            origin: Some(origin),
            state: CoinState::Fresh,
            melts: 0,
            beside: 0,
            fee: denomination.fees.deposit,
        }
    }

    /// What it can give when it is spent.
    pub fn gives(&self) -> u64 {
        self.remaining.minor().saturating_sub(self.fee)
    }

    /// What it can give, and its denomination.
    pub fn worth(&self) -> (u64, Digest) {
        (self.gives(), self.denomination)
    }

    /// What is left of it, all in all.
    pub fn held(&self) -> Amount {
        let beside = Amount::new(self.remaining.currency(), self.beside);
        beside.and_then(|beside| self.remaining.checked_add(beside)).unwrap_or(self.remaining)
    }

    /// Its secret.
    pub fn secret(&self) -> CoinSecret {
        CoinSecret::from_seed(self.seed.clone())
    }

    /// The mint's signature on it.
    pub const fn signature(&self) -> &[u8; MODULUS_LEN] {
        &self.signature
    }

    /// Its public key as text, which names it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it can be spent at `now`.
    pub fn is_spendable(&self, now: UnixSeconds) -> bool {
        self.state == CoinState::Fresh && now <= self.spend_until
    }

    /// Whether it waits to be exchanged.
    pub const fn needs_refresh(&self) -> bool {
        matches!(
            self.state,
            CoinState::Shown | CoinState::Doubtful | CoinState::Melting { .. } | CoinState::Recouping { .. }
        )
    }

    /// Whether it is whole, and soon too old to be spent.
    pub fn needs_renewal(&self, now: UnixSeconds) -> bool {
        self.state == CoinState::Fresh && (self.renew_at..=self.spend_until).contains(&now)
    }
}

impl MintPurse {
    /// When the first of its coins ends.
    pub fn first_end(&self) -> Option<UnixSeconds> {
        self.coins.iter().filter(|coin| coin.state == CoinState::Fresh).map(|coin| coin.spend_until).min()
    }

    /// What can be spent at once: what the coins can give beside the mint's fees.
    pub fn spendable(&self, now: UnixSeconds) -> Amount {
        let coins = self.coins.iter().filter(|coin| coin.is_spendable(now));
        Amount::new(self.currency, coins.map(PurseCoin::gives).sum()).unwrap_or(Amount::zero(self.currency))
    }

    /// What belongs to the wallet: spendable, change still to be refreshed, or being gathered.
    pub fn balance(&self) -> Amount {
        let coins = self.sum(|coin| coin.state == CoinState::Fresh || coin.needs_refresh());
        coins.checked_add(self.gathered()).unwrap_or(coins)
    }

    fn sum(&self, counts: impl Fn(&PurseCoin) -> bool) -> Amount {
        let amounts = self.coins.iter().filter(|coin| counts(coin)).map(PurseCoin::held);
        Amount::sum(self.currency, amounts).unwrap_or_else(|_| Amount::zero(self.currency))
    }

    /// The number of the next reserve.
    pub(super) fn next_reserve(&self) -> u32 {
        // The lowest that is free, so that a search by number never meets a long gap.
        let free = |index: &u32| self.reserves.iter().all(|reserve| reserve.index != *index);
        (0..).find(free).unwrap_or(u32::MAX)
    }

    /// Lets go of what is not needed: denominations that nothing names, and coins that the mint, by its own document's
    /// date, takes no longer.
    pub(super) fn tidy(&mut self, keys: &KeySet) {
        let issued_at = keys.document().issued_at;
        let mut expired = 0_u64;
        self.coins.retain(|coin| {
            let settled = matches!(coin.state, CoinState::Fresh | CoinState::Shown | CoinState::Doubtful);
            let revoked = keys.find(&coin.denomination).is_ok_and(|denomination| denomination.revoked);
            let gone = settled && !revoked && coin.spend_until < issued_at;
            if gone {
                expired = expired.saturating_add(coin.remaining.minor());
            }
            !gone
        });
        self.expired_minor = self.expired_minor.saturating_add(expired);
        let mut needed = Vec::new();
        let open = self.transfers.iter().filter(|transfer| !transfer.coins.is_empty());
        let permissions = open.flat_map(|transfer| &transfer.permissions);
        needed.extend(permissions.filter_map(|signed| signed.peek_unverified().ok()).map(|signed| signed.denomination));
        for coin in &self.coins {
            needed.push(coin.denomination);
            if let CoinState::Melting { outputs, .. } = &coin.state {
                needed.extend(outputs);
            }
        }
        let pending = self.reserves.iter().filter_map(|reserve| reserve.pending.as_ref());
        needed.extend(pending.flat_map(|pending| &pending.batch).map(|planchet| planchet.denomination));
        self.earlier.retain(|key| needed.contains(&key.id(self.currency)));
    }

    /// The reserve of this number.
    ///
    /// # Errors
    /// [`EcashError::Unknown`].
    pub fn reserve_mut(&mut self, index: u32) -> Result<&mut Reserve, EcashError> {
        self.reserves.iter_mut().find(|reserve| reserve.index == index).ok_or(EcashError::Unknown("reserve"))
    }

    /// The coin of this name.
    ///
    /// # Errors
    /// [`EcashError::Unknown`].
    pub fn coin_mut(&mut self, name: &str) -> Result<&mut PurseCoin, EcashError> {
        self.coins.iter_mut().find(|coin| coin.name() == name).ok_or(EcashError::Unknown("coin"))
    }
}

/// A coin's seed as base64url, for the encrypted store alone.
mod stored_seed {
    use serde::{Deserializer, Serializer};

    use crate::foundation::base64;
    use crate::security::Seed;

    pub(super) fn serialize<S: Serializer>(seed: &Seed, serializer: S) -> Result<S::Ok, S::Error> {
        base64::array::serialize(seed.as_bytes(), serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Seed, D::Error> {
        base64::array::deserialize(deserializer).map(Seed::new)
    }
}
