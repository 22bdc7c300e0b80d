//! The protocol crate of SEMPER, the secure electronic marketplace.
//!
//! Everything here is pure: no clock, no network, no disk and no randomness of its own. Time and randomness are
//! arguments, effects are returned, and the wallet and the server drive both. The layers form one staircase, and each
//! uses only those below it:
//!
//! | layer | holds |
//! | --- | --- |
//! | [`commerce`] | offer, order, deal, receipt: what people do |
//! | [`items`] | statements, payments, information: a manager and its modules each |
//! | [`security`] | keys, signatures, sealing, blinding, derivation |
//! | [`foundation`] | amounts, time, digests, encodings, error codes |
//!
//! The published specification is in `spec/`, one short page a module, and its test vectors are in `vectors/`.

pub mod commerce;
pub mod foundation;
pub mod items;
pub mod security;
#[cfg(feature = "vectors")]
#[doc(hidden)]
pub mod vectors;
