//! The customer's side: decrypts a stream as it arrives and holds it to the promise.

use sha2::{Digest as _, Sha256};

use super::InformationError;
use super::commitment::Commitment;
use super::key::ContentKey;
use super::layout::{HEADER_LEN, RECORD_SIZE};
use super::merkle::{self, Tree};
use super::records::Decryptor;
use crate::foundation::Digest;

/// Decrypts and verifies one stream, of which it never holds more than a record.
///
/// Each record's plaintext is authentic under the promised key as soon as it is returned; that it is the promised
/// *content* is known only after [`Opener::finish`].
pub struct Opener {
    state: State,
    /// The header, or a record, as far as it has arrived.
    arrived: Vec<u8>,
    stream: Sha256,
    check: PlaintextCheck,
    ciphertext: Digest,
}

enum State {
    AwaitHeader(ContentKey),
    Records(Box<Decryptor>),
}

impl Opener {
    /// Begins with the key that was delivered.
    ///
    /// # Errors
    /// [`InformationError::Key`] where it is not the promised one.
    pub fn new(commitment: &Commitment, key: &ContentKey) -> Result<Self, InformationError> {
        commitment.check_key(key)?;
        Ok(Self {
            state: State::AwaitHeader(key.clone()),
            arrived: Vec::with_capacity(RECORD_SIZE),
            stream: Sha256::new(),
            check: PlaintextCheck::new(commitment),
            ciphertext: commitment.ciphertext,
        })
    }

    /// Takes the next bytes of the stream, as many as there are, and returns the plaintext of the records they complete.
    ///
    /// # Errors
    /// [`InformationError::Content`] as soon as the stream cannot be the promised one any more.
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<Vec<u8>, InformationError> {
        let mut plaintext = Vec::new();
        self.stream.update(bytes);
        while !bytes.is_empty() {
            let whole = match self.state {
                State::AwaitHeader(_) => HEADER_LEN,
                State::Records(_) => RECORD_SIZE,
            };
            let room = whole - self.arrived.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.arrived.extend_from_slice(now);
            bytes = later;
            if self.arrived.len() == whole {
                self.take_arrived(&mut plaintext)?;
            }
        }
        Ok(plaintext)
    }

    /// Ends the stream: the last plaintext, where all of it is what was promised.
    ///
    /// # Errors
    /// [`InformationError::Content`] where it is not, or was cut short.
    pub fn finish(mut self) -> Result<Vec<u8>, InformationError> {
        let mut plaintext = Vec::new();
        if !self.arrived.is_empty() {
            self.take_arrived(&mut plaintext)?;
        }
        let State::Records(decryptor) = self.state else {
            return Err(InformationError::Content);
        };
        decryptor.finish()?;
        self.check.finish()?;
        if Digest(self.stream.finalize().into()) != self.ciphertext {
            return Err(InformationError::Content);
        }
        Ok(plaintext)
    }

    fn take_arrived(&mut self, plaintext: &mut Vec<u8>) -> Result<(), InformationError> {
        match &mut self.state {
            State::AwaitHeader(key) => {
                let header = self.arrived.as_slice().try_into().map_err(|_| InformationError::Content)?;
                self.state = State::Records(Box::new(Decryptor::new(key, header)?));
            }
            State::Records(decryptor) => {
                let record = decryptor.open_record(&self.arrived)?;
                self.check.push_record(&record)?;
                plaintext.extend_from_slice(&record);
            }
        }
        self.arrived.clear();
        Ok(())
    }
}

/// Holds plaintext records to the promise, whoever decrypted them: a browser's WebCrypto, or a reader of ranges.
#[derive(Debug, Clone)]
pub struct PlaintextCheck {
    tree: Tree,
    left: u64,
    root: Digest,
}

impl PlaintextCheck {
    /// Begins with the first record.
    pub const fn new(commitment: &Commitment) -> Self {
        Self { tree: Tree::new(), left: commitment.size, root: commitment.plaintext_root }
    }

    /// Takes the next record's plaintext.
    ///
    /// # Errors
    /// [`InformationError::Content`] where there is more than was promised.
    pub fn push_record(&mut self, record: &[u8]) -> Result<(), InformationError> {
        self.left = self.left.checked_sub(record.len() as u64).ok_or(InformationError::Content)?;
        self.tree.push(merkle::leaf(record));
        Ok(())
    }

    /// Ends with the last record.
    ///
    /// # Errors
    /// [`InformationError::Content`] where size or root differ from the promise.
    pub fn finish(self) -> Result<(), InformationError> {
        if self.left == 0 && self.tree.root() == Some(self.root) { Ok(()) } else { Err(InformationError::Content) }
    }
}
