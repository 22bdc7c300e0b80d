//! The slip: the card, sealed to the gateway for these terms alone.

use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::super::PaymentError;
use super::{CardNumber, Expiry, Terms};
use crate::foundation::{Amount, Bytes, Digest, base64, json};
use crate::items::statement::{Compact, Signed, Statement};
use crate::security::sealing::{self, Purpose};
use crate::security::{PublicKey, SigningKey};

/// What the gateway finds in the sealed envelope.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "closed Slip", deny_unknown_fields)]
pub struct Slip {
    /// The card.
    pub card: CardNumber,
    /// Its last month.
    pub expiry: Expiry,
    /// How much it is to be charged.
    pub amount: Amount,
    /// The digest of the terms.
    pub common: Digest,
    /// Hides the card in its commitment: 32 random bytes.
    #[serde(with = "base64::array")]
    pub secret: [u8; 32],
}

impl Slip {
    /// What the terms name the card by: nobody without the secret can tell which card it is, or that it is the same one.
    pub fn commit(card: &CardNumber, expiry: Expiry, secret: &[u8; 32]) -> Digest {
        let digits = card.digits();
        let padded = Zeroizing::new(format!("{digits:*>19}{expiry}"));
        Digest::of_parts(&[b"semper/1/card-commitment\0", secret, padded.as_bytes()])
    }
}

impl core::fmt::Debug for Slip {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Slip(for {})", self.common)
    }
}

/// The customer's agreement to be charged, signed with the key of an enrolled card. It travels inside the envelope, since
/// the key would tell a merchant which of its customers this is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// The digest of the terms.
    pub common: Digest,
    /// The digest of the slip.
    pub slip: Digest,
}

impl Statement for Consent {
    const TYP: &'static str = "semper-card-consent+jwt";
}

/// What is sealed: the slip's JSON as bytes, so that its digest is of exactly these, and the consent.
#[derive(Serialize, Deserialize)]
#[serde(rename = "closed Envelope", deny_unknown_fields)]
pub(super) struct Envelope {
    pub(super) slip: Bytes,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) consent: Option<Compact<Consent>>,
}

impl Envelope {
    pub(super) fn open(&self) -> Result<Slip, PaymentError> {
        json::from_slice(&self.slip.0).map_err(|_| PaymentError::Invalid("the slip is malformed"))
    }
}

/// Fills a slip in for `terms`, signs the consent where there is a key for it, and seals both to the gateway.
pub(super) fn seal(
    terms: &Terms,
    (card, expiry, secret): (&CardNumber, Expiry, [u8; 32]),
    consent: Option<&SigningKey>,
    gateway: &PublicKey,
    mut rng: &mut dyn CryptoRng,
) -> Result<Vec<u8>, PaymentError> {
    let common = terms.common();
    let slip = Slip { card: card.clone(), expiry, amount: terms.amount, common, secret };
    let slip = Zeroizing::new(serialized(&slip)?);
    let consent =
        consent.map(|key| Signed::sign_self_keyed(Consent { common, slip: Digest::of(&slip) }, key).to_compact());
    let envelope = Zeroizing::new(serialized(&Envelope { slip: Bytes(slip.to_vec()), consent })?);
    sealing::seal(Purpose::CardSlip, &common, gateway, &envelope, &mut rng)
        .map_err(|_| PaymentError::Invalid("the gateway's key cannot be used"))
}

/// Opens an envelope that was sealed for `terms`.
pub(super) fn open(terms: &Terms, sealed: &[u8], gateway: &SigningKey) -> Result<Envelope, PaymentError> {
    let opened = sealing::open(Purpose::CardSlip, &terms.common(), gateway, sealed)
        .map(Zeroizing::new)
        .map_err(|_| super::number::refused(crate::foundation::Code::SEALED_INVALID))?;
    json::from_slice(&opened).map_err(|_| PaymentError::Invalid("the envelope is malformed"))
}

pub(super) fn serialized(value: &impl Serialize) -> Result<Vec<u8>, PaymentError> {
    serde_json::to_vec(value).map_err(|_| PaymentError::Invalid("it does not serialize"))
}
