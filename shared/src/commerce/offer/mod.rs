//! Offers: what a merchant promises to anyone who orders in time.
//!
//! An offer is a statement that stands for itself: it names the merchant's key and is signed with it, commits to the
//! terms by their hash and to the content by its commitments, and says which payment modules are taken. What a wallet
//! shows before a payment is this statement and nothing else.
//!
//! ```text
//! merchant ── Signed<Offer> ──▶ anyone: Offer::verify, then Order (see `commerce::deal`)
//! ```
//!
//! Specification: `spec/offer.md`.

mod error;
mod messages;
mod verify;

pub use error::OfferError;
pub use messages::{DeliveryTerms, Exchange, Item, Merchant, Offer, Part, Terms};
pub use verify::vat_included;
