//! The merchant's side of a module, typed and erased.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::payer::unknown;
use super::{
    Acceptance, Answer, Bill, ModuleId, PaymentError, RefundStep, Repayment, Request, Settlement, SplitRole, Step,
};
use crate::foundation::{UnixSeconds, json};
use crate::security::{Signer, Verifier};

/// The merchant's side of a payment module.
///
/// `check` and `resume` are pure: a merchant that crashed in between checks the same payment again and asks the same
/// request again, which the third party answers as before.
pub trait PayeeModule: Send + Sync {
    /// The module's name.
    const ID: &'static str;
    /// The version of its protocol.
    const VERSION: u32;
    /// The security strength of the weakest thing that it relies on, in bits (NIST SP 800-57 part 1).
    const STRENGTH_BITS: u16 = 128;
    /// The extensions of its protocol that it knows.
    const EXTENSIONS: &'static [&'static str] = &[];
    /// What it can do in a payment that is split over two modules; none where it cannot share a price. One that
    /// [holds](SplitRole::Holds) has [`PayeeModule::held`] and what follows it.
    const SPLIT: Option<SplitRole> = None;
    /// What an offer says about it.
    type Parameters: Serialize;
    /// What a payment carries.
    type Body: Serialize + DeserializeOwned;

    /// What offers shall say.
    fn parameters(&self) -> Self::Parameters;

    /// Checks a payment against its bill, cheaply, and says how to go on.
    ///
    /// # Errors
    /// [`PaymentError`] where the payment cannot settle the bill; nothing has been taken then.
    fn check(&self, bill: &Bill, body: &Self::Body, now: UnixSeconds) -> Result<Step, PaymentError>;

    /// Goes on with what the third party answered.
    ///
    /// # Errors
    /// [`PaymentError`] where it refused, or broke the protocol.
    fn resume(
        &self,
        bill: &Bill,
        body: &Self::Body,
        answer: &Answer,
        verifier: &dyn Verifier,
    ) -> Result<Step, PaymentError>;

    /// Begins to give back what a settlement of the bill brought, or part of it. The same repayment again makes the same
    /// request, so that a merchant that crashed may begin again. A module that gives nothing back leaves this as it is.
    ///
    /// # Errors
    /// [`PaymentError`] where the module gives nothing back, or not of this settlement.
    fn refund(
        &self,
        _bill: &Bill,
        _settlement: &Settlement,
        _repayment: &Repayment,
        _signer: &dyn Signer,
    ) -> Result<RefundStep, PaymentError> {
        Err(PaymentError::Unsupported(module_id(Self::ID)))
    }

    /// Goes on with what the third party answered to a refund's `request`.
    ///
    /// # Errors
    /// [`PaymentError`] where it refused, or broke the protocol.
    fn resume_refund(
        &self,
        _request: &Request,
        _answer: &Answer,
        _verifier: &dyn Verifier,
    ) -> Result<RefundStep, PaymentError> {
        Err(PaymentError::Unsupported(module_id(Self::ID)))
    }

    /// Reads the answer to what `check` asked: until when the money is held. Nothing is taken.
    ///
    /// # Errors
    /// [`PaymentError`] where it is not held.
    fn held(&self, _: &Bill, _: &Self::Body, _: &Answer, _: &dyn Verifier) -> Result<UnixSeconds, PaymentError> {
        Err(PaymentError::Unsupported(module_id(Self::ID)))
    }

    /// What takes the money that is held; `resume` takes the answer. The same each time.
    ///
    /// # Errors
    /// [`PaymentError`] where the module holds nothing.
    fn capture(&self, _: &Bill, _: &Self::Body) -> Result<Request, PaymentError> {
        Err(PaymentError::Unsupported(module_id(Self::ID)))
    }

    /// What lets go of the money that is held. The same each time.
    ///
    /// # Errors
    /// [`PaymentError`] where the module holds nothing.
    fn release(&self, _: &Bill, _: &Self::Body) -> Result<Request, PaymentError> {
        Err(PaymentError::Unsupported(module_id(Self::ID)))
    }

    /// Reads the answer to `release`.
    ///
    /// # Errors
    /// [`PaymentError`] where it was refused.
    fn released(&self, _: &Bill, _: &Self::Body, _: &Answer, _: &dyn Verifier) -> Result<(), PaymentError> {
        Err(PaymentError::Unsupported(module_id(Self::ID)))
    }
}

/// [`PayeeModule`] without its types, as the registry holds it.
pub trait ErasedPayee: Send + Sync {
    /// What offers shall say of it.
    fn acceptance(&self) -> Acceptance;

    /// The security strength of the weakest thing that it relies on, in bits.
    fn strength_bits(&self) -> u16;

    /// Whether it knows every one of these extensions.
    fn knows(&self, critical: &[String]) -> bool;

    /// [`PayeeModule::check`].
    ///
    /// # Errors
    /// As there, and where the body is not the module's.
    fn check(&self, bill: &Bill, body: &Value, now: UnixSeconds) -> Result<Step, PaymentError>;

