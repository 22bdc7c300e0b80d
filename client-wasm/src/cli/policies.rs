//! Ways to pay and the policy, on the command line.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use clap::Subcommand;
use semper_shared::foundation::Code;
use semper_shared::items::payment::ModuleId;

use super::CliError;
use super::home::NativeWallet;
use super::output::{money, note, plain, print, print_json};
use crate::core::{PolicyView, Trust};

/// What can be done with the policy.
#[derive(Debug, Subcommand)]
pub(super) enum PolicyCommand {
    /// Put the wallet under a policy: nothing is paid against it from then on.
    Set {
        /// The signed policy.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The authority: the thumbprint of its key. Without it, the first one is shown and asked about.
        #[arg(long, value_name = "KEYID", allow_hyphen_values = true)]
        authority: Option<String>,
        /// Obey this authority in the place of the one that the wallet obeyed until now.
        #[arg(long, requires = "authority")]
        change_authority: bool,
        /// Where you are, such as FR; told to nobody but shops that do not sell everywhere.
        #[arg(long, value_name = "COUNTRY")]
        country: Option<String>,
    },
    /// Show the policy, and what was spent within the last 24 hours.
    Show,
    /// Take the wallet out of its policy.
    Clear,
}

pub(super) async fn run(wallet: &mut NativeWallet, command: &PolicyCommand, json: bool) -> Result<(), CliError> {
    let view = match command {
        PolicyCommand::Set { file, authority, change_authority, country } => {
            let text = std::fs::read_to_string(file).map_err(|error| CliError::system(file.display(), &error))?;
            if text.trim().is_empty() {
                return Err(CliError::new(Code::POLICY_INVALID, format!("{} is empty.", file.display())));
            }
            let read = wallet.read_policy(&text).await?;
            let named = authority.as_ref().map(|key| key.parse()).transpose();
            let named = named.map_err(|_| CliError::usage("an authority is the thumbprint of its key".to_owned()))?;
            // The first authority is believed when the person at the terminal says so.
            let first = named.is_none() && read.trusted.is_none();
            let authority = if first && confirmed(&read) { read.authority } else { named };
            let trust = Trust { authority, replacing: *change_authority };
            wallet.set_policy(&text, country.as_deref(), trust).await?
        }
        PolicyCommand::Show => wallet.policy().await?,
        PolicyCommand::Clear => wallet.set_policy("", None, Trust::default()).await?,
    };
    show(&view, json)
}

/// Asks whoever sits at the terminal; where nobody does, nobody has confirmed.
fn confirmed(read: &PolicyView) -> bool {
    let (Some(policy), Some(authority)) = (&read.policy, &read.authority) else { return false };
    if !std::io::stdin().is_terminal() {
        return false;
    }
    note(&format!(
        "{}, by {}, signed with the key\n  {authority}\nCompare the key with what {} says elsewhere. Obey it from now on? [y/N]",
        plain(&policy.name),
        plain(&policy.issuer),
        plain(&policy.issuer),
    ));
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
}

fn show(view: &PolicyView, json: bool) -> Result<(), CliError> {
    if json {
        return print_json(view);
    }
    let Some(policy) = &view.policy else { return print("The wallet is under no policy.\n") };
    let mut text = format!("{}, by {}\n", plain(&policy.name), plain(&policy.issuer));
    if let Some(authority) = &view.authority {
        text.push_str(&format!("  signed with the key {authority}\n"));
    }
    for rule in policy.rules.iter().filter(|rule| !rule.why.is_empty()) {
        text.push_str(&format!("  {}\n", plain(&rule.why)));
    }
    for (limit, spent) in policy.limits.day.iter().zip(&view.spent) {
        text.push_str(&format!("  {} of {} spent within 24 hours\n", money(*spent), money(*limit)));
    }
    print(&text)
}

/// The ways to pay an offer.
pub(super) async fn methods(wallet: &mut NativeWallet, offer: &str, json: bool) -> Result<(), CliError> {
    let review = wallet.review(offer).await?;
    if json {
        return print_json(&review.methods);
    }
    let lines = review.methods.iter().map(|method| {
        let said = match &method.reason {
            Some(reason) => format!("no: {}", plain(reason)),
            None if method.confirm.is_some() => "yes, with --yes".to_owned(),
            None => "yes".to_owned(),
        };
        format!("{:>12}  {said}\n", method.module.to_string())
    });
    print(&lines.collect::<String>())
}

/// Which ways to pay come first.
pub(super) async fn prefer(wallet: &mut NativeWallet, modules: &[String], json: bool) -> Result<(), CliError> {
    let named = |name: &String| {
        ModuleId::new(name.as_str()).ok_or_else(|| CliError::usage(format!("{} is no module's name", plain(name))))
    };
    let view = wallet.prefer(modules.iter().map(named).collect::<Result<_, _>>()?).await?;
    if json { print_json(&view) } else { print("That is how the wallet chooses from now on.\n") }
}
