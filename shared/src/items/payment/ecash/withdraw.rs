//! Withdrawing and refreshing: how coins come into the purse.

use rand_core::CryptoRng;

use super::purse::PendingWithdrawal;
use super::refresh::{Candidate, KAPPA, commitment};
use super::{
    CoinOrigin, CoinSecret, CoinState, Denomination, EcashError, EcashPayer, Melt, MeltConfirmation, PlanchetMessage,
    PurseCoin, Reserve, Reveal, Withdrawal,
};
use crate::foundation::{Amount, Bytes, Digest, UnixSeconds};
use crate::items::statement::Signed;
use crate::security::blinding::MODULUS_LEN;
use crate::security::{Signer, SigningKey, Thumbprint};

impl EcashPayer {
    /// Opens a reserve for `amount`. Its key as text ([`EcashPayer::reserve_key`]) is the transfer's subject.
    ///
    /// # Errors
    /// [`EcashError`] where the mint is not known or has no coins for the amount.
    pub fn open_reserve(&mut self, mint: &Thumbprint, amount: Amount, now: UnixSeconds) -> Result<u32, EcashError> {
        self.keys(mint)?.withdrawal(amount, now)?;
        let held = self.mint_purse_mut(mint)?;
        // A search by number must never meet a long gap: who has asked for many transfers that did not come gets no new
        // reserve, but the first of these.
        let awaited = |reserve: &&mut Reserve| !reserve.done && reserve.pending.is_none() && reserve.transfer.is_none();
        if held.reserves.iter_mut().filter(awaited).count() >= super::MAX_AWAITED
            && let Some(reserve) = held.reserves.iter_mut().find(awaited)
        {
            reserve.expected = amount;
            return Ok(reserve.index);
        }
        let index = held.next_reserve();
        held.reserves.push(Reserve {
            index,
            expected: amount,
            next_coin: 0,
            pending: None,
            done: false,
            transfer: None,
        });
        Ok(index)
    }

    /// The key of a reserve.
    pub fn reserve_key(&self, mint: &Thumbprint, index: u32) -> SigningKey {
        self.seed.derive_key("ecash/reserve", &[mint.as_bytes(), &index.to_be_bytes()])
    }

    /// Asks for coins worth `amount` from a reserve. The same request again until it is answered.
    ///
    /// # Errors
    /// [`EcashError`] where mint or reserve are not known, or the mint has no coins for the amount.
    pub fn withdraw(
        &mut self,
        mint: &Thumbprint,
        index: u32,
        amount: Amount,
        now: UnixSeconds,
    ) -> Result<Signed<Withdrawal>, EcashError> {
        let first = self.mint_purse_mut(mint)?.reserve_mut(index)?.next_coin;
        if self.mint_purse_mut(mint)?.reserve_mut(index)?.pending.is_none() {
            let denominations = self.keys(mint)?.withdrawal(amount, now)?;
            let batch = (first..)
                .zip(denominations)
                .map(|(coin, denomination)| {
                    let secret = CoinSecret::derive_withdrawn(&self.seed, mint, index, coin);
                    secret.planchet(denomination).map(PlanchetMessage::from)
                })
                .collect::<Result<Vec<_>, _>>()?;
            let pending = PendingWithdrawal { batch, first: Some(first), requested_at: now };
            self.mint_purse_mut(mint)?.reserve_mut(index)?.pending = Some(pending);
        }
        let key = self.reserve_key(mint, index);
        let pending = self.mint_purse_mut(mint)?.reserve_mut(index)?.pending.clone();
        let pending = pending.ok_or(EcashError::Unknown("withdrawal"))?;
        let PendingWithdrawal { batch, first, requested_at } = pending;
        let request = Withdrawal { mint: *mint, batch, first, requested_at };
        Ok(Signed::sign_self_keyed(request, &key))
    }

    /// Everything that came into a reserve was withdrawn.
    ///
    /// # Errors
    /// [`EcashError::Unknown`].
    pub fn close_reserve(&mut self, mint: &Thumbprint, index: u32) -> Result<(), EcashError> {
        self.mint_purse_mut(mint)?.reserve_mut(index)?.done = true;
        Ok(())
    }

    /// Forgets a withdrawal that the mint refused for good, as it does where its denominations are issued no longer: the
    /// next one is planned anew.
    ///
    /// # Errors
    /// [`EcashError::Unknown`].
    pub fn withdrawal_refused(&mut self, mint: &Thumbprint, index: u32) -> Result<(), EcashError> {
        self.mint_purse_mut(mint)?.reserve_mut(index)?.pending = None;
        Ok(())
    }

    /// Opens a reserve again in which something is left.
    ///
    /// # Errors
    /// [`EcashError::Unknown`].
    pub fn reopen(&mut self, mint: &Thumbprint, index: u32) -> Result<(), EcashError> {
        self.mint_purse_mut(mint)?.reserve_mut(index)?.done = false;
        Ok(())
    }

