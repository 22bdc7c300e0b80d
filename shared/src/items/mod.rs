//! Business items: statements, payments and information, a manager and its modules each.

pub mod information;
pub mod statement;
