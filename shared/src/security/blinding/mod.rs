//! Blind RSA signatures: RSABSSA-SHA384-PSS-Deterministic (RFC 9474) with 2,048-bit keys and exponent 65,537.
//!
//! The client blinds a message, the signer signs what it cannot read, the client unblinds and has an ordinary
//! RSASSA-PSS signature (RFC 8017). Only public-key operations are here; the private one is the server's, in native
//! constant-time code.
//!
//! ```text
//! client                                    signer
//!   m, (salt, r) from a seed
//!   blinded = PSS(m, salt) · r^e mod n  ──▶
//!                                       ◀──  blinded^d mod n
//!   signature = … · r⁻¹ mod n, verified
//! ```
//!
//! The salt and the blinding factor are derived, not drawn: a wallet that lost everything but its seed makes the same
//! blinded message again and unblinds the signature that the signer has kept.

mod factor;
mod pss;
mod rsa;

pub use factor::BlindingSecrets;
pub use rsa::RsaPublicKey;

use super::SecurityError;

/// The length of moduli, blinded messages and signatures, in bytes.
pub const MODULUS_LEN: usize = 256;

/// Blinds `message` for `key`'s owner to sign (RFC 9474 section 4.2).
///
/// # Errors
/// [`SecurityError::Key`] where the secrets do not fit the key.
pub fn blind(
    key: &RsaPublicKey,
    message: &[u8],
    secrets: &BlindingSecrets,
) -> Result<[u8; MODULUS_LEN], SecurityError> {
    let encoded = pss::encode(message, secrets.salt());
    let encoded = key.reduced(&encoded).ok_or(SecurityError::Key)?;
    let factor = key.reduced(secrets.factor()).ok_or(SecurityError::Key)?;
    Ok(key.multiply(&encoded, &key.raise(&factor)))
}

/// Unblinds and verifies what the signer returned (RFC 9474 section 4.4).
///
/// # Errors
/// [`SecurityError::Signature`] where it is no signature on `message`.
pub fn unblind(
    key: &RsaPublicKey,
    message: &[u8],
    blind_signature: &[u8; MODULUS_LEN],
    secrets: &BlindingSecrets,
) -> Result<[u8; MODULUS_LEN], SecurityError> {
    let signature = key.reduced(blind_signature).ok_or(SecurityError::Signature)?;
    let factor = key.reduced(secrets.factor()).ok_or(SecurityError::Key)?;
    let inverse = key.invert(&factor).ok_or(SecurityError::Key)?;
    let signature = key.multiply(&signature, &inverse);
    verify(key, message, &signature)?;
    Ok(signature)
}

/// Whether `blind_signature` is what the signer makes of `blinded`.
pub fn is_signed(key: &RsaPublicKey, blinded: &[u8; MODULUS_LEN], blind_signature: &[u8; MODULUS_LEN]) -> bool {
    key.reduced(blind_signature).is_some_and(|signature| key.raise_to_bytes(&signature) == *blinded)
}

/// Verifies an unblinded signature (RFC 8017 section 8.1.2, SHA-384, salt of 48 bytes).
///
/// # Errors
/// [`SecurityError::Signature`].
pub fn verify(key: &RsaPublicKey, message: &[u8], signature: &[u8]) -> Result<(), SecurityError> {
    let signature: &[u8; MODULUS_LEN] = signature.try_into().map_err(|_| SecurityError::Signature)?;
    let signature = key.reduced(signature).ok_or(SecurityError::Signature)?;
    let encoded = key.raise_to_bytes(&signature);
    if pss::verify(message, &encoded) { Ok(()) } else { Err(SecurityError::Signature) }
}
