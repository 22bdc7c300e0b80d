//! Cash from person to person, through the mint: sent (push), or asked for (pull).
//!
//! A sender's coins pay into a **transfer**, which is a key. Whoever has the key, by a link, merges it into a reserve of
//! their own and withdraws coins. The mint sees who is paid and how much, as with a merchant, and not who paid. What nobody
//! takes by its expiry goes back to the coins that it came from: the mint decides once between acceptance and return.
//!
//! ```text
//! sender                               mint                                payee
//!   transfer, coins' permissions ─────▶ pending
//!   the key, in a link ───────────────────────────────────────────────────▶
//!                                       accepted ◀─── acceptance, signed by the key and by a reserve
//!   cancellation, or expiry ──────────▶ returned to the coins
//! ```
//!
//! Asked for, the payee signs a request with a reserve's key, and the payer's coins pay straight into that reserve.
//!
//! Specification: `spec/transfer.md`.

mod checks;
mod link;
mod messages;
mod wallet;

pub use checks::{CheckedTransfer, check_acceptance, check_cancellation, check_transfer, read_transfer};
pub use link::Link;
pub use messages::{
    Acceptance, AcceptanceBody, Cancellation, CancellationBody, PendingSpend, Terms, Transfer, TransferAnswer,
    TransferBody, TransferConfirmation, TransferRequest, TransferState, TransferStatus,
};
pub use wallet::{Direction, Passed, TransferRecord};

/// The most characters that a purpose may have.
pub const MAX_PURPOSE: usize = 100;

/// For how long a transfer may stay open at most, in seconds.
pub const MAX_OPEN_S: u64 = 31 * 24 * 3_600;

/// For how long after a transfer's expiry its coins must still be good, so that its sender can save what comes back, in
/// seconds.
pub const RETURN_S: u64 = 3_600;
