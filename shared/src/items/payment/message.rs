//! What the manager's two sides and the modules exchange.

use core::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::foundation::{Amount, Digest, UnixSeconds};
use crate::security::Thumbprint;

/// The name of a payment module: lower-case letters, digits and hyphens, at most 32.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ModuleId(String);

impl ModuleId {
    /// Reads a name.
    pub fn new(name: impl Into<String>) -> Option<Self> {
        let name = name.into();
        let fits = matches!(name.len(), 1..=32)
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        fits.then_some(Self(name))
    }

    /// The name that stands in an order where nothing is to be paid.
    pub fn none() -> Self {
        Self("none".to_owned())
    }

    /// The name that stands in an order whose price is split over two modules.
    pub fn split() -> Self {
        Self("split".to_owned())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ModuleId {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        Self::new(name).ok_or("a module's name is 1 to 32 lower-case letters, digits and hyphens")
    }
}

impl From<ModuleId> for String {
    fn from(id: ModuleId) -> Self {
        id.0
    }
}

impl fmt::Display for ModuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ModuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A payment module in one version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ModuleVersion {
    /// The module.
    pub id: ModuleId,
    /// The version of its protocol.
    pub version: u32,
}

/// The first version.
impl From<ModuleId> for ModuleVersion {
    fn from(id: ModuleId) -> Self {
        Self { id, version: 1 }
    }
}

/// The version of statements that do not name one.
pub(crate) const fn first_version() -> u32 {
    1
}

/// Whether a version may stand unsaid.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
pub(crate) const fn is_first_version(version: &u32) -> bool {
    *version == first_version()
}

/// A way to pay that an offer accepts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acceptance {
    /// The module.
    pub module: ModuleId,
    /// The version of its protocol.
    pub version: u32,
    /// What the module needs to know, such as the mints whose coins are taken.
    pub parameters: Value,
    /// The extensions that must be understood to pay this way: a wallet whose module does not know one falls out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub critical: Vec<String>,
}

/// What is to be paid: every module binds its payment to all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bill {
    /// The deal.
    pub deal: Digest,
    /// The thumbprint of the merchant's key.
    pub payee: Thumbprint,
    /// How much.
    pub total: Amount,
    /// Until when the merchant may refund.
    pub refund_by: UnixSeconds,
}

/// A payment on its way from wallet to merchant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// The module.
    pub module: ModuleId,
    /// The version of its protocol.
    pub version: u32,
    /// What only the module understands.
    pub body: Value,
    /// The extensions that must be understood to take it: a merchant whose module does not know one refuses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub critical: Vec<String>,
}

/// Something to be asked of a third party: a POST of JSON that is safe to repeat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The address.
    pub url: String,
    /// The body.
    pub body: Value,
}

/// What the third party answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// How a payment goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Ask this, and resume with the answer.
    Ask(Request),
    /// The money is the merchant's.
    Settled(Settlement),
}

/// A payment that is done, with what proves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    /// What was paid.
    pub paid: Amount,
    /// What of it is owed, since the merchant gives credit; none where all of it is in the merchant's hands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owed: Option<Amount>,
    /// The digests of the statements that prove it, for the receipt.
    pub proofs: Vec<Digest>,
    /// The statements themselves, compact.
    pub statements: Vec<String>,
}
