//! Strays: transfers that came in and are not kept, since they name no reserve or would fill one beyond its limit. They go
//! back to the account that they came from.
//!
//! ```text
//! recorded ──bank──▶ sent
//!    ▲        │ no answer: the same transfer again, which the bank does once
//!    └────────┘ refused: again later
//! ```
//!
//! The way back has the same name at the bank each time, so that it is gone once. What itself came back from somewhere is
//! kept for the operator: two mints must not play with the same money for ever.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use semper_shared::foundation::{Amount, Currency, Digest, UnixSeconds};

use super::bank::{Bank, BankError};
use super::{Mint, MintError};
use crate::http::Shutdown;
use crate::store::StoreError;

/// How often it is looked for strays.
const TICK: Duration = Duration::from_secs(2);
/// How long to wait after a refusal, in seconds.
const AGAIN_S: u64 = 3_600;
/// What the subject of a way back begins with.
const SUBJECT: &str = "semper return";

/// What the ledger does with strays.
pub(super) trait StrayStore {
    /// Those to be sent back now.
    fn open_returns(&self, now: UnixSeconds) -> BoxFuture<'_, Result<Vec<Return>, StoreError>>;

    /// Records what became of one.
    fn finish_return(&self, serial: u64, fate: Fate) -> BoxFuture<'_, Result<(), StoreError>>;
}

/// A stray on its way back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Return {
    pub(super) serial: u64,
    /// The bank's name of the transfer that came in.
    pub(super) transfer: String,
    pub(super) counterparty: String,
    pub(super) currency: String,
    pub(super) amount: u64,
    pub(super) subject: String,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Sent,
    /// For the operator to decide.
    Kept,
    Refused {
        again_at: UnixSeconds,
    },
}

/// Sends back until the process is to stop.
pub(super) async fn send_back(mint: Arc<Mint>, bank: Bank, shutdown: Shutdown) {
    let mut tick = tokio::time::interval(TICK);
    loop {
        tokio::select! {
            () = shutdown.requested() => return,
            _ = tick.tick() => {}
        }
        let step = tokio::select! {
            () = shutdown.requested() => return,
            step = mint.return_strays(&bank) => step,
        };
        if let Err(error) = step {
            tracing::warn!(cause = %error, "cannot send strays back");
        }
    }
}

impl Mint {
    /// Sends back what is open.
    pub(super) async fn return_strays(&self, bank: &Bank) -> Result<(), MintError> {
        let now = self.now();
        for stray in self.store.open_returns(now).await? {
            let Some(amount) = amount_of(&stray).filter(|_| stray.counterparty != self.config.bank.account) else {
                self.store.finish_return(stray.serial, Fate::Kept).await?;
                continue;
            };
            let id = return_id(&self.ring().keys.mint(), &stray.transfer);
            match bank.pay(&id, &stray.counterparty, amount, &format!("{SUBJECT} {}", stray.transfer)).await {
                Ok(()) => self.store.finish_return(stray.serial, Fate::Sent).await?,
                Err(BankError::Refused(code)) => {
                    tracing::error!(code = code.as_str(), "the bank refused to take a stray back");
                    let again_at = now.plus(AGAIN_S);
                    self.store.finish_return(stray.serial, Fate::Refused { again_at }).await?;
                }
                Err(error @ BankError::Unknown(_)) => {
                    tracing::warn!(cause = %error, "the bank did not answer; the stray is sent back again");
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// What goes back: nothing of nothing, and nothing of what came back itself.
fn amount_of(stray: &Return) -> Option<Amount> {
    let currency: Currency = stray.currency.parse().ok()?;
    let amount = Amount::new(currency, stray.amount).ok()?;
    (!amount.is_zero() && !stray.subject.trim_start().starts_with(SUBJECT)).then_some(amount)
}

/// The way back's name at the bank.
fn return_id(mint: &Digest, transfer: &str) -> String {
    Digest::of_parts(&[b"semper/1/return", mint.as_bytes(), transfer.as_bytes()]).to_string()
}
