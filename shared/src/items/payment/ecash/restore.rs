//! Restoring a purse from the wallet's seed and what the mint has kept.
//!
//! For every reserve, from number zero until one that the mint does not know: its withdrawals give the coins back
//! ([`EcashPayer::restore_reserve`]). For every coin, the mint says what is left and which melts it saw
//! ([`EcashPayer::restore_coin`]); a melt's outputs are coins again, to be asked about in turn.

use super::refresh::Candidate;
use super::withdraw::unblind_all;
use super::{CoinOrigin, CoinSecret, CoinState, CoinStatus, EcashError, EcashPayer, Reserve, ReserveStatus};
use crate::foundation::Digest;
use crate::foundation::table::in_order;
use crate::security::{Signer, Thumbprint, Verifier};

impl EcashPayer {
    /// Takes back everything that reserve number `index` paid for. Returns the names of the coins, to be asked about.
    ///
    /// # Errors
    /// [`EcashError::Peer`] where the mint's history is not this wallet's.
    pub fn restore_reserve(
        &mut self,
        mint: &Thumbprint,
        index: u32,
        status: &ReserveStatus,
    ) -> Result<Vec<String>, EcashError> {
        let mut next_coin = 0;
        let mut coins = Vec::new();
        let origin = CoinOrigin::Reserve(index);
        for withdrawn in &status.withdrawals {
            let outputs: Vec<Digest> = withdrawn.batch.iter().map(|planchet| planchet.denomination).collect();
            let denominations = self.find_all(mint, &outputs)?;
            let numbered_from = |first: u32| {
                let numbers = (first..).take(outputs.len());
                let secrets = numbers.map(|coin| CoinSecret::derive_withdrawn(&self.seed, mint, index, coin)).collect();
                unblind_all(&denominations, secrets, &withdrawn.signatures, &origin)
            };
            // Numbered on from all before; or from fewer, by an earlier version on another device that did not know of all.
            let found = (0..=next_coin).rev().find_map(|first| numbered_from(first).ok());
            coins.extend(found.ok_or(EcashError::Peer("the coins of a withdrawal are not this wallet's"))?);
            next_coin += u32::try_from(outputs.len()).map_err(|_| EcashError::Peer("too many coins"))?;
        }
        let names = coins.iter().map(|coin| coin.name().to_owned()).collect();
        let held = self.mint_purse_mut(mint)?;
        let done = status.balance.is_zero();
        let known = held.reserves.iter().find(|reserve| reserve.index == index);
        let transfer = known.and_then(|reserve| reserve.transfer);
        held.reserves.retain(|reserve| reserve.index != index);
        held.reserves.push(Reserve { index, expected: status.balance, next_coin, pending: None, done, transfer });
        held.reserves = in_order(core::mem::take(&mut held.reserves), |reserve| reserve.index);
        for coin in coins {
            held.coins.retain(|known| known.name() != coin.name());
            held.coins.push(coin);
        }
        Ok(names)
    }

    /// Takes the mint's word about a coin that it has seen: corrects what is left, and takes back the outputs of its
    /// melts. Returns the names of those outputs, to be asked about in turn.
    ///
    /// A melt that was never revealed is taken up again: the coin is left melting, and [`EcashPayer::melt`] repeats it.
    ///
    /// # Errors
    /// [`EcashError`] where the coin is not known or the mint's history is not this wallet's.
    pub fn restore_coin(
        &mut self,
        mint: &Thumbprint,
        name: &str,
        status: &CoinStatus,
        verifier: &dyn Verifier,
    ) -> Result<Vec<String>, EcashError> {
        let mut coin = self.mint_purse_mut(mint)?.coin_mut(name)?.clone();
        let key = coin.secret().key();
        let mut found = Vec::new();
        (coin.remaining, coin.beside) = (status.remaining, 0);
        coin.state = CoinState::Shown;
        let known = core::mem::take(&mut coin.melts);
        for seen in &status.melts {
            let (melt, signer) = seen.melt.verify_self_keyed(verifier)?;
            if signer != *key.public_key() || melt.sequence < coin.melts {
                return Err(EcashError::Peer("a melt is not this coin's"));
            }
            coin.melts = melt.sequence.saturating_add(1);
            if melt.sequence < known {
                // What it became is in the purse, or was spent from there.
                continue;
            }
            if let Some(revealed) = &seen.revealed {
                let secrets = Candidate::link(&key, &revealed.transfer_public, melt.outputs.len());
                let denominations = self.find_all(mint, &melt.outputs)?;
                let origin = CoinOrigin::Coin(name.to_owned());
                found.extend(unblind_all(&denominations, secrets, &revealed.signatures, &origin)?);
            } else if !seen.void {
                coin.melts = melt.sequence;
                coin.remaining = melt.amount;
                coin.beside = status.remaining.minor();
                coin.state = CoinState::Melting { outputs: melt.outputs.clone(), above: melt.sequence };
            }
        }
        let names = found.iter().map(|coin| coin.name().to_owned()).collect();
        let held = self.mint_purse_mut(mint)?;
        held.coins.retain(|known| known.name() != name);
        held.coins.push(coin);
        for output in found {
            held.coins.retain(|known| known.name() != output.name());
            held.coins.push(output);
        }
        self.sweep(mint)?;
        Ok(names)
    }
}
