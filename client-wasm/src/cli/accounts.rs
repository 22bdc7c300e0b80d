//! Invoices on the command line.

use super::CliError;
use super::commands::deal_of;
use super::home::NativeWallet;
use super::output::{money, note, plain, print, print_json, steps};
use crate::core::{InvoiceView, Progress};

/// Shows an invoice.
pub(super) async fn show(wallet: &mut NativeWallet, deal: &str, json: bool) -> Result<(), CliError> {
    let invoice = wallet.invoice(&deal_of(deal)?).await?;
    if json { print_json(&invoice) } else { print(&text(&invoice)) }
}

/// Pays an invoice.
pub(super) async fn pay(wallet: &mut NativeWallet, deal: &str, json: bool) -> Result<(), CliError> {
    let report = steps();
    let deal = deal_of(deal)?;
    let bought = wallet.pay_invoice(&deal, Progress::new(&report)).await?;
    if !json {
        note(&format!("{} is paid.", plain(&bought.title)));
    }
    let invoice = wallet.invoice(&deal).await?;
    if json { print_json(&invoice) } else { print(&text(&invoice)) }
}

fn text(invoice: &InvoiceView) -> String {
    let state = serde_json::to_value(invoice.state).ok();
    let state = state.as_ref().and_then(|state| state.as_str()).unwrap_or_default();
    let reminders = match invoice.reminders {
        0 => String::new(),
        number => format!(", reminder {number}"),
    };
    format!(
        "{} of {} open ({state}{reminders})\n  to         {}\n  account    {}\n  reference  {}\n",
        money(invoice.open),
        money(invoice.amount),
        plain(&invoice.name),
        plain(&invoice.iban),
        plain(&invoice.reference),
    )
}
