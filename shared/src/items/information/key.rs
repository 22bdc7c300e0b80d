//! The content key: 16 bytes that open one content.

use core::fmt;

use rand_core::CryptoRng;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::foundation::Digest;

/// The length of a content key, in bytes.
pub const KEY_LEN: usize = 16;

/// The input keying material of one content (RFC 8188 section 2.2); wiped when dropped.
///
/// It has no JSON of its own: a struct that must hold one names [`exposed_key`].
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct ContentKey([u8; KEY_LEN]);

impl ContentKey {
    /// A fresh key.
    pub fn make(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut key = Self([0; KEY_LEN]);
        rng.fill_bytes(&mut key.0);
        key
    }

    /// Takes the bytes of a key that was stored or delivered.
    pub const fn from_bytes(bytes: [u8; KEY_LEN]) -> Self {
        Self(bytes)
    }

    /// The bytes, to be sealed or stored encrypted.
    pub const fn as_bytes(&self) -> &[u8; KEY_LEN] {
        &self.0
    }

    /// What an offer commits to: `SHA-256("semper/1/content-key-hash" ‖ key)`.
    pub fn commitment(&self) -> Digest {
        Digest::of_parts(&[b"semper/1/content-key-hash", &self.0])
    }
}

impl fmt::Debug for ContentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContentKey(secret)")
    }
}

/// `#[serde(with = "exposed_key")]` where a content key is meant to stand as base64url, as in the wallet's encrypted store.
pub mod exposed_key {
    use serde::{Deserializer, Serializer};

    use super::ContentKey;
    use crate::foundation::base64;

    /// Writes base64url.
    ///
    /// # Errors
    /// The serializer's own.
    pub fn serialize<S: Serializer>(key: &ContentKey, serializer: S) -> Result<S::Ok, S::Error> {
        base64::array::serialize(&key.0, serializer)
    }

    /// Reads base64url of 16 bytes.
    ///
    /// # Errors
    /// Where the text is not that.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ContentKey, D::Error> {
        base64::array::deserialize(deserializer).map(ContentKey)
    }
}
