//! The registry of a merchant's modules.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{
    Acceptance, Answer, Bill, ErasedPayee, ModuleId, ModuleVersion, PayeeModule, Payment, PaymentError, RefundStep,
    Repayment, Request, Settlement, SplitRole, Step,
};
use crate::foundation::UnixSeconds;
use crate::security::{Signer, Verifier};

/// The payment modules of a merchant.
#[derive(Default)]
pub struct Registry {
    modules: BTreeMap<(ModuleId, u32), Arc<dyn ErasedPayee>>,
}

impl core::fmt::Debug for Registry {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_set().entries(self.modules.keys()).finish()
    }
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

    /// What a module can do in a payment that is split.
    pub fn split_role(&self, module: &ModuleVersion) -> Option<SplitRole> {
        self.named((&module.id, module.version)).ok()?.split_role()
    }

    /// The modules among `accepts` of which two can share a price: one that holds, and any other.
    pub fn splittable(&self, accepts: &[Acceptance]) -> Vec<ModuleId> {
        let role = |way: &&Acceptance| self.named((&way.module, way.version)).ok().and_then(|found| found.split_role());
        let mut able: Vec<ModuleId> = Vec::new();
        for way in accepts.iter().filter(|way| role(way).is_some()) {
            if !able.contains(&way.module) {
                able.push(way.module.clone());
            }
        }
        let holds = accepts.iter().any(|way| role(&way) == Some(SplitRole::Holds));
        if holds && able.len() > 1 { able } else { Vec::new() }
    }

    /// Until when a module holds the money.
    pub(super) fn held(
        &self,
        bill: &Bill,
        payment: &Payment,
        answer: &Answer,
        verifier: &dyn Verifier,
    ) -> Result<UnixSeconds, PaymentError> {
        if is_open(answer) {
            return Err(PaymentError::Unknown);
        }
        self.module(payment)?.held(bill, &payment.body, answer, verifier)
    }

    /// What takes the money that is held.
    pub(super) fn capture(&self, bill: &Bill, payment: &Payment) -> Result<Request, PaymentError> {
        self.module(payment)?.capture(bill, &payment.body)
    }

    /// What lets go of the money that is held.
    pub(super) fn release(&self, bill: &Bill, payment: &Payment) -> Result<Request, PaymentError> {
        self.module(payment)?.release(bill, &payment.body)
    }

    /// Whether what was held is let go.
    pub(super) fn released(
        &self,
        bill: &Bill,
        payment: &Payment,
        answer: &Answer,
        verifier: &dyn Verifier,
    ) -> Result<(), PaymentError> {
        if is_open(answer) {
            return Err(PaymentError::Unknown);
        }
        self.module(payment)?.released(bill, &payment.body, answer, verifier)
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
