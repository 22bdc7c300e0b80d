//! `POST /recoups`, and what revokes: coins of a denomination whose private key may be in other hands.
//!
//! ```text
//! operator: revoke ──▶ ledger ──▶ every replica publishes it, refuses the coins, destroys the key, issues another
//! wallet:   the coin's planchet opened ──▶ found among those signed ──▶ what is left goes into a reserve
//! ```
//!
//! That the planchet was signed is looked up in what was recorded when it was, and not proved by the key: whoever stole that
//! can sign whatever they like, and has no planchet in the ledger.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use semper_shared::foundation::{Digest, UnixSeconds, json};
use semper_shared::items::payment::ecash::{
    CheckedRecoup, EcashError, RecoupAnswer, RecoupBody, RecoupOrigin, Revoked, check_recoup,
};
use semper_shared::security::blinding::MODULUS_LEN;
use serde::{Deserialize, Serialize};

use super::error::MintError;
use super::evidence::digest_of;
use super::keys::Ahead;
use super::ring::{PACKED, Ring};
use super::store::{Key, LedgerError, Number};
use super::{Config, Mint, keys};
use crate::http::{Problem, StartError};
use crate::store::StoreError;

/// How often the ledger is asked for revocations.
pub(super) const WATCH: std::time::Duration = std::time::Duration::from_secs(3);

/// The ledger's part in it.
pub(super) trait LifeStore {
    /// What was revoked, and when.
    fn revocations(&self) -> BoxFuture<'_, Result<Vec<(Digest, UnixSeconds)>, StoreError>>;

    /// Revokes denominations; how many of them were not revoked before.
    fn revoke(&self, new: NewRevocation) -> BoxFuture<'_, Result<u64, StoreError>>;

    /// What went into the reserve of a recoup.
    fn recouped(&self, recoup: Digest) -> BoxFuture<'_, Result<Option<u64>, StoreError>>;

    /// Puts what is left of a coin into a reserve; for a recoup known already, returns what it was.
    fn recoup(&self, new: NewRecoup) -> BoxFuture<'_, Result<u64, LedgerError>>;

    /// Gives the amount of a melt that cannot be revealed any more back to its coin.
    fn void(&self, melt: Digest) -> BoxFuture<'_, Result<(), LedgerError>>;
}

/// The file in the mint's folder by which the operator revokes.
const REQUEST: &str = "revoke.json";

/// Denominations to be revoked.
#[derive(Serialize, Deserialize)]
pub(super) struct NewRevocation {
    pub(super) denominations: Vec<Digest>,
    pub(super) reason: String,
    pub(super) revoked_at: UnixSeconds,
}

/// A coin whose planchet was found.
pub(super) struct NewRecoup {
    pub(super) digest: Digest,
    pub(super) key: Key,
    pub(super) denomination: Number,
    pub(super) value: u64,
    pub(super) signature: [u8; MODULUS_LEN],
    pub(super) reserve: Key,
    pub(super) at: UnixSeconds,
    pub(super) statement: String,
}

impl Mint {
    /// Puts what is left of a coin into a reserve.
    pub(super) async fn recoup(self: &Arc<Self>, body: RecoupBody) -> Result<RecoupAnswer, Problem> {
        match self.take_recoup(&body).await {
            Err(MintError::Ledger(LedgerError::CoinSpent(coin))) => Err(self.already_spent(&coin).await?),
            other => Ok(other?),
        }
    }

    async fn take_recoup(&self, body: &RecoupBody) -> Result<RecoupAnswer, MintError> {
        let ring = self.ring();
        if let Some(minor) = self.store.recouped(digest_of(body.recoup.as_str())).await? {
            return Ok(RecoupAnswer { recouped: ring.amount(minor)? });
        }
        let checked = check_recoup(&ring.keys, &body.recoup, &self.verifier)?;
        if !self.was_signed(&ring, &checked).await? {
            return Err(EcashError::Coin.into());
        }
        let new = NewRecoup {
            digest: checked.recoup.digest(),
            key: checked.coin.to_compressed(),
            denomination: ring.number(&checked.recoup.denomination)?,
            value: checked.value.minor(),
            signature: checked.recoup.signature,
            reserve: checked.recoup.reserve.to_compressed(),
            at: self.now(),
            statement: checked.recoup.compact().to_owned(),
        };
        let minor = self.store.recoup(new).await?;
        self.metrics.recoups.inc();
        Ok(RecoupAnswer { recouped: ring.amount(minor)? })
    }

