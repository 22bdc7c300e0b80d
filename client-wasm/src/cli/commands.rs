//! Each command: read, call the core, print.

use std::path::Path;

use semper_shared::foundation::{Amount, Code, Currency, Digest};
use serde_json::{Value, json};

use super::CliError;
#[cfg(feature = "account")]
use super::accounts;
use super::args::{Args, Command};
use super::buy::{Buy, buy, fetch};
#[cfg(feature = "card")]
use super::cards;
use super::home::{self, NativeWallet, unlocked};
use super::output::{amount, money, note, plain, print, print_json, steps};
use super::people;
use super::policies;
use crate::core::{Progress, Resumed, WalletError, Words};

/// Runs a command.
pub(super) async fn run(args: Args) -> Result<(), CliError> {
    let json = args.json;
    match &args.command {
        Command::Init { words } => return init(&args, words.as_deref()).await,
        Command::Restore { words, mint } => return restore(&args, words, mint).await,
        Command::Import { file, backup_passphrase_file } => return import(&args, file, backup_passphrase_file).await,
        _ => {}
    }
    let mut wallet = unlocked(&args).await?;
    match &args.command {
        Command::Init { .. } | Command::Restore { .. } | Command::Import { .. } => Ok(()),
        Command::Withdraw { amount, mint } => withdraw(&mut wallet, amount, mint, json).await,
        Command::Balance => balance(&mut wallet, json).await,
        Command::Purses => purses(&mut wallet, json).await,
        #[cfg(feature = "card")]
        Command::Card(command) => cards::run(&mut wallet, command, json).await,
        Command::Send { amount, link } => people::send(&mut wallet, amount, link, json).await,
        Command::Request { amount, mint, link } => people::request(&mut wallet, (amount, mint), link, json).await,
        Command::Receive { link } => people::receive(&mut wallet, link, json).await,
        Command::PayRequest { link } => people::pay(&mut wallet, link, json).await,
        Command::Transfers { site } => people::transfers(&mut wallet, site, json).await,
        Command::CallOff { transfer } => people::call_off(&mut wallet, transfer, json).await,
        Command::Offers { merchant } => offers(&mut wallet, merchant, json).await,
        Command::Methods { offer } => policies::methods(&mut wallet, offer, json).await,
        Command::Prefer { modules } => policies::prefer(&mut wallet, modules, json).await,
        Command::Policy(command) => policies::run(&mut wallet, command, json).await,
        Command::Buy { offer, out, method, split, yes, invoice } => {
            let (method, split, confirmed) = (method.as_deref(), split.as_deref(), *yes);
            buy(&mut wallet, Buy { offer, out, method, split, confirmed, invoice, json }).await
        }
        #[cfg(feature = "account")]
        Command::Invoice { deal } => accounts::show(&mut wallet, deal, json).await,
        #[cfg(feature = "account")]
        Command::PayInvoice { deal } => accounts::pay(&mut wallet, deal, json).await,
        Command::Fetch { deal, out } => {
            let files = fetch(&mut wallet, &deal_of(deal)?, out).await?;
            if json { print_json(&json!({ "deal": deal, "files": files })) } else { print(&(files.join("\n") + "\n")) }
        }
        Command::Deals => deals(&mut wallet, json).await,
        Command::Refunds { deal } => refunds(&mut wallet, deal.as_deref(), json).await,
        Command::Library => library(&mut wallet, json).await,
        Command::Evidence { deal, out } => evidence(&mut wallet, deal, out, json).await,
        Command::Resume => resume(&mut wallet, json).await,
        Command::TakeOver => take_over(&mut wallet, json).await,
        Command::Abandon { deal } => {
            wallet.abandon(&deal_of(deal)?).await?;
            said(json, &json!({ "deal": deal, "state": "refused" }), "The purchase is given up; the money is back.\n")
        }
        Command::Export { out, backup_passphrase_file } => {
            let backup = wallet.export_backup(&home::first_line(backup_passphrase_file)?).await?;
            home::write_private(out, &backup).map_err(|error| CliError::system(out.display(), &error))?;
            wallet.confirm_backup().await?;
            said(json, &json!({ "file": out }), &format!("The backup is in {}.\n", out.display()))
        }
    }
}

fn said(json: bool, value: &Value, text: &str) -> Result<(), CliError> {
    if json { print_json(value) } else { print(text) }
}

pub(super) fn deal_of(text: &str) -> Result<Digest, CliError> {
    text.parse().map_err(|_| CliError::new(Code::DEAL_UNKNOWN, format!("{} is not a deal. See `deals`.", plain(text))))
}

