//! Deterministic secrets: every key of a wallet derives from one seed, so that a few words restore it all.
//!
//! HKDF-SHA256 (RFC 5869). The `info` is the label and each context part with its length before it, so that no two
//! derivations can meet.

use core::fmt;

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::keys::SigningKey;

/// A secret of 32 bytes from which others derive; wiped when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Seed([u8; 32]);

impl Seed {
    /// A seed of uniformly random bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, to be stored encrypted.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Derives a seed for `label` in `context`.
    #[must_use]
    pub fn derive(&self, label: &str, context: &[&[u8]]) -> Self {
        let mut out = Self([0; 32]);
        self.expand(label, context, &mut out.0);
        out
    }

    /// Derives a signing key: the first candidate scalar that is in range.
    pub fn derive_key(&self, label: &str, context: &[&[u8]]) -> SigningKey {
        for attempt in 0_u32.. {
            let attempt = attempt.to_be_bytes();
            let mut parts = context.to_vec();
            parts.push(&attempt);
            if let Ok(key) = SigningKey::from_bytes(&self.derive(label, &parts).0) {
                return key;
            }
        }
        unreachable!("a scalar out of range has a chance of 2^-32; 2^32 in a row do not happen")
    }

    /// Fills `out`, at most 8,160 bytes.
    pub fn expand(&self, label: &str, context: &[&[u8]], out: &mut [u8]) {
        let mut info = Zeroizing::new(Vec::new());
        for part in core::iter::once(&label.as_bytes()).chain(context) {
            info.extend_from_slice(&(part.len() as u64).to_be_bytes());
            info.extend_from_slice(part);
        }
        Hkdf::<Sha256>::new(Some(b"semper/1"), &self.0)
            .expand(&info, out)
            .expect("callers ask for far less than HKDF's 8,160 bytes");
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contexts_do_not_run_into_each_other() {
        let seed = Seed::new([1; 32]);
        assert_ne!(seed.derive("a", &[b"bc"]).as_bytes(), seed.derive("a", &[b"b", b"c"]).as_bytes());
        assert_ne!(seed.derive("ab", &[b"c"]).as_bytes(), seed.derive("a", &[b"bc"]).as_bytes());
    }

    #[test]
    fn the_same_derivation_is_the_same_secret() {
        let seed = Seed::new([1; 32]);
        assert_eq!(seed.derive("a", &[b"b"]).as_bytes(), seed.derive("a", &[b"b"]).as_bytes());
    }
}
