//! What an offer promises about one content, before anyone has paid for it.

use serde::{Deserialize, Deserializer, Serialize, de};

use super::InformationError;
use super::key::ContentKey;
use super::layout::{self, MAX_SIZE};
use super::merkle::{self, InclusionPath};
use crate::foundation::Digest;

/// The commitments to one content.
///
/// AES-GCM does not commit to its key: one ciphertext can be made that two keys open to two contents. Hence the promise
/// names all three: the ciphertext, the plaintext and the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commitment {
    /// What the content is, such as `application/epub+zip` (RFC 6838).
    pub media_type: String,
    /// The size of the plaintext, in bytes, at most [`MAX_SIZE`].
    #[serde(deserialize_with = "size_in_bounds")]
    pub size: u64,
    /// The SHA-256 of the whole stream, under which it is stored.
    pub ciphertext: Digest,
    /// The root of the Merkle tree over the plaintext's records.
    pub plaintext_root: Digest,
    /// [`ContentKey::commitment`].
    pub key_hash: Digest,
}

impl Commitment {
    /// Whether `key` is the promised one.
    ///
    /// # Errors
    /// [`InformationError::Key`] where it is not.
    pub fn check_key(&self, key: &ContentKey) -> Result<(), InformationError> {
        if key.commitment() == self.key_hash { Ok(()) } else { Err(InformationError::Key) }
    }

    /// Whether `record` is the promised record at the path's index: enough to convict a merchant, or to trust one range.
    ///
    /// # Errors
    /// [`InformationError::Content`] where it is not.
    pub fn check_record(&self, record: &[u8], path: &InclusionPath) -> Result<(), InformationError> {
        let count = layout::record_count(self.size);
        if path.leads(merkle::leaf(record), count, &self.plaintext_root) {
            Ok(())
        } else {
            Err(InformationError::Content)
        }
    }

    /// The length of the encrypted stream, in bytes.
    pub const fn ciphertext_len(&self) -> u64 {
        layout::ciphertext_len(self.size)
    }
}

pub(crate) fn size_in_bounds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let size = u64::deserialize(deserializer)?;
    if size > MAX_SIZE {
        return Err(de::Error::custom("content is larger than 1 TiB"));
    }
    Ok(size)
}
