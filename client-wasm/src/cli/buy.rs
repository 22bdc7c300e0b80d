//! Buying on the command line, and fetching what was bought.

use std::path::Path;

use semper_shared::foundation::{Amount, Code, Digest};
#[cfg(feature = "account")]
use semper_shared::items::payment::account::InvoiceTerms;
use semper_shared::items::payment::{ModuleId, Share};
use serde_json::json;

use super::CliError;
use super::args::InvoiceArgs;
use super::home::NativeWallet;
use super::output::{money, note, plain, print, print_json, steps, transfer};
use crate::core::ports::Ports;
use crate::core::{Bought, Progress, Review};
use crate::native::download;

/// What stands on the command line.
pub(super) struct Buy<'a> {
    pub(super) offer: &'a str,
    pub(super) out: &'a Path,
    pub(super) method: Option<&'a str>,
    /// Which modules share the price.
    pub(super) split: Option<&'a str>,
    pub(super) confirmed: bool,
    #[cfg_attr(not(feature = "account"), allow(dead_code, reason = "it is empty"))]
    pub(super) invoice: &'a InvoiceArgs,
    pub(super) json: bool,
}

/// Buys and fetches the files.
///
/// A purchase that was cut off, at whatever step, is finished by the same command, and paid once. One whose files were
/// written is done: the command then buys once more.
pub(super) async fn buy(wallet: &mut NativeWallet, what: Buy<'_>) -> Result<(), CliError> {
    let review = wallet.review(what.offer).await?;
    let already = review.already.as_ref().filter(|already| !already.handed_over).map(|already| already.deal);
    let mut fee = None;
    let bought = match already {
        Some(deal) => {
            note("This was paid for already and not yet fetched: nothing more is paid.");
            let view = wallet.deal(&deal).await?;
            Bought {
                deal,
                state: semper_shared::commerce::deal::State::Delivered,
                paid: view.line.paid,
                title: view.line.title,
            }
        }
        None => {
            say(&review);
            if let Some(already) = &review.already {
                note(&format!("You have this already; `fetch {}` gets it again. Buying it once more.", already.deal));
            }
            let module = match what.split {
                Some(parts) => {
                    let shares = shares(&review, parts)?;
                    for share in &shares {
                        note(&format!("{} by {}", money(share.amount), share.module));
                    }
                    wallet.split(&review.offer_digest, &shares);
                    ModuleId::split()
                }
                None => choose(&review, what.method)?,
            };
            fee = review.methods.iter().find(|method| method.module == module).and_then(|method| method.fee);
            if let Some((fee, total)) = fee.and_then(|fee| Some((fee, review.offer.total.checked_add(fee).ok()?))) {
                note(&format!("Fee of the mint: {}, total {}", money(fee), money(total)));
            }
            if what.confirmed {
                wallet.confirm(&review.offer_digest);
            }
            let report = steps();
            #[cfg(feature = "account")]
            wallet.prefer_terms(what.invoice.later.then_some(InvoiceTerms::PayLater));
            match wallet.pay(&review.offer_digest, &module, Progress::new(&report)).await {
                #[cfg(feature = "account")]
                Err(crate::core::WalletError::InvoiceOpen(open)) if !what.invoice.no_transfer => {
                    wallet.pay_invoice(&open.deal, Progress::new(&report)).await?
                }
                paid => paid?,
            }
        }
    };
    let files = fetch(wallet, &bought.deal, what.out).await?;
    wallet.hand_over(&bought.deal).await?;
    if what.json {
        print_json(&json!({
            "deal": bought.deal,
            "state": bought.state,
            "paid": bought.paid,
            "split": wallet.deal(&bought.deal).await?.line.split,
            "fee": fee,
            "title": bought.title,
            "files": files,
        }))?;
    } else {
        let mut text = format!("{}\n", plain(&bought.title));
        for file in &files {
            text.push_str(&format!("  {file}\n"));
        }
        text.push_str(&format!("deal {}\n", bought.deal));
        print(&text)?;
    }
    // Change is exchanged now, so that the next payment finds it ready. What fails is exchanged the next time.
    if already.is_none() && wallet.refresh().await.is_err() {
        note("The change could not be exchanged yet; `semper-wallet resume` does it later.");
    }
    Ok(())
}

fn say(review: &Review) {
    let offer = &review.offer;
    let merchant = format!("{} ({})", plain(&review.merchant.name), plain(&review.merchant.domain));
    note(&format!("{} from {merchant}: {}", plain(&offer.title), money(offer.total)));
    if review.merchant.key_changed {
        note("The shop at this address has another key than when you last bought there.");
    }
}

/// Reads `ecash=5.00,card`: the last pays the rest.
fn shares(review: &Review, parts: &str) -> Result<Vec<Share>, CliError> {
    let wrong =
        || CliError::new(Code::SPLIT_INVALID, "write it as ecash=5.00,card: two ways to pay, the last for the rest");
    let total = review.offer.total;
    let (first, last) = parts.split_once(',').ok_or_else(wrong)?;
    let (first, amount) = first.split_once('=').ok_or_else(wrong)?;
    let amount = Amount::parse_decimal(amount.trim(), total.currency()).map_err(|_| wrong())?;
    let rest = total.checked_sub(amount).map_err(|_| {
        CliError::new(Code::SPLIT_INVALID, format!("{} is more than the price, {}", money(amount), money(total)))
    })?;
    [(first, amount), (last, rest)]
        .into_iter()
        .map(|(name, amount)| {
            let module = ModuleId::new(name.trim()).ok_or_else(wrong)?;
            let known = review.methods.iter().find(|method| method.module == module);
            let version = known.map_or(1, |method| method.version);
            Ok(Share { module, version, amount, payment: Vec::new() })
        })
        .collect()
}

/// The way to pay that was asked for, else the first that is possible.
fn choose(review: &Review, wanted: Option<&str>) -> Result<ModuleId, CliError> {
    let mut candidates = review.methods.iter().filter(|method| wanted.is_none_or(|id| method.module.as_str() == id));
    // Without being asked for, the test module is never chosen: it pays nothing. Nor is an invoice: it makes work.
    let fits = |id: &str| wanted.is_some() || !matches!(id, "dummy" | "account");
    if let Some(usable) = candidates.clone().find(|method| method.usable && fits(method.module.as_str())) {
        return Ok(usable.module.clone());
    }
    match candidates.find(|method| fits(method.module.as_str())) {
        Some(method) => {
            let code = method.why.and_then(Code::find).unwrap_or(Code::MODULE_UNSUPPORTED);
            let reason = method.reason.clone().unwrap_or_default();
            Err(CliError::new(code, format!("{}: {reason}. {}", method.module, code.advice())))
        }
        None => Err(CliError::new(Code::MODULE_UNSUPPORTED, "the offer does not take that. Look at its ways to pay.")),
    }
}

/// Fetches every file of a deal; returns their paths.
pub(super) async fn fetch(wallet: &mut NativeWallet, deal: &Digest, out: &Path) -> Result<Vec<String>, CliError> {
    let library = wallet.library().await?;
    let bought = library.iter().find(|bought| bought.deal == *deal);
    let bought = bought.ok_or_else(|| CliError::new(Code::DEAL_UNKNOWN, "this wallet has no such delivered deal"))?;
    let mut files = Vec::new();
    for part in &bought.parts {
        let access = wallet.part_access(deal, &part.name).await?;
        let path = download(wallet.ports().http(), &access, out, &transfer(&plain(&part.name))).await?;
        files.push(path.to_string_lossy().into_owned());
    }
    Ok(files)
}
