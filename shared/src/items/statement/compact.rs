//! The compact serialization, taken apart and put together.

use serde::{Deserialize, Deserializer, Serialize};

use super::StatementError;
use crate::foundation::{base64, json};
use crate::security::keys::SignatureBytes;
use crate::security::{PublicKey, Thumbprint};

/// The most bytes that a statement may have.
pub const MAX_LEN: usize = 64 * 1024;

/// The protected header. Parameters that are not listed are ignored, as RFC 7515 section 4 asks, but for `crit`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) alg: String,
    pub(super) typ: String,
    pub(super) kid: Thumbprint,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub(super) jwk: Option<PublicKey>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub(super) crit: Option<serde_json::Value>,
}

/// A member that is there is there, also where it is `null`.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

pub(super) const ALG: &str = "ES256";

/// The three parts of a compact JWS.
pub(super) struct Parts<'a> {
    pub(super) header: Header,
    pub(super) payload: Vec<u8>,
    pub(super) signing_input: &'a str,
    pub(super) signature: SignatureBytes,
}

impl<'a> Parts<'a> {
    /// Takes a statement of type `typ` apart; nothing is verified yet.
    pub(super) fn parse(compact: &'a str, typ: &'static str) -> Result<Self, StatementError> {
        if compact.len() > MAX_LEN {
            return Err(StatementError::TooLarge);
        }
        let (signing_input, signature) = compact.rsplit_once('.').ok_or(StatementError::Malformed("no signature"))?;
        let (header, payload) = signing_input.split_once('.').ok_or(StatementError::Malformed("no payload"))?;
        let header = base64::decode(header).ok_or(StatementError::Malformed("header is not base64url"))?;
        let header: Header = json::from_slice(&header).map_err(|_| StatementError::Malformed("header"))?;
        if header.alg != ALG || header.crit.is_some() {
            return Err(StatementError::Unsupported);
        }
        if header.typ != typ {
            return Err(StatementError::Type { expected: typ });
        }
        if header.jwk.as_ref().is_some_and(|jwk| jwk.thumbprint() != header.kid) {
            return Err(StatementError::Malformed("kid is not the thumbprint of jwk"));
        }
        let payload = base64::decode(payload).ok_or(StatementError::Malformed("payload is not base64url"))?;
        let signature =
            base64::decode_array(signature).ok_or(StatementError::Malformed("signature is not 64 bytes"))?;
        Ok(Self { header, payload, signing_input, signature })
    }
}
