//! The commands for cards.

use clap::Subcommand;
use semper_shared::foundation::Code;
use serde_json::json;

use super::CliError;
use super::commands::deal_of;
use super::home::NativeWallet;
use super::output::{money, plain, print, print_json};
use crate::core::CardView;

/// What can be done with cards.
#[derive(Debug, Subcommand)]
pub(super) enum CardCommand {
    /// Put a card into the wallet and enrol it with a gateway. The number rests in the vault and goes to the gateway alone.
    Add {
        /// The card's number.
        #[arg(long, value_name = "N")]
        number: String,
        /// Its last month.
        #[arg(long, value_name = "MM/YY")]
        expiry: String,
        /// The gateway that shops take cards through; without it, a demo's on this machine.
        #[arg(long, value_name = "URL", env = "SEMPER_GATEWAY", default_value = "http://localhost:8484")]
        gateway: String,
    },
    /// Show the cards.
    List,
    /// Take a card out of the wallet.
    Remove {
        /// Its last four digits.
        #[arg(value_name = "DIGITS")]
        last_four: String,
    },
    /// Approve, or refuse, a payment for which the card's issuer wants your word; then `resume` or buy again.
    Approve {
        /// The deal.
        #[arg(value_name = "DEAL", allow_hyphen_values = true)]
        deal: String,
        /// Refuse it.
        #[arg(long)]
        refuse: bool,
    },
}

pub(super) async fn run(wallet: &mut NativeWallet, command: &CardCommand, json: bool) -> Result<(), CliError> {
    match command {
        CardCommand::Add { number, expiry, gateway } => {
            let card = wallet.add_card(number, expiry, gateway).await?;
            if json {
                return print_json(&card);
            }
            print(&format!("{} is in the wallet, enrolled with {}.\n", line(&card), plain(&card.gateway)))
        }
        CardCommand::List => {
            let cards = wallet.cards().await?;
            if json {
                return print_json(&json!({ "cards": cards }));
            }
            if cards.is_empty() {
                return print("There is no card in the wallet. Put one in with `card add`.\n");
            }
            print(&cards.iter().map(|card| line(card) + "\n").collect::<String>())
        }
        CardCommand::Remove { last_four } => {
            wallet.remove_card(last_four).await?;
            if json { print_json(&json!({ "removed": last_four })) } else { print("The card is out of the wallet.\n") }
        }
        CardCommand::Approve { deal, refuse } => {
            let deal = deal_of(deal)?;
            let seen = wallet.approval(&deal).await?;
            let approved = wallet.approve(&deal, !refuse).await?;
            if !approved && !refuse {
                return Err(CliError::new(
                    Code::CARD_DECLINED,
                    "the payment was refused before. Buy again to pay anew.",
                ));
            }
            if json {
                return print_json(&json!({ "deal": deal, "approved": approved, "asked": seen }));
            }
            let word = if approved { "approved: `resume` finishes the purchase" } else { "refused" };
            print(&format!("{} to {} is {word}.\n", money(seen.amount), plain(&seen.payee)))
        }
    }
}

fn line(card: &CardView) -> String {
    let not = if card.enrolled { "" } else { " (not enrolled yet: add it again)" };
    format!("{} …{}, until {}{not}", card.brand, card.last_four, card.expiry)
}
