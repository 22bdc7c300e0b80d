//! Denominations: what a mint's coins are worth, and the keys that sign them.

use core::cmp::Reverse;

use serde::{Deserialize, Serialize};

use super::{EcashError, Policy};
use crate::foundation::table::in_order;
use crate::foundation::{Amount, Currency, Digest, UnixSeconds, json};
use crate::items::statement::{Compact, Signed, Statement};
use crate::security::blinding::RsaPublicKey;
use crate::security::{PublicKey, Thumbprint, Verifier};

/// What a mint takes for its work with a coin of a denomination, in minor units. It is part of what the denomination is: a
/// mint cannot change it for coins that are out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Fees {
    /// For issuing one for a reserve, beside its value.
    #[serde(skip_serializing_if = "is_zero")]
    pub withdraw: u64,
    /// For taking one in a deposit or a transfer, beside what it gives.
    #[serde(skip_serializing_if = "is_zero")]
    pub deposit: u64,
    /// For exchanging what is left of one, out of that.
    #[serde(skip_serializing_if = "is_zero")]
    pub refresh: u64,
}

impl Fees {
    /// Whether nothing is taken.
    pub fn are_none(&self) -> bool {
        *self == Self::default()
    }
}

/// For members that are left out where they are zero.
#[allow(clippy::trivially_copy_pass_by_ref)]
pub(super) const fn is_zero(minor: &u64) -> bool {
    *minor == 0
}

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
    /// What the mint takes.
    #[serde(default, skip_serializing_if = "Fees::are_none")]
    pub fees: Fees,
}

impl DenominationKey {
    /// The denomination's name: a hash of everything that makes it what it is.
    pub fn id(&self, currency: Currency) -> Digest {
        let Fees { withdraw, deposit, refresh } = self.fees;
        let fees = [withdraw, deposit, refresh].map(u64::to_be_bytes).concat();
        Digest::of_parts(&[
            b"semper/1/denomination",
            currency.as_str().as_bytes(),
            &self.value_minor.to_be_bytes(),
            &self.issue_from.0.to_be_bytes(),
            &self.issue_until.0.to_be_bytes(),
            &self.spend_until.0.to_be_bytes(),
            self.n.modulus(),
            if self.fees.are_none() { &[] } else { &fees },
        ])
    }
}

/// Denominations that are issued no longer, on a page that the key document, or the page of later ones, names by the
/// digest of its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DenominationPage {
    /// Those that were made together.
    pub denominations: Vec<DenominationKey>,
    /// The page of those that were made before them.
    pub earlier: Option<Digest>,
}

/// Where money for reserves is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Funding {
    /// The bank's origin.
    pub bank: String,
    /// The mint's account there.
    pub account: String,
}

/// A denomination that was revoked before its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoked {
    /// The denomination.
    pub denomination: Digest,
    /// Since when.
    pub revoked_at: UnixSeconds,
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
    /// What it issues now, and what it will issue.
    pub denominations: Vec<DenominationKey>,
    /// The page of those that it issued last before these ([`DenominationPage`]), by the digest of its text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier: Option<Digest>,
    /// What it takes no longer, whatever the windows say: such coins are recouped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revoked: Vec<Revoked>,
    /// What it allows at most.
    #[serde(default, skip_serializing_if = "Policy::is_open")]
    pub policy: Policy,
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
    /// What the mint takes.
    pub fees: Fees,
    /// Whether the mint has revoked it.
    pub revoked: bool,
}

impl Denomination {
    /// When a wallet should exchange its coins for newer ones: half-way between the last that were issued and the end. Whoever
    /// opens the wallet once in the other half loses nothing.
    pub const fn renew_at(&self) -> UnixSeconds {
        let rest = self.spend_until.0.saturating_sub(self.issue_until.0);
        UnixSeconds(self.spend_until.0.saturating_sub(rest / 2))
    }

    /// Whether coins are issued at `now`.
    pub fn issues(&self, now: UnixSeconds) -> bool {
        !self.revoked && (self.issue_from..=self.issue_until).contains(&now)
    }

    /// Whether coins can be spent at `now`.
    pub fn spends(&self, now: UnixSeconds) -> bool {
        !self.revoked && (self.issue_from..=self.spend_until).contains(&now)
    }
}

