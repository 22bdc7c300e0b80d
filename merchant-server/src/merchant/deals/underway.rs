//! Which deals are being worked on: one request a deal at a time.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use semper_shared::foundation::{Code, Digest};

use crate::http::Problem;

/// The deals that are being worked on, each with the fingerprint of its request.
///
/// This saves work and makes answers plain; that nothing is paid or delivered twice is the store's doing.
#[derive(Debug, Default)]
pub(crate) struct Underway(Mutex<HashMap<Digest, Digest>>);

/// The right to work on a deal, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    underway: &'a Underway,
    deal: Digest,
}

impl Underway {
    /// Takes the deal's turn.
    ///
    /// # Errors
    /// `in-progress` where the same request has it, `request-conflict` where another one has.
    pub(crate) fn begin(&self, deal: Digest, request: Digest) -> Result<Turn<'_>, Problem> {
        let mut deals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match deals.get(&deal) {
            Some(running) if *running == request => Err(Problem::in_progress()),
            Some(_) => Err(Problem::new(Code::REQUEST_CONFLICT)),
            None => {
                deals.insert(deal, request);
                Ok(Turn { underway: self, deal })
            }
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.underway.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.deal);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn one_at_a_time() {
        let underway = Underway::default();
        let (deal, request) = (Digest::of(b"deal"), Digest::of(b"request"));
        let turn = underway.begin(deal, request).unwrap();
        assert_eq!(underway.begin(deal, request).unwrap_err().code(), Code::IN_PROGRESS);
        assert_eq!(underway.begin(deal, deal).unwrap_err().code(), Code::REQUEST_CONFLICT);
        assert!(underway.begin(request, request).is_ok(), "another deal");
        drop(turn);
        assert!(underway.begin(deal, request).is_ok());
    }
}