async fn init(args: &Args, words: Option<&str>) -> Result<(), CliError> {
    let given = words.map(Words::parse).transpose()?;
    let home = home::path(args)?;
    let (mut wallet, passphrase) = home::open(args, &home)?;
    refuse_existing(&mut wallet).await?;
    // Who gave the words has them: they are not repeated.
    let known = given.is_some();
    let words = given.map_or_else(|| wallet.make_words(), Ok)?;
    let (passphrase, key_file) = home::passphrase_for_new(&wallet, &passphrase)?;
    wallet.create(&words, &passphrase).await?;
    if args.json {
        let mut made = json!({ "home": home, "key_file": key_file });
        if !known {
            made["words"] = words.text().as_str().into();
        }
        return print_json(&made);
    }
    let lock = match key_file {
        Some(file) => format!("It is locked with the key file {}: keep that file to yourself.", file.display()),
        None => "It is locked with your passphrase.".to_owned(),
    };
    if known {
        return print(&format!("Your wallet is in {}. {lock}\n", home.display()));
    }
    let words = words.text();
    print(&format!(
        "Your wallet is in {}. {lock}\n\nWrite these words down. They are shown this once, and bring your money back \
         if this computer is lost:\n\n  {}\n",
        home.display(),
        *words
    ))
}

/// There must be no wallet yet.
async fn refuse_existing(wallet: &mut NativeWallet) -> Result<(), CliError> {
    match wallet.balance().await {
        Err(WalletError::Empty) => Ok(()),
        Ok(_) | Err(WalletError::Locked) => Err(WalletError::Exists.into()),
        Err(error) => Err(error.into()),
    }
}

async fn restore(args: &Args, words: &str, mints: &[String]) -> Result<(), CliError> {
    let words = Words::parse(words)?;
    let home = home::path(args)?;
    let (mut wallet, passphrase) = home::open(args, &home)?;
    refuse_existing(&mut wallet).await?;
    let (passphrase, _) = home::passphrase_for_new(&wallet, &passphrase)?;
    let report = steps();
    let restored = wallet.restore(&words, &passphrase, mints, Progress::new(&report)).await?;
    if args.json {
        return print_json(&restored);
    }
    note("The wallet is restored. It holds:");
    balance(&mut wallet, false).await
}

async fn import(args: &Args, file: &Path, backup_passphrase: &Path) -> Result<(), CliError> {
    let home = home::path(args)?;
    let backup = std::fs::read(file).map_err(|error| CliError::system(file.display(), &error))?;
    let backup_passphrase = home::first_line(backup_passphrase)?;
    let (mut wallet, passphrase) = home::open(args, &home)?;
    refuse_existing(&mut wallet).await?;
    let (passphrase, _) = home::passphrase_for_new(&wallet, &passphrase)?;
    wallet.import_backup(&backup, &backup_passphrase, &passphrase).await?;
    note("Asking the mints what became of the coins since the backup was made …");
    resume(&mut wallet, args.json).await
}

async fn withdraw(wallet: &mut NativeWallet, decimal: &str, mint: &str, json: bool) -> Result<(), CliError> {
    let info = wallet.mint_info(mint).await?;
    if info.books.is_some_and(|books| !books.good) {
        note("Warning: this mint cannot show that its books balance.");
    }
    let currency: Currency = info.currency.parse().map_err(WalletError::from)?;
    let wanted = Amount::parse_decimal(decimal, currency).map_err(WalletError::from)?;
    let fee = wallet.top_up_cost(mint, wanted).await?.fee;
    if !fee.is_zero() {
        note(&format!(
            "Fee of the mint: {}; {} in coins.",
            money(fee),
            money(wanted.checked_sub(fee).unwrap_or(wanted))
        ));
    }
    let report = steps();
    let top_up = wallet.add_cash(mint, wanted, Progress::new(&report)).await?;
    said(json, &json!({ "added": top_up.added, "fee": fee }), &format!("{} added.\n", money(top_up.added)))
}

async fn balance(wallet: &mut NativeWallet, json: bool) -> Result<(), CliError> {
    let balances = wallet.balance().await?;
    if json {
        return print_json(&balances);
    }
    let mut text = String::new();
    for (currency, minor) in balances.iter() {
        text.push_str(&format!("{}\n", amount(currency, *minor)));
    }
    for purse in wallet.purses().await? {
        text.push_str(&format!("  {} at {} ({})\n", money(purse.balance), plain(&purse.mint.name), purse.mint.url));
    }
    if balances.is_empty() {
        text.push_str("Nothing yet. `semper-wallet withdraw 20.00 --mint URL` adds money.\n");
    }
    print(&text)
}

async fn purses(wallet: &mut NativeWallet, json: bool) -> Result<(), CliError> {
    let holdings = wallet.holdings().await?;
    if json {
        return print_json(&holdings);
    }
    let line = |held: &crate::core::HoldingView| {
        let balance = held.purse.balance.map(money).unwrap_or_default();
        format!("{balance:>12}  {} ({}), {}\n", plain(&held.purse.name), held.module, plain(&held.purse.at))
    };
    print(&holdings.iter().map(line).collect::<String>())
}

