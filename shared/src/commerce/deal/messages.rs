//! The statements of a deal, and the bodies in which they travel.

use serde::{Deserialize, Serialize};

use super::State;
use crate::foundation::{Amount, Bytes, Digest, UnixSeconds, base64};
use crate::items::payment::{ModuleId, Payment, RefundStatus, Share, first_version, is_first_version};
use crate::items::statement::{Compact, Statement};

/// The customer's order. Signed with the deal's own key, which it carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The digest of the offer.
    pub offer: Digest,
    /// The payment module chosen, `split` where two share the price, or `none` where nothing is to be paid.
    pub module: ModuleId,
    /// Its version; the first where it is not named.
    #[serde(default = "first_version", skip_serializing_if = "is_first_version")]
    pub version: u32,
    /// What the customer agrees to pay.
    pub total: Amount,
    /// What each module pays of it, where two share it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub split: Vec<Share>,
    /// 16 random bytes.
    #[serde(with = "base64::array")]
    pub nonce: [u8; 16],
    /// Where the customer is (ISO 3166-1 alpha-2), where the offer is not for everywhere and the customer has said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// The delivery address, sealed to the merchant, where goods need one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Bytes>,
    /// When it was ordered.
    pub ordered_at: UnixSeconds,
}

impl Statement for Order {
    const TYP: &'static str = "semper-order+jwt";
}

/// The name of a deal: SHA-256 of offer digest and order digest.
pub fn deal_id(offer: &Digest, order: &Digest) -> Digest {
    Digest::of_parts(&[offer.as_bytes(), order.as_bytes()])
}

/// The merchant's word that a deal is paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The deal.
    pub deal: Digest,
    /// The digest of the offer.
    pub offer: Digest,
    /// The digest of the order.
    pub order: Digest,
    /// What was paid.
    pub paid: Amount,
    /// What of it is owed, as the statements in `payment` say: the merchant gives credit. Absent where nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owed: Option<Amount>,
    /// With which module.
    pub module: ModuleId,
    /// Its version; the first where it is not named.
    #[serde(default = "first_version", skip_serializing_if = "is_first_version")]
    pub version: u32,
    /// What each module paid, with what proves it, where two shared the price: in the order's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub split: Vec<Share>,
    /// The digests of the statements that prove the payment, such as the mint's confirmation.
    pub payment: Vec<Digest>,
    /// When it was issued.
    pub issued_at: UnixSeconds,
    /// Until when the merchant may refund.
    pub refund_by: UnixSeconds,
}

impl Statement for Receipt {
    const TYP: &'static str = "semper-receipt+jwt";
}

/// The content keys, each sealed to the deal's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The deal.
    pub deal: Digest,
    /// One for each part of the offer.
    pub keys: Vec<SealedKey>,
    /// When it was issued.
    pub issued_at: UnixSeconds,
}

impl Statement for Delivery {
    const TYP: &'static str = "semper-delivery+jwt";
}

/// The key of one part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedKey {
    /// The part's name.
    pub part: String,
    /// HPKE, for the purpose `content-key` in the context of the deal.
    pub sealed: Bytes,
}

/// The customer's word that the keys came and open what was offered. Signed with the deal's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// The deal.
    pub deal: Digest,
    /// The digest of the receipt.
    pub receipt: Digest,
    /// When the delivery came.
    pub received_at: UnixSeconds,
}

impl Statement for Acknowledgement {
    const TYP: &'static str = "semper-acknowledgement+jwt";
}

/// Wallet to merchant: an order and its payment, in one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DealBody {
    /// The order.
    pub order: Compact<Order>,
    /// The payment; none where nothing is to be paid.
    pub payment: Option<Payment>,
}

/// Merchant to wallet: how a deal stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DealStatus {
    /// The deal.
    pub deal: Digest,
    /// Its state.
    pub state: State,
    /// The receipt, once it is paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Compact<Receipt>>,
    /// The delivery, once it is paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery: Option<Compact<Delivery>>,
    /// The statements that prove the payment, such as the mint's confirmation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proofs: Vec<String>,
    /// What was given back, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refunds: Vec<RefundStatus>,
}
