//! Enrolment: a card gets a key of its own, which only its wallet has. The gateway certifies the key.

use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::super::PaymentError;
use super::slip::serialized;
use super::{Brand, CardNumber, Expiry};
use crate::foundation::{Bytes, Digest, UnixSeconds, json};
use crate::items::statement::{Compact, Signed, Statement};
use crate::security::sealing::{self, Purpose};
use crate::security::{PublicKey, Signer as _, SigningKey, Thumbprint};

/// The wish to have a card enrolled, signed with the key that the card is to have, which it carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "closed Enrolment", deny_unknown_fields)]
pub struct Enrolment {
    /// The gateway.
    pub gateway: Thumbprint,
    /// Number and expiry, sealed to the gateway in the context of the card key's thumbprint.
    pub sealed: Bytes,
}

impl Statement for Enrolment {
    const TYP: &'static str = "semper-card-enrolment+jwt";
}

/// `POST /cards`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "closed EnrolmentBody", deny_unknown_fields)]
pub struct EnrolmentBody {
    /// The enrolment.
    pub enrolment: Compact<Enrolment>,
}

/// The gateway's word that a key is a card's. It does not say which card's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// The gateway.
    pub gateway: Thumbprint,
    /// The card's key.
    pub card: Thumbprint,
    /// The card's brand.
    pub brand: Brand,
    /// From when.
    pub issued_at: UnixSeconds,
    /// Until when: the card's own end.
    pub expires_at: UnixSeconds,
}

impl Statement for Certificate {
    const TYP: &'static str = "semper-card-certificate+jwt";
}

/// The answer to an enrolment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateBody {
    /// The certificate.
    pub certificate: Compact<Certificate>,
}

/// What an enrolment seals.
#[derive(Serialize, Deserialize)]
#[serde(rename = "closed Plastic", deny_unknown_fields)]
pub(super) struct Plastic {
    pub(super) card: CardNumber,
    pub(super) expiry: Expiry,
}

/// Makes an enrolment of a card under `key`.
///
/// # Errors
/// [`PaymentError`] where the gateway's key cannot be used.
pub(super) fn enrol(
    card: &CardNumber,
    expiry: Expiry,
    key: &SigningKey,
    gateway: &PublicKey,
    mut rng: &mut dyn CryptoRng,
) -> Result<EnrolmentBody, PaymentError> {
    let plastic = Zeroizing::new(serialized(&Plastic { card: card.clone(), expiry })?);
    let context = key.public_key().thumbprint();
    let sealed = sealing::seal(Purpose::CardEnrolment, &context, gateway, &plastic, &mut rng)
        .map_err(|_| PaymentError::Invalid("the gateway's key cannot be used"))?;
    let enrolment = Enrolment { gateway: gateway.thumbprint(), sealed: Bytes(sealed) };
    Ok(EnrolmentBody { enrolment: Signed::sign_self_keyed(enrolment, key).to_compact() })
}

/// Opens the sealed part of an enrolment.
pub(super) fn open(enrolment: &Enrolment, card: &Digest, gateway: &SigningKey) -> Result<Plastic, PaymentError> {
    let opened = sealing::open(Purpose::CardEnrolment, card, gateway, &enrolment.sealed.0)
        .map(Zeroizing::new)
        .map_err(|_| super::number::refused(crate::foundation::Code::SEALED_INVALID))?;
    json::from_slice(&opened).map_err(|_| super::number::refused(crate::foundation::Code::CARD_NUMBER_INVALID))
}
