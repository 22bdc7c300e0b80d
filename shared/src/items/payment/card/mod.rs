//! Cards: a slip that only the gateway can open, bound to one deal.
//!
//! The line from iKP (Bellare et al. 1995) to SET. The merchant never sees a card number, the gateway never sees the
//! goods, and each authorisation names one deal. The [`Level`] says who signs:
//!
//! | level | signs | proves |
//! | --- | --- | --- |
//! | 1KP | the gateway | that the gateway authorised this deal |
//! | 2KP | and the merchant | that this merchant asked for it |
//! | 3KP | and the customer | that whoever enrolled the card agreed to it |
//!
//! ```text
//! wallet                               merchant                              gateway
//!   enrolment: card and key, sealed ───────────────────────────────────────▶ certificate         (3KP, once a card)
//!   slip, consent: sealed ───────────▶ request over the same terms ────────▶ open, check, ask the acquirer
//!                                                                            step-up? the wallet approves there
//!                                      capture ◀── authorised, signed ──────
//!   receipt ◀───────────────────────── captured, signed ◀──────────────────
//! ```
//!
//! [`Terms`] are what all three are bound to; their digest, `common`, is in the sealing's context, in the slip, in the
//! customer's consent, in the merchant's request and in the gateway's answer.
//!
//! Specification: `spec/card.md`.

mod authorisation;
mod enrolment;
mod gateway;
mod messages;
mod number;
mod payee;
mod payer;
mod slip;
mod terms;

#[cfg(test)]
mod tests;

pub use authorisation::{Authorisation, CardState, MoneyError, Operation};
pub use enrolment::{Certificate, CertificateBody, Enrolment, EnrolmentBody};
pub use gateway::{Checked, GatewayKey, check_enrolment, check_request};
pub use messages::{
    Answer, AnswerBody, AuthorisationBody, CardBody, CardParameters, Challenge, Done, DoneBody, Gateway, Order,
    OrderBody, Outcome, Request, Requested, StepUp, StepUpBody,
};
pub use number::{Brand, CardNumber, Expiry};
pub use payee::{CardPayee, check_refund_done};
pub use payer::{Card, CardPayer};
pub use slip::{Consent, Slip};
pub use terms::{Level, Terms};

const ID: &str = "card";
const VERSION: u32 = 1;