/// A mint's key document, verified and parsed once; and what is known besides of its earlier denominations.
#[derive(Debug, Clone)]
pub struct KeySet {
    document: Signed<MintKeys>,
    mint: Thumbprint,
    denominations: Vec<Denomination>,
    next_page: Option<Digest>,
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
        let mut keys = Self {
            mint: document.key.thumbprint(),
            denominations: Vec::new(),
            next_page: document.earlier,
            document: document.clone(),
        };
        keys.add(&document.denominations)?;
        Ok(keys)
    }

    /// Adds denominations that the document no longer lists. A denomination's name is a hash of all that it is, so
    /// nobody can pass another one off under its name.
    ///
    /// # Errors
    /// [`EcashError::Amount`] where a denomination's value is no amount.
    pub fn add(&mut self, keys: &[DenominationKey]) -> Result<(), EcashError> {
        let currency = self.document.currency;
        for key in keys {
            let id = key.id(currency);
            let denomination = Denomination {
                id,
                value: Amount::new(currency, key.value_minor)?,
                key: key.n.clone(),
                issue_from: key.issue_from,
                issue_until: key.issue_until,
                spend_until: key.spend_until,
                fees: key.fees,
                revoked: self.document.revoked.iter().any(|revoked| revoked.denomination == id),
            };
            if self.find(&id).is_err() {
                self.denominations.push(denomination);
            }
        }
        Ok(())
    }

    /// The page of earlier denominations that was not read yet, by the digest of its text.
    pub const fn next_page(&self) -> Option<Digest> {
        self.next_page
    }

    /// Reads the text of [`KeySet::next_page`]: adds its denominations, and returns them.
    ///
    /// # Errors
    /// [`EcashError::Peer`] where it is not the page of that digest.
    pub fn turn_page(&mut self, text: &[u8]) -> Result<Vec<DenominationKey>, EcashError> {
        let wrong = EcashError::Peer("a page of earlier denominations is not what the mint signed");
        if self.next_page != Some(Digest::of(text)) {
            return Err(wrong);
        }
        let page: DenominationPage = json::from_slice(text).map_err(|_| wrong)?;
        self.add(&page.denominations)?;
        self.next_page = page.earlier;
        Ok(page.denominations)
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
        self.denominations.iter().find(|denomination| denomination.id == *id).ok_or(EcashError::DenominationUnknown)
    }

    /// Every denomination.
    pub fn denominations(&self) -> impl Iterator<Item = &Denomination> {
        self.denominations.iter()
    }

    /// Splits `amount` into as few coins as the denominations issued at `now` allow, the largest first; `cost` is what one
    /// takes of the amount. What is less than any coin costs is left over. No coins that cost more to spend than they are
    /// worth.
    ///
    /// # Errors
    /// [`EcashError::DenominationUnknown`] where there is no coin for the amount, and [`EcashError::Malformed`] where it takes
    /// more than [`super::MAX_COINS`].
    pub fn split(
        &self,
        amount: Amount,
        now: UnixSeconds,
        cost: fn(&Denomination) -> u64,
    ) -> Result<Vec<&Denomination>, EcashError> {
        let useful = |d: &&Denomination| d.issues(now) && d.value.minor() > d.fees.deposit;
        let issued = self.denominations.iter().filter(useful);
        // Of two of the same value, the one that lasts longer.
        let issued = in_order(issued, |d| (Reverse(d.value.minor()), Reverse(d.spend_until), d.id));
        let mut coins = Vec::new();
        let mut rest = amount.minor();
        for denomination in issued {
            while rest >= cost(denomination) {
                if coins.len() == super::MAX_COINS {
                    return Err(EcashError::Malformed("the amount takes too many coins"));
                }
                rest -= cost(denomination);
                coins.push(denomination);
            }
        }
        if !coins.is_empty() && amount.currency() == self.currency() {
            Ok(coins)
        } else {
            Err(EcashError::DenominationUnknown)
        }
    }

    /// The coins that a reserve of `amount` pays for, each with its fee.
    ///
    /// # Errors
    /// As [`KeySet::split`].
    pub fn withdrawal(&self, amount: Amount, now: UnixSeconds) -> Result<Vec<&Denomination>, EcashError> {
        self.split(amount, now, |denomination| denomination.value.minor().saturating_add(denomination.fees.withdraw))
    }

    /// Whether an amount is less than every coin that is issued costs: where none is issued, that cannot be said.
    pub fn covers_no_coin(&self, amount: Amount, now: UnixSeconds) -> bool {
        let cost = |d: &Denomination| d.value.minor().saturating_add(d.fees.withdraw);
        let least = self.denominations.iter().filter(|d| d.issues(now)).map(cost).min();
        least.is_some_and(|least| amount.minor() < least)
    }

    /// What exchanging `left` of a coin gives: the denominations of the new coins, and what of `left` is melted for them,
    /// the fee included. None where that would cost more than it gives.
    pub fn exchange(&self, coin: &Digest, left: Amount, now: UnixSeconds) -> Option<(Vec<&Denomination>, Amount)> {
        let fee = Amount::new(left.currency(), self.find(coin).ok()?.fees.refresh).ok()?;
        let coins = self.split(left.checked_sub(fee).ok()?, now, |denomination| denomination.value.minor()).ok()?;
        let values = coins.iter().map(|denomination| denomination.value);
        let melted = Amount::sum(left.currency(), values).and_then(|sum| sum.checked_add(fee)).ok()?;
        Some((coins, melted))
    }

    /// Whether what is left of a coin is less than its exchange costs, and than any coin is worth.
    pub(super) fn is_dust(&self, coin: &Digest, left: Amount) -> bool {
        // By the mint's own clock; where nothing is issued, something may be later.
        let now = self.document.issued_at;
        let issued = self.denominations.iter().filter(|d| d.issues(now) && d.value.minor() > d.fees.deposit);
        let least = issued.map(|denomination| denomination.value.minor()).min();
        let fee = self.find(coin).map_or(0, |denomination| denomination.fees.refresh);
        left.is_zero() || least.is_some_and(|least| left.minor() < least.saturating_add(fee))
    }
}
