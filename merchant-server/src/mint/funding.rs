//! Funding: follows the history of the mint's account, and credits the reserves that its transfers name.
//!
//! Cursor and credits are stored in one step, so that a crash neither loses a transfer nor counts one twice.

use std::sync::Arc;
use std::time::Duration;

use semper_shared::foundation::Currency;
use semper_shared::security::PublicKey;

use super::Mint;
use super::bank::{Bank, BankError, Direction, Entry};
use super::store::{Credit, FundingPage, Stray};
use crate::http::Shutdown;
use crate::store::StoreError;

/// How long to wait after a failure; doubled up to the second with each further one.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));

/// Follows the bank until the process is to stop.
pub(super) async fn follow(mint: Arc<Mint>, bank: Bank, shutdown: Shutdown) {
    let (mut pause, mut cursor) = (PAUSES.0, None);
    loop {
        let step = tokio::select! {
            () = shutdown.requested() => return,
            step = next_page(&mint, &bank, cursor) => step,
        };
        match step {
            Ok(reached) => (pause, cursor) = (PAUSES.0, Some(reached)),
            Err(error) => {
                tracing::warn!(cause = %error, "cannot follow the bank");
                tokio::select! {
                    () = shutdown.requested() => return,
                    () = tokio::time::sleep(pause) => {}
                }
                pause = (pause * 2).min(PAUSES.1);
            }
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum FundingError {
    #[error("bank: {0}")]
    Bank(#[from] BankError),
    #[error("store: {0}")]
    Store(#[from] StoreError),
}

/// Takes in what comes after `cursor`, or what the ledger has; how far it has come. Each replica follows by itself, although
/// the first to store a page credits it: those who wait at this one hear of it too.
async fn next_page(mint: &Mint, bank: &Bank, cursor: Option<u64>) -> Result<u64, FundingError> {
    let cursor = match cursor {
        Some(cursor) => cursor,
        None => mint.store.cursor().await?,
    };
    let entries = bank.history(cursor).await?;
    if entries.is_empty() {
        // A bank that does not wait is not asked without end.
        tokio::time::sleep(PAUSES.0).await;
        return Ok(cursor);
    }
    let mut page = sort(entries, mint.ring().keys.currency(), cursor);
    page.reserve_limit = mint.config.policy.max_reserve_minor;
    let reserves: Vec<_> = page.credits.iter().map(|credit| credit.reserve).collect();
    let (strays, reached) = (page.strays.len(), page.cursor);
    mint.store.credit(page).await?;
    mint.metrics.credits.inc_by(super::metrics::count(reserves.len()));
    mint.metrics.strays.inc_by(super::metrics::count(strays));
    if strays > 0 {
        tracing::warn!(strays, "transfers came in that name no reserve");
    }
    for reserve in reserves {
        // Nobody may be waiting.
        let _nobody = mint.arrivals.send(reserve);
    }
    Ok(reached)
}

/// Sorts a page of history into credits and strays.
fn sort(entries: Vec<Entry>, currency: Currency, cursor: u64) -> FundingPage {
    let mut page = FundingPage { cursor, ..FundingPage::default() };
    for entry in entries {
        page.cursor = page.cursor.max(entry.serial);
        if entry.direction == Direction::Out {
            continue;
        }
        let reserve = PublicKey::from_text(entry.subject.trim());
        let good = entry.amount.currency() == currency && !entry.amount.is_zero();
        let (serial, amount, at) = (entry.serial, entry.amount.minor(), entry.at);
        let stray = Stray {
            serial,
            transfer: entry.transfer,
            counterparty: entry.counterparty,
            currency: entry.amount.currency().to_string(),
            amount,
            subject: entry.subject,
            at,
        };
        match reserve {
            Ok(reserve) if good => {
                page.credits.push(Credit { serial, reserve: reserve.to_compressed(), amount, at });
                page.senders.push(stray);
            }
            _ => page.strays.push(stray),
        }
    }
    page
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use semper_shared::foundation::{Amount, UnixSeconds};
    use semper_shared::security::{Signer as _, SigningKey};

    fn entry(serial: u64, direction: Direction, amount: Amount, subject: &str) -> Entry {
        Entry {
            serial,
            transfer: format!("t{serial}"),
            direction,
            counterparty: "alice".to_owned(),
            amount,
            subject: subject.to_owned(),
            at: UnixSeconds(serial),
        }
    }

    #[test]
    fn transfers_that_name_a_reserve_are_credited_and_others_kept_apart() {
        let reserve = SigningKey::from_bytes(&[3; 32]).unwrap().public_key().to_text();
        let euros = Amount::new(Currency::EUR, 500).unwrap();
        let yen = Amount::new("JPY".parse().unwrap(), 500).unwrap();
        let page = sort(
            vec![
                entry(4, Direction::In, euros, &format!(" {reserve}\n")),
                entry(5, Direction::Out, euros, &reserve),
                entry(6, Direction::In, euros, "rent"),
                entry(7, Direction::In, yen, &reserve),
                entry(9, Direction::In, Amount::zero(Currency::EUR), &reserve),
            ],
            Currency::EUR,
            3,
        );
        assert_eq!(page.cursor, 9);
        assert_eq!(page.credits.iter().map(|c| c.serial).collect::<Vec<_>>(), [4]);
        assert_eq!(page.strays.iter().map(|s| s.serial).collect::<Vec<_>>(), [6, 7, 9]);
    }
}
