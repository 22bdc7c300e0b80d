//! Denominations: what a mint's coins are worth, and the keys that sign them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::EcashError;
use crate::foundation::{Amount, Currency, Digest, UnixSeconds};
use crate::items::statement::{Compact, Signed, Statement};
use crate::security::blinding::RsaPublicKey;
use crate::security::{PublicKey, Thumbprint, Verifier};

/// One denomination, as the mint's key document lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DenominationKey {
    /// What a coin is worth, in minor units.
    pub value_minor: u64,
    /// The modulus of the RSA-2048 key that signs the coins.
    pub n: RsaPublicKey,
    /// From when coins are issued.
    pub issue_from: UnixSeconds,
    /// Until when coins are issued.
    pub issue_until: UnixSeconds,
    /// Until when coins can be spent or refreshed.
    pub spend_until: UnixSeconds,
}

impl DenominationKey {
    /// The denomination's name: a hash of everything that makes it what it is.
    pub fn id(&self, currency: Currency) -> Digest {
        Digest::of_parts(&[
            b"semper/1/denomination",
            currency.as_str().as_bytes(),
            &self.value_minor.to_be_bytes(),
            &self.issue_from.0.to_be_bytes(),
            &self.issue_until.0.to_be_bytes(),
            &self.spend_until.0.to_be_bytes(),
            self.n.modulus(),
        ])
    }
}

/// Where money for reserves is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Funding {
    /// The bank's origin.
    pub bank: String,
    /// The mint's account there.
    pub account: String,
}

/// The mint's signed key document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MintKeys {
    /// The mint's own key, whose thumbprint names the mint.
    pub key: PublicKey,
    /// The mint's origin.
    pub url: String,
    /// The name that people know it by.
    pub name: String,
    /// The currency of all its coins.
    pub currency: Currency,
    /// Where reserves are funded.
    pub funding: Funding,
    /// How long after a deposit the merchant is paid, in seconds.
    pub wire_delay_s: u64,
    /// What it issues and takes.
    pub denominations: Vec<DenominationKey>,
    /// When the document was signed.
    pub issued_at: UnixSeconds,
    /// When it must be fetched again.
    pub expires_at: UnixSeconds,
}

impl Statement for MintKeys {
    const TYP: &'static str = "semper-mint-keys+jwt";
}

/// A denomination, ready for use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denomination {
    /// Its name.
    pub id: Digest,
    /// What a coin is worth.
    pub value: Amount,
    /// The key that signs the coins.
    pub key: RsaPublicKey,
    /// From when coins are issued.
    pub issue_from: UnixSeconds,
    /// Until when coins are issued.
    pub issue_until: UnixSeconds,
    /// Until when coins can be spent or refreshed.
    pub spend_until: UnixSeconds,
}

impl Denomination {
    /// Whether coins are issued at `now`.
    pub fn issues(&self, now: UnixSeconds) -> bool {
        (self.issue_from..=self.issue_until).contains(&now)
    }

    /// Whether coins can be spent at `now`.
    pub fn spends(&self, now: UnixSeconds) -> bool {
        (self.issue_from..=self.spend_until).contains(&now)
    }
}

/// A mint's key document, verified and parsed once.
#[derive(Debug, Clone)]
pub struct KeySet {
    document: Signed<MintKeys>,
    mint: Thumbprint,
    denominations: BTreeMap<Digest, Denomination>,
}

impl KeySet {
    /// Reads a key document, which must be signed by the key that it names.
    ///
    /// # Errors
    /// [`EcashError`] where the signature or a denomination is not valid.
    pub fn verify(document: &Compact<MintKeys>, verifier: &dyn Verifier) -> Result<Self, EcashError> {
        Self::new(Signed::verify_introduction(document.as_str(), |keys: &MintKeys| &keys.key, verifier)?)
    }

    /// Takes a document that is verified already.
    ///
    /// # Errors
    /// [`EcashError::Amount`] where a denomination's value is no amount.
    pub fn new(document: Signed<MintKeys>) -> Result<Self, EcashError> {
        let currency = document.currency;
        let mut denominations = BTreeMap::new();
        for key in &document.denominations {
            let denomination = Denomination {
                id: key.id(currency),
                value: Amount::new(currency, key.value_minor)?,
                key: key.n.clone(),
                issue_from: key.issue_from,
                issue_until: key.issue_until,
                spend_until: key.spend_until,
            };
            denominations.insert(denomination.id, denomination);
        }
        Ok(Self { mint: document.key.thumbprint(), document, denominations })
    }

    /// The thumbprint that names the mint.
    pub const fn mint(&self) -> Thumbprint {
        self.mint
    }

    /// The document.
    pub const fn document(&self) -> &Signed<MintKeys> {
        &self.document
    }

    /// The currency of the mint's coins.
    pub fn currency(&self) -> Currency {
        self.document.currency
    }

    /// The denomination of this name.
    ///
    /// # Errors
    /// [`EcashError::DenominationUnknown`].
    pub fn find(&self, id: &Digest) -> Result<&Denomination, EcashError> {
        self.denominations.get(id).ok_or(EcashError::DenominationUnknown)
    }

    /// Every denomination.
    pub fn denominations(&self) -> impl Iterator<Item = &Denomination> {
        self.denominations.values()
    }

    /// Splits `amount` into as few coins as the denominations issued at `now` allow, the largest first.
    ///
    /// # Errors
    /// [`EcashError::DenominationUnknown`] where the denominations cannot make up the amount, and
    /// [`EcashError::Malformed`] where it takes more than [`super::MAX_COINS`].
    pub fn split(&self, amount: Amount, now: UnixSeconds) -> Result<Vec<&Denomination>, EcashError> {
        let mut issued: Vec<_> = self.denominations.values().filter(|d| d.issues(now) && !d.value.is_zero()).collect();
        issued.sort_by_key(|denomination| (core::cmp::Reverse(denomination.value.minor()), denomination.id));
        let mut coins = Vec::new();
        let mut rest = amount.minor();
        for denomination in issued {
            while rest >= denomination.value.minor() {
                if coins.len() == super::MAX_COINS {
                    return Err(EcashError::Malformed("the amount takes too many coins"));
                }
                rest -= denomination.value.minor();
                coins.push(denomination);
            }
        }
        if rest == 0 && amount.currency() == self.currency() { Ok(coins) } else { Err(EcashError::DenominationUnknown) }
    }
}
