//! The purse: what a wallet holds at each mint, as it is stored.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Coin, CoinSecret, Denomination, EcashError, MintKeys, PlanchetMessage};
use crate::foundation::{Amount, Currency, Digest, UnixSeconds, base64};
use crate::items::statement::Compact;
use crate::security::blinding::MODULUS_LEN;
use crate::security::{Seed, Signer, Thumbprint};

/// Everything that a wallet holds in cash. Secret: store it encrypted.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Purse {
    /// By mint.
    pub mints: BTreeMap<Thumbprint, MintPurse>,
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
}

/// A withdrawal that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingWithdrawal {
    /// The batch, so that a retry asks the same.
    pub batch: Vec<PlanchetMessage>,
    /// When it was asked for.
    pub requested_at: UnixSeconds,
}

/// A coin in the purse.
#[derive(Clone, Serialize, Deserialize)]
pub struct PurseCoin {
    name: String,
    #[serde(with = "base64::array")]
    seed: [u8; 32],
    /// Its denomination.
    pub denomination: Digest,
    #[serde(with = "base64::array")]
    signature: [u8; MODULUS_LEN],
    /// What is left of it.
    pub remaining: Amount,
    /// Until when it can be spent.
    pub spend_until: UnixSeconds,
    /// What has become of it.
    pub state: CoinState,
    /// How many melts of it were begun.
    pub melts: u32,
}

/// What has become of a coin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
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
    },
}

impl PurseCoin {
    /// A coin as it comes from the mint.
    pub fn fresh(coin: &Coin, denomination: &Denomination) -> Self {
        Self {
            name: coin.secret.key().public_key().to_text(),
            seed: *coin.secret.seed().as_bytes(),
            denomination: coin.denomination,
            signature: coin.signature,
            remaining: denomination.value,
            spend_until: denomination.spend_until,
            state: CoinState::Fresh,
            melts: 0,
        }
    }

    /// Its secret.
    pub fn secret(&self) -> CoinSecret {
        CoinSecret::from_seed(Seed::new(self.seed))
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

    /// Whether it waits to be refreshed.
    pub const fn needs_refresh(&self) -> bool {
        matches!(self.state, CoinState::Shown | CoinState::Doubtful | CoinState::Melting { .. })
    }
}

impl MintPurse {
    /// What can be spent at once.
    pub fn spendable(&self, now: UnixSeconds) -> Amount {
        self.sum(|coin| coin.is_spendable(now))
    }

    /// What belongs to the wallet: spendable, or change still to be refreshed.
    pub fn balance(&self) -> Amount {
        self.sum(|coin| coin.state == CoinState::Fresh || coin.needs_refresh())
    }

    fn sum(&self, counts: impl Fn(&PurseCoin) -> bool) -> Amount {
        let amounts = self.coins.iter().filter(|coin| counts(coin)).map(|coin| coin.remaining);
        Amount::sum(self.currency, amounts).unwrap_or_else(|_| Amount::zero(self.currency))
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
