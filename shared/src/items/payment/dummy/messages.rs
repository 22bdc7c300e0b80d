//! What a dummy payment carries.

use serde::{Deserialize, Serialize};

use crate::foundation::{Amount, Digest};

/// What an offer says about the module: nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "closed Parameters", deny_unknown_fields)]
pub struct Parameters {}

/// A payment: the bill, repeated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// The deal that it is for.
    pub deal: Digest,
    /// How much.
    pub amount: Amount,
}
