//! What wallet, merchant and gateway are all bound to.

use serde::{Deserialize, Serialize};

use crate::foundation::{Amount, Digest, UnixSeconds, base64};
use crate::security::Thumbprint;

/// How many parties sign: a payee names the least that it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum Level {
    /// The gateway.
    One,
    /// And the merchant.
    Two,
    /// And the customer.
    Three,
}

impl TryFrom<u8> for Level {
    type Error = &'static str;

    fn try_from(level: u8) -> Result<Self, Self::Error> {
        match level {
            1 => Ok(Self::One),
            2 => Ok(Self::Two),
            3 => Ok(Self::Three),
            _ => Err("the level is 1, 2 or 3"),
        }
    }
}

impl From<Level> for u8 {
    fn from(level: Level) -> Self {
        match level {
            Level::One => 1,
            Level::Two => 2,
            Level::Three => 3,
        }
    }
}

/// What all are bound to. Of the goods it holds the deal's name alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "closed Terms", deny_unknown_fields)]
pub struct Terms {
    /// The gateway that is to authorise.
    pub gateway: Thumbprint,
    /// Who is paid.
    pub merchant: Thumbprint,
    /// For which deal.
    pub deal: Digest,
    /// How much.
    pub amount: Amount,
    /// Until when the slip is good.
    pub expires_at: UnixSeconds,
    /// The merchant's, from its offer.
    #[serde(with = "base64::array")]
    pub nonce: [u8; 16],
    /// What the card is committed to: SHA-256 of slip secret, number and expiry.
    pub commitment: Digest,
    /// Who signs.
    pub level: Level,
}

impl Terms {
    /// The digest of the terms. Every part is of fixed length: numbers are big-endian, the currency its three letters.
    pub fn common(&self) -> Digest {
        Digest::of_parts(&[
            b"semper/1/card-terms\0",
            self.gateway.as_bytes(),
            self.merchant.as_bytes(),
            self.deal.as_bytes(),
            self.amount.currency().as_str().as_bytes(),
            &self.amount.minor().to_be_bytes(),
            &self.expires_at.0.to_be_bytes(),
            &self.nonce,
            self.commitment.as_bytes(),
            &[u8::from(self.level)],
        ])
    }
}
