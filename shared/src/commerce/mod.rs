//! What people do: a merchant offers, a customer orders, pays and gets the goods.

pub mod deal;
pub mod offer;

pub use deal::{Acknowledgement, Delivery, Order, Receipt, deal_id};
pub use offer::{Offer, OfferError};
