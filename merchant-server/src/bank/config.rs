//! The bank's configuration.

use std::fmt;
use std::path::PathBuf;

use semper_shared::foundation::Currency;
use semper_shared::items::payment::account::{Bic, Iban};
use serde::Deserialize;

use super::CENTRAL;
use super::messages::AccountName;
use crate::http::{ServerSettings, StartError};
use crate::store::sql::StoreUrl;

/// The least length of a token, in characters.
const TOKEN_LEN: usize = 22;

/// What the bank must know.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename = "closed Config", deny_unknown_fields)]
pub struct Config {
    /// The folder for key and books.
    pub data: PathBuf,
    /// A PostgreSQL database (`postgres://…`) for the books, which several replicas may share; without it, a file in `data`.
    #[serde(default)]
    pub store: Option<StoreUrl>,
    /// Where it listens.
    #[serde(default)]
    pub server: ServerSettings,
    /// The name that people see.
    #[serde(default = "default_name")]
    pub name: String,
    /// The only currency it deals in.
    #[serde(default = "default_currency")]
    pub currency: Currency,
    /// How much money may be in circulation, in minor units.
    #[serde(default = "default_money_limit")]
    pub money_limit_minor: u64,
    /// The accounts. Those that do not exist yet are made at the start; names and tokens are brought up to date.
    #[serde(default)]
    pub accounts: Vec<AccountConfig>,
    /// Its identifier (BIC), which stands in the files that it writes.
    #[serde(default)]
    pub bic: Option<Bic>,
    /// The account whose token everyone may have, to try things out. For demos and tests only.
    #[serde(default)]
    pub test_account: Option<AccountName>,
}

/// One account.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename = "closed AccountConfig", deny_unknown_fields)]
pub struct AccountConfig {
    /// Its name in addresses, such as `mint`.
    pub account: AccountName,
    /// Its owner's name.
    pub name: String,
    /// What its owner shows to use it.
    pub token: Token,
    /// Its number (IBAN), by which transfers from elsewhere and files name it.
    #[serde(default)]
    pub iban: Option<Iban>,
    /// What it is given when it is made, in minor units, owed by the central account.
    #[serde(default)]
    pub opening_minor: u64,
}

/// A token in the clear, which shows itself nowhere.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Token(pub String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(secret)")
    }
}

fn default_name() -> String {
    "Bank".to_owned()
}

fn default_currency() -> Currency {
    Currency::EUR
}

fn default_money_limit() -> u64 {
    100_000_000
}

impl Config {
    pub(super) fn check(&self) -> Result<(), StartError> {
        let refuse = |why: String| Err(StartError::Config(format!("bank: {why}")));
        for (index, account) in self.accounts.iter().enumerate() {
            let name = &account.account;
            if name.as_str() == CENTRAL {
                return refuse(format!("the account `{CENTRAL}` exists by itself"));
            }
            if account.token.0.len() < TOKEN_LEN {
                return refuse(format!("the token of `{name}` is shorter than {TOKEN_LEN} characters"));
            }
            if self.accounts.iter().take(index).any(|other| other.account == *name) {
                return refuse(format!("the account `{name}` is named twice"));
            }
            let same_iban = |other: &AccountConfig| other.iban.is_some() && other.iban == account.iban;
            if self.accounts.iter().take(index).any(same_iban) {
                return refuse(format!("the IBAN of `{name}` is another account's too"));
            }
        }
        match &self.test_account {
            Some(test) if !self.accounts.iter().any(|account| account.account == *test) => {
                refuse(format!("the test account `{test}` is not among the accounts"))
            }
            _ => Ok(()),
        }
    }
}