async fn offers(wallet: &mut NativeWallet, merchant: &str, json: bool) -> Result<(), CliError> {
    let offers = wallet.offers(merchant).await?;
    if json {
        return print_json(&offers);
    }
    let price = |total: Amount| if total.is_zero() { "free".to_owned() } else { money(total) };
    let lines = offers.iter().map(|offer| {
        format!("{:>12}  {}\n              {}\n", price(offer.total), plain(&offer.title), plain(&offer.url))
    });
    print(&lines.collect::<String>())
}

async fn deals(wallet: &mut NativeWallet, json: bool) -> Result<(), CliError> {
    let deals = wallet.deals().await?;
    if json {
        return print_json(&deals);
    }
    let lines = deals.iter().map(|deal| {
        let mut state = format!("{:?}", deal.state).to_lowercase();
        if !deal.refunded.is_zero() {
            state = format!("{state}, {} refunded", money(deal.refunded));
        }
        format!(
            "{:>12}  {} from {}, {state}\n              {}\n",
            money(deal.paid),
            plain(&deal.title),
            plain(&deal.merchant.name),
            deal.deal
        )
    });
    print(&lines.collect::<String>())
}

async fn refunds(wallet: &mut NativeWallet, deal: Option<&str>, json: bool) -> Result<(), CliError> {
    let deal = deal.map(deal_of).transpose()?;
    let found = wallet.check_refunds(deal.as_ref()).await?;
    if json {
        return print_json(&found);
    }
    if found.is_empty() {
        return print("There are no new refunds.\n");
    }
    let lines = found.iter().map(|refund| {
        let reason = if refund.reason.is_empty() { String::new() } else { format!(": {}", plain(&refund.reason)) };
        format!("{:>12}  came back{reason}\n              {}\n", money(refund.amount), refund.deal)
    });
    print(&lines.collect::<String>())
}

async fn library(wallet: &mut NativeWallet, json: bool) -> Result<(), CliError> {
    let library = wallet.library().await?;
    if json {
        return print_json(&library);
    }
    let lines = library.iter().map(|deal| {
        let parts: String = deal
            .parts
            .iter()
            .map(|part| {
                format!("  {} ({}, {})\n", plain(&part.title), plain(&part.name), super::output::size(part.size))
            })
            .collect();
        format!("{}\n{parts}  semper-wallet fetch {} --out DIR\n", plain(&deal.title), deal.deal)
    });
    print(&lines.collect::<String>())
}

async fn evidence(wallet: &mut NativeWallet, deal: &str, out: &Path, json: bool) -> Result<(), CliError> {
    let evidence = wallet.evidence(&deal_of(deal)?).await?;
    let mut text =
        serde_json::to_string_pretty(&evidence).map_err(|error| CliError::system(out.display(), &error.into()))?;
    text.push('\n');
    home::write_private(out, text.as_bytes()).map_err(|error| CliError::system(out.display(), &error))?;
    let count = evidence.get("statements").and_then(Value::as_array).map_or(0, Vec::len);
    let told = format!("{count} statements are in {}.\n", out.display());
    said(json, &json!({ "deal": deal, "file": out, "statements": count }), &told)
}

async fn resume(wallet: &mut NativeWallet, json: bool) -> Result<(), CliError> {
    let report = steps();
    let resumed = wallet.resume(Progress::new(&report)).await?;
    told(&resumed, json)
}

async fn take_over(wallet: &mut NativeWallet, json: bool) -> Result<(), CliError> {
    let report = steps();
    let resumed = wallet.take_over(Progress::new(&report)).await?;
    told(&resumed, json)
}

/// Says what was finished, and what still waits.
fn told(resumed: &Resumed, json: bool) -> Result<(), CliError> {
    if json {
        print_json(resumed)?;
    } else {
        for deal in &resumed.completed {
            print(&format!("delivered: {deal}\n"))?;
        }
        for deal in &resumed.refused {
            print(&format!("refused: {deal}\n"))?;
        }
        for (currency, minor) in resumed.renewed.iter() {
            let amount = currency.parse().ok().and_then(|currency| Amount::new(currency, *minor).ok());
            if let Some(amount) = amount {
                print(&format!("renewed: {} in coins that were soon too old, or revoked\n", money(amount)))?;
            }
        }
    }
    match resumed.waiting.first() {
        None if json => Ok(()),
        None => print("Everything is finished.\n"),
        Some(waiting) => {
            let code = Code::find(waiting.code).unwrap_or(Code::OUTCOME_UNKNOWN);
            Err(CliError::new(code, format!("{}. {}", waiting.message, code.advice())))
        }
    }
}
