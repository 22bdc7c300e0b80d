//! The registry of a merchant's modules.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{
    Acceptance, Answer, Bill, ErasedPayee, ModuleId, ModuleVersion, PayeeModule, Payment, PaymentError, RefundStep,
    Repayment, Request, Settlement, Step,
};
use crate::foundation::UnixSeconds;
use crate::security::{Signer, Verifier};

/// The payment modules of a merchant.
#[derive(Default)]
pub struct Registry {
    modules: BTreeMap<(ModuleId, u32), Arc<dyn ErasedPayee>>,
}

impl Registry {
    /// A registry without modules.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a module; one of the same name and version is replaced. Two versions of one module stand side by side.
    #[must_use]
    pub fn with(self, module: impl PayeeModule + 'static) -> Self {
        self.with_shared(Arc::new(module))
    }

    /// Adds a module that others hold too.
    #[must_use]
    pub fn with_shared(mut self, module: Arc<dyn ErasedPayee>) -> Self {
        let Acceptance { module: id, version, .. } = module.acceptance();
        self.modules.insert((id, version), module);
        self
    }

    /// What the merchant's offers shall say.
    pub fn acceptances(&self) -> Vec<Acceptance> {
        self.modules.values().map(|module| module.acceptance()).collect()
    }

    /// The security strength of a module, in bits; none where there is no such module here.
    pub fn strength_bits(&self, module: &ModuleVersion) -> Option<u16> {
        self.named((&module.id, module.version)).ok().map(|module| module.strength_bits())
    }

    /// Checks a payment with its module.
    ///
    /// # Errors
    /// [`PaymentError::Unsupported`], or the module's own.
    pub fn check(&self, bill: &Bill, payment: &Payment, now: UnixSeconds) -> Result<Step, PaymentError> {
        let module = self.module(payment)?;
        if !module.knows(&payment.critical) {
            return Err(PaymentError::Unsupported(payment.module.clone()));
        }
        module.check(bill, &payment.body, now)
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
        module: (&ModuleId, u32),
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
        module: (&ModuleId, u32),
        request: &Request,
        answer: &Answer,
        verifier: &dyn Verifier,
    ) -> Result<RefundStep, PaymentError> {
        if is_open(answer) {
            return Err(PaymentError::Unknown);
        }
        self.named(module)?.resume_refund(request, answer, verifier)
    }

    fn named(&self, (module, version): (&ModuleId, u32)) -> Result<&dyn ErasedPayee, PaymentError> {
        let found = self.modules.get(&(module.clone(), version));
        found.map(AsRef::as_ref).ok_or_else(|| PaymentError::Unsupported(module.clone()))
    }

    fn module(&self, payment: &Payment) -> Result<&dyn ErasedPayee, PaymentError> {
        self.named((&payment.module, payment.version))
    }
}

/// Whether an answer leaves open what became of the request.
const fn is_open(answer: &Answer) -> bool {
    matches!(answer.status, 408 | 425 | 429 | 500..=599)
}
