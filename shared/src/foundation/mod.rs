//! The ground floor: amounts, time, digests, encodings and the table of error codes.

pub mod amount;
pub mod base64;
pub mod code;
pub mod digest;
pub mod json;
pub mod table;
pub mod time;

pub use amount::{Amount, AmountError, Currency};
pub use base64::Bytes;
pub use code::{Code, Coded};
pub use digest::Digest;
pub use table::Table;
pub use time::UnixSeconds;