    /// [`PayeeModule::resume`].
    ///
    /// # Errors
    /// As there, and where the body is not the module's.
    fn resume(&self, bill: &Bill, body: &Value, answer: &Answer, verifier: &dyn Verifier)
    -> Result<Step, PaymentError>;

    /// [`PayeeModule::refund`].
    ///
    /// # Errors
    /// As there.
    fn refund(
        &self,
        bill: &Bill,
        settlement: &Settlement,
        repayment: &Repayment,
        signer: &dyn Signer,
    ) -> Result<RefundStep, PaymentError>;

    /// [`PayeeModule::resume_refund`].
    ///
    /// # Errors
    /// As there.
    fn resume_refund(
        &self,
        request: &Request,
        answer: &Answer,
        verifier: &dyn Verifier,
    ) -> Result<RefundStep, PaymentError>;

    /// What it can do in a payment that is split.
    fn split_role(&self) -> Option<SplitRole>;

    /// [`PayeeModule::held`].
    ///
    /// # Errors
    /// As there, and where the body is not the module's.
    fn held(
        &self,
        bill: &Bill,
        body: &Value,
        answer: &Answer,
        verifier: &dyn Verifier,
    ) -> Result<UnixSeconds, PaymentError>;

    /// [`PayeeModule::capture`].
    ///
    /// # Errors
    /// As there, and where the body is not the module's.
    fn capture(&self, bill: &Bill, body: &Value) -> Result<Request, PaymentError>;

    /// [`PayeeModule::release`].
    ///
    /// # Errors
    /// As there, and where the body is not the module's.
    fn release(&self, bill: &Bill, body: &Value) -> Result<Request, PaymentError>;

    /// [`PayeeModule::released`].
    ///
    /// # Errors
    /// As there, and where the body is not the module's.
    fn released(&self, bill: &Bill, body: &Value, answer: &Answer, verifier: &dyn Verifier)
    -> Result<(), PaymentError>;
}

impl<M: PayeeModule> ErasedPayee for M {
    fn acceptance(&self) -> Acceptance {
        Acceptance {
            module: module_id(M::ID),
            version: M::VERSION,
            parameters: serde_json::to_value(self.parameters()).unwrap_or_default(),
            critical: Vec::new(),
        }
    }

    fn strength_bits(&self) -> u16 {
        M::STRENGTH_BITS
    }

    fn knows(&self, critical: &[String]) -> bool {
        unknown(critical, M::EXTENSIONS).is_none()
    }

    fn check(&self, bill: &Bill, body: &Value, now: UnixSeconds) -> Result<Step, PaymentError> {
        PayeeModule::check(self, bill, &typed(body)?, now)
    }

    fn resume(
        &self,
        bill: &Bill,
        body: &Value,
        answer: &Answer,
        verifier: &dyn Verifier,
    ) -> Result<Step, PaymentError> {
        PayeeModule::resume(self, bill, &typed(body)?, answer, verifier)
    }

    fn refund(
        &self,
        bill: &Bill,
        settlement: &Settlement,
        repayment: &Repayment,
        signer: &dyn Signer,
    ) -> Result<RefundStep, PaymentError> {
        PayeeModule::refund(self, bill, settlement, repayment, signer)
    }

    fn resume_refund(
        &self,
        request: &Request,
        answer: &Answer,
        verifier: &dyn Verifier,
    ) -> Result<RefundStep, PaymentError> {
        PayeeModule::resume_refund(self, request, answer, verifier)
    }

    fn split_role(&self) -> Option<SplitRole> {
        M::SPLIT
    }

    fn held(
        &self,
        bill: &Bill,
        body: &Value,
        answer: &Answer,
        verifier: &dyn Verifier,
    ) -> Result<UnixSeconds, PaymentError> {
        PayeeModule::held(self, bill, &typed(body)?, answer, verifier)
    }

    fn capture(&self, bill: &Bill, body: &Value) -> Result<Request, PaymentError> {
        PayeeModule::capture(self, bill, &typed(body)?)
    }

    fn release(&self, bill: &Bill, body: &Value) -> Result<Request, PaymentError> {
        PayeeModule::release(self, bill, &typed(body)?)
    }

    fn released(
        &self,
        bill: &Bill,
        body: &Value,
        answer: &Answer,
        verifier: &dyn Verifier,
    ) -> Result<(), PaymentError> {
        PayeeModule::released(self, bill, &typed(body)?, answer, verifier)
    }
}

/// As strictly as any other message: the list of its members is no body.
fn typed<T: DeserializeOwned>(body: &Value) -> Result<T, PaymentError> {
    json::from_value(body.clone()).map_err(|_| PaymentError::Invalid("the body is not the module's"))
}

pub(super) fn module_id(name: &'static str) -> ModuleId {
    ModuleId::new(name).expect("a module's ID constant is a valid name; the registry's test holds that")
}
