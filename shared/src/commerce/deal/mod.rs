//! Deals: an offer taken up by an order, paid, receipted, delivered and acknowledged.
//!
//! ```text
//! buyer                                             seller
//!   Draft::order ── Signed<Order>, Payment ───────▶ Opened::open, bill, (payment settles), close
//!   AwaitReceipt::accept ◀── Signed<Receipt>, Signed<Delivery>
//!   Delivered::acknowledge ── Signed<Acknowledgement> ──▶ Opened::acknowledged
//! ```
//!
//! The order is signed with a key made for this deal alone, so that no two deals share an identifier, and the content
//! keys are sealed to it. `deal = SHA-256(offer digest ‖ order digest)` names the deal in every later message.
//!
//! Specification: `spec/deal.md`.

mod buyer;
mod error;
mod messages;
mod refund;
mod seller;
mod state;

#[cfg(test)]
mod tests;

pub use buyer::{AwaitReceipt, Delivered, Draft};
pub use error::DealError;
pub use messages::{Acknowledgement, DealBody, DealStatus, Delivery, Order, Receipt, SealedKey, deal_id};
pub use refund::check_refunds;
pub use seller::{Closed, Opened};
pub use state::{Event, State, transition};
