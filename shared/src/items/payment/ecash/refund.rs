//! Refunds: a payment, or part of it, returns to the coins that made it.
//!
//! The mint gives back to the coins in the order of the deposit, to each at most what it gave. So how a refund spreads over
//! the coins follows from what was refunded before ([`spread`]), and nobody chooses. Everyone involved has seen those coins'
//! keys: the wallet exchanges what came back before it spends it.

use serde::{Deserialize, Serialize};

use super::{Coin, CoinOrigin, CoinSecret, CoinState, CoinStatus, EcashError, EcashPayer, Permission, PurseCoin};
use crate::foundation::{Amount, Digest, UnixSeconds, base64};
use crate::items::payment::{PaymentError, Refund};
use crate::items::statement::{Compact, Signed, Statement};
use crate::security::{PublicKey, Seed, Signer, Thumbprint, Verifier};

/// Merchant to mint: give this back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundBody {
    /// The merchant's order.
    pub refund: Compact<Refund>,
}

/// The mint's word that a refund was made. Signed by the mint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundConfirmation {
    /// The mint.
    pub mint: Thumbprint,
    /// The digest of the merchant's order.
    pub refund: Digest,
    /// The deal.
    pub deal: Digest,
    /// What returned to which coins.
    pub coins: Vec<RefundedCoin>,
    /// When.
    pub confirmed_at: UnixSeconds,
}

impl Statement for RefundConfirmation {
    const TYP: &'static str = "semper-refund-confirmation+jwt";
}

/// What returned to one coin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundedCoin {
    /// The coin's compressed key.
    #[serde(with = "base64::array")]
    pub coin: [u8; 33],
    /// How much.
    pub amount: Amount,
}

/// The answer to a refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundAnswer {
    /// The mint's signed confirmation.
    pub confirmation: Compact<RefundConfirmation>,
}

/// Spreads a refund over the coins of a deposit, in its order, after `already` was refunded. `given` is what each coin
/// gave. Returns the coins by their position with what returns to each; nothing where it is more than is left.
pub fn spread(given: &[u64], already: u64, amount: u64) -> Option<Vec<(usize, u64)>> {
    let end = already.checked_add(amount)?;
    let mut from: u64 = 0;
    let mut shares = Vec::new();
    for (position, given) in given.iter().enumerate() {
        let to = from.checked_add(*given)?;
        let share = to.min(end).saturating_sub(from.max(already));
        if share > 0 {
            shares.push((position, share));
        }
        from = to;
    }
    (end <= from).then_some(shares)
}

/// Checks the mint's confirmation of a refund.
///
/// # Errors
/// [`PaymentError::Peer`] where it is not the mint's, or of another refund.
pub fn check_confirmation(
    refund: &Signed<Refund>,
    confirmation: &Compact<RefundConfirmation>,
    mint: &PublicKey,
    verifier: &dyn Verifier,
) -> Result<Signed<RefundConfirmation>, PaymentError> {
    let confirmation = confirmation
        .verify(mint, verifier)
        .map_err(|_| PaymentError::Peer("the mint's confirmation of a refund is not valid"))?;
    let total = Amount::sum(refund.amount.currency(), confirmation.coins.iter().map(|coin| coin.amount))?;
    let fits = confirmation.mint == refund.via
        && confirmation.refund == refund.digest()
        && confirmation.deal == refund.deal
        && total == refund.amount;
    if fits { Ok(confirmation) } else { Err(PaymentError::Peer("the mint confirmed another refund")) }
}

/// What a wallet keeps of a coin that paid a deal, since the coin may leave the purse before a refund returns to it. Secret.
#[derive(Clone, Serialize, Deserialize)]
pub struct KeptCoin {
    #[serde(with = "base64::array")]
    seed: [u8; 32],
    origin: Option<CoinOrigin>,
}

impl KeptCoin {
    /// What is to be kept of a coin.
    pub fn of(coin: &PurseCoin) -> Self {
        Self { seed: *coin.secret().seed().as_bytes(), origin: coin.origin.clone() }
    }

    /// The coin's compressed key.
    pub fn key(&self) -> [u8; 33] {
        self.secret().key().public_key().to_compressed()
    }