    /// Takes the mint's signatures: the coins are in the purse. Returns what they are worth.
    ///
    /// # Errors
    /// [`EcashError::Peer`] where a signature is not valid; the withdrawal stays pending then.
    pub fn withdrawn(&mut self, mint: &Thumbprint, index: u32, signatures: &[Bytes]) -> Result<Amount, EcashError> {
        let held = self.mint_purse_mut(mint)?;
        let reserve = held.reserve_mut(index)?;
        let (first, batch) = match &reserve.pending {
            Some(pending) => (reserve.next_coin, pending.batch.clone()),
            None => return Err(EcashError::Unknown("withdrawal")),
        };
        let outputs: Vec<Digest> = batch.iter().map(|planchet| planchet.denomination).collect();
        let secrets = (first..)
            .take(outputs.len())
            .map(|coin| CoinSecret::derive_withdrawn(&self.seed, mint, index, coin))
            .collect();
        let origin = CoinOrigin::Reserve(index);
        let coins = unblind_all(&self.find_all(mint, &outputs)?, secrets, signatures, &origin)?;
        let held = self.mint_purse_mut(mint)?;
        let gained = Amount::sum(held.currency, coins.iter().map(|coin| coin.remaining))?;
        let reserve = held.reserve_mut(index)?;
        reserve.next_coin += u32::try_from(coins.len()).map_err(|_| EcashError::Malformed("too many coins"))?;
        reserve.pending = None;
        reserve.done = true;
        held.coins.extend(coins);
        Ok(gained)
    }

    /// The names of the coins at a mint that wait to be refreshed: change, and whole coins that are soon too old.
    ///
    /// # Errors
    /// [`EcashError::Unknown`].
    pub fn refreshes(&self, mint: &Thumbprint, now: UnixSeconds) -> Result<Vec<String>, EcashError> {
        let keys = self.keys(mint)?;
        let waits = |coin: &&PurseCoin| match coin.state {
            CoinState::Shown => !keys.is_dust(&coin.denomination, coin.remaining),
            CoinState::Fresh => coin.needs_renewal(now) && !keys.is_dust(&coin.denomination, coin.remaining),
            _ => coin.needs_refresh(),
        };
        Ok(self.mint_purse(mint)?.coins.iter().filter(waits).map(|coin| coin.name().to_owned()).collect())
    }

    /// Records what the mint says is left of a doubtful coin; one that is used up leaves the purse.
    ///
    /// # Errors
    /// [`EcashError`] where the coin is not known or the answer makes no sense.
    pub fn found_remaining(
        &mut self,
        mint: &Thumbprint,
        name: &str,
        remaining: Amount,
        melts: u32,
    ) -> Result<(), EcashError> {
        let held = self.mint_purse_mut(mint)?;
        let coin = held.coin_mut(name)?;
        coin.remaining.checked_sub(remaining).map_err(|_| EcashError::Peer("a coin has grown"))?;
        coin.remaining = remaining;
        coin.melts = coin.melts.max(melts);
        coin.state = CoinState::Shown;
        self.sweep(mint)
    }

    /// Begins to refresh a coin, or begins again with the same melt after a crash.
    ///
    /// The melt's sequence is drawn above those of the coin's earlier melts: two devices with the same seed never make the
    /// same melt, so at most one of them gets the new coins.
    ///
    /// # Errors
    /// [`EcashError`] where coin or denominations are not known.
    pub fn melt(
        &mut self,
        mint: &Thumbprint,
        name: &str,
        now: UnixSeconds,
        rng: &mut dyn CryptoRng,
    ) -> Result<Signed<Melt>, EcashError> {
        let coin = self.coin(mint, name)?;
        if !matches!(coin.state, CoinState::Melting { .. }) {
            let (denomination, left) = (coin.denomination, coin.remaining);
            let planned = self.keys(mint)?.exchange(&denomination, left, now);
            let (outputs, melted) = planned.ok_or(EcashError::DenominationUnknown)?;
            let outputs = outputs.iter().map(|output| output.id).collect();
            let coin = self.mint_purse_mut(mint)?.coin_mut(name)?;
            let room = (u32::MAX - coin.melts) / 8;
            let above = coin.melts;
            coin.melts += rng.next_u32() % room.max(1);
            // What is less than any new coin stays in the old one.
            coin.beside = coin.beside.saturating_add(left.minor().saturating_sub(melted.minor()));
            coin.remaining = melted;
            coin.state = CoinState::Melting { outputs, above };
        }
        let coin = self.coin(mint, name)?.clone();
        let outputs = melting_outputs(&coin)?;
        let candidates = self.candidates(mint, &coin)?;
        let digests: Vec<Digest> = candidates.iter().map(Candidate::digest).collect();
        let melt = Melt {
            mint: *mint,
            denomination: coin.denomination,
            signature: *coin.signature(),
            amount: coin.remaining,
            outputs: outputs.to_vec(),
            sequence: coin.melts,
            commitment: commitment(&digests),
        };
        Ok(Signed::sign_self_keyed(melt, &coin.secret().key()))
    }

