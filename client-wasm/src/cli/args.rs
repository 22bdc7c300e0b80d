//! What may stand on the command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

#[cfg(feature = "card")]
use super::cards::CardCommand;
use super::policies::PolicyCommand;

/// A wallet for the SEMPER marketplace: cash that leaves no trail, and receipts that prove what you bought.
#[derive(Debug, Parser)]
#[command(name = "semper-wallet", version, propagate_version = true)]
pub(super) struct Args {
    /// Where the wallet lives.
    #[arg(long, global = true, env = "SEMPER_WALLET_HOME", value_name = "DIR")]
    pub(super) home: Option<PathBuf>,
    /// A file whose first line is the passphrase; else the variable SEMPER_WALLET_PASSPHRASE, else the key file in the home.
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) passphrase_file: Option<PathBuf>,
    /// Print JSON for scripts.
    #[arg(long, global = true)]
    pub(super) json: bool,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// What a link is made of.
#[derive(Debug, clap::Args)]
pub(super) struct LinkArgs {
    /// What for, for the other person to read; the mint can read it too.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(super) purpose: String,
    /// For how long the link is good, such as 7d, 12h or 30m.
    #[arg(long, value_name = "TIME", default_value = "7d")]
    pub(super) expires: String,
    /// The wallet's address that the link begins with.
    #[arg(long, value_name = "URL", env = "SEMPER_WALLET_SITE", default_value = "http://localhost:8481")]
    pub(super) site: String,
}

