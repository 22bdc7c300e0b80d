//! The bank account into which customers pay by invoice.

use semper_shared::items::payment::account::{AccountParameters, BankAccount, Bic, Iban, InvoiceTerms};
use serde::Deserialize;

use super::is_origin;

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
pub struct Secret(pub(in crate::merchant) String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl AccountConfig {
    /// What offers say of it.
    pub(in crate::merchant) fn parameters(&self, shop: &str) -> AccountParameters {
        AccountParameters {
            account: self.account(shop),
            terms: self.terms.clone(),
            due_days: self.due_days,
            pay_later_limit_minor: self.pay_later_limit_minor,
            bank: self.bank.clone(),
        }
    }

    /// The account as files and invoices name it.
    pub(in crate::merchant) fn account(&self, shop: &str) -> BankAccount {
        let name = self.name.as_deref().unwrap_or(shop).to_owned();
        BankAccount { iban: self.iban.clone(), name, bic: self.bic.clone() }
    }

    pub(super) fn fault(&self, shop: &str) -> Option<&'static str> {
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