    /// Whether the planchet is one of those that were signed for the reserve, or in a refresh of the coin, that it names.
    async fn was_signed(&self, ring: &Ring, checked: &CheckedRecoup) -> Result<bool, MintError> {
        let number = ring.number(&checked.recoup.denomination)?;
        match &checked.recoup.origin {
            RecoupOrigin::Reserve(reserve) => {
                let Some(record) = self.store.reserve(reserve.to_compressed()).await? else {
                    return Ok(false);
                };
                let packed = [number.to_be_bytes().as_slice(), &checked.planchet].concat();
                Ok(record.withdrawals.iter().any(|(batch, _)| batch.chunks(PACKED).any(|chunk| chunk == packed)))
            }
            RecoupOrigin::Coin(coin) => {
                let Some(record) = self.store.coin(coin.to_compressed()).await? else {
                    return Ok(false);
                };
                let signed = record.melts.iter().filter_map(|melt| Some((&melt.outputs, &melt.revealed.as_ref()?.1)));
                let mut signatures = signed.flat_map(|(outputs, signatures)| {
                    outputs.iter().zip(signatures.chunks(MODULUS_LEN)).filter(|(output, _)| **output == number)
                });
                Ok(signatures
                    .any(|(_, signature)| signature.try_into().is_ok_and(|signature| checked.is_signed_by(signature))))
            }
        }
    }

    /// Takes revocations in: those that the operator has laid into the folder, and those that the ledger has and the ring
    /// has not. They are published at once: the keys that take the place of what was revoked are still to be made. Whether
    /// there were any.
    pub(super) async fn take_revocations(&self) -> bool {
        let known = self.ring().revoked;
        let revocations = match self.take_request().await {
            Ok(()) => self.store.revocations().await,
            Err(error) => Err(error),
        };
        match revocations {
            Ok(revocations) if revocations.len() != known => {
                self.renew_ring(Ahead::Nothing).await;
                true
            }
            Ok(_) => false,
            Err(error) => {
                tracing::warn!(cause = %error, "cannot read the revocations");
                false
            }
        }
    }

    async fn take_request(&self) -> Result<(), StoreError> {
        let path = self.config.data.join(REQUEST);
        let Ok(text) = std::fs::read(&path) else {
            return Ok(());
        };
        match json::from_slice::<NewRevocation>(&text) {
            Ok(new) => {
                let revoked = self.store.revoke(new).await?;
                tracing::warn!(revoked, "denominations were revoked");
            }
            Err(_) => tracing::error!(file = REQUEST, "this is no revocation"),
        }
        std::fs::remove_file(&path).map_err(|error| StoreError::Failed(error.to_string().into()))
    }
}

/// What the ledger says was revoked, as the key document has it.
pub(super) fn revoked(revocations: &[(Digest, UnixSeconds)]) -> Vec<Revoked> {
    let revoked = |(denomination, revoked_at): &(Digest, UnixSeconds)| Revoked {
        denomination: *denomination,
        revoked_at: *revoked_at,
    };
    revocations.iter().map(revoked).collect()
}

/// Revokes denominations of the mint of these settings, by their names, or all that were made so far where none is named:
/// lays the order into the mint's folder, where a mint takes it in within seconds, or when it starts. Returns how many.
///
/// # Errors
/// [`StartError`] where the folder cannot be used, or the mint has no such denomination.
pub fn revoke(config: &Config, named: &[String], reason: &str) -> Result<usize, StartError> {
    let wrong = |why: String| StartError::Config(why);
    let made = keys::known(&config.data)?;
    let mut denominations = Vec::new();
    for name in named {
        let id = made.iter().map(|key| key.id(config.currency)).find(|id| id.to_string() == *name);
        denominations.push(id.ok_or_else(|| wrong(format!("the mint has no denomination {name}")))?);
    }
    if named.is_empty() {
        denominations.extend(made.iter().map(|key| key.id(config.currency)));
    }
    if reason.is_empty() || reason.len() > 200 {
        return Err(wrong("a reason is 1 to 200 bytes".to_owned()));
    }
    let count = denominations.len();
    let new = NewRevocation { denominations, reason: reason.to_owned(), revoked_at: crate::clock::now() };
    let text = serde_json::to_vec(&new).map_err(|error| wrong(error.to_string()))?;
    let path = config.data.join(REQUEST);
    crate::keys::write_secret(&path, &text).map_err(|error| wrong(format!("{}: {error}", path.display())))?;
    Ok(count)
}