/// How to buy by invoice; nothing where the program has none.
#[derive(Debug, clap::Args)]
pub(super) struct InvoiceArgs {
    /// By invoice: the goods at once, the money until the due date, where the shop gives credit.
    #[cfg(feature = "account")]
    #[arg(long)]
    pub(super) later: bool,
    /// By invoice: do not transfer the money, also where the shop's bank has a test account that pays.
    #[cfg(feature = "account")]
    #[arg(long)]
    pub(super) no_transfer: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Set a new wallet up and print its recovery words, once, unless they were given.
    Init {
        /// Use these 12 words instead of new ones.
        #[arg(long, value_name = "WORDS")]
        words: Option<String>,
    },
    /// Set a wallet up from its recovery words, with what the mints have kept of it.
    Restore {
        /// The 12 recovery words.
        #[arg(long, value_name = "WORDS")]
        words: String,
        /// A mint to ask; may stand several times.
        #[arg(long, value_name = "URL", required = true)]
        mint: Vec<String>,
    },
    /// Bring money from a bank account into the purse.
    Withdraw {
        /// How much, such as 20.00.
        #[arg(value_name = "AMOUNT")]
        amount: String,
        /// The mint that issues the coins.
        #[arg(long, value_name = "URL")]
        mint: String,
    },
    /// Show what is in the purse.
    Balance,
    /// Show everything that can be paid from, of every kind: balance, limits, end.
    Purses,
    /// Cards: put one in, show them, approve a payment.
    #[cfg(feature = "card")]
    #[command(subcommand)]
    Card(CardCommand),
    /// Send cash to a person: prints a link, and whoever gets it can take the cash.
    Send {
        /// How much, such as 3.20.
        #[arg(value_name = "AMOUNT")]
        amount: String,
        #[command(flatten)]
        link: LinkArgs,
    },
    /// Ask a person for cash: prints a link, and whoever gets it can pay.
    Request {
        /// How much, such as 3.20.
        #[arg(value_name = "AMOUNT")]
        amount: String,
        /// The mint that it shall go through.
        #[arg(long, value_name = "URL")]
        mint: String,
        #[command(flatten)]
        link: LinkArgs,
    },
    /// Take the cash of a link that somebody sent.
    Receive {
        /// The link.
        #[arg(value_name = "LINK")]
        link: String,
    },
    /// Pay what a link asks for.
    PayRequest {
        /// The link.
        #[arg(value_name = "LINK")]
        link: String,
    },
    /// Show what was sent, asked for, received and paid, with the links that are open.
    Transfers {
        /// The wallet's address that links begin with.
        #[arg(long, value_name = "URL", env = "SEMPER_WALLET_SITE", default_value = "http://localhost:8481")]
        site: String,
    },
    /// Call off what was sent and not yet taken: the cash comes back.
    CallOff {
        /// The transfer.
        #[arg(value_name = "TRANSFER", allow_hyphen_values = true)]
        transfer: String,
    },
    /// Show what a merchant offers.
    Offers {
        /// The merchant's address.
        #[arg(value_name = "MERCHANT_URL")]
        merchant: String,
    },
    /// Show the ways to pay an offer, and of each why it can or cannot be used.
    Methods {
        /// The offer's address.
        #[arg(value_name = "OFFER_URL")]
        offer: String,
    },
    /// Say which ways to pay you prefer, the first first; without any, as the wallet has them.
    Prefer {
        /// The modules, such as card.
        #[arg(value_name = "MODULE")]
        modules: Vec<String>,
    },
    /// Put the wallet under a signed policy, or show the one it is under.
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Buy: verify the offer, pay, fetch the files.
    Buy {
        /// The offer's address.
        #[arg(value_name = "OFFER_URL")]
        offer: String,
        /// Where to put the files.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// Confirm what the policy wants confirmed.
        #[arg(long)]
        yes: bool,
        /// How to pay: ecash, card, account, dummy, or none for what is free. The first that is possible where this is not given.
        #[arg(long, value_name = "MODULE")]
        method: Option<String>,
        /// With two modules, such as ecash=5.00,card: the last pays the rest. Both are taken, or neither.
        #[arg(long, value_name = "PARTS", conflicts_with = "method")]
        split: Option<String>,
        #[command(flatten)]
        invoice: InvoiceArgs,
    },
    #[cfg(feature = "account")]
    /// Show the invoice of a deal, and how it stands.
    Invoice {
        /// The deal.
        #[arg(value_name = "DEAL", allow_hyphen_values = true)]
        deal: String,
    },
    #[cfg(feature = "account")]
    /// Pay the invoice of a deal, from the test account of the shop's bank.
    PayInvoice {
        /// The deal.
        #[arg(value_name = "DEAL", allow_hyphen_values = true)]
        deal: String,
    },
    /// Fetch the files of a deal again.
    Fetch {
        /// The deal.
        #[arg(value_name = "DEAL", allow_hyphen_values = true)]
        deal: String,
        /// Where to put the files.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Show all deals.
    Deals,
    /// Take all the money over to this device, from any other that has the same words; also finds money that another added.
    TakeOver,
    /// Look for refunds, of one deal or of all that may still be refunded; the money is back in the purse.
    Refunds {
        /// The deal.
        #[arg(value_name = "DEAL", allow_hyphen_values = true)]
        deal: Option<String>,
    },
    /// Show what was bought.
    Library,
    /// Write every statement of a deal to a file.
    Evidence {
        /// The deal.
        #[arg(value_name = "DEAL", allow_hyphen_values = true)]
        deal: String,
        /// The file.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Go on with whatever was cut off: purchases, withdrawals, exchanges of change.
    Resume,
    /// Give up a purchase that its merchant does not finish; the money comes back, unless the merchant has taken it.
    Abandon {
        /// The deal.
        #[arg(value_name = "DEAL", allow_hyphen_values = true)]
        deal: String,
    },
    /// Write a backup of everything, under a passphrase.
    Export {
        /// The file.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// A file whose first line is the backup's passphrase.
        #[arg(long, value_name = "FILE")]
        backup_passphrase_file: PathBuf,
    },
    /// Set a wallet up from a backup.
    Import {
        /// The file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// A file whose first line is the backup's passphrase.
        #[arg(long, value_name = "FILE")]
        backup_passphrase_file: PathBuf,
    },
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A deal's name is base64url: one in 64 begins with a hyphen.
    #[test]
    fn names_may_begin_with_a_hyphen() {
        const NAME: &str = "-SwTLIsxB4Jf_zerupLKGkKRCOccQ0Bp0L67QPxDj-4";
        let mut commands = vec!["refunds", "abandon", "evidence", "fetch", "call-off"];
        commands.extend(if cfg!(feature = "account") { &["invoice", "pay-invoice"][..] } else { &[] });
        commands.extend(cfg!(feature = "card").then_some("card approve"));
        for command in commands {
            let mut words: Vec<_> = ["semper-wallet", "--home", "h"].into_iter().chain(command.split(' ')).collect();
            words.push(NAME);
            if matches!(command, "evidence" | "fetch") {
                words.extend(["--out", "o"]);
            }
            let args = Args::try_parse_from(&words).unwrap();
            assert!(format!("{:?}", args.command).contains(NAME), "{command}");
        }
    }
}
