//! Business items: statements, payments and information, a manager and its modules each.

pub mod statement;
