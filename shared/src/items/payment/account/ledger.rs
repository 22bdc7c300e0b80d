//! How an invoice stands: sums, and the state that follows from them. Pure, and the same on both sides.

use serde::{Deserialize, Serialize};

use crate::foundation::UnixSeconds;

/// The sums of one invoice, in minor units of its currency.
///
/// `amount − credited` is what is due, `received − returned` is what the merchant has. One of [`Ledger::open_minor`] and
/// [`Ledger::surplus_minor`] is always zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// What was invoiced.
    pub amount_minor: u64,
    /// What of it need not be paid, or not any more: refunds, and all of it once it is cancelled.
    pub credited_minor: u64,
    /// What arrived.
    pub received_minor: u64,
    /// What of that was sent back.
    pub returned_minor: u64,
    /// Whether the merchant has given it up: whatever arrives is sent back.
    #[serde(default)]
    pub cancelled: bool,
}

/// The state of an invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InvoiceState {
    /// Nothing has arrived, and there is time.
    Invoiced,
    /// Some of it has arrived, and there is time.
    PartPaid,
    /// Some or all of it is missing, and the time is over.
    Overdue,
    /// All of it is there.
    Paid,
    /// More than all of it is there; the surplus is on its way back.
    Overpaid,
    /// All of it was credited: nothing is to be paid.
    Refunded,
    /// It is given up; what arrives is sent back.
    Cancelled,
}

impl Ledger {
    /// An invoice on which nothing has happened.
    pub const fn new(amount_minor: u64) -> Self {
        Self { amount_minor, credited_minor: 0, received_minor: 0, returned_minor: 0, cancelled: false }
    }

    /// What is due in all.
    pub const fn due_minor(&self) -> u64 {
        if self.cancelled { 0 } else { self.amount_minor.saturating_sub(self.credited_minor) }
    }

    /// What is still to be paid.
    pub const fn open_minor(&self) -> u64 {
        self.due_minor().saturating_sub(self.kept_minor())
    }

    /// What is to be sent back.
    pub const fn surplus_minor(&self) -> u64 {
        self.kept_minor().saturating_sub(self.due_minor())
    }

    const fn kept_minor(&self) -> u64 {
        self.received_minor.saturating_sub(self.returned_minor)
    }

    /// The state at a time.
    pub fn state_at(&self, due_at: UnixSeconds, now: UnixSeconds) -> InvoiceState {
        if self.surplus_minor() > 0 {
            InvoiceState::Overpaid
        } else if self.cancelled {
            InvoiceState::Cancelled
        } else if self.due_minor() == 0 {
            InvoiceState::Refunded
        } else if self.open_minor() == 0 {
            InvoiceState::Paid
        } else if now > due_at {
            InvoiceState::Overdue
        } else if self.kept_minor() > 0 {
            InvoiceState::PartPaid
        } else {
            InvoiceState::Invoiced
        }
    }
}
