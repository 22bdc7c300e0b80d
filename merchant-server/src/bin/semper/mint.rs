//! `semper mint`: what the operator of a mint does, whether it runs or not.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use semper_server::config::Config;
use semper_server::demo::CONFIG_FILE;
use semper_server::mint;
use semper_shared::foundation::Code;

use crate::Failure;

#[derive(Subcommand)]
pub(crate) enum Mint {
    /// Take denominations back before their time, since their private keys may be in other hands. A running mint refuses
    /// their coins within seconds and issues new ones; wallets get back what theirs were worth.
    Revoke(RevokeArgs),
}

/// What to revoke.
#[derive(Args)]
pub(crate) struct RevokeArgs {
    /// The configuration that names the mint.
    #[arg(long, value_name = "FILE", required_unless_present = "data", conflicts_with = "data")]
    config: Option<PathBuf>,
    /// The folder of a demo.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// A denomination by its name (the digest in its key document's terms); may be given several times.
    #[arg(long, value_name = "NAME", required_unless_present = "all", conflicts_with = "all")]
    denomination: Vec<String>,
    /// Every denomination that was made so far.
    #[arg(long)]
    all: bool,
    /// Why, for the books.
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

pub(crate) fn run(command: &Mint) -> Result<(), Failure> {
    let Mint::Revoke(args) = command;
    let file = match (&args.config, &args.data) {
        (Some(file), _) => file.clone(),
        (None, Some(data)) => data.join(CONFIG_FILE),
        (None, None) => return Err(Failure::new(Code::USAGE, "name the mint with --config or --data")),
    };
    let none = || Failure::new(Code::CONFIG_INVALID, format!("{}: it names no mint", file.display()));
    let config = Config::read(&file)?.mint.ok_or_else(none)?;
    let revoked = mint::revoke(&config, &args.denomination, &args.reason)?;
    println!("{revoked} denominations are revoked. The mint takes it in within seconds, or when it starts.");
    Ok(())
}
