//! Business items: statements, payments and information, a manager and its modules each.

pub mod information;
pub mod party;
pub mod payment;
pub mod statement;
