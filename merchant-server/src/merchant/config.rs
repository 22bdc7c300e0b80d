//! The merchant's configuration.

#[cfg(feature = "account")]
mod account;
#[cfg(feature = "card")]
mod gateway;

use std::collections::BTreeMap;
use std::path::PathBuf;

use semper_shared::foundation::{Currency, Digest};
use semper_shared::items::payment::ecash::is_label;
use semper_shared::security::Thumbprint;
use serde::Deserialize;

#[cfg(feature = "account")]
pub use account::{AccountConfig, NotificationsConfig};
#[cfg(feature = "card")]
pub use gateway::GatewayConfig;

/// What stands in the place of settings of a module that this program was built without: they are refused by name.
#[cfg(not(feature = "account"))]
pub type AccountConfig = serde::de::IgnoredAny;
/// What stands in the place of settings of a module that this program was built without: they are refused by name.
#[cfg(not(feature = "card"))]
pub type GatewayConfig = serde::de::IgnoredAny;

use crate::http::{ServerSettings, StartError};
use crate::store::sql::StoreUrl;

/// What the merchant must know.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename = "closed Config", deny_unknown_fields)]
pub struct Config {
    /// The folder for key and contents, and books unless `store` names another place.
    pub data: PathBuf,
    /// A PostgreSQL database (`postgres://…`), which several replicas may share; without it, a file in `data`.
    #[serde(default)]
    pub store: Option<StoreUrl>,
    /// Where it listens. `public_url` must be set: offers carry it.
    #[serde(default)]
    pub server: ServerSettings,
    /// The name that people see.
    pub name: String,
    /// The only currency it deals in.
    #[serde(default = "default_currency")]
    pub currency: Currency,
    /// The mints whose coins it takes.
    #[serde(default)]
    pub mints: Vec<MintConfig>,
    /// The gateway through which it takes cards.
    #[serde(default)]
    pub gateway: Option<GatewayConfig>,
    /// The bank account into which customers pay by invoice.
    #[serde(default)]
    pub account: Option<AccountConfig>,
    /// Where mints pay out to.
    #[serde(default)]
    pub payout: Option<PayoutConfig>,
    /// For how many days after a payment it may refund.
    #[serde(default = "default_refund_days")]
    pub refund_days: u16,
    /// Where it sells (ISO 3166-1 alpha-2); empty means everywhere.
    #[serde(default)]
    pub jurisdictions: Vec<String>,
    /// Where it is (ISO 3166-1 alpha-2).
    #[serde(default)]
    pub jurisdiction: Option<String>,
    /// A file with a signed policy (`shared/spec/policy.md`): no order is taken against it.
    #[serde(default)]
    pub policy: Option<PathBuf>,
    /// The thumbprint of the key that the policy must be signed with.
    #[serde(default)]
    pub policy_key: Option<Thumbprint>,
    /// How customers reach a person; stands in the terms.
    #[serde(default)]
    pub contact: Option<String>,
    /// SHA-256 of the operator's token, base64url: with the token, deals are listed and refunded. Without it, nobody does.
    #[serde(default)]
    pub admin_token_hash: Option<Digest>,
    /// Takes promises for money. For tests: it gives the goods away.
    #[serde(default)]
    pub dummy_payments: bool,
}

/// A mint whose coins are taken.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename = "closed MintConfig", deny_unknown_fields)]
pub struct MintConfig {
    /// Its origin.
    pub url: String,
    /// The thumbprint of its key. Without it, the key that the mint shows at the first contact is believed from then on.
    #[serde(default)]
    pub key: Option<Thumbprint>,
}

/// An account that mints pay out to.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename = "closed PayoutConfig", deny_unknown_fields)]
pub struct PayoutConfig {
    /// The bank's origin.
    pub bank: String,
    /// The account's name there.
    pub account: String,
    /// Further accounts there by label: a good whose `account` is the label is paid out to it.
    #[serde(default)]
    pub accounts: BTreeMap<String, String>,
}

fn default_currency() -> Currency {
    Currency::EUR
}

fn default_refund_days() -> u16 {
    14
}

impl Config {
    /// Whether there is an account of this label, or one at all where no label is named.
    pub(super) fn has_account(&self, label: Option<&str>) -> bool {
        label.is_none_or(|label| self.payout.as_ref().is_some_and(|payout| payout.accounts.contains_key(label)))
    }

    /// The origin under which the shop is reached, without a slash at its end.
    pub(super) fn url(&self) -> &str {
        self.server.public_url.trim_end_matches('/')
    }

    /// The payment module that is asked for and that this program was built without.
    fn left_out(&self) -> Option<&'static str> {
        let asked = [
            ("card", cfg!(feature = "card"), self.gateway.is_some()),
            ("account", cfg!(feature = "account"), self.account.is_some()),
            ("dummy", cfg!(feature = "dummy"), self.dummy_payments),
        ];
        asked.into_iter().find(|(_, built, asked)| *asked && !built).map(|(module, ..)| module)
    }

    pub(super) fn check(&self) -> Result<(), StartError> {
        if let Some(module) = self.left_out() {
            return Err(StartError::LeftOut(module));
        }
        let refuse = |why: &str| Err(StartError::Config(format!("merchant: {why}")));
        if !is_origin(self.url()) {
            return refuse("`server.public_url` must be the shop's origin, since offers carry it");
        }
        if self.name.trim().is_empty() || self.name.chars().count() > 100 {
            return refuse("`name` is 1 to 100 characters");
        }
        if self.mints.iter().any(|mint| !is_origin(mint.url.trim_end_matches('/'))) {
            return refuse("a mint's `url` is its origin, such as \"https://mint.example\"");
        }
        #[cfg(feature = "card")]
        if self.gateway.as_ref().is_some_and(|gateway| !is_origin(gateway.origin())) {
            return refuse("the gateway's `url` is its origin, such as \"https://gateway.example\"");
        }
        #[cfg(feature = "account")]
        if let Some(fault) = self.account.as_ref().and_then(|account| account.fault(&self.name)) {
            return refuse(fault);
        }
        if !self.mints.is_empty() && self.payout.is_none() {
            return refuse("`payout` must name the account that the mints pay out to");
        }
        if self.payout.iter().flat_map(|payout| payout.accounts.keys()).any(|label| !is_label(label)) {
            return refuse("a label in `payout.accounts` is 1 to 32 lower-case letters, digits and hyphens");
        }
        Ok(())
    }
}

fn is_origin(url: &str) -> bool {
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']))
}