    /// Opens the candidates that the mint did not choose.
    ///
    /// # Errors
    /// [`EcashError`] where the coin is not being melted or the choice is out of range.
    pub fn reveal(&self, mint: &Thumbprint, name: &str, confirmation: &MeltConfirmation) -> Result<Reveal, EcashError> {
        let gamma = confirmation.gamma;
        if gamma >= KAPPA {
            return Err(EcashError::Peer("the mint chose a candidate that does not exist"));
        }
        let coin = self.coin(mint, name)?;
        let secret = coin.secret();
        let transfer_secrets = (0..KAPPA)
            .filter(|candidate| *candidate != gamma)
            .map(|candidate| Bytes(secret.transfer_key(coin.melts, candidate).to_bytes().to_vec()))
            .collect();
        let chosen = self.candidate(mint, coin, gamma)?;
        let planchets = chosen.planchets.into_iter().map(PlanchetMessage::from).collect();
        Ok(Reveal { transfer_secrets, transfer_public: chosen.transfer_public, planchets })
    }

    /// Takes the mint's signatures: the old coin leaves the purse, the new ones are in it.
    ///
    /// # Errors
    /// [`EcashError::Peer`] where a signature is not valid; the refresh stays pending then.
    pub fn refreshed(
        &mut self,
        mint: &Thumbprint,
        name: &str,
        gamma: u8,
        signatures: &[Bytes],
    ) -> Result<Amount, EcashError> {
        let coin = self.coin(mint, name)?;
        let outputs = melting_outputs(coin)?.to_vec();
        let chosen = self.candidate(mint, coin, gamma)?;
        let origin = CoinOrigin::Coin(name.to_owned());
        let coins = unblind_all(&self.find_all(mint, &outputs)?, chosen.secrets, signatures, &origin)?;
        let held = self.mint_purse_mut(mint)?;
        let gained = Amount::sum(held.currency, coins.iter().map(|coin| coin.remaining))?;
        held.coin_mut(name)?.exchanged();
        held.coins.extend(coins);
        self.sweep(mint)?;
        Ok(gained)
    }

    /// Lets go of what is left of coins where its exchange would cost more than it gives.
    pub(super) fn sweep(&mut self, mint: &Thumbprint) -> Result<(), EcashError> {
        let keys = self.keys.get(mint).ok_or(EcashError::Unknown("mint"))?;
        let held = self.purse.mints.get_mut(mint).ok_or(EcashError::Unknown("mint"))?;
        held.coins.retain(|coin| coin.state != CoinState::Shown || !keys.is_dust(&coin.denomination, coin.held()));
        Ok(())
    }

    fn coin(&self, mint: &Thumbprint, name: &str) -> Result<&PurseCoin, EcashError> {
        self.mint_purse(mint)?.coins.iter().find(|coin| coin.name() == name).ok_or(EcashError::Unknown("coin"))
    }

    fn candidates(&self, mint: &Thumbprint, coin: &PurseCoin) -> Result<Vec<Candidate>, EcashError> {
        (0..KAPPA).map(|number| self.candidate(mint, coin, number)).collect()
    }

    fn candidate(&self, mint: &Thumbprint, coin: &PurseCoin, number: u8) -> Result<Candidate, EcashError> {
        let secret = coin.secret();
        let outputs = self.find_all(mint, melting_outputs(coin)?)?;
        let transfer = secret.transfer_key(coin.melts, number);
        Candidate::derive(&transfer, secret.key().public_key(), &outputs)
    }

    pub(super) fn find_all(&self, mint: &Thumbprint, ids: &[Digest]) -> Result<Vec<&Denomination>, EcashError> {
        let keys = self.keys(mint)?;
        ids.iter().map(|id| keys.find(id)).collect()
    }
}

fn melting_outputs(coin: &PurseCoin) -> Result<&[Digest], EcashError> {
    match &coin.state {
        CoinState::Melting { outputs, .. } => Ok(outputs),
        _ => Err(EcashError::Unknown("refresh")),
    }
}

/// Unblinds a batch: all signatures must be valid.
pub(super) fn unblind_all(
    denominations: &[&Denomination],
    secrets: Vec<CoinSecret>,
    signatures: &[Bytes],
    origin: &CoinOrigin,
) -> Result<Vec<PurseCoin>, EcashError> {
    if signatures.len() != denominations.len() {
        return Err(EcashError::Peer("the number of signatures is not that of the planchets"));
    }
    secrets
        .into_iter()
        .zip(denominations)
        .zip(signatures)
        .map(|((secret, denomination), signature)| {
            let signature: &[u8; MODULUS_LEN] =
                signature.0.as_slice().try_into().map_err(|_| EcashError::Peer("a signature has the wrong length"))?;
            Ok(PurseCoin::fresh(&secret.unblind(denomination, signature)?, denomination, origin.clone()))
        })
        .collect()
}
