//! Statements: everything that binds anyone is a JWS (RFC 7515, compact serialization) signed with ES256.
//!
//! Each kind has its own `typ`, which separates the domains: a signature on one kind never counts for another. The
//! digest of a statement is the SHA-256 of its signing input, without the signature, since an ECDSA signature can be
//! respelt by anyone. Parsing is strict: another `alg` or `typ`, a `crit`, duplicate keys and more than 64 KiB are
//! refused. Members of a payload that are not known are kept, since the compact text itself is what is stored and
//! passed on.
//!
//! Alice signs, Bob verifies:
//!
//! ```
//! use semper_shared::items::statement::{Signed, Statement};
//! use semper_shared::security::{Portable, Signer, SigningKey};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Promise { text: String }
//! impl Statement for Promise { const TYP: &'static str = "semper-promise+jwt"; }
//!
//! let alice = SigningKey::from_bytes(&[1; 32])?;
//! let signed = Signed::sign(Promise { text: "I deliver on Monday".into() }, &alice);
//! let compact = signed.compact();
//!
//! let read = Signed::<Promise>::verify(compact, alice.public_key(), &Portable)?;
//! assert_eq!(read.text, "I deliver on Monday");
//! assert_eq!(read.digest(), signed.digest());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Specification: `spec/statement.md`.

mod compact;
mod error;
mod signed;

pub use compact::MAX_LEN;
pub use error::StatementError;
pub use signed::{Compact, Signed, Statement};
