//! A good: what a shop shows of it, and what its offer promises.

use semper_shared::foundation::Amount;
use semper_shared::items::information::Commitment;
use serde::{Deserialize, Serialize};

/// A good as the merchant keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Good {
    /// Its name in addresses.
    pub id: String,
    /// What it is, in a few words.
    pub title: String,
    /// The same in a sentence.
    pub summary: String,
    /// What kind of thing: `article`, `course`, `data` …
    pub kind: String,
    /// Its language (BCP 47).
    pub language: String,
    /// What it costs, VAT included.
    pub price: Amount,
    /// The VAT rate in it, in hundredths of a percent.
    pub vat_rate_bp: u16,
    /// The label of the merchant's account that it is paid out to; none for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The cover.
    pub picture: Option<Cover>,
    /// Who made it.
    pub byline: Option<String>,
    /// How long it takes to read or hear, in minutes.
    pub minutes: Option<u32>,
    /// Its place in the shop, ascending.
    pub order: i64,
    /// The description.
    pub description_html: String,
    /// How it begins.
    pub preview_html: Option<String>,
    /// The files that the customer gets.
    pub parts: Vec<GoodPart>,
}

/// A cover picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cover {
    /// Its file name, under `/pictures/`.
    pub file: String,
    /// What it shows.
    pub alt: String,
}

/// One file of a good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoodPart {
    /// Its file name.
    pub name: String,
    /// What it is, in a few words.
    pub title: String,
    /// What the merchant commits to.
    #[serde(flatten)]
    pub commitment: Commitment,
}
