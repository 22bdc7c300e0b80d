//! Settlement: pays merchants what they are owed, many deposits in one transfer.
//!
//! What is due for one account is one transfer, as soon as it reaches the minimum or its oldest deposit has waited for the
//! longest time: until then it is carried forward. A saga. Each step is stored before the next begins, and all of it is found again after a crash:
//!
//! ```text
//! deposits due ──gather──▶ payout "to be sent" ──bank──▶ "sent"
//!                            ▲      │ no answer: the same transfer again, which the bank does once
//!                            └──────┘ refused: again later, to the account that is registered then
//! ```

use std::sync::Arc;
use std::time::Duration;

use super::bank::{Bank, BankError};
use super::payouts::{Due, PayoutOutcome};
use super::{Mint, MintError};
use crate::http::Shutdown;

/// How long to wait after a refusal, in seconds.
const AGAIN_S: u64 = 60;

/// Pays until the process is to stop.
pub(super) async fn settle(mint: Arc<Mint>, bank: Bank, wire_delay_s: u64, shutdown: Shutdown) {
    let tick_s = (wire_delay_s / 4).clamp(1, 60);
    let mut tick = tokio::time::interval(Duration::from_secs(tick_s));
    loop {
        tokio::select! {
            () = shutdown.requested() => return,
            _ = tick.tick() => {}
        }
        // What falls due before the next tick is paid now, so that "at the latest" holds.
        let step = tokio::select! {
            () = shutdown.requested() => return,
            step = pay_what_is_due(&mint, &bank, tick_s) => step,
        };
        if let Err(error) = step {
            tracing::warn!(cause = %error, "settlement");
        }
    }
}

pub(super) async fn pay_what_is_due(mint: &Mint, bank: &Bank, ahead_s: u64) -> Result<(), MintError> {
    let now = mint.now();
    let ring = mint.ring();
    let due = Due { by: now.plus(ahead_s), now };
    let terms = mint.config.policy.payout();
    for account in mint.store.due(due.by).await? {
        while mint.store.gather(account, due, terms).await? {}
    }
    for payout in mint.store.open_payouts(now).await? {
        let amount = ring.amount(payout.amount)?;
        match bank.pay(&payout.id, &payout.account, amount, &format!("semper payout {}", payout.id)).await {
            Ok(()) => {
                mint.store.finish(payout, PayoutOutcome::Sent).await?;
                mint.metrics.payouts.inc();
            }
            Err(BankError::Refused(code)) => {
                tracing::error!(code = code.as_str(), "the bank refused a payout");
                mint.metrics.payouts_refused.inc();
                let again_at = now.plus(AGAIN_S);
                mint.store.finish(payout, PayoutOutcome::Refused { again_at }).await?;
            }
            Err(error @ BankError::Unknown(_)) => {
                tracing::warn!(cause = %error, "the bank did not answer; the payout is sent again");
                return Ok(());
            }
        }
    }
    Ok(())
}
