//! The merchant's configuration.

use std::collections::BTreeMap;
use std::path::PathBuf;

use semper_shared::foundation::{Currency, Digest};
use semper_shared::items::payment::account::{AccountParameters, BankAccount, Bic, Iban, InvoiceTerms};
use semper_shared::items::payment::card::Level;
use semper_shared::items::payment::ecash::is_label;
use semper_shared::security::Thumbprint;
use serde::Deserialize;

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

/// A gateway through which cards are taken.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename = "closed GatewayConfig", deny_unknown_fields)]
pub struct GatewayConfig {
    /// Its origin.
    pub url: String,
    /// The thumbprint of its key. Without it, the key that the gateway shows at the first contact is believed from then on.
    #[serde(default)]
    pub key: Option<Thumbprint>,
    /// The least level that is taken: 1, 2 or 3 (`shared/spec/card.md`).
    #[serde(default = "default_level")]
    pub level: Level,
}

impl GatewayConfig {
    /// Its origin, without a slash at its end.
    pub(super) fn origin(&self) -> &str {
        self.url.trim_end_matches('/')
    }
}

const fn default_level() -> Level {
    Level::Three
}

/// The bank account of payment by invoice.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename = "closed AccountConfig", deny_unknown_fields)]
pub struct AccountConfig {
    /// Its number.
    pub iban: Iban,
    /// Its holder, at most 70 characters; without it, the shop's name.
    #[serde(default)]
    pub name: Option<String>,
    /// Its bank's identifier, where it must be named.
    #[serde(default)]
    pub bic: Option<Bic>,
    /// The terms that customers may choose from, the first by default: `prepaid`, `pay-later`.
    #[serde(default = "default_terms")]
    pub terms: Vec<InvoiceTerms>,
    /// Up to what total goods go out before the money came, in minor units. Must be set for `pay-later`.
    #[serde(default)]
    pub pay_later_limit_minor: Option<u64>,
    /// How many days after the order the money is due.
    #[serde(default = "default_due_days")]
    pub due_days: u16,
    /// How many days after the due date each reminder goes out.
    #[serde(default = "default_reminder_days")]
    pub reminder_days: Vec<u16>,
    /// How many days after the due date a prepaid order is given up; what arrives later is sent back.
    #[serde(default = "default_cancel_days")]
    pub cancel_days: u16,
    /// The bank's origin, where customers can order transfers over the net; stands in offers.
    #[serde(default)]
    pub bank: Option<String>,
    /// Where notifications of the account (camt.054) are fetched from; without it, files are imported by hand.
    #[serde(default)]
    pub notifications: Option<NotificationsConfig>,
}

/// Where notifications of an account are fetched from.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename = "closed NotificationsConfig", deny_unknown_fields)]
pub struct NotificationsConfig {
    /// The bank's origin.
    pub url: String,
    /// The account's name there.
    pub account: String,
    /// What opens it.
    pub token: Secret,
}

/// A token in the clear, which shows itself nowhere.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub(super) String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl AccountConfig {
    /// What offers say of it.
    pub(super) fn parameters(&self, shop: &str) -> AccountParameters {
        AccountParameters {
            account: self.account(shop),
            terms: self.terms.clone(),
            due_days: self.due_days,
            pay_later_limit_minor: self.pay_later_limit_minor,
            bank: self.bank.clone(),
        }
    }

    /// The account as files and invoices name it.
    pub(super) fn account(&self, shop: &str) -> BankAccount {
        let name = self.name.as_deref().unwrap_or(shop).to_owned();
        BankAccount { iban: self.iban.clone(), name, bic: self.bic.clone() }
    }

    fn fault(&self, shop: &str) -> Option<&'static str> {
        let name = self.account(shop).name;
        let later = self.terms.contains(&InvoiceTerms::PayLater);
        if self.terms.is_empty() {
            Some("`account.terms` names no terms")
        } else if name.trim().is_empty() || name.chars().count() > 70 || name.chars().any(char::is_control) {
            Some("`account.name` is 1 to 70 characters on one line")
        } else if later && self.pay_later_limit_minor.is_none() {
            Some("`account.pay_later_limit_minor` must be set where goods go out before the money came")
        } else if !self.reminder_days.is_sorted() || self.reminder_days.len() > 10 {
            Some("`account.reminder_days` ascend, and are at most ten")
        } else if self.bank.as_ref().is_some_and(|bank| !is_origin(bank)) {
            Some("`account.bank` is an origin, such as \"https://bank.example\"")
        } else {
            None
        }
    }
}

fn default_terms() -> Vec<InvoiceTerms> {
    vec![InvoiceTerms::Prepaid]
}

const fn default_due_days() -> u16 {
    14
}

fn default_reminder_days() -> Vec<u16> {
    vec![7, 21, 35]
}

const fn default_cancel_days() -> u16 {
    14
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

    pub(super) fn check(&self) -> Result<(), StartError> {
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
        if self.gateway.as_ref().is_some_and(|gateway| !is_origin(gateway.origin())) {
            return refuse("the gateway's `url` is its origin, such as \"https://gateway.example\"");
        }
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
