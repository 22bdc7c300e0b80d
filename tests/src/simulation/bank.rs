//! The bank: one test account that pays into the mint's account.

use std::collections::BTreeMap;

use semper_shared::foundation::{Amount, Code, Currency};
use serde::Deserialize;
use serde_json::json;

use super::network::Reply;

/// The bank's ledger: every transfer by its name.
#[derive(Default)]
pub(super) struct Bank {
    transfers: BTreeMap<String, Done>,
}

/// A transfer that was made.
#[derive(PartialEq, Eq)]
struct Done {
    subject: String,
    minor: u64,
    /// The customer who asked for it.
    from: usize,
}

#[derive(Deserialize)]
struct Transfer {
    id: String,
    amount: Amount,
    subject: String,
}

impl Bank {
    pub(super) fn test_account() -> Reply {
        Reply::json(&json!({"account": "customer", "token": "test", "name": "A customer"}))
    }

    /// Takes a transfer; the second of the same name changes nothing.
    pub(super) fn transfer(&mut self, from: usize, body: &[u8]) -> Reply {
        let Ok(Transfer { id, amount, subject }) = serde_json::from_slice(body) else {
            return Reply::problem(Code::REQUEST_INVALID);
        };
        let order = Done { subject, minor: amount.minor(), from };
        match self.transfers.get(&id) {
            Some(known) if *known != order => Reply::problem(Code::REQUEST_CONFLICT),
            _ => {
                self.transfers.insert(id, order);
                Reply::json(&json!({}))
            }
        }
    }

    /// What a reserve was sent.
    pub(super) fn paid_to(&self, reserve: &str) -> u64 {
        self.transfers.values().filter(|done| done.subject == reserve).map(|done| done.minor).sum()
    }

    /// What a customer has sent.
    pub(super) fn paid_by(&self, customer: usize) -> u64 {
        self.transfers.values().filter(|done| done.from == customer).map(|done| done.minor).sum()
    }

    /// What all reserves were sent.
    pub(super) fn paid_in(&self) -> u64 {
        self.transfers.values().map(|done| done.minor).sum()
    }
}

/// Euros, from cents.
pub(super) fn cents(minor: u64) -> Amount {
    Amount::new(Currency::EUR, minor).unwrap_or(Amount::zero(Currency::EUR))
}
