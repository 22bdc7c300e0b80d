//! The wallet's side of cash: the purse, and payments from it.

use rand_core::CryptoRng;

use super::gather::at_hand;
use super::payee::{EcashBody, EcashParameters};
use super::{CoinState, EcashError, ID, KeySet, MAX_COINS, MintKeys, MintPurse, Permission, Purse, VERSION, selection};
use crate::foundation::{Amount, Digest, Table, UnixSeconds};
use crate::items::payment::{Bill, PayerModule, PaymentError, Quote, Unusable};
use crate::items::statement::{Compact, Signed};
use crate::security::{Seed, Thumbprint, Verifier};

/// The wallet's purses at all its mints, and the seed that their secrets derive from.
pub struct EcashPayer {
    pub(super) seed: Seed,
    pub(super) purse: Purse,
    pub(super) keys: Table<Thumbprint, KeySet>,
}

impl EcashPayer {
    /// An empty purse over a seed.
    pub const fn new(seed: Seed) -> Self {
        Self { seed, purse: Purse { mints: Table::new() }, keys: Table::new() }
    }

    /// A purse as it was stored.
    ///
    /// # Errors
    /// [`EcashError`] where a stored key document no longer verifies.
    pub fn load(seed: Seed, purse: Purse, verifier: &dyn Verifier) -> Result<Self, EcashError> {
        let mut keys = Table::new();
        for (mint, held) in purse.mints.iter() {
            let mut known = KeySet::verify(&held.keys, verifier)?;
            known.add(&held.earlier)?;
            keys.insert(*mint, known);
        }
        Ok(Self { seed, purse, keys })
    }

    /// The purse, to be stored encrypted after every change.
    pub const fn purse(&self) -> &Purse {
        &self.purse
    }

    /// A mint's keys, as last fetched.
    ///
    /// # Errors
    /// [`EcashError::Unknown`].
    pub fn keys(&self, mint: &Thumbprint) -> Result<&KeySet, EcashError> {
        self.keys.get(mint).ok_or(EcashError::Unknown("mint"))
    }

    /// What is held at a mint.
    ///
    /// # Errors
    /// [`EcashError::Unknown`].
    pub fn mint_purse(&self, mint: &Thumbprint) -> Result<&MintPurse, EcashError> {
        self.purse.mints.get(mint).ok_or(EcashError::Unknown("mint"))
    }

    pub(super) fn mint_purse_mut(&mut self, mint: &Thumbprint) -> Result<&mut MintPurse, EcashError> {
        self.purse.mints.get_mut(mint).ok_or(EcashError::Unknown("mint"))
    }

    /// Takes a mint's key document: a new mint, or newer keys of a known one. Returns the mint's name.
    ///
    /// # Errors
    /// [`EcashError::Peer`] where a known mint changed its currency.
    pub fn trust(&mut self, document: Signed<MintKeys>) -> Result<Thumbprint, EcashError> {
        let mut keys = KeySet::new(document)?;
        let (mint, document) = (keys.mint(), keys.document().clone());
        let held = self.purse.mints.get_or_insert(mint, || MintPurse {
            keys: document.to_compact(),
            url: document.url.clone(),
            name: document.name.clone(),
            currency: document.currency,
            reserves: Vec::new(),
            coins: Vec::new(),
            earlier: Vec::new(),
            expired_minor: 0,
            transfers: Vec::new(),
        });
        if held.currency != document.currency {
            return Err(EcashError::Peer("the mint changed its currency"));
        }
        held.keys = document.to_compact();
        held.url.clone_from(&document.url);
        held.name.clone_from(&document.name);
        // What the old document listed and the new one does not may still be needed.
        if let Some(old) = self.keys.get(&mint) {
            let kept = old.document().denominations.iter();
            held.earlier.extend(kept.filter(|key| keys.find(&key.id(document.currency)).is_err()).cloned());
        }
        keys.add(&held.earlier)?;
        self.keys.insert(mint, keys);
        self.tidy(&mint)?;
        Ok(mint)
    }

    /// The page of earlier denominations that is to be fetched so that all of `ids` are known: none where they are.
    ///
    /// # Errors
    /// [`EcashError::DenominationUnknown`] where there is no further page.
    pub fn missing_page(
        &self,
        mint: &Thumbprint,
        ids: impl IntoIterator<Item = Digest>,
    ) -> Result<Option<Digest>, EcashError> {
        let keys = self.keys(mint)?;
        if ids.into_iter().all(|id| keys.find(&id).is_ok()) {
            return Ok(None);
        }
        keys.next_page().map(Some).ok_or(EcashError::DenominationUnknown)
    }

