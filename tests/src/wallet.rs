//! The `semper-wallet` binary over a folder.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::{Outcome, binaries};

/// A wallet's home, and the commands on it.
pub struct Wallet {
    folder: TempDir,
}

impl Wallet {
    /// A folder without a wallet.
    ///
    /// # Errors
    /// Where there is no temporary folder.
    pub fn none() -> Outcome<Self> {
        Ok(Self { folder: tempfile::tempdir()? })
    }

    /// A new wallet.
    ///
    /// # Errors
    /// Where `init` fails.
    pub fn init() -> Outcome<Self> {
        let wallet = Self::none()?;
        wallet.run(&["init"])?;
        Ok(wallet)
    }

    /// A new wallet with `euros` of cash.
    ///
    /// # Errors
    /// Where `init` or `withdraw` fails.
    pub fn funded(euros: &str, mint: &str) -> Outcome<Self> {
        let wallet = Self::init()?;
        wallet.run(&["withdraw", euros, "--mint", mint])?;
        Ok(wallet)
    }

    /// Its home.
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// Where its goods go.
    pub fn goods(&self) -> PathBuf {
        self.folder.path().join("goods")
    }

    /// The command, ready to be run or spawned.
    ///
    /// # Errors
    /// Where the binary is not built.
    pub fn command(&self, arguments: &[&str]) -> Outcome<Command> {
        let mut command = Command::new(binaries::semper_wallet()?);
        command.arg("--home").arg(self.home()).args(arguments);
        Ok(command)
    }

    /// Runs a command, whatever comes of it.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn attempt(&self, arguments: &[&str]) -> Outcome<Output> {
        Ok(self.command(arguments)?.output()?)
    }

    /// Runs a command that must succeed; returns what it printed.
    ///
    /// # Errors
    /// Where it fails, with what it said.
    pub fn run(&self, arguments: &[&str]) -> Outcome<String> {
        let output = self.attempt(arguments)?;
        let said = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            return Err(format!("semper-wallet {arguments:?} failed: {said}").into());
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Runs a command that must succeed and print JSON.
    ///
    /// # Errors
    /// Where it fails or prints something else.
    pub fn json(&self, arguments: &[&str]) -> Outcome<Value> {
        Ok(serde_json::from_str(&self.run(arguments)?)?)
    }

    /// Runs a command that must fail; returns the stable code that it printed.
    ///
    /// # Errors
    /// Where it succeeds, or fails without a code.
    pub fn refused(&self, arguments: &[&str]) -> Outcome<String> {
        let output = self.attempt(arguments)?;
        if output.status.success() {
            return Err(format!("semper-wallet {arguments:?} should have failed").into());
        }
        let said = String::from_utf8(output.stderr)?;
        let code = said.lines().find_map(|line| line.strip_prefix("error[")?.split_once(']'));
        code.map(|(code, _)| code.to_owned()).ok_or_else(|| format!("no code in: {said}").into())
    }

    /// Buys, and returns what `buy --json` printed.
    ///
    /// # Errors
    /// Where the purchase fails.
    pub fn buy(&self, offer: &str) -> Outcome<Value> {
        let goods = self.goods();
        self.json(&["buy", offer, "--out", path(&goods)?, "--json"])
    }

    /// The balance in minor units of the euro.
    ///
    /// # Errors
    /// Where `balance` fails.
    pub fn balance(&self) -> Outcome<u64> {
        Ok(self.json(&["balance", "--json"])?["EUR"].as_u64().unwrap_or(0))
    }
}

/// A path as text.
///
/// # Errors
/// Where it is not UTF-8.
pub fn path(path: &Path) -> Outcome<&str> {
    path.to_str().ok_or_else(|| "the temporary folder's path is not UTF-8".into())
}
