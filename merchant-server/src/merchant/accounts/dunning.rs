//! Due dates: reminders of what was delivered and not paid, and an end to orders that nobody pays.

use std::sync::Arc;
use std::time::Duration;

use semper_shared::foundation::{Amount, UnixSeconds};
use semper_shared::items::payment::account::Reference;

use super::super::app::App;
use super::super::config::AccountConfig;
use super::StoredInvoice;
use crate::clock;
use crate::http::Shutdown;
use crate::iso20022::day;
use crate::store::StoreError;

const EVERY: Duration = Duration::from_secs(60);
const DAY_S: u64 = 86_400;

/// Looks after due dates until the process ends.
pub(in crate::merchant) async fn watch(app: Arc<App>, account: AccountConfig, shutdown: Shutdown) {
    loop {
        if let Err(error) = round(&app, &account, clock::now()).await {
            tracing::error!(cause = %error, "invoices cannot be looked through");
        }
        tokio::select! {
            () = shutdown.requested() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// Counts the reminders that are due as sent, and gives up prepaid orders whose time is over.
pub(super) async fn round(app: &App, account: &AccountConfig, now: UnixSeconds) -> Result<(), StoreError> {
    let days_ago = |days: u16| UnixSeconds(now.0.saturating_sub(u64::from(days) * DAY_S));
    for (number, days) in (1..).zip(&account.reminder_days) {
        let reminded = app.store.remind(number, days_ago(*days), now).await?;
        if reminded > 0 {
            tracing::info!(number, invoices = reminded, "reminders are due");
        }
    }
    for deal in app.store.cancel_before(days_ago(account.cancel_days), now).await? {
        super::settle(app, deal, now).await;
    }
    Ok(())
}

/// What is to be written to a customer who owes: an invoice's reminder, or the invoice itself where none is due yet.
pub(super) fn text(app: &App, account: &AccountConfig, invoice: &StoredInvoice, now: UnixSeconds) -> Option<String> {
    let open = Amount::new(app.config.currency, invoice.ledger.open_minor()).ok().filter(|open| !open.is_zero())?;
    let reference = invoice.reference.parse::<Reference>().map_or(invoice.reference.clone(), |known| known.printed());
    let holder = account.account(&app.config.name);
    let heading = match invoice.reminders {
        0 => "Invoice".to_owned(),
        number => format!("Reminder {number}"),
    };
    let when = if now > invoice.due_at { "was due on" } else { "is due on" };
    Some(format!(
        "{heading}: {} of {} {when} {}.\nPlease transfer {open} to {}, {}, with the reference {reference}.\n\
         If you have paid meanwhile, there is nothing to do.",
        reference,
        day(invoice.issued_at),
        day(invoice.due_at),
        holder.name,
        holder.iban.printed(),
    ))
}