    /// Reads the text of a page that was missing.
    ///
    /// # Errors
    /// [`EcashError::Peer`] where it is not that page.
    pub fn turn_page(&mut self, mint: &Thumbprint, text: &[u8]) -> Result<(), EcashError> {
        let keys = self.keys.get_mut(mint).ok_or(EcashError::Unknown("mint"))?;
        let denominations = keys.turn_page(text)?;
        self.mint_purse_mut(mint)?.earlier.extend(denominations);
        Ok(())
    }

    /// Lets go of what is not needed, after a search, in the purse and in memory alike: what was forgotten in the purse alone
    /// would be known until the program ends, and a coin that came back meanwhile would be of an unknown denomination then.
    ///
    /// # Errors
    /// [`EcashError::Unknown`].
    pub fn tidy(&mut self, mint: &Thumbprint) -> Result<(), EcashError> {
        let keys = self.keys.get(mint).ok_or(EcashError::Unknown("mint"))?;
        let held = self.purse.mints.get_mut(mint).ok_or(EcashError::Unknown("mint"))?;
        held.tidy(keys);
        let mut kept = KeySet::new(keys.document().clone())?;
        kept.add(&held.earlier)?;
        self.keys.insert(*mint, kept);
        Ok(())
    }

    /// The balance at all mints together, by currency, in minor units.
    pub fn balances(&self) -> Table<String, u64> {
        let mut balances = Table::new();
        for held in self.purse.mints.values() {
            let sum: &mut u64 = balances.get_or_insert(held.currency.to_string(), || 0);
            *sum = sum.saturating_add(held.balance().minor());
        }
        balances
    }

    /// The accepted mint that holds enough, and what it could spend; else the best that there is.
    fn best_mint(
        &self,
        total: Amount,
        parameters: &EcashParameters,
        now: UnixSeconds,
    ) -> Result<(Thumbprint, Amount), Unusable> {
        let spendable = parameters.mints.iter().filter_map(|accepted| {
            let held = self.purse.mints.get(&accepted.mint)?;
            (held.currency == total.currency()).then(|| (accepted.mint, held.spendable(now)))
        });
        let best = spendable.max_by_key(|(_, amount)| amount.minor()).ok_or(Unusable::NoCommonPurse)?;
        if best.1.minor() < total.minor() {
            return Err(Unusable::Insufficient { available_minor: best.1.minor() });
        }
        Ok(best)
    }

    /// What paying `total` costs at a mint beside the total: what it takes for the coins, and for exchanging what is left of
    /// them. With `change`, what waits to be exchanged is exchanged first, and many coins are gathered. None where there is
    /// not enough, or it takes more than [`MAX_COINS`] coins.
    pub fn cost(&self, mint: &Thumbprint, total: Amount, change: bool, now: UnixSeconds) -> Option<Amount> {
        let (held, keys) = (self.purse.mints.get(mint)?, self.keys.get(mint)?);
        let currency = held.currency;
        let mut coins = at_hand(held, now);
        let mut cost = 0_u64;
        let waiting = held.coins.iter().filter(|coin| change && coin.needs_refresh());
        for coin in waiting {
            let new = keys.exchange(&coin.denomination, coin.held(), now).map_or(Vec::new(), |(new, _)| new);
            let worth: u64 = new.iter().map(|denomination| denomination.value.minor()).sum();
            cost = cost.checked_add(coin.held().minor().saturating_sub(worth))?;
            coins.extend(new.iter().map(|new| (new.value.minor().saturating_sub(new.fees.deposit), new.id)));
        }
        if change {
            let own = keys.withdrawal(held.gathered(), now).unwrap_or_default();
            coins.extend(own.iter().map(|new| (new.value.minor().saturating_sub(new.fees.deposit), new.id)));
            while let Some((one, chosen)) = keys.gathering(&coins, now) {
                let one = (one.value.minor(), one.id);
                let kept = coins.iter().enumerate().filter(|(index, _)| !chosen.contains(index)).map(|(_, coin)| *coin);
                coins = kept.chain([one]).collect();
            }
        }
        let values: Vec<u64> = coins.iter().map(|(gives, _)| *gives).collect();
        for (index, gives) in selection::select(&values, total.minor()).filter(|chosen| chosen.len() <= MAX_COINS)? {
            let (value, denomination) = coins.get(index)?;
            let left = Amount::new(currency, value.checked_sub(gives)?).ok()?;
            let new = keys.exchange(denomination, left, now).map_or(Vec::new(), |(new, _)| new);
            let worth: u64 = new.iter().map(|denomination| denomination.value.minor()).sum();
            let fee = keys.find(denomination).ok()?.fees.deposit;
            cost = cost.checked_add(fee)?.checked_add(left.minor().saturating_sub(worth))?;
        }
        Amount::new(currency, cost).ok()
    }

    /// Why a mint's coins at hand do not make up an amount.
    pub fn shortfall(&self, mint: &Thumbprint, total: Amount, now: UnixSeconds) -> EcashError {
        match self.purse.mints.get(mint) {
            Some(held) if held.spendable(now).minor() >= total.minor() => EcashError::TooManyCoins,
            _ => EcashError::Insufficient,
        }
    }

