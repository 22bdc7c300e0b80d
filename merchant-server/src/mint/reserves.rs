//! `GET /reserves/{reserve}`: what a reserve has, and what it paid for.

use std::time::Duration;

use semper_shared::items::payment::ecash::{ReserveStatus, Withdrawn};
use semper_shared::security::PublicKey;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

use super::Mint;
use super::error::MintError;
use super::ring::split_signatures;
use super::store::{Key, LedgerError};

/// The longest wait for a transfer.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

impl Mint {
    /// A reserve; waits for the first transfer that names it where the caller wishes.
    pub(super) async fn reserve(&self, reserve: &PublicKey, wait: Duration) -> Result<ReserveStatus, MintError> {
        let key = reserve.to_compressed();
        let deadline = Instant::now() + wait.min(LONGEST_WAIT);
        // Listening begins before looking, so that nothing falls between the two.
        let mut arrivals = self.arrivals.subscribe();
        loop {
            if let Some(status) = self.reserve_now(key).await? {
                return Ok(status);
            }
            let arrived = async {
                loop {
                    match arrivals.recv().await {
                        Ok(other) if other != key => {}
                        // It arrived, or this request has fallen behind and looks for itself.
                        Ok(_) | Err(RecvError::Lagged(_) | RecvError::Closed) => break,
                    }
                }
            };
            tokio::select! {
                () = arrived => {}
                () = tokio::time::sleep_until(deadline) => return Err(LedgerError::ReserveUnknown.into()),
                () = self.shutdown.requested() => return Err(LedgerError::ReserveUnknown.into()),
            }
        }
    }

    async fn reserve_now(&self, key: Key) -> Result<Option<ReserveStatus>, MintError> {
        let Some(record) = self.store.reserve(key).await? else {
            return Ok(None);
        };
        let ring = self.ring();
        let withdrawals = record
            .withdrawals
            .iter()
            .map(|(batch, signatures)| {
                Ok(Withdrawn { batch: ring.unpack(batch)?, signatures: split_signatures(signatures) })
            })
            .collect::<Result<_, MintError>>()?;
        Ok(Some(ReserveStatus { balance: ring.amount(record.balance)?, withdrawals }))
    }
}
