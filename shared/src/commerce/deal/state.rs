//! The status of a deal, as both sides keep it: one table of transitions.

use serde::{Deserialize, Serialize};

/// Where a deal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum State {
    /// The order is signed; nothing is known to be paid. Either side may send or check the payment again.
    Ordered,
    /// The payment settled, and the receipt and the keys are out.
    Delivered,
    /// The customer has said that the keys came.
    Acknowledged,
    /// The order or the payment was refused for good; nothing was paid.
    Refused,
}

/// What happens to a deal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The payment was refused for good.
    Refuse,
    /// The payment settled; receipt and keys are issued with it.
    Settle,
    /// The customer acknowledged.
    Acknowledge,
    /// Part of the payment was given back, or all of it: that changes the money, not the state.
    Refund,
}

/// The state after an event, or `None` where it cannot happen. An event that already happened changes nothing.
pub const fn transition(state: State, event: Event) -> Option<State> {
    use {Event as E, State as S};
    match (state, event) {
        (S::Ordered, E::Settle) | (S::Delivered, E::Settle | E::Refund) => Some(S::Delivered),
        (S::Ordered, E::Refuse) | (S::Refused, E::Refuse) => Some(S::Refused),
        (S::Delivered, E::Acknowledge) | (S::Acknowledged, E::Acknowledge | E::Settle | E::Refund) => {
            Some(S::Acknowledged)
        }
        (S::Ordered, E::Acknowledge | E::Refund)
        | (S::Delivered | S::Acknowledged, E::Refuse)
        | (S::Refused, E::Settle | E::Acknowledge | E::Refund) => None,
    }
}
