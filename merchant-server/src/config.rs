//! The configuration of a process: the parties it hosts.
//!
//! ```toml
//! [bank]
//! data = "data/bank"
//! name = "Example Bank"
//! server = { listen = "127.0.0.1:8483", public_url = "https://bank.example" }
//!
//! [[bank.accounts]]
//! account = "mint"
//! name = "Example Mint"
//! token = "a long random text"
//!
//! [wallet]
//! server = { listen = "127.0.0.1:8481", public_url = "https://wallet.example" }
//! default_mint = "https://mint.example"
//! ```
//!
//! Folders are relative to the file. What is spelt wrongly is refused, not overlooked.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use semper_shared::foundation::{Code, Coded};
use serde::Deserialize;

#[cfg(feature = "card")]
use crate::gateway;
use crate::sites::{ShopConfig, WalletConfig};
use crate::{bank, merchant, mint};

/// The parties of a process. Each has its own store, keys and port; one that is not named is not started.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename = "closed Config", deny_unknown_fields)]
pub struct Config {
    /// The merchant.
    pub merchant: Option<merchant::Config>,
    /// The pages of the merchant's shop; without them the merchant has an API alone.
    pub shop: Option<ShopConfig>,
    /// The wallet's site.
    pub wallet: Option<WalletConfig>,
    /// The mint.
    pub mint: Option<mint::Config>,
    /// The bank.
    pub bank: Option<bank::Config>,
    /// The gateway.
    #[cfg(feature = "card")]
    pub gateway: Option<gateway::Config>,
    /// The gateway, which is not in this program: refused by name.
    #[cfg(not(feature = "card"))]
    pub gateway: Option<serde::de::IgnoredAny>,
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// [`ConfigError`] where it cannot be read, or is no configuration of at least one party.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::parse(&text, folder).map_err(|why| ConfigError::Invalid { path: path.to_owned(), why })
    }

    /// Reads a text whose folders are relative to `folder`.
    fn parse(text: &str, folder: &Path) -> Result<Self, String> {
        let mut config: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        let folders = [
            config.merchant.as_mut().map(|merchant| &mut merchant.data),
            config.mint.as_mut().map(|mint| &mut mint.data),
            config.bank.as_mut().map(|bank| &mut bank.data),
            #[cfg(feature = "card")]
            config.gateway.as_mut().map(|gateway| &mut gateway.data),
            config.shop.as_mut().and_then(|shop| shop.assets.as_mut()),
            config.wallet.as_mut().and_then(|wallet| wallet.assets.as_mut()),
        ];
        for path in folders.into_iter().flatten() {
            *path = folder.join(&*path);
        }
        if let Some(policy) = config.merchant.as_mut().and_then(|merchant| merchant.policy.as_mut()) {
            *policy = folder.join(&*policy);
        }
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        if self.shop.is_some() && self.merchant.is_none() {
            return Err("`shop` has the pages of a merchant, and none is named".to_owned());
        }
        let data = [
            self.merchant.as_ref().map(|merchant| &merchant.data),
            self.mint.as_ref().map(|mint| &mint.data),
            self.bank.as_ref().map(|bank| &bank.data),
            #[cfg(feature = "card")]
            self.gateway.as_ref().map(|gateway| &gateway.data),
        ];
        let data: Vec<_> = data.into_iter().flatten().collect();
        // A gateway that this program was built without has no folder here; it is refused by its name when it is to start.
        if data.is_empty() && self.wallet.is_none() && self.gateway.is_none() {
            return Err("it names no party".to_owned());
        }
        match data.iter().enumerate().find(|(index, folder)| data.iter().take(*index).any(|other| other == *folder)) {
            Some((_, folder)) => Err(format!("two parties have the same folder, {}", folder.display())),
            None => Ok(()),
        }
    }
}

/// Why a configuration was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is not a configuration.
    #[error("{path}: {why}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

impl Coded for ConfigError {
    fn code(&self) -> Code {
        Code::CONFIG_INVALID
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn folders_are_relative_to_the_file() {
        let config = Config::parse("[bank]\ndata = 'data/bank'", Path::new("/etc/semper")).unwrap();
        assert_eq!(config.bank.unwrap().data, Path::new("/etc/semper/data/bank"));
        let config = Config::parse("[bank]\ndata = '/var/bank'", Path::new("/etc/semper")).unwrap();
        assert_eq!(config.bank.unwrap().data, Path::new("/var/bank"));
    }

    #[test]
    fn what_is_spelt_wrongly_is_refused() {
        for text in [
            "",
            "[bnak]\ndata = 'x'",
            "[bank]\ndata = 'x'\nport = 1",
            "[bank]\ndata = 'x'\nserver.lisen = 'x'",
            "[bank]",
        ] {
            assert!(Config::parse(text, Path::new("")).is_err(), "{text}");
        }
    }

    #[test]
    fn the_example_is_right() {
        let example: String = include_str!("config.rs")
            .lines()
            .filter_map(|line| line.strip_prefix("//! "))
            .skip_while(|line| *line != "[bank]")
            .take_while(|line| *line != "```")
            .map(|line| format!("{line}\n"))
            .collect();
        let config = Config::parse(&example, Path::new("")).unwrap();
        assert_eq!(config.bank.unwrap().accounts.len(), 1);
        assert_eq!(config.wallet.unwrap().server.public_url, "https://wallet.example");
    }
}