    /// Signs coins of a mint over to a bill. `None` where the mint is not known or cannot make it up of at most [`MAX_COINS`]
    /// coins; the purse is unchanged then.
    pub(super) fn pledge(
        &mut self,
        mint: &Thumbprint,
        bill: &Bill,
        now: UnixSeconds,
    ) -> Option<Vec<Compact<Permission>>> {
        let coins = at_hand(self.purse.mints.get(mint)?, now);
        let values: Vec<u64> = coins.iter().map(|(gives, _)| *gives).collect();
        let chosen = selection::select(&values, bill.total.minor()).filter(|chosen| chosen.len() <= MAX_COINS)?;
        self.sign_over(mint, bill, chosen, now)
    }

    /// Signs these of the spendable coins over to a bill, each for so much.
    pub(super) fn sign_over(
        &mut self,
        mint: &Thumbprint,
        bill: &Bill,
        chosen: Vec<(usize, u64)>,
        now: UnixSeconds,
    ) -> Option<Vec<Compact<Permission>>> {
        let held = self.purse.mints.get_mut(mint)?;
        let mut fresh: Vec<_> = held.coins.iter_mut().filter(|coin| coin.is_spendable(now)).collect();
        let mut permissions = Vec::with_capacity(chosen.len());
        for (index, minor) in chosen {
            let coin = fresh.get_mut(index)?;
            let amount = Amount::new(bill.total.currency(), minor).ok()?;
            let permission = Permission {
                mint: *mint,
                merchant: bill.payee,
                deal: bill.deal,
                amount,
                denomination: coin.denomination,
                signature: *coin.signature(),
                refund_by: bill.refund_by,
            };
            permissions.push(Signed::sign_self_keyed(permission, &coin.secret().key()).to_compact());
            let fee = Amount::new(amount.currency(), coin.fee).ok()?;
            coin.state = CoinState::Pledged { deal: bill.deal, amount: amount.checked_add(fee).ok()? };
        }
        Some(permissions)
    }
}

impl PayerModule for EcashPayer {
    const ID: &'static str = ID;
    const VERSION: u32 = VERSION;
    /// That of RSA-2048.
    const STRENGTH_BITS: u16 = 112;
    type Parameters = EcashParameters;
    type Body = EcashBody;

    fn quote(&self, total: Amount, parameters: &EcashParameters, now: UnixSeconds) -> Result<Quote, Unusable> {
        let (mint, available) = self.best_mint(total, parameters, now)?;
        let too_many = Unusable::TooManyCoins { available_minor: available.minor() };
        Ok(Quote { available, fee: self.cost(&mint, total, false, now).ok_or(too_many)? })
    }

    fn purses(&self) -> Vec<crate::items::payment::Purse> {
        let purse = |(mint, held): (&Thumbprint, &MintPurse)| crate::items::payment::Purse {
            name: held.name.clone(),
            at: held.url.clone(),
            balance: Some(held.balance()),
            limit: self
                .keys(mint)
                .ok()
                .and_then(|keys| Amount::new(held.currency, keys.document().policy.at_once()?).ok()),
            expires_at: held.first_end(),
        };
        self.purse().mints.iter().map(purse).collect()
    }

    fn pay(
        &mut self,
        bill: &Bill,
        parameters: &EcashParameters,
        now: UnixSeconds,
        _rng: &mut dyn CryptoRng,
    ) -> Result<EcashBody, PaymentError> {
        let (mint, available) = self.best_mint(bill.total, parameters, now)?;
        let permissions =
            self.pledge(&mint, bill, now).ok_or(Unusable::TooManyCoins { available_minor: available.minor() })?;
        Ok(EcashBody { mint, permissions })
    }

    fn settled(&mut self, deal: &Digest) {
        for held in self.purse.mints.values_mut() {
            for coin in &mut held.coins {
                if let CoinState::Pledged { deal: pledged, amount } = coin.state
                    && pledged == *deal
                {
                    coin.remaining = coin.remaining.checked_sub(amount).unwrap_or(Amount::zero(held.currency));
                    coin.state = CoinState::Shown;
                }
            }
        }
        for mint in self.purse.mints.keys().copied().collect::<Vec<_>>() {
            // A mint whose keys are not known keeps what it has until they are.
            let _unknown = self.sweep(&mint);
        }
    }

    fn refused(&mut self, deal: &Digest) {
        let coins = self.purse.mints.values_mut().flat_map(|held| &mut held.coins);
        for coin in coins {
            if matches!(&coin.state, CoinState::Pledged { deal: pledged, .. } if pledged == deal) {
                coin.state = CoinState::Doubtful;
            }
        }
    }
}
