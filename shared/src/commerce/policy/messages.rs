//! What a policy says. A member that is not known here is refused: what is not understood cannot be obeyed.

use serde::{Deserialize, Serialize};

use crate::foundation::{Amount, Table, UnixSeconds};
use crate::items::payment::ModuleId;
use crate::items::statement::Statement;
use crate::security::PublicKey;

/// A policy. Signed by the authority that it names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "closed Policy", deny_unknown_fields)]
pub struct Policy {
    /// What it is called.
    pub name: String,
    /// Who makes it.
    pub issuer: String,
    /// The key that signs it.
    pub key: PublicKey,
    /// What holds where no rule speaks of a module: everything is allowed, or forbidden.
    #[serde(default, skip_serializing_if = "is_allow")]
    pub otherwise: Effect,
    /// The rules; their order does not matter.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// What must hold of every payment system.
    #[serde(default, skip_serializing_if = "is_default")]
    pub minima: Minima,
    /// What may be spent.
    #[serde(default, skip_serializing_if = "is_default")]
    pub limits: Limits,
    /// When it was signed.
    pub issued_at: UnixSeconds,
    /// Until when it holds. After that nothing may be paid under it.
    pub expires_at: UnixSeconds,
}

impl Statement for Policy {
    const TYP: &'static str = "semper-policy+jwt";
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "closed Rule", deny_unknown_fields)]
pub struct Rule {
    /// The payment modules that it is about; empty means every one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modules: Vec<ModuleId>,
    /// When it applies; without conditions, always.
    #[serde(default, skip_serializing_if = "is_default")]
    pub when: When,
    /// What it says of them.
    pub then: Effect,
    /// Why, for people to read.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
}

/// What a rule says of its modules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// They may be used.
    #[default]
    Allow,
    /// They may not; no other rule overrules that.
    Forbid,
    /// No others may be used.
    Require,
    /// They may be used when the person has confirmed it.
    Confirm,
}

/// When a rule applies: every condition that is named must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "closed When", deny_unknown_fields, default)]
pub struct When {
    /// On this side alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Side>,
    /// For customers in one of these (ISO 3166-1 alpha-2).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub customer: Vec<String>,
    /// For merchants in one of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub merchant: Vec<String>,
    /// For more than this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub over: Option<Amount>,
    /// For at most this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub up_to: Option<Amount>,
    /// For goods of one of these kinds, as offers name them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
}

/// A side of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Who pays.
    Payer,
    /// Who is paid.
    Payee,
}

/// What must hold of every payment system.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "closed Minima", deny_unknown_fields, default)]
pub struct Minima {
    /// The algorithms that statements may be signed with (RFC 7518 names); empty means any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub algorithms: Vec<String>,
    /// The least security strength of everything that a module relies on, in bits (NIST SP 800-57 part 1).
    #[serde(skip_serializing_if = "is_default")]
    pub strength_bits: u16,
    /// The oldest versions of modules.
    #[serde(skip_serializing_if = "is_default")]
    pub versions: Table<ModuleId, u32>,
}

/// What may be spent within 24 hours: one amount for each currency; a currency that none names is not limited.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "closed Limits", deny_unknown_fields, default)]
pub struct Limits {
    /// In all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub day: Vec<Amount>,
    /// At one merchant.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub merchant_day: Vec<Amount>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_allow(effect: &Effect) -> bool {
    *effect == Effect::Allow
}
