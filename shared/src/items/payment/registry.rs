//! The registry of a merchant's modules, and the wallet's choice among an offer's.

use std::collections::BTreeMap;

use super::{
    Acceptance, Answer, Bill, ErasedPayee, ErasedPayer, ModuleId, PayeeModule, Payment, PaymentError, Quote,
    RefundStep, Repayment, Request, Settlement, Step, Unusable,
};
use crate::foundation::{Amount, UnixSeconds};
use crate::security::{Signer, Verifier};

/// The payment modules of a merchant.
#[derive(Default)]
pub struct Registry {
    modules: BTreeMap<ModuleId, Box<dyn ErasedPayee>>,
}

impl Registry {
    /// A registry without modules.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a module; one of the same name is replaced.
    #[must_use]
    pub fn with(mut self, module: impl PayeeModule + 'static) -> Self {
        let module: Box<dyn ErasedPayee> = Box::new(module);
        self.modules.insert(module.acceptance().module, module);
        self
    }

    /// What the merchant's offers shall say.
    pub fn acceptances(&self) -> Vec<Acceptance> {
        self.modules.values().map(|module| module.acceptance()).collect()
    }

    /// Checks a payment with its module.
    ///
    /// # Errors
    /// [`PaymentError::Unsupported`], or the module's own.
    pub fn check(&self, bill: &Bill, payment: &Payment, now: UnixSeconds) -> Result<Step, PaymentError> {
        self.module(payment)?.check(bill, &payment.body, now)
    }

    /// Goes on with a payment after its module's third party answered.
    ///
    /// # Errors
    /// [`PaymentError::Unknown`] for an answer that leaves the outcome open, or the module's own.
    pub fn resume(
        &self,
        bill: &Bill,
        payment: &Payment,
        answer: &Answer,
        verifier: &dyn Verifier,
    ) -> Result<Step, PaymentError> {
        if is_open(answer) {
            return Err(PaymentError::Unknown);
        }
        self.module(payment)?.resume(bill, &payment.body, answer, verifier)
    }

    /// Begins to give back what a module settled.
    ///
    /// # Errors
    /// [`PaymentError::Unsupported`], or the module's own.
    pub fn refund(
        &self,
        module: &ModuleId,
        bill: &Bill,
        settlement: &Settlement,
        repayment: &Repayment,
        signer: &dyn Signer,
    ) -> Result<RefundStep, PaymentError> {
        self.named(module)?.refund(bill, settlement, repayment, signer)
    }

    /// Goes on with a refund after its module's third party answered.
    ///
    /// # Errors
    /// [`PaymentError::Unknown`] for an answer that leaves the outcome open, or the module's own.
    pub fn resume_refund(
        &self,
        module: &ModuleId,
        request: &Request,
        answer: &Answer,
        verifier: &dyn Verifier,
    ) -> Result<RefundStep, PaymentError> {
        if is_open(answer) {
            return Err(PaymentError::Unknown);
        }
        self.named(module)?.resume_refund(request, answer, verifier)
    }

    fn named(&self, module: &ModuleId) -> Result<&dyn ErasedPayee, PaymentError> {
        self.modules.get(module).map(AsRef::as_ref).ok_or_else(|| PaymentError::Unsupported(module.clone()))
    }

    fn module(&self, payment: &Payment) -> Result<&dyn ErasedPayee, PaymentError> {
        self.modules
            .get(&payment.module)
            .filter(|module| module.acceptance().version == payment.version)
            .map(AsRef::as_ref)
            .ok_or_else(|| PaymentError::Unsupported(payment.module.clone()))
    }
}

/// Whether an answer leaves open what became of the request.
const fn is_open(answer: &Answer) -> bool {
    matches!(answer.status, 408 | 425 | 429 | 500..=599)
}

/// What the wallet finds of one way to pay: usable, or why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The module.
    pub module: ModuleId,
    /// What it would cost, or why it fell out.
    pub quote: Result<Quote, Unusable>,
}

/// Goes through an offer's ways to pay, in the order of the wallet's preference, and says of each whether it is usable.
pub fn choose(payers: &[&dyn ErasedPayer], accepts: &[Acceptance], total: Amount, now: UnixSeconds) -> Vec<Choice> {
    let ours = payers.iter().filter_map(|payer| {
        let acceptance = accepts.iter().find(|acceptance| acceptance.module == payer.id())?;
        Some(Choice { module: payer.id(), quote: payer.quote(total, acceptance, now) })
    });
    let theirs = accepts
        .iter()
        .filter(|acceptance| payers.iter().all(|payer| payer.id() != acceptance.module))
        .map(|acceptance| Choice { module: acceptance.module.clone(), quote: Err(Unusable::NotInWallet) });
    ours.chain(theirs).collect()
}