    fn secret(&self) -> CoinSecret {
        CoinSecret::from_seed(Seed::new(self.seed))
    }
}

impl EcashPayer {
    /// What is to be kept of the coins that are signed over to a deal.
    pub fn keep(&self, deal: &Digest) -> Vec<KeptCoin> {
        let coins = self.purse.mints.values().flat_map(|held| &held.coins);
        let pledged =
            coins.filter(|coin| matches!(&coin.state, CoinState::Pledged { deal: other, .. } if other == deal));
        pledged.map(KeptCoin::of).collect()
    }

    /// Takes back what refunds returned to a coin, as the mint says in `status`: it is in the purse then, to be exchanged.
    /// `refunded` is what the mint has confirmed since the last time, for the deal that `permission` paid.
    ///
    /// The mint's word is held against its confirmations: what it confirmed is left of the coin, or was exchanged in a life
    /// of this wallet that it does not remember. Of a coin whose denomination was revoked it cannot be: such a life has put
    /// it into a reserve. Taking back twice changes nothing.
    ///
    /// # Errors
    /// [`EcashError::Peer`] where the mint keeps back what it confirmed, [`EcashError::Unknown`] while the coin is recouped.
    pub fn take_refund(
        &mut self,
        kept: &KeptCoin,
        permission: &Permission,
        refunded: Amount,
        status: &CoinStatus,
        verifier: &dyn Verifier,
    ) -> Result<(), EcashError> {
        let denomination = self.keys(&permission.mint)?.find(&permission.denomination)?.clone();
        let key = kept.secret().key();
        let name = key.public_key().to_text();
        let mut melts = Vec::new();
        let fee = Amount::new(permission.amount.currency(), denomination.fees.deposit)?;
        let mut seen = status.remaining.checked_add(permission.amount)?.checked_add(fee)?;
        for melted in &status.melts {
            let (melt, signer) = melted.melt.verify_self_keyed(verifier)?;
            if signer != *key.public_key() {
                return Err(EcashError::Peer("a melt is not this coin's"));
            }
            melts.push(melt.sequence);
            if !melted.void {
                seen = seen.checked_add(melt.amount)?;
            }
        }
        let there = status.remaining.minor() >= refunded.minor();
        let exchanged = seen.minor() >= denomination.value.checked_add(refunded)?.minor();
        if !there && !exchanged && !denomination.revoked {
            return Err(EcashError::Peer("it does not give back what it confirmed"));
        }
        let held = self.mint_purse_mut(&permission.mint)?;
        if held.coin_mut(&name).is_err() {
            let coin = Coin { secret: kept.secret(), denomination: denomination.id, signature: permission.signature };
            let mut coin = PurseCoin::fresh(&coin, &denomination, CoinOrigin::Coin(String::new()));
            coin.origin.clone_from(&kept.origin);
            coin.state = CoinState::Shown;
            held.coins.push(coin);
        }
        let coin = held.coin_mut(&name)?;
        if matches!(coin.state, CoinState::Recouping { .. }) {
            return Err(EcashError::Unknown("a coin at rest"));
        }
        coin.left(status.remaining, &melts);
        self.sweep(&permission.mint)
    }
}

impl PurseCoin {
    /// Takes the mint's word for what is left. A coin that is being melted goes on with that; the rest is melted next.
    fn left(&mut self, remaining: Amount, melts: &[u32]) {
        if matches!(self.state, CoinState::Melting { .. }) {
            // As long as the mint has not seen the melt, what is left includes its amount.
            let pending = if melts.contains(&self.melts) { 0 } else { self.remaining.minor() };
            self.beside = remaining.minor().saturating_sub(pending);
        } else {
            let next = melts.iter().max().map_or(0, |last| last.saturating_add(1));
            self.melts = self.melts.max(next);
            self.remaining = remaining;
            self.state = CoinState::Shown;
        }
    }

    /// What was melted has become new coins.
    pub(super) fn exchanged(&mut self) {
        self.remaining = Amount::new(self.remaining.currency(), self.beside).unwrap_or(self.remaining);
        self.beside = 0;
        self.melts = self.melts.saturating_add(1);
        self.state = CoinState::Shown;
    }
}
