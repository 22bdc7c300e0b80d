//! The merchant's side: encrypts a content as it comes and ends with what to promise about it.

use core::mem;

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::InformationError;
use super::commitment::Commitment;
use super::key::ContentKey;
use super::layout::PLAINTEXT_SIZE;
use super::merkle::{self, Tree};
use super::records::{Encryptor, SALT_LEN};
use crate::foundation::Digest;

/// Encrypts one content, of which it never holds more than a record.
pub struct Sealer {
    encryptor: Encryptor,
    /// Plaintext that still waits for its record to fill up, or to turn out the last one.
    waiting: Zeroizing<Vec<u8>>,
    /// Stream that is made and not yet handed out.
    made: Vec<u8>,
    stream: Sha256,
    tree: Tree,
    size: u64,
    media_type: String,
    key_hash: Digest,
}

impl Sealer {
    /// Begins. The same key and salt must never serve another content.
    pub fn new(key: &ContentKey, salt: [u8; SALT_LEN], media_type: String) -> Self {
        let (encryptor, header) = Encryptor::new(key, salt);
        Self {
            encryptor,
            waiting: Zeroizing::new(Vec::with_capacity(PLAINTEXT_SIZE)),
            made: header.to_vec(),
            stream: Sha256::new_with_prefix(header),
            tree: Tree::new(),
            size: 0,
            media_type,
            key_hash: key.commitment(),
        }
    }

    /// Takes the next bytes of the content, as many as there are, and returns the stream that is ready.
    ///
    /// # Errors
    /// [`InformationError::TooLarge`] beyond [`super::MAX_SIZE`].
    pub fn push(&mut self, mut plaintext: &[u8]) -> Result<Vec<u8>, InformationError> {
        while !plaintext.is_empty() {
            if self.waiting.len() == PLAINTEXT_SIZE {
                self.seal_waiting(false)?;
            }
            let room = PLAINTEXT_SIZE - self.waiting.len();
            let (now, later) = plaintext.split_at(room.min(plaintext.len()));
            self.waiting.extend_from_slice(now);
            plaintext = later;
        }
        Ok(mem::take(&mut self.made))
    }

    /// Ends the content: the rest of the stream, and the commitments to it all.
    ///
    /// # Errors
    /// As [`Sealer::push`].
    pub fn finish(mut self) -> Result<(Vec<u8>, Commitment), InformationError> {
        self.seal_waiting(true)?;
        let commitment = Commitment {
            media_type: self.media_type,
            size: self.size,
            ciphertext: Digest(self.stream.finalize().into()),
            plaintext_root: self.tree.root().ok_or(InformationError::Record)?,
            key_hash: self.key_hash,
        };
        Ok((self.made, commitment))
    }

    fn seal_waiting(&mut self, last: bool) -> Result<(), InformationError> {
        let record = self.encryptor.seal_record(&self.waiting, last)?;
        self.stream.update(&record);
        self.made.extend_from_slice(&record);
        self.tree.push(merkle::leaf(&self.waiting));
        self.size = self.size.checked_add(self.waiting.len() as u64).ok_or(InformationError::TooLarge)?;
        self.waiting.clear();
        Ok(())
    }
}
