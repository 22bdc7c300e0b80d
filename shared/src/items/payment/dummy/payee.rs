//! The merchant's side.

use super::{ID, Parameters, Promise, VERSION};
use crate::foundation::UnixSeconds;
use crate::items::payment::{
    Answer, Bill, PayeeModule, PaymentError, Refund, RefundStatus, RefundStep, Repayment, Settlement, Step,
};
use crate::items::statement::Signed;
use crate::security::{Signer, Verifier};

/// Takes every promise for money.
#[derive(Debug, Clone, Copy, Default)]
pub struct DummyPayee;

impl PayeeModule for DummyPayee {
    const ID: &'static str = ID;
    const VERSION: u32 = VERSION;
    /// It proves nothing.
    const STRENGTH_BITS: u16 = 0;
    type Parameters = Parameters;
    type Body = Promise;

    fn parameters(&self) -> Parameters {
        Parameters {}
    }

    fn check(&self, bill: &Bill, promise: &Promise, _now: UnixSeconds) -> Result<Step, PaymentError> {
        if promise.deal != bill.deal || promise.amount != bill.total {
            return Err(PaymentError::Invalid("the promise is for another deal or amount"));
        }
        Ok(Step::Settled(Settlement { paid: promise.amount, owed: None, proofs: Vec::new(), statements: Vec::new() }))
    }

    fn resume(&self, _: &Bill, _: &Promise, _: &Answer, _: &dyn Verifier) -> Result<Step, PaymentError> {
        Err(PaymentError::Peer("the dummy module asks nobody"))
    }

    /// The merchant's word is all there is: nobody holds any money.
    fn refund(
        &self,
        bill: &Bill,
        _: &Settlement,
        repayment: &Repayment,
        signer: &dyn Signer,
    ) -> Result<RefundStep, PaymentError> {
        let refund = Refund {
            refund: repayment.id,
            merchant: bill.payee,
            via: bill.payee,
            deal: bill.deal,
            amount: repayment.amount,
            reason: repayment.reason.clone(),
            issued_at: repayment.at,
        };
        let refund = Signed::sign_self_keyed(refund, signer).to_compact();
        Ok(RefundStep::Done(RefundStatus { refund, proofs: Vec::new() }))
    }
}
