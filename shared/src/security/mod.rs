//! Keys, signatures, sealing, blinding and derivation: the primitives, each from its standard.

pub mod blinding;
pub mod derivation;
pub mod error;
mod hpke;
pub mod keys;
pub mod sealing;
pub mod verifier;

pub use derivation::Seed;
pub use error::SecurityError;
pub use keys::{PublicKey, Signer, SigningKey, Thumbprint};
pub use verifier::{Portable, Verifier};
