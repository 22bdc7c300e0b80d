//! What travels between wallet, merchant and gateway.

use serde::{Deserialize, Serialize};

use super::{Brand, Level, Operation, Terms};
use crate::foundation::{Amount, Bytes, Digest, UnixSeconds, base64};
use crate::items::payment::Refund;
use crate::items::statement::{Compact, Statement};
use crate::security::{PublicKey, Thumbprint};

/// A gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gateway {
    /// Its origin.
    pub url: String,
    /// Its key: signs its answers, and opens slips.
    pub key: PublicKey,
}

/// What an offer says about payment by card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardParameters {
    /// The gateway that the merchant works with.
    pub gateway: Gateway,
    /// The least level that the merchant takes.
    pub level: Level,
    /// The merchant's nonce, 16 random bytes.
    #[serde(with = "base64::array")]
    pub nonce: [u8; 16],
    /// The brands that it takes; empty for all.
    #[serde(default)]
    pub brands: Vec<Brand>,
}

/// A payment by card, as the merchant sees it: nothing in it tells cards apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "closed CardBody", deny_unknown_fields)]
pub struct CardBody {
    /// What all are bound to.
    pub terms: Terms,
    /// The envelope, sealed to the gateway with the terms' digest in its context.
    pub sealed: Bytes,
}

/// What the merchant asks the gateway to authorise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "closed Request", deny_unknown_fields)]
pub struct Request {
    /// The same terms.
    pub terms: Terms,
    /// The digest of the sealed envelope.
    pub sealed: Digest,
}

impl Statement for Request {
    const TYP: &'static str = "semper-card-request+jwt";
}

/// A request: signed by the merchant from level 2 on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Requested {
    /// Levels 2 and 3.
    Signed(Compact<Request>),
    /// Level 1.
    Plain(Request),
}

/// `POST /authorisations`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "closed AuthorisationBody", deny_unknown_fields)]
pub struct AuthorisationBody {
    /// What is asked.
    pub request: Requested,
    /// The envelope.
    pub sealed: Bytes,
}

/// What the acquirer decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "lowercase")]
pub enum Outcome {
    /// The amount is held for the merchant until then.
    Authorised {
        /// When the authorisation ends unless it is captured.
        capture_by: UnixSeconds,
    },
    /// It is not, for a reason out of the table of codes.
    Declined {
        /// Such as `card-declined`, `funds-insufficient`, `card-expired`.
        reason: String,
    },
}

/// The gateway's answer to a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The digest of the terms, by which the authorisation is known.
    pub common: Digest,
    /// The gateway.
    pub gateway: Thumbprint,
    /// Who is paid.
    pub merchant: Thumbprint,
    /// For which deal.
    pub deal: Digest,
    /// How much.
    pub amount: Amount,
    /// Who had signed.
    pub level: Level,
    /// What was decided.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// When.
    pub decided_at: UnixSeconds,
}

impl Statement for Answer {
    const TYP: &'static str = "semper-card-answer+jwt";
}

/// The answer's body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerBody {
    /// The answer.
    pub answer: Compact<Answer>,
}

/// What the cardholder is to approve at the gateway: a member `challenge` of the problem `step-up-required`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// Its name.
    pub challenge: Digest,
    /// Where it is approved or refused.
    pub url: String,
    /// The merchant, by the name that the gateway knows it under.
    pub payee: String,
    /// How much.
    pub amount: Amount,
    /// Until when.
    pub expires_at: UnixSeconds,
}

/// The cardholder's word on a challenge, signed with the card's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepUp {
    /// The challenge.
    pub challenge: Digest,
    /// How much the cardholder saw.
    pub amount: Amount,
    /// Whether it is approved.
    pub approved: bool,
}

impl Statement for StepUp {
    const TYP: &'static str = "semper-card-step-up+jwt";
}

/// `POST` of a challenge's address: the signed word from an enrolled card, else the code that the issuer sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "closed StepUpBody", deny_unknown_fields)]
pub struct StepUpBody {
    /// Level 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_up: Option<Compact<StepUp>>,
    /// Levels 1 and 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// The merchant's order to capture, void or refund. Two with the same name are one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The gateway.
    pub gateway: Thumbprint,
    /// The authorisation: the digest of its terms.
    pub common: Digest,
    /// The order's name, chosen by the merchant.
    #[serde(with = "base64::array")]
    pub id: [u8; 16],
    /// What to do.
    #[serde(flatten)]
    pub operation: Operation,
}

impl Statement for Order {
    const TYP: &'static str = "semper-card-order+jwt";
}

/// `POST /orders`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "closed OrderBody", deny_unknown_fields)]
pub struct OrderBody {
    /// The order.
    pub order: Compact<Order>,
    /// With a refund, the merchant's word to the customer, which the gateway passes over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund: Option<Compact<Refund>>,
}

/// The gateway's word that an order was carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "FlatDone")]
pub struct Done {
    /// The digest of the authorisation's terms.
    pub common: Digest,
    /// The gateway.
    pub gateway: Thumbprint,
    /// Who is paid.
    pub merchant: Thumbprint,
    /// For which deal.
    pub deal: Digest,
    /// The order's name.
    #[serde(with = "base64::array")]
    pub id: [u8; 16],
    /// What was done.
    #[serde(flatten)]
    pub operation: Operation,
    /// Captured so far, minor units of the authorisation's currency.
    pub captured_minor: u64,
    /// Refunded so far.
    pub refunded_minor: u64,
    /// When.
    pub done_at: UnixSeconds,
}

/// The word as it is read: what serde makes of flattened and tagged members to read them is large, and every wallet would
/// carry it.
#[derive(Deserialize)]
struct FlatDone {
    common: Digest,
    gateway: Thumbprint,
    merchant: Thumbprint,
    deal: Digest,
    #[serde(with = "base64::array")]
    id: [u8; 16],
    operation: String,
    amount: Option<Amount>,
    reason: Option<String>,
    captured_minor: u64,
    refunded_minor: u64,
    done_at: UnixSeconds,
}

impl TryFrom<FlatDone> for Done {
    type Error = &'static str;

    fn try_from(flat: FlatDone) -> Result<Self, Self::Error> {
        let operation = match (flat.operation.as_str(), flat.amount, flat.reason) {
            ("capture", Some(amount), _) => Operation::Capture { amount },
            ("void", ..) => Operation::Void,
            ("refund", Some(amount), Some(reason)) => Operation::Refund { amount, reason },
            _ => return Err("an operation is not known, or not whole"),
        };
        let FlatDone { common, gateway, merchant, deal, id, captured_minor, refunded_minor, done_at, .. } = flat;
        Ok(Self { common, gateway, merchant, deal, id, operation, captured_minor, refunded_minor, done_at })
    }
}

impl Statement for Done {
    const TYP: &'static str = "semper-card-done+jwt";
}

/// The answer to an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoneBody {
    /// The gateway's word.
    pub done: Compact<Done>,
}
