//! What people do: a merchant offers, a customer orders, pays and gets the goods.

pub mod deal;
pub mod negotiation;
pub mod offer;
pub mod policy;

pub use deal::{Acknowledgement, Delivery, Order, Receipt, deal_id};
pub use negotiation::{Situation, Way, negotiate};
pub use offer::{Offer, OfferError};
pub use policy::{Policy, PolicyError};

/// How far a customer's clock and a merchant's may differ, in seconds.
pub const CLOCK_LEEWAY_S: u64 = 300;
