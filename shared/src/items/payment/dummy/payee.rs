//! The merchant's side.

use super::{ID, Parameters, Promise, VERSION};
use crate::foundation::UnixSeconds;
use crate::items::payment::{Answer, Bill, PayeeModule, PaymentError, Settlement, Step};
use crate::security::Verifier;

/// Takes every promise for money.
#[derive(Debug, Clone, Copy, Default)]
pub struct DummyPayee;

impl PayeeModule for DummyPayee {
    const ID: &'static str = ID;
    const VERSION: u32 = VERSION;
    type Parameters = Parameters;
    type Body = Promise;

    fn parameters(&self) -> Parameters {
        Parameters {}
    }

    fn check(&self, bill: &Bill, promise: &Promise, _now: UnixSeconds) -> Result<Step, PaymentError> {
        if promise.deal != bill.deal || promise.amount != bill.total {
            return Err(PaymentError::Invalid("the promise is for another deal or amount"));
        }
        Ok(Step::Settled(Settlement { paid: promise.amount, proofs: Vec::new(), statements: Vec::new() }))
    }

    fn resume(&self, _: &Bill, _: &Promise, _: &Answer, _: &dyn Verifier) -> Result<Step, PaymentError> {
        Err(PaymentError::Peer("the dummy module asks nobody"))
    }
}
