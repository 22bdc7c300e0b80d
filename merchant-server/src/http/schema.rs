//! How the protocol crate's types stand in API descriptions: `#[schema(value_type = AmountSchema)]`.

use serde::Serialize;
use utoipa::ToSchema;

/// An amount of money in whole minor units.
#[derive(Serialize, ToSchema)]
#[serde(rename = "closed AmountSchema", deny_unknown_fields)]
#[schema(as = Amount)]
pub struct AmountSchema {
    /// ISO 4217.
    #[schema(example = "EUR", pattern = "^[A-Z]{3}$")]
    pub currency: String,
    /// Minor units, such as cents.
    #[schema(example = 320, minimum = 0, maximum = 9_007_199_254_740_991_u64)]
    pub minor: u64,
}

/// 32 bytes as base64url without padding.
#[derive(Serialize, ToSchema)]
#[schema(as = Digest, example = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU", pattern = "^[A-Za-z0-9_-]{43}$")]
pub struct DigestSchema(pub String);

/// A statement as a compact JWS (RFC 7515).
#[derive(Serialize, ToSchema)]
#[schema(as = Statement, example = "eyJhbGciOiJFUzI1NiJ9.eyJ9.c2ln")]
pub struct StatementSchema(pub String);
