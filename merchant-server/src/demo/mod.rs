//! A market to try things out: bank, mint, gateway, merchant and wallet's site on loopback, with test money.
//!
//! The demo is nothing but a configuration, written for the folder and the ports one chooses, and kept as `semper.toml` in that
//! folder: `semper serve --config` runs the same. Its tokens are random and kept, so that a second start finds its accounts.

mod book;
mod goods;
#[allow(unreachable_pub, dead_code, reason = "a program of its own that stands among the goods")]
#[path = "../../goods/market_year.rs"]
mod market_year;
mod tokens;

use std::io;
use std::path::{Path, PathBuf};

use semper_shared::foundation::{Code, Coded, Digest};
use semper_shared::items::payment::account::Iban;
use serde_json::{Value, json};

pub use self::goods::fill_shop;
use self::tokens::Tokens;
use crate::config::{Config, ConfigError};
use crate::keys::write_secret;
use crate::merchant::ADMIN_TOKEN_FILE;

/// What the customer's account at the test bank holds in the beginning, in minor units.
const TEST_MONEY_MINOR: u64 = 50_000;

/// Until when the mint pays its merchants, in seconds: so soon that one sees it happen, and not before one can refund.
const WIRE_DELAY_S: u64 = 600;

/// Up to what total the demo's shop delivers before it is paid, in minor units.
const PAY_LATER_LIMIT_MINOR: u64 = 5_000;

/// A German bank code that no bank has: there is no clearing area 9. So no account of the demo is anybody's.
const NO_BANK: &str = "99999999";

/// The file that the demo writes.
pub const CONFIG_FILE: &str = "semper.toml";

/// Where a demo lives.
#[derive(Debug, Clone)]
pub struct Demo {
    /// The folder for everything that it keeps.
    pub data: PathBuf,
    /// The merchant's port; wallet, mint, bank and gateway take the next four.
    pub port_base: u16,
    /// The folder that contains `www/`.
    pub assets: PathBuf,
}

impl Demo {
    /// Writes the configuration, and reads it as `semper serve` would.
    ///
    /// # Errors
    /// [`DemoError`] where the folder cannot be used or the ports do not exist.
    pub fn prepare(&self) -> Result<Config, DemoError> {
        let in_folder = |source| DemoError::Folder { path: self.data.clone(), source };
        std::fs::create_dir_all(&self.data).map_err(in_folder)?;
        let data = self.data.canonicalize().map_err(in_folder)?;
        let tokens = Tokens::load_or_make(&data.join("tokens.json")).map_err(in_folder)?;
        let merchant = data.join("merchant");
        std::fs::create_dir_all(&merchant).map_err(in_folder)?;
        write_secret(&merchant.join(ADMIN_TOKEN_FILE), tokens.admin.as_bytes()).map_err(in_folder)?;
        let described = self.describe(&data, &tokens)?;
        let text = toml::to_string(&described).map_err(|error| in_folder(io::Error::other(error)))?;
        let path = data.join(CONFIG_FILE);
        let text = format!("# Written by `semper demo` at every start. Copy it to change it.\n\n{text}");
        write_secret(&path, text.as_bytes()).map_err(in_folder)?;
        Ok(Config::read(&path)?)
    }

