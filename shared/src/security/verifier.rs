//! The seam through which signatures are verified, so that a server may use native code for what is hot.

use p256::ecdsa::Signature;
use p256::ecdsa::signature::Verifier as _;

use super::blinding::{self, RsaPublicKey};
use super::keys::{PublicKey, SignatureBytes};

/// Verifies signatures. An implementation must agree with [`Portable`] on every input.
pub trait Verifier: Send + Sync {
    /// Whether `signature` is `key`'s ES256 signature on `message` (RFC 7518 section 3.4).
    fn es256(&self, key: &PublicKey, message: &[u8], signature: &SignatureBytes) -> bool;

    /// Whether `signature` is `key`'s RSASSA-PSS signature on `message`, with SHA-384 and a salt of 48 bytes (RFC 9474).
    fn rsa_pss(&self, key: &RsaPublicKey, message: &[u8], signature: &[u8]) -> bool;
}

/// Verifies with this crate's own dependencies, natively and in WebAssembly alike.
#[derive(Debug, Clone, Copy, Default)]
pub struct Portable;

impl Verifier for Portable {
    fn es256(&self, key: &PublicKey, message: &[u8], signature: &SignatureBytes) -> bool {
        Signature::from_slice(signature).is_ok_and(|signature| key.verifying_key().verify(message, &signature).is_ok())
    }

    fn rsa_pss(&self, key: &RsaPublicKey, message: &[u8], signature: &[u8]) -> bool {
        blinding::verify(key, message, signature).is_ok()
    }
}
