//! The wallet's side.

use rand_core::CryptoRng;

use super::{ID, Parameters, Promise, VERSION};
use crate::foundation::{Amount, Digest, UnixSeconds};
use crate::items::payment::{Bill, PayerModule, PaymentError, Quote, Unusable};

/// Promises whatever is asked.
#[derive(Debug, Clone, Copy, Default)]
pub struct DummyPayer;

impl PayerModule for DummyPayer {
    const ID: &'static str = ID;
    const VERSION: u32 = VERSION;
    /// It proves nothing.
    const STRENGTH_BITS: u16 = 0;
    type Parameters = Parameters;
    type Body = Promise;

    fn quote(&self, total: Amount, _: &Parameters, _: UnixSeconds) -> Result<Quote, Unusable> {
        Ok(Quote { available: total, fee: Amount::zero(total.currency()) })
    }

    fn pay(
        &mut self,
        bill: &Bill,
        _: &Parameters,
        _: UnixSeconds,
        _: &mut dyn CryptoRng,
    ) -> Result<Promise, PaymentError> {
        Ok(Promise { deal: bill.deal, amount: bill.total })
    }

    fn settled(&mut self, _: &Digest) {}

    fn refused(&mut self, _: &Digest) {}
}
