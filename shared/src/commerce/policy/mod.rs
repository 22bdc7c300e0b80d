//! Policies: who may pay with what, as a signed document that both sides read alike.
//!
//! ```text
//! authority ── Signed<Policy> ──▶ wallet    refuses to pay         (role payer)
//!                            └──▶ merchant  refuses the order      (role payee)
//! ```
//!
//! Whoever could be harmed enforces it: a wallet does not pay against its customer's policy whatever an offer says, and a
//! merchant takes no order against its own whatever a wallet sends. A policy is judged without input or output, so that the
//! same facts give the same verdict everywhere.
//!
//! ```
//! use semper_shared::commerce::policy::{Facts, Means, Policy, Side};
//! use semper_shared::foundation::{Amount, Currency, UnixSeconds};
//! use semper_shared::items::payment::{ModuleId, ModuleVersion, Unusable};
//!
//! let policy: Policy = serde_json::from_str(r#"{
//!     "name": "No cash above 1,000 EUR", "issuer": "An authority",
//!     "key": {"kty":"EC","crv":"P-256","x":"axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY","y":"T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"},
//!     "rules": [{"modules": ["ecash"], "when": {"over": {"currency": "EUR", "minor": 100000}}, "then": "forbid", "why": "Cash ends at 1,000 EUR."}],
//!     "issued_at": 0, "expires_at": 4000000000
//! }"#)?;
//! let facts = Facts {
//!     role: Side::Payer, customer: None, merchant: None, kind: None, now: UnixSeconds(1),
//!     amount: Amount::parse_decimal("1000.01", Currency::EUR)?,
//! };
//! let ecash = ModuleVersion { id: ModuleId::new("ecash").unwrap(), version: 1 };
//! let verdict = policy.judge(&facts, &Means { module: &ecash, strength_bits: 112 });
//! assert_eq!(verdict, Err(Unusable::Forbidden { why: "Cash ends at 1,000 EUR.".into() }));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Specification: `spec/policy.md`.

mod judge;
mod messages;
#[cfg(test)]
mod tests;

pub use judge::{Facts, Means, PolicyError, Spent, window_start};
pub use messages::{Effect, Limits, Minima, Policy, Rule, Side, When};
