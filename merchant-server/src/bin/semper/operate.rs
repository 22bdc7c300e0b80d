//! `semper deals`, `semper payouts` and `semper refund`: what the operator of a running merchant does.

use std::path::PathBuf;

use clap::Args;
use semper_server::config::Config;
use semper_server::demo::CONFIG_FILE;
use semper_server::operator::{Deal, Operator, Payout, Refund, make_refund_id};
use semper_shared::foundation::{Amount, Code, Digest};
use semper_shared::items::payment::{RefundId, Share};

use crate::Failure;

/// Which merchant, and how to be admitted.
#[derive(Args)]
pub(crate) struct Merchant {
    /// The configuration that names the merchant.
    #[arg(long, value_name = "FILE", required_unless_present = "data", conflicts_with = "data")]
    config: Option<PathBuf>,
    /// The folder of a demo.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The file that holds the operator's token; without it, `admin.token` in the merchant's folder.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// A refund.
#[derive(Args)]
pub(crate) struct RefundArgs {
    #[command(flatten)]
    merchant: Merchant,
    /// The deal, as `semper deals` shows it.
    #[arg(long, value_name = "DEAL", allow_hyphen_values = true)]
    deal: String,
    /// How much, such as 3.20; without it, all that is left.
    #[arg(long, value_name = "AMOUNT")]
    amount: Option<String>,
    /// Why, for the customer to read.
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    /// The refund's name, to send one again whose outcome was not known.
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    name: Option<String>,
}

impl Merchant {
    pub(crate) fn operator(&self) -> Result<Operator, Failure> {
        let file = match (&self.config, &self.data) {
            (Some(file), _) => file.clone(),
            (None, Some(data)) => data.join(CONFIG_FILE),
            (None, None) => return Err(Failure::new(Code::USAGE, "name the merchant with --config or --data")),
        };
        let merchant = Config::read(&file)?.merchant;
        let none = || Failure::new(Code::CONFIG_INVALID, format!("{}: it names no merchant", file.display()));
        Ok(Operator::new(&merchant.ok_or_else(none)?, self.token_file.as_deref())?)
    }
}

/// Lists deals.
pub(crate) async fn deals(merchant: &Merchant) -> Result<(), Failure> {
    let deals = merchant.operator()?.deals().await?;
    if merchant.json {
        println!("{}", serde_json::to_string(&deals).map_err(internal)?);
        return Ok(());
    }
    for deal in &deals {
        println!("{}", line(deal));
    }
    Ok(())
}

fn line(deal: &Deal) -> String {
    let paid = deal.paid.map_or_else(|| "not paid".to_owned(), |paid| paid.to_string());
    let refunded = if deal.refunded.is_zero() { String::new() } else { format!(", refunded {}", deal.refunded) };
    let owed = deal.owed.map(|owed| format!(", owed {owed}")).unwrap_or_default();
    let part = |share: &Share| format!("{} by {}", share.amount, share.module);
    let parts: Vec<_> = deal.split.iter().map(part).collect();
    let parts = if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) };
    format!("{}  {paid}{parts}{refunded}{owed}  {}  ({})", deal.deal, deal.title, deal.state)
}

/// Lists what mints have paid out; fails where a payout does not agree with the merchant's own deals.
pub(crate) async fn payouts(merchant: &Merchant) -> Result<(), Failure> {
    let payouts = merchant.operator()?.payouts().await?;
    if merchant.json {
        println!("{}", serde_json::to_string(&payouts).map_err(internal)?);
    } else {
        for payout in &payouts {
            print_payout(payout);
        }
    }
    let off = payouts.iter().filter(|payout| !payout.agrees).count();
    if off == 0 {
        return Ok(());
    }
    Err(Failure::new(Code::PAYOUT_MISMATCH, format!("{off} of {} payouts do not agree with the deals", payouts.len())))
}

fn print_payout(payout: &Payout) {
    let label = payout.label.as_ref().map(|label| format!(" ({label})")).unwrap_or_default();
    let fees = if payout.fees.is_zero() { String::new() } else { format!(", fees {}", payout.fees) };
    let verdict = payout.fault.as_deref().unwrap_or(if payout.agrees { "agrees" } else { "does not agree" });
    println!("{}  {}{fees}  to {}{label}  {verdict}", payout.payout, payout.amount, payout.account);
    for paid in &payout.deals {
        let refunded = paid.refunded.map(|refunded| format!(", refunded {refunded}")).unwrap_or_default();
        let fault = paid.fault.as_ref().map(|fault| format!("  OFF: {fault}")).unwrap_or_default();
        println!("    {}  {}{refunded}{fault}", paid.deal, paid.amount);
    }
}

/// Refunds.
pub(crate) async fn refund(args: &RefundArgs) -> Result<(), Failure> {
    let usage = |what: &str| Failure::new(Code::USAGE, what);
    let deal: Digest = args.deal.parse().map_err(|_| usage("--deal is the name that `semper deals` shows"))?;
    let id = match &args.name {
        Some(name) => name.parse::<RefundId>().map_err(usage)?,
        None => make_refund_id(),
    };
    let operator = args.merchant.operator()?;
    let standing = operator.deal(&deal).await?;
    let nothing = || Failure::new(Code::REQUEST_CONFLICT, "nothing was paid for this deal");
    let paid = standing.paid.ok_or_else(nothing)?;
    let amount = match &args.amount {
        Some(amount) => Amount::parse_decimal(amount, paid.currency())?,
        None => paid.checked_sub(standing.refunded)?,
    };
    let done = operator.refund(&deal, id, amount, &args.reason).await.map_err(|error| {
        let open = error.is_open();
        let failure = Failure::from(error);
        if !open {
            return failure;
        }
        let again = format!("{}. To send the same refund again: --name {id}", failure.message.trim_end_matches('.'));
        Failure::new(failure.code, again)
    })?;
    let back = done.returned.unwrap_or(done.amount);
    if args.merchant.json {
        println!("{}", serde_json::to_string(&done).map_err(internal)?);
    } else {
        println!("Refunded {back} of {paid} for {} (refund {id}).", standing.title);
        println!("The customer's wallet finds it by itself.");
    }
    match done.returned {
        None => Ok(()),
        Some(_) => Err(not_in_full(&done, amount.checked_sub(back)?)),
    }
}

/// Why a part of a refund did not go back.
fn not_in_full(done: &Refund, rest: Amount) -> Failure {
    let code = done.code.as_deref().and_then(Code::find).unwrap_or(Code::PAYMENT_INVALID);
    let refused: Vec<_> = done.refused.iter().map(|one| format!("{}: {}", one.module, one.code)).collect();
    Failure::new(code, format!("{rest} did not go back ({}); the rest can be refunded again", refused.join(", ")))
}

pub(crate) fn internal(error: serde_json::Error) -> Failure {
    Failure::new(Code::INTERNAL, error.to_string())
}
