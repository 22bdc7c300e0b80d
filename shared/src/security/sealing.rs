//! Sealing: HPKE (RFC 9180) in base mode, DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-256-GCM.
//!
//! A sealed message is `enc ‖ ciphertext`: 65 bytes of encapsulated key, the plaintext's length, 16 bytes of tag. The
//! `info` names purpose, version and context, so that a message sealed for one use never opens for another.

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::SecurityError;
use super::hpke::{self, ENCAPSULATED_LEN};
use super::keys::{PublicKey, Signer as _, SigningKey};
use crate::foundation::Digest;

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

/// The sender's half of a key agreement, for one message.
pub struct Ephemeral {
    /// The ephemeral public key, uncompressed: the encapsulated key.
    pub public: [u8; ENCAPSULATED_LEN],
    /// The x-coordinate that it and the recipient's key agree on.
    pub shared: Zeroizing<[u8; 32]>,
}

/// The seam through which sealing gets its key agreement, so that a server may use native code for what is hot.
///
/// Every source of randomness is one, with portable code. Another implementation must make a fresh key each time, and
/// agree with [`SigningKey::diffie_hellman`].
pub trait Agree {
    /// Makes a fresh key, and agrees with `recipient`.
    ///
    /// # Errors
    /// [`SecurityError::Key`] where that fails.
    fn agree(&mut self, recipient: &PublicKey) -> Result<Ephemeral, SecurityError>;
}

impl<R: CryptoRng> Agree for R {
    fn agree(&mut self, recipient: &PublicKey) -> Result<Ephemeral, SecurityError> {
        let key = SigningKey::make(self);
        Ok(Ephemeral { public: key.public_key().to_uncompressed(), shared: key.diffie_hellman(recipient) })
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
    agreement: &mut impl Agree,
) -> Result<Vec<u8>, SecurityError> {
    let ephemeral = agreement.agree(recipient)?;
    let info = purpose.info(recipient, context);
    let channel = hpke::Channel::new(&ephemeral.shared, &ephemeral.public, recipient, &info);
    let ciphertext = channel.seal(plaintext).ok_or(SecurityError::Key)?;
    Ok([&ephemeral.public[..], &ciphertext].concat())
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
    let (enc, ciphertext) = sealed.split_first_chunk::<ENCAPSULATED_LEN>().ok_or(SecurityError::Sealed)?;
    let sender = PublicKey::from_sec1(enc).map_err(|_| SecurityError::Sealed)?;
    let info = purpose.info(recipient.public_key(), context);
    hpke::Channel::new(&recipient.diffie_hellman(&sender), enc, recipient.public_key(), &info)
        .open(ciphertext)
        .ok_or(SecurityError::Sealed)
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