    fn describe(&self, data: &Path, tokens: &Tokens) -> Result<Value, DemoError> {
        let [merchant, wallet, mint, bank, gateway] = self.ports()?;
        let url = |port: u16| format!("http://localhost:{port}");
        let server = |port: u16| json!({"listen": format!("127.0.0.1:{port}"), "public_url": url(port)});
        let iban = |number: u32| {
            Iban::make("DE", &format!("{NO_BANK}{number:010}")).map_err(|_| DemoError::Ports(self.port_base))
        };
        let [customer_iban, merchant_iban, mint_iban] = [iban(1)?, iban(2)?, iban(3)?];
        let account = |account: &str, name: &str, token: &str, iban: &Iban, opening_minor: u64| json!({"account": account, "name": name, "token": token, "iban": iban, "opening_minor": opening_minor});
        let mut described = json!({
            "merchant": {
                "data": data.join("merchant"),
                "server": server(merchant),
                "name": "Meridian",
                "currency": "EUR",
                "mints": [{"url": url(mint)}],
                "gateway": {"url": url(gateway)},
                "payout": {"bank": url(bank), "account": "merchant"},
                "account": {
                    "iban": merchant_iban,
                    "terms": ["prepaid", "pay-later"],
                    "pay_later_limit_minor": PAY_LATER_LIMIT_MINOR,
                    "bank": url(bank),
                    "notifications": {"url": url(bank), "account": "merchant", "token": tokens.merchant},
                },
                "admin_token_hash": Digest::of(tokens.admin.as_bytes()),
            },
            "shop": {"wallet": url(wallet), "assets": self.assets},
            "mint": {
                "data": data.join("mint"),
                "server": server(mint),
                "name": "Demo Mint",
                "currency": "EUR",
                "bank": {"url": url(bank), "account": "mint", "token": tokens.mint},
                "wire_delay_s": WIRE_DELAY_S,
            },
            "bank": {
                "data": data.join("bank"),
                "server": server(bank),
                "name": "Demo Bank",
                "bic": "SEMPDEF0XXX",
                "currency": "EUR",
                "test_account": "customer",
                "accounts": [
                    account("customer", "A customer", &tokens.customer, &customer_iban, TEST_MONEY_MINOR),
                    account("mint", "Demo Mint", &tokens.mint, &mint_iban, 0),
                    account("merchant", "Meridian", &tokens.merchant, &merchant_iban, 0),
                ],
            },
            "gateway": {
                "data": data.join("gateway"),
                "server": server(gateway),
                "name": "Demo Gateway",
                "merchants": [url(merchant)],
            },
            "wallet": {
                "server": server(wallet),
                "assets": self.assets,
                "default_mint": url(mint),
                "shops": [url(merchant)],
            },
        });
        // What this program was built without is not asked for.
        let mut leave_out = |place: &str, name: &str| {
            described.pointer_mut(place).and_then(Value::as_object_mut).and_then(|place| place.remove(name));
        };
        if !cfg!(feature = "card") {
            leave_out("", "gateway");
            leave_out("/merchant", "gateway");
        }
        if !cfg!(feature = "account") {
            leave_out("/merchant", "account");
        }
        Ok(described)
    }

    fn ports(&self) -> Result<[u16; 5], DemoError> {
        let ports = self.port_base.checked_add(4).filter(|_| self.port_base != 0);
        let last = ports.ok_or(DemoError::Ports(self.port_base))?;
        Ok([last - 4, last - 3, last - 2, last - 1, last])
    }
}

/// Why there is no demo.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DemoError {
    /// Its folder cannot be used.
    #[error("{path}: {source}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There are no five ports from there.
    #[error("there are no five ports from {0} upwards: choose a port base from 1 to 65531")]
    Ports(u16),
    /// What was written is no configuration: a defect.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

impl Coded for DemoError {
    fn code(&self) -> Code {
        match self {
            Self::Folder { .. } => Code::STORE_FAILED,
            Self::Ports(_) => Code::USAGE,
            Self::Config(error) => error.code(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn demo(folder: &Path, port_base: u16) -> Demo {
        Demo { data: folder.join("demo"), port_base, assets: folder.to_owned() }
    }

    #[test]
    fn a_second_start_has_the_same_accounts_on_other_ports() {
        let folder = tempfile::tempdir().unwrap();
        let first = demo(folder.path(), 8480).prepare().unwrap();
        let second = demo(folder.path(), 9480).prepare().unwrap();
        let (first, second) = (first.bank.unwrap(), second.bank.unwrap());
        assert_eq!(first.accounts[0].token, second.accounts[0].token);
        assert_ne!(first.accounts[0].token, first.accounts[1].token);
        assert_eq!((first.server.listen.port(), second.server.listen.port()), (8483, 9483));
        let mode = std::fs::metadata(folder.path().join("demo").join(CONFIG_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "tokens are in it");
    }

    #[test]
    fn five_ports_are_needed() {
        let folder = tempfile::tempdir().unwrap();
        for port_base in [0, 65_532] {
            assert!(matches!(demo(folder.path(), port_base).prepare(), Err(DemoError::Ports(_))));
        }
    }
}
