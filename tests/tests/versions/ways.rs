//! Stand-ins for modules in versions that there are not yet, and for those that ask for something unknown.

use std::sync::Arc;

use rand_core::CryptoRng;
use semper_shared::foundation::{Amount, Digest, UnixSeconds};
use semper_shared::items::payment::{
    Acceptance, Answer, Bill, ErasedPayee, ErasedPayer, ModuleId, PayeeModule, PayerModule, Payment, PaymentError,
    Purse, Quote, RefundStep, Repayment, Request, Settlement, SplitRole, Step, Unusable,
};
use semper_shared::security::{Signer, Verifier};
use serde::{Deserialize, Serialize};
use serde_json::Value;

const NAMES: [&str; 3] = ["ecash", "card", "barter"];
pub(crate) const ECASH: usize = 0;
pub(crate) const CARD: usize = 1;
pub(crate) const BARTER: usize = 2;

/// A module by name and version, which pays by a promise that names both.
pub(crate) struct Way<const NAME: usize, const VERSION: u32>;

#[derive(Serialize, Deserialize)]
pub(crate) struct Nothing {}

#[derive(Serialize, Deserialize)]
pub(crate) struct Promise {
    module: String,
    version: u32,
    deal: Digest,
    amount: Amount,
}

pub(crate) fn payee<const NAME: usize, const VERSION: u32>() -> Arc<dyn ErasedPayee> {
    Arc::new(Way::<NAME, VERSION>)
}

impl<const NAME: usize, const V: u32> PayerModule for Way<NAME, V> {
    const ID: &'static str = NAMES[NAME];
    const VERSION: u32 = V;
    type Parameters = Nothing;
    type Body = Promise;

    fn quote(&self, total: Amount, _: &Nothing, _: UnixSeconds) -> Result<Quote, Unusable> {
        Ok(Quote { available: total, fee: Amount::zero(total.currency()) })
    }

    fn pay(
        &mut self,
        bill: &Bill,
        _: &Nothing,
        _: UnixSeconds,
        _: &mut dyn CryptoRng,
    ) -> Result<Promise, PaymentError> {
        Ok(Promise { module: NAMES[NAME].to_owned(), version: V, deal: bill.deal, amount: bill.total })
    }

    fn settled(&mut self, _: &Digest) {}

    fn refused(&mut self, _: &Digest) {}
}

impl<const NAME: usize, const V: u32> PayeeModule for Way<NAME, V> {
    const ID: &'static str = NAMES[NAME];
    const VERSION: u32 = V;
    type Parameters = Nothing;
    type Body = Promise;

    fn parameters(&self) -> Nothing {
        Nothing {}
    }

    fn check(&self, bill: &Bill, promise: &Promise, _: UnixSeconds) -> Result<Step, PaymentError> {
        let named = (promise.module.as_str(), promise.version) == (NAMES[NAME], V);
        if !named || promise.deal != bill.deal || promise.amount != bill.total {
            return Err(PaymentError::Invalid("the promise is another's"));
        }
        Ok(Step::Settled(Settlement { paid: promise.amount, owed: None, proofs: Vec::new(), statements: Vec::new() }))
    }

    fn resume(&self, _: &Bill, _: &Promise, _: &Answer, _: &dyn Verifier) -> Result<Step, PaymentError> {
        Err(PaymentError::Peer("nobody was asked"))
    }
}

/// A module whose acceptance says more than it does.
pub(crate) struct Asking {
    pub(crate) inner: Arc<dyn ErasedPayee>,
    pub(crate) critical: &'static [&'static str],
    pub(crate) further: Option<(&'static str, Value)>,
}

impl Asking {
    pub(crate) fn of(inner: Arc<dyn ErasedPayee>) -> Self {
        Self { inner, critical: &[], further: None }
    }
}

impl ErasedPayee for Asking {
    fn acceptance(&self) -> Acceptance {
        let mut acceptance = self.inner.acceptance();
        acceptance.critical = self.critical.iter().map(|name| (*name).to_owned()).collect();
        if let (Some((name, value)), Some(parameters)) = (&self.further, acceptance.parameters.as_object_mut()) {
            parameters.insert((*name).to_owned(), value.clone());
        }
        acceptance
    }

    fn strength_bits(&self) -> u16 {
        self.inner.strength_bits()
    }

    fn knows(&self, critical: &[String]) -> bool {
        critical.iter().all(|name| self.critical.contains(&name.as_str()))
    }

    fn check(&self, bill: &Bill, body: &Value, now: UnixSeconds) -> Result<Step, PaymentError> {
        self.inner.check(bill, body, now)
    }

    fn resume(
        &self,
        bill: &Bill,
        body: &Value,
        answer: &Answer,
        verifier: &dyn Verifier,
    ) -> Result<Step, PaymentError> {
        self.inner.resume(bill, body, answer, verifier)
    }

    fn refund(
        &self,
        bill: &Bill,
        settlement: &Settlement,
        repayment: &Repayment,
        signer: &dyn Signer,
    ) -> Result<RefundStep, PaymentError> {
        self.inner.refund(bill, settlement, repayment, signer)
    }

    fn resume_refund(
        &self,
        request: &Request,
        answer: &Answer,
        verifier: &dyn Verifier,
    ) -> Result<RefundStep, PaymentError> {
        self.inner.resume_refund(request, answer, verifier)
    }

    fn split_role(&self) -> Option<SplitRole> {
        self.inner.split_role()
    }

    fn held(
        &self,
        bill: &Bill,
        body: &Value,
        answer: &Answer,
        verifier: &dyn Verifier,
    ) -> Result<UnixSeconds, PaymentError> {
        self.inner.held(bill, body, answer, verifier)
    }

    fn capture(&self, bill: &Bill, body: &Value) -> Result<Request, PaymentError> {
        self.inner.capture(bill, body)
    }

    fn release(&self, bill: &Bill, body: &Value) -> Result<Request, PaymentError> {
        self.inner.release(bill, body)
    }

    fn released(
        &self,
        bill: &Bill,
        body: &Value,
        answer: &Answer,
        verifier: &dyn Verifier,
    ) -> Result<(), PaymentError> {
        self.inner.released(bill, body, answer, verifier)
    }
}

/// A wallet's module that insists on an extension which no shop knows.
pub(crate) struct Haggler;

impl ErasedPayer for Haggler {
    fn id(&self) -> ModuleId {
        PayerId::id(&Way::<BARTER, 1>)
    }

    fn version(&self) -> u32 {
        1
    }

    fn strength_bits(&self) -> u16 {
        128
    }

    fn quote(&self, total: Amount, acceptance: &Acceptance, now: UnixSeconds) -> Result<Quote, Unusable> {
        ErasedPayer::quote(&Way::<BARTER, 1>, total, acceptance, now)
    }

    fn pay(
        &mut self,
        bill: &Bill,
        acceptance: &Acceptance,
        now: UnixSeconds,
        rng: &mut dyn CryptoRng,
    ) -> Result<Payment, PaymentError> {
        let payment = ErasedPayer::pay(&mut Way::<BARTER, 1>, bill, acceptance, now, rng)?;
        Ok(Payment { critical: vec!["haggling".to_owned()], ..payment })
    }

    fn settled(&mut self, _: &Digest) {}

    fn refused(&mut self, _: &Digest) {}

    fn purses(&self) -> Vec<Purse> {
        Vec::new()
    }

    fn stored(&self) -> Value {
        Value::Null
    }

    fn restore(&mut self, _: Value) -> Result<(), PaymentError> {
        Ok(())
    }
}

use ErasedPayer as PayerId;
