//! Sealing: HPKE (RFC 9180) in base mode, DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-256-GCM.
//!
//! A sealed message is `enc ‖ ciphertext`: 65 bytes of encapsulated key, the plaintext's length, 16 bytes of tag. The
//! `info` names purpose, version and context, so that a message sealed for one use never opens for another.

use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::DhP256HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use rand_core::CryptoRng;

use super::SecurityError;
use super::keys::{PublicKey, Signer, SigningKey};
use crate::foundation::Digest;

const ENCAPSULATED_LEN: usize = 65;

/// What a message is sealed for: the domain separator of sealing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Purpose {
    /// A content key, from merchant to the deal's key.
    ContentKey,
    /// A delivery address, from wallet to merchant.
    Address,
    /// A card slip, from wallet to gateway.
    CardSlip,
    /// A card that is to be enrolled, from wallet to gateway.
    CardEnrolment,
}

impl Purpose {
    const fn label(self) -> &'static str {
        match self {
            Self::ContentKey => "semper/1/content-key",
            Self::Address => "semper/1/address",
            Self::CardSlip => "semper/1/card-slip",
            Self::CardEnrolment => "semper/1/card-enrolment",
        }
    }

    /// `label ‖ 0x00 ‖ recipient's thumbprint ‖ context`, where the context is a deal's or an offer's digest.
    fn info(self, recipient: &PublicKey, context: &Digest) -> Vec<u8> {
        [self.label().as_bytes(), &[0], recipient.thumbprint().as_bytes(), context.as_bytes()].concat()
    }
}

/// Seals `plaintext` to `recipient`, for one purpose in one context.
///
/// # Errors
/// [`SecurityError::Key`] where the key cannot be used.
pub fn seal(
    purpose: Purpose,
    context: &Digest,
    recipient: &PublicKey,
    plaintext: &[u8],
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, SecurityError> {
    let key = <DhP256HkdfSha256 as Kem>::PublicKey::from_bytes(&recipient.to_uncompressed())
        .map_err(|_| SecurityError::Key)?;
    let info = purpose.info(recipient, context);
    let (enc, mut sender) =
        hpke::setup_sender_with_rng::<AesGcm256, HkdfSha256, DhP256HkdfSha256>(&OpModeS::Base, &key, &info, rng)
            .map_err(|_| SecurityError::Key)?;
    let ciphertext = sender.seal(plaintext, b"").map_err(|_| SecurityError::Key)?;
    Ok([enc.to_bytes().as_slice(), &ciphertext].concat())
}

/// Opens what was sealed to `recipient` for this purpose and context.
///
/// # Errors
/// [`SecurityError::Sealed`] in every case, so that a failure tells nothing about its cause.
pub fn open(
    purpose: Purpose,
    context: &Digest,
    recipient: &SigningKey,
    sealed: &[u8],
) -> Result<Vec<u8>, SecurityError> {
    let (enc, ciphertext) = sealed.split_at_checked(ENCAPSULATED_LEN).ok_or(SecurityError::Sealed)?;
    let enc = <DhP256HkdfSha256 as Kem>::EncappedKey::from_bytes(enc).map_err(|_| SecurityError::Sealed)?;
    let key =
        <DhP256HkdfSha256 as Kem>::PrivateKey::from_bytes(&*recipient.to_bytes()).map_err(|_| SecurityError::Sealed)?;
    let info = purpose.info(recipient.public_key(), context);
    hpke::setup_receiver::<AesGcm256, HkdfSha256, DhP256HkdfSha256>(&OpModeR::Base, &key, &enc, &info)
        .and_then(|mut receiver| receiver.open(ciphertext, b""))
        .map_err(|_| SecurityError::Sealed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use getrandom::SysRng;
    use rand_core::UnwrapErr;

    #[test]
    fn opens_for_its_recipient_purpose_and_context_alone() -> Result<(), SecurityError> {
        let mut rng = UnwrapErr(SysRng);
        let (bob, eve) = (SigningKey::make(&mut rng), SigningKey::make(&mut rng));
        let (deal, other) = (Digest::of(b"deal"), Digest::of(b"other"));
        let sealed = seal(Purpose::ContentKey, &deal, bob.public_key(), b"key", &mut rng)?;

        assert_eq!(open(Purpose::ContentKey, &deal, &bob, &sealed)?, b"key");
        assert!(open(Purpose::ContentKey, &deal, &eve, &sealed).is_err());
        assert!(open(Purpose::ContentKey, &other, &bob, &sealed).is_err());
        assert!(open(Purpose::Address, &deal, &bob, &sealed).is_err());
        for position in 0..sealed.len() {
            let mut tampered = sealed.clone();
            tampered[position] ^= 1;
            assert!(open(Purpose::ContentKey, &deal, &bob, &tampered).is_err(), "byte {position}");
        }
        Ok(())
    }
}
