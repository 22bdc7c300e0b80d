//! `/transfers`: cash from person to person. Coins pay in; the holder of the transfer's key merges it into a reserve, or it
//! goes back to the coins. The ledger decides which, once.
//!
//! ```text
//! absent ── coins ──▶ pending ── acceptance, in time ──▶ accepted (a reserve is credited)
//!    │                   └───── cancellation, or time ─▶ returned (the coins have it again)
//!    └── coins, for a request ─────────────────────────▶ accepted
//! ```

mod handlers;
mod store;

use std::sync::Arc;
use std::time::Duration;

use actix_web::web;
use semper_shared::foundation::Digest;
use semper_shared::items::payment::ecash::transfer::{
    AcceptanceBody, CancellationBody, CheckedTransfer, TransferAnswer, TransferBody, TransferConfirmation,
    TransferState, TransferStatus, check_acceptance, check_cancellation, check_transfer, read_transfer,
};
use semper_shared::items::statement::Signed;
use semper_shared::security::Signer as _;
use tokio::time::Instant;

pub(super) use self::handlers::{__path_accept, __path_cancel, __path_pay_in, __path_status, routes};
pub(super) use self::store::{Decision, NewTransfer, TransferRecord, TransferStore};
use super::error::{MintError, broken, stopped};
use super::evidence::{self, Proof, digest_of, signature_of};
use super::ring::Ring;
use super::store::{LedgerError, NewSpend, UsedCoin};
use super::{Mint, metrics};
use crate::http::{Problem, Shutdown};

/// How often transfers that have expired are looked for.
const SWEEP: Duration = Duration::from_secs(5);
/// How often a waiting request looks.
const LOOK: Duration = Duration::from_millis(250);
/// The longest wait for a decision.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

impl Mint {
    /// Takes the coins of a transfer. The same request again is answered with the same bytes.
    pub(super) async fn pay_in(self: &Arc<Self>, body: TransferBody) -> Result<TransferAnswer, Problem> {
        match self.take_transfer(body).await {
            Err(MintError::Ledger(LedgerError::CoinSpent(coin))) => Err(self.already_spent(&coin).await?),
            other => Ok(other?),
        }
    }

    async fn take_transfer(self: &Arc<Self>, body: TransferBody) -> Result<TransferAnswer, MintError> {
        let ring = self.ring();
        let coins = hash_of(&body);
        let checked = match self.check_transfer(&ring, &body).await {
            // It may have been good when it came first.
            Err(MintError::Refused(error)) => {
                let read = read_transfer(&body.transfer, &self.verifier)?;
                let record = self.store.transfer(read.name).await?;
                let record = record.filter(|record| (record.digest, record.coins) == (read.digest, coins));
                return self.confirmation(&ring, &record.ok_or(error)?);
            }
            other => other?,
        };
        self.config.policy.published().check_transfer(checked.terms.amount)?;
        let now = self.now();
        let confirmation = TransferConfirmation {
            mint: ring.keys.mint(),
            transfer: checked.digest,
            amount: checked.terms.amount,
            confirmed_at: now,
        };
        // Signed before the write, whose outcome decides whether anybody sees it.
        let confirmation = Signed::sign(confirmation, &*self.signer);
        let signature =
            signature_of(confirmation.compact()).ok_or_else(|| broken("a confirmation has no signature"))?;
        let (digest, reserve) = (checked.digest, checked.reserve.as_ref().map(|reserve| reserve.to_compressed()));
        let asked_for = reserve.is_some();
        let new = NewTransfer {
            name: checked.name,
            digest,
            signer: checked.signer,
            statement: body.transfer,
            coins,
            amount: checked.terms.amount.minor(),
            expires_at: checked.terms.expires_at,
            reserve,
            reserve_limit: self.config.policy.max_reserve_minor,
            confirmed_at: now,
            signature,
            spends: spends(&ring, &checked)?,
        };
        let taken = new.spends.len();
        let record = self.store.pay_in(new).await?;
        if (record.digest, record.coins) != (digest, coins) {
            return Err(match asked_for {
                true => LedgerError::TransferAccepted,
                false => LedgerError::Conflict("Another transfer was made under this key."),
            }
            .into());
        }
        if record.signature == signature {
            self.metrics.coins_spent.inc_by(metrics::count(taken));
            if let Some(reserve) = reserve {
                // Nobody may be waiting.
                let _nobody = self.arrivals.send(reserve);
            }
        }
        self.confirmation(&ring, &record)
    }

    /// All that can be said without the ledger: 0.1 ms a coin.
    async fn check_transfer(
        self: &Arc<Self>,
        ring: &Arc<Ring>,
        body: &TransferBody,
    ) -> Result<CheckedTransfer, MintError> {
        let (mint, ring, body, now) = (Arc::clone(self), Arc::clone(ring), body.clone(), self.now());
        let checked = web::block(move || check_transfer(&ring.keys, &body, now, &mint.verifier));
        Ok(checked.await.map_err(stopped)??)
    }

