//! What was cut off is finished, and what became of the money is followed: inquiries, chargebacks, clearance.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use semper_shared::foundation::{Amount, UnixSeconds};

use super::app::App;
use super::error::GatewayError;
use super::store::Batch;
use crate::clock;
use crate::http::Shutdown;
use crate::store::StoreError;

/// How often the books are looked through.
const EVERY: Duration = Duration::from_secs(2);

/// How old a step must be, in seconds, before it counts as cut off.
const CUT_OFF_S: u64 = 5;

/// Looks through the books until the process ends.
pub(super) async fn watch(app: Arc<App>, data: PathBuf, clearance_s: u64, shutdown: Shutdown) {
    let mut cleared_at = clock::now();
    if let Err(error) = file_last(&app, &data).await {
        tracing::error!(cause = %error, "the last clearance has no file");
    }
    loop {
        tokio::select! {
            () = shutdown.requested() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
        let now = clock::now();
        if let Err(error) = look(&app, now).await {
            tracing::warn!(cause = %error, "what was cut off is not finished yet");
        }
        if now.since(cleared_at) >= clearance_s {
            cleared_at = now;
            match clear(&app, &data, now).await {
                Ok(()) => {}
                Err(error) => tracing::error!(cause = %error, "no clearance"),
            }
        }
    }
}

async fn look(app: &App, now: UnixSeconds) -> Result<(), GatewayError> {
    let (asked, orders) = app.store.open(UnixSeconds(now.0.saturating_sub(CUT_OFF_S))).await?;
    for common in asked {
        // What never reached the acquirer waits for the merchant to ask again: the slip is not kept.
        if let Some(decision) = app.acquirer.inquire(common).await? {
            app.decide(common, decision, now).await?;
        }
    }
    for order in orders {
        match app.carry_out(order.common, order.id, order.operation, &order.reference, now).await {
            Ok(_) | Err(GatewayError::Refused(_)) => {}
            Err(error) => return Err(error),
        }
    }
    let charged_back = app.store.charge_back(app.acquirer.charged_back().await?).await?;
    if charged_back > 0 {
        tracing::warn!(payments = charged_back, "charged back by cardholders' banks");
    }
    Ok(())
}

async fn clear(app: &App, data: &Path, now: UnixSeconds) -> Result<(), std::io::Error> {
    let fail = |error: StoreError| std::io::Error::other(error.to_string());
    if app.store.clear(now).await.map_err(fail)? { file_last(app, data).await } else { Ok(()) }
}

/// Writes the last batch's file where it is missing.
async fn file_last(app: &App, data: &Path) -> Result<(), std::io::Error> {
    let fail = |error: StoreError| std::io::Error::other(error.to_string());
    let Some(batch) = app.store.last_batch().await.map_err(fail)? else { return Ok(()) };
    let path = data.join("clearance").join(format!("clearance-{:06}.csv", batch.number));
    if path.exists() {
        return Ok(());
    }
    crate::keys::write_secret(&path, table(&batch).as_bytes())?;
    tracing::info!(batch = batch.number, orders = batch.rows.len(), "cleared");
    Ok(())
}

/// A line for each capture and refund. What is given back is negative.
fn table(batch: &Batch) -> String {
    let mut text = "merchant,deal,authorisation,operation,currency,amount,at\r\n".to_owned();
    for row in &batch.rows {
        let amount = row.currency.parse().ok().and_then(|currency| Amount::new(currency, row.amount_minor).ok());
        let decimal = amount.map(|amount| amount.to_string().replace([' '], "")).unwrap_or_default();
        let digits: String = decimal.chars().filter(|c| c.is_ascii_digit() || *c == '.').collect();
        let sign = if row.kind == "refund" { "-" } else { "" };
        let line = format!(
            "{},{},{},{},{},{sign}{digits},{}\r\n",
            row.merchant, row.deal, row.common, row.kind, row.currency, row.made_at
        );
        text.push_str(&line);
    }
    text
}
