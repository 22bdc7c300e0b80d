//! `semper invoices` and `semper payments`: the bank account of a running merchant.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use semper_server::clock;
use semper_server::iso20022::{day, moment};
use semper_shared::foundation::UnixSeconds;
use semper_shared::items::payment::account::{Iban, Reference};
use serde_json::json;

use crate::operate::{Merchant, internal};
use crate::{Failure, unreadable};

/// Which invoices.
#[derive(Args)]
pub(crate) struct InvoicesArgs {
    #[command(flatten)]
    merchant: Merchant,
    /// Those alone that are open and past their due date, with the reminder that is to be written.
    #[arg(long)]
    due: bool,
}

#[derive(Subcommand)]
pub(crate) enum Payments {
    /// Import a bank's file: a statement of account (camt.053) or a notification (camt.054). The same again changes nothing.
    Import {
        #[command(flatten)]
        merchant: Merchant,
        /// The file.
        file: PathBuf,
    },
    /// List the transfers that belong to no invoice that could be found.
    Queue {
        #[command(flatten)]
        merchant: Merchant,
        /// All transfers, whatever became of them.
        #[arg(long)]
        all: bool,
    },
    /// Give a transfer to an invoice.
    Assign {
        #[command(flatten)]
        merchant: Merchant,
        /// Its number in the list.
        entry: i64,
        /// The invoice's reference.
        #[arg(long, value_name = "RF…")]
        reference: String,
    },
    /// Send a transfer back.
    Return {
        #[command(flatten)]
        merchant: Merchant,
        /// Its number in the list.
        entry: i64,
        /// To this account, where it is not the one it came from.
        #[arg(long, value_name = "IBAN", requires = "name")]
        iban: Option<String>,
        /// The account's holder.
        #[arg(long, value_name = "NAME", requires = "iban")]
        name: Option<String>,
    },
    /// List the money that is sent back: refunds, surplus, what could not be assigned.
    Outgoing {
        #[command(flatten)]
        merchant: Merchant,
    },
    /// Write a file of orders for the bank (pain.001) with everything that is to be sent back and is in no file yet.
    Export {
        #[command(flatten)]
        merchant: Merchant,
        /// Where to write it.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// The file's name for the bank, to write one again.
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
    },
}

/// Lists invoices.
pub(crate) async fn invoices(args: &InvoicesArgs) -> Result<(), Failure> {
    let invoices = args.merchant.operator()?.invoices(args.due).await?;
    if args.merchant.json {
        println!("{}", serde_json::to_string(&invoices).map_err(internal)?);
        return Ok(());
    }
    for invoice in &invoices {
        let due = day(UnixSeconds(invoice.due_at));
        println!(
            "{}  {}, {} of {} open, due {due}  ({})",
            invoice.reference, invoice.state, invoice.open, invoice.amount, invoice.terms
        );
        if args.due
            && let Some(text) = &invoice.text
        {
            println!("\n{text}\n");
        }
    }
    Ok(())
}

/// Carries a command out.
pub(crate) async fn run(command: &Payments) -> Result<(), Failure> {
    match command {
        Payments::Import { merchant, file } => {
            let bytes = std::fs::read(file).map_err(|error| unreadable(file, &error))?;
            let report = merchant.operator()?.import(bytes).await?;
            said(merchant, &report, || {
                format!(
                    "{} new transfers, {} known before. {} matched by their reference, {} wait for you; {} outgoing transfers booked, {} deals settled.",
                    report.new, report.known, report.matched, report.waiting, report.confirmed, report.settled
                )
            })
        }
        Payments::Queue { merchant, all } => {
            let entries = merchant.operator()?.entries(*all).await?;
            let line = |entry: &semper_server::operator::Entry| {
                let sign = if entry.credit { "" } else { "-" };
                let iban = entry.iban.as_deref().unwrap_or("an unknown account");
                format!(
                    "{}  {}  {sign}{}  {} ({iban})  {}  ({})",
                    entry.entry, entry.booked_on, entry.amount, entry.name, entry.remittance, entry.state
                )
            };
            said(merchant, &entries, || entries.iter().map(line).collect::<Vec<_>>().join("\n"))
        }
        Payments::Assign { merchant, entry, reference } => {
            let reference: Reference = reference.parse()?;
            let settled = merchant.operator()?.assign(*entry, &reference).await?;
            said(merchant, &json!({ "settled": settled }), || match settled {
                true => "Assigned; the deal is settled.".to_owned(),
                false => "Assigned.".to_owned(),
            })
        }
        Payments::Return { merchant, entry, iban, name } => {
            let iban = iban.as_ref().map(|iban| iban.parse::<Iban>()).transpose()?;
            let to = iban.as_ref().zip(name.as_deref());
            merchant.operator()?.send_back(*entry, to).await?;
            said(merchant, &json!({}), || "It goes back with the next file of orders.".to_owned())
        }
        Payments::Outgoing { merchant } => {
            let outgoing = merchant.operator()?.outgoing().await?;
            let line = |outgoing: &semper_server::operator::Outgoing| {
                format!(
                    "{}  {}  {} ({})  {}  ({})",
                    outgoing.outgoing, outgoing.amount, outgoing.name, outgoing.iban, outgoing.text, outgoing.state
                )
            };
            said(merchant, &outgoing, || outgoing.iter().map(line).collect::<Vec<_>>().join("\n"))
        }
        Payments::Export { merchant, out, name } => {
            let made = moment(clock::now());
            let digits: String = made.chars().filter(char::is_ascii_digit).collect();
            let name = name.clone().unwrap_or_else(|| format!("P{digits}"));
            let file = merchant.operator()?.outgoing_file(&name).await?;
            let written = file.is_some();
            if let Some(file) = file {
                std::fs::write(out, file).map_err(|error| unreadable(out, &error))?;
            }
            said(merchant, &json!({ "name": name, "written": written }), || match written {
                true => format!("Written to {}. To write the same file again: --name {name}", out.display()),
                false => "There is nothing to send back.".to_owned(),
            })
        }
    }
}

fn said(merchant: &Merchant, value: &impl serde::Serialize, text: impl FnOnce() -> String) -> Result<(), Failure> {
    let line = if merchant.json { serde_json::to_string(value).map_err(internal)? } else { text() };
    if !line.is_empty() {
        println!("{line}");
    }
    Ok(())
}
