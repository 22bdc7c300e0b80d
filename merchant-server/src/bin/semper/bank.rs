//! `semper bank`: the files of a bank that runs, as its customers exchange them.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use semper_server::bank::Executed;
use semper_server::config::Config;
use semper_server::demo::CONFIG_FILE;
use semper_shared::foundation::Code;
use serde_json::Value;

use crate::Failure;
use crate::operate::internal;
use crate::unreadable;

#[derive(Subcommand)]
pub(crate) enum Bank {
    /// Write a statement of account (camt.053): all bookings of some days.
    Statement {
        #[command(flatten)]
        account: Account,
        /// The first day, such as 2026-11-01.
        #[arg(long, value_name = "DAY")]
        from: String,
        /// The last day.
        #[arg(long, value_name = "DAY")]
        to: String,
        /// Where to write it.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Write a notification (camt.054) of the bookings after a number.
    Notify {
        #[command(flatten)]
        account: Account,
        /// The number of the last entry that is known.
        #[arg(long, value_name = "NUMBER", default_value_t = 0)]
        after: u64,
        /// Where to write it.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Carry out a file of orders (pain.001). The same file again changes nothing.
    Execute {
        #[command(flatten)]
        account: Account,
        /// The file.
        file: PathBuf,
    },
}

/// Which account, at which bank.
#[derive(Args)]
pub(crate) struct Account {
    /// The configuration that names the bank.
    #[arg(long, value_name = "FILE", required_unless_present = "data", conflicts_with = "data")]
    config: Option<PathBuf>,
    /// The folder of a demo.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The account's name.
    #[arg(long, value_name = "NAME")]
    account: String,
}

/// The account's address, and its token.
struct Door {
    url: String,
    token: String,
    client: reqwest::Client,
}

impl Account {
    fn door(&self) -> Result<Door, Failure> {
        let file = match (&self.config, &self.data) {
            (Some(file), _) => file.clone(),
            (None, Some(data)) => data.join(CONFIG_FILE),
            (None, None) => return Err(Failure::new(Code::USAGE, "name the bank with --config or --data")),
        };
        let none = || Failure::new(Code::CONFIG_INVALID, format!("{}: it names no bank", file.display()));
        let bank = Config::read(&file)?.bank.ok_or_else(none)?;
        let account = bank.accounts.iter().find(|account| account.account.as_str() == self.account);
        let account = account.ok_or_else(|| Failure::new(Code::ACCOUNT_UNKNOWN, "the bank has no such account"))?;
        let client = reqwest::Client::builder().timeout(Duration::from_secs(60)).no_proxy().build();
        let client = client.map_err(|error| Failure::new(Code::INTERNAL, error.to_string()))?;
        let url = format!("{}/accounts/{}", bank.server.public_url.trim_end_matches('/'), self.account);
        Ok(Door { url, token: account.token.0.clone(), client })
    }
}

impl Door {
    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Vec<u8>, Failure> {
        let unreachable = |error: reqwest::Error| Failure::new(Code::NETWORK_FAILED, error.to_string());
        let answer = request.bearer_auth(&self.token).send().await.map_err(unreachable)?;
        let status = answer.status().as_u16();
        let bytes = answer.bytes().await.map_err(unreachable)?.to_vec();
        if matches!(status, 200 | 204) {
            return Ok(bytes);
        }
        let problem: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let code = problem["code"].as_str().and_then(Code::find).unwrap_or(Code::INTERNAL);
        Err(Failure::new(code, problem["detail"].as_str().unwrap_or(code.advice())))
    }
}

/// Carries a command out.
pub(crate) async fn run(command: &Bank) -> Result<(), Failure> {
    match command {
        Bank::Statement { account, from, to, out } => {
            let door = account.door()?;
            let file = door.send(door.client.get(format!("{}/statement?from={from}&to={to}", door.url))).await?;
            std::fs::write(out, file).map_err(|error| unreadable(out, &error))?;
            println!("The statement is in {}.", out.display());
            Ok(())
        }
        Bank::Notify { account, after, out } => {
            let door = account.door()?;
            let file = door.send(door.client.get(format!("{}/notifications?after={after}", door.url))).await?;
            if file.is_empty() {
                println!("Nothing was booked.");
                return Ok(());
            }
            std::fs::write(out, file).map_err(|error| unreadable(out, &error))?;
            println!("The notification is in {}.", out.display());
            Ok(())
        }
        Bank::Execute { account, file } => {
            let door = account.door()?;
            let bytes = std::fs::read(file).map_err(|error| unreadable(file, &error))?;
            let request = door.client.post(format!("{}/orders", door.url));
            let answer = door.send(request.header("content-type", "application/xml").body(bytes)).await?;
            let executed: Executed = serde_json::from_slice(&answer).map_err(internal)?;
            println!("{}", serde_json::to_string(&executed).map_err(internal)?);
            match executed.refused.first() {
                None => Ok(()),
                Some(first) => {
                    let code = Code::find(&first.code).unwrap_or(Code::INTERNAL);
                    let what = format!(
                        "{} orders were refused, the first of them {}",
                        executed.refused.len(),
                        first.end_to_end
                    );
                    Err(Failure::new(code, what))
                }
            }
        }
    }
}