    /// The confirmation, as it was made.
    fn confirmation(&self, ring: &Ring, record: &TransferRecord) -> Result<TransferAnswer, MintError> {
        let confirmation = TransferConfirmation {
            mint: ring.keys.mint(),
            transfer: record.digest,
            amount: ring.amount(record.amount)?,
            confirmed_at: record.confirmed_at,
        };
        let confirmation = evidence::own(confirmation, self.signer.public_key(), record.signature);
        Ok(TransferAnswer { confirmation: confirmation.to_compact() })
    }

    /// Where a transfer stands; waits for a decision where the caller wishes.
    pub(super) async fn transfer(&self, name: Digest, wait: Duration) -> Result<TransferStatus, MintError> {
        let deadline = Instant::now() + wait.min(LONGEST_WAIT);
        loop {
            let record = self.store.transfer(name).await?.ok_or(LedgerError::TransferUnknown)?;
            let now = self.now();
            if record.state == TransferState::Pending && record.expires_at < now {
                return Ok(status(self.store.decide(name, Decision::Expire { now }).await?));
            }
            if record.state != TransferState::Pending || Instant::now() >= deadline {
                return Ok(status(record));
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = self.shutdown.requested() => return Ok(status(record)),
            }
        }
    }

    /// Merges a transfer into a reserve.
    pub(super) async fn accept(&self, name: Digest, body: AcceptanceBody) -> Result<TransferStatus, MintError> {
        let record = self.store.transfer(name).await?.ok_or(LedgerError::TransferUnknown)?;
        let ring = self.ring();
        let reserve = check_acceptance(&ring.keys, &record.signer, &record.digest, &body, &self.verifier)?;
        let reserve = reserve.to_compressed();
        let decision = Decision::Accept {
            reserve,
            reserve_limit: self.config.policy.max_reserve_minor,
            statement: body.by_transfer.as_str().to_owned(),
            now: self.now(),
        };
        let record = self.store.decide(name, decision).await?;
        match record.state {
            TransferState::Accepted if record.reserve == Some(reserve) => {
                // Nobody may be waiting.
                let _nobody = self.arrivals.send(reserve);
                Ok(status(record))
            }
            TransferState::Accepted => Err(LedgerError::TransferAccepted.into()),
            TransferState::Returned | TransferState::Pending => Err(LedgerError::TransferReturned.into()),
        }
    }

    /// Gives a transfer back to its coins.
    pub(super) async fn cancel(&self, name: Digest, body: CancellationBody) -> Result<TransferStatus, MintError> {
        let record = self.store.transfer(name).await?.ok_or(LedgerError::TransferUnknown)?;
        let ring = self.ring();
        check_cancellation(&ring.keys, &record.signer, &record.digest, &body.cancellation, &self.verifier)?;
        let statement = body.cancellation.as_str().to_owned();
        let record = self.store.decide(name, Decision::Cancel { statement, now: self.now() }).await?;
        match record.state {
            TransferState::Returned => Ok(status(record)),
            TransferState::Accepted | TransferState::Pending => Err(LedgerError::TransferAccepted.into()),
        }
    }

    /// Gives back what has expired. Returns how many.
    pub(super) async fn sweep(&self) -> Result<usize, MintError> {
        let now = self.now();
        let expired = self.store.expired(now).await?;
        for name in &expired {
            self.store.decide(*name, Decision::Expire { now }).await?;
        }
        Ok(expired.len())
    }
}

/// Gives back what has expired, until the process is to stop.
pub(super) async fn expire(mint: Arc<Mint>, shutdown: Shutdown) {
    loop {
        match mint.sweep().await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "transfers expired"),
            Err(error) => tracing::warn!(cause = %error, "cannot give expired transfers back"),
        }
        tokio::select! {
            () = shutdown.requested() => return,
            () = tokio::time::sleep(SWEEP) => {}
        }
    }
}

fn status(record: TransferRecord) -> TransferStatus {
    TransferStatus { transfer: record.statement, state: record.state }
}

/// The permissions of a request in any order: what a repetition must have the same.
fn hash_of(body: &TransferBody) -> Digest {
    let mut digests: Vec<Digest> = body.permissions.iter().map(|permission| digest_of(permission.as_str())).collect();
    digests.sort_unstable();
    let parts: Vec<&[u8]> = digests.iter().map(|digest| digest.as_bytes().as_slice()).collect();
    Digest::of_parts(&parts)
}

fn spends(ring: &Ring, checked: &CheckedTransfer) -> Result<Vec<NewSpend>, MintError> {
    let spend = |checked: &semper_shared::items::payment::ecash::mint::CheckedPermission| {
        let permission = &checked.permission;
        Ok(NewSpend {
            coin: UsedCoin {
                key: checked.coin.to_compressed(),
                denomination: ring.number(&permission.denomination)?,
                value: checked.value.minor(),
                signature: permission.signature,
                amount: permission.amount.minor().saturating_add(checked.fee.minor()),
            },
            fee: checked.fee.minor(),
            refund_by: permission.refund_by,
            proof: Proof::of(permission, &checked.coin),
        })
    };
    checked.permissions.iter().map(spend).collect()
}
