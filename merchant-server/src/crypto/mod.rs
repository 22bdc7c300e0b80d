//! Native cryptography for what is hot: OpenSSL's ES256 and RSA in place of the portable implementations, several times as fast.
//!
//! [`Native`] verifies, and agrees on keys for sealing, through the protocol crate's seams.
//! [`NativeSigner`] signs a party's statements. [`BlindSigner`] is the
//! raw RSA private operation, which exists nowhere else in the project. Whether they agree with the portable code is tested
//! on both sides of every boundary.

mod agreement;
mod blind;
mod es256;
mod verifier;

pub use blind::BlindSigner;
pub use es256::NativeSigner;
pub use verifier::Native;

use rand_core::{TryCryptoRng, UnwrapErr};

/// The library refused, or what it was given is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CryptoError {
    /// Not a key of the right kind.
    #[error("not a key of the right kind")]
    Key,
    /// Not a number below the modulus.
    #[error("not a number that this key can sign")]
    Input,
    /// The library failed, or computed something wrong and was caught.
    #[error("the cryptographic library failed")]
    Library,
}

impl From<openssl::error::ErrorStack> for CryptoError {
    fn from(_: openssl::error::ErrorStack) -> Self {
        Self::Library
    }
}

/// The system's random numbers. A system without them cannot do anything here, so it stops.
pub fn system_rng() -> UnwrapErr<impl TryCryptoRng> {
    UnwrapErr(getrandom::SysRng)
}

#[cfg(test)]
mod tests;
