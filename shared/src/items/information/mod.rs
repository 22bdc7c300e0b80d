//! Information: goods that are bytes. Content lies encrypted and public at rest; what is sold is its key.
//!
//! A content is encrypted once, as RFC 8188 `aes128gcm` in records of 64 KiB, and stored under the hash of the stream:
//! anyone may cache it and resume its download anywhere. The offer commits to ciphertext, plaintext and key; the key,
//! sealed to the deal, is the delivery. Nothing here holds more of a content than one record.
//!
//! ```text
//! merchant                                            customer
//!   Sealer: content ──▶ stream, Commitment
//!   offer { …, Commitment }  ───────────────────────▶  what is promised
//!   stream, under its hash   ── GET, Range ─────────▶  any part, any time
//!   key, sealed to the deal  ── after payment ──────▶  Commitment::check_key
//!                                                      Opener: stream ──▶ content
//! ```
//!
//! ```
//! use semper_shared::items::information::{ContentKey, Opener, Sealer};
//!
//! let key = ContentKey::from_bytes([7; 16]);
//! let mut sealer = Sealer::new(&key, [9; 16], "text/plain".into());
//! let mut stream = sealer.push(b"Who goes ")?;
//! stream.extend(sealer.push(b"first?")?);
//! let (rest, commitment) = sealer.finish()?;
//! stream.extend(rest);
//! assert_eq!(stream.len() as u64, commitment.ciphertext_len());
//!
//! let mut opener = Opener::new(&commitment, &key)?;
//! let mut content = opener.push(&stream)?;
//! content.extend(opener.finish()?);
//! assert_eq!(content, b"Who goes first?");
//! # Ok::<(), semper_shared::items::information::InformationError>(())
//! ```
//!
//! Specification: `spec/information.md`.

mod commitment;
mod error;
mod key;
pub mod layout;
pub mod merkle;
mod opener;
pub mod records;
mod sealer;
#[cfg(test)]
mod tests;

pub use commitment::Commitment;
pub(crate) use commitment::size_in_bounds;
pub use error::InformationError;
pub use key::{ContentKey, KEY_LEN, exposed_key};
pub use layout::{HEADER_LEN, MAX_RECORDS, MAX_SIZE, PLAINTEXT_SIZE, RECORD_SIZE, ciphertext_len, plaintext_len};
pub use merkle::InclusionPath;
pub use opener::{Opener, PlaintextCheck};
pub use records::{Decryptor, Encryptor, SALT_LEN};
pub use sealer::Sealer;
