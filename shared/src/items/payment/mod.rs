//! The payment manager and its modules.
//!
//! The manager owns routing: which module, in which version, pays which bill. A module owns its protocol. Each side of
//! a payment is a typed trait, [`PayerModule`] in the wallet and [`PayeeModule`] at the merchant; a [`Registry`] holds
//! them erased, so that a module is added, left out or forbidden without touching the rest.
//!
//! ```text
//! wallet                                       merchant                          module's own party
//!   PayerModule::quote ◀── Acceptance (offer) ── PayeeModule::parameters
//!   PayerModule::pay   ──▶ Payment (order)   ──▶ PayeeModule::check
//!                                                  Step::Ask(request)      ──▶   (mint, gateway, bank)
//!                                                  PayeeModule::resume     ◀──
//!                                                  Step::Settled(evidence)
//!                                                PayeeModule::refund       ──▶   (part of it, or all, back)
//! ```
//!
//! A module does no input or output: what must be asked of a third party is returned as a [`Request`], and the answer is
//! handed back. The [`dummy`] module is the template for a new one.
//!
//! Specification: `spec/payment.md`.

#[cfg(feature = "account")]
pub mod account;
#[cfg(feature = "card")]
pub mod card;
#[cfg(feature = "dummy")]
pub mod dummy;
#[cfg(feature = "ecash")]
pub mod ecash;
mod error;
mod message;
mod payee;
mod payer;
mod refund;
mod registry;
mod split;

pub use error::{PaymentError, Unusable};
pub use message::{Acceptance, Answer, Bill, ModuleId, ModuleVersion, Payment, Request, Settlement, Step};
pub(crate) use message::{first_version, is_first_version};
pub use payee::{ErasedPayee, PayeeModule};
pub use payer::{ErasedPayer, PayerModule, Purse, Quote};
pub use refund::{MAX_REASON, Refund, RefundId, RefundStatus, RefundStep, Repayment, reason_fault};
pub use registry::Registry;
pub use split::{Act, Failure, Outcome, Phase, Saga, Share, SplitRole, shares_fault};
