//! The offer's members.

use serde::{Deserialize, Serialize};

use crate::foundation::{Amount, Digest, UnixSeconds};
use crate::items::information::{Commitment, size_in_bounds};
use crate::items::payment::{Acceptance, ModuleId};
use crate::items::statement::Statement;
use crate::security::PublicKey;

/// A merchant's signed promise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Who offers.
    pub merchant: Merchant,
    /// The merchant's name for the good, part of its address.
    pub good: String,
    /// What is offered, in a few words.
    pub title: String,
    /// The same in a sentence.
    pub summary: String,
    /// What kind of thing it is, such as `article`: policies may speak of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The language of the good (BCP 47).
    pub language: String,
    /// What the price is made of.
    pub items: Vec<Item>,
    /// What is to be paid, VAT included.
    pub total: Amount,
    /// The VAT in it.
    pub vat: Amount,
    /// The terms of the sale.
    pub terms: Terms,
    /// For how many days after the payment the merchant may refund.
    pub refund_days: u16,
    /// What is delivered.
    pub delivery: DeliveryTerms,
    /// The ways to pay that are taken; empty where nothing is to be paid.
    pub accepts: Vec<Acceptance>,
    /// Those of them of which two may share the price; empty where one has to pay all of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub split: Vec<ModuleId>,
    /// How payment and delivery are exchanged.
    pub exchange: Exchange,
    /// Where the merchant sells (ISO 3166-1 alpha-2); empty means everywhere.
    pub jurisdictions: Vec<String>,
    /// When it was signed.
    pub issued_at: UnixSeconds,
    /// Until when it can be ordered.
    pub expires_at: UnixSeconds,
}

impl Statement for Offer {
    const TYP: &'static str = "semper-offer+jwt";
}

/// Who offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merchant {
    /// The name that people know it by.
    pub name: String,
    /// Its origin.
    pub url: String,
    /// Where it is (ISO 3166-1 alpha-2), if it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jurisdiction: Option<String>,
    /// The key that signs the offer.
    pub key: PublicKey,
}

/// One line of the bill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// What it is.
    pub title: String,
    /// How many.
    pub quantity: u32,
    /// The price of one, VAT included.
    pub price: Amount,
    /// The VAT rate, in hundredths of a percent.
    pub vat_rate_bp: u16,
}

/// The terms of the sale and their hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// The text.
    pub text: String,
    /// SHA-256 of the text.
    pub digest: Digest,
}

impl Terms {
    /// Terms with their hash.
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { digest: Digest::of(text.as_bytes()), text }
    }
}

/// What is delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryTerms {
    /// The files.
    pub parts: Vec<Part>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "FlatPart")]
pub struct Part {
    /// Its file name, unique in the offer, without path.
    pub name: String,
    /// What it is, in a few words.
    pub title: String,
    /// Where the ciphertext lies.
    pub url: String,
    /// What the merchant commits to.
    #[serde(flatten)]
    pub commitment: Commitment,
}

/// A part as it is read: what serde makes of flattened members to read them is large, and every wallet would carry it.
#[derive(Deserialize)]
struct FlatPart {
    name: String,
    title: String,
    url: String,
    media_type: String,
    #[serde(deserialize_with = "size_in_bounds")]
    size: u64,
    ciphertext: Digest,
    plaintext_root: Digest,
    key_hash: Digest,
}

impl From<FlatPart> for Part {
    fn from(flat: FlatPart) -> Self {
        let FlatPart { name, title, url, media_type, size, ciphertext, plaintext_root, key_hash } = flat;
        let commitment = Commitment { media_type, size, ciphertext, plaintext_root, key_hash };
        Self { name, title, url, commitment }
    }
}

/// How payment and delivery are exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Exchange {
    /// The customer pays, the merchant delivers; the evidence holds the merchant to it.
    Plain,
}
