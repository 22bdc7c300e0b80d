//! The wallet's side of a module, typed and erased.

use rand_core::CryptoRng;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::payee::module_id;
use super::{Acceptance, Bill, ModuleId, Payment, PaymentError, Unusable};
use crate::foundation::{Amount, Digest, UnixSeconds, json};

/// What a payment would cost and leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// What the purses that the merchant takes hold now.
    pub available: Amount,
    /// What the module charges on top.
    pub fee: Amount,
}

/// The wallet's side of a payment module. It owns its purses and can be stored and restored as one value.
pub trait PayerModule {
    /// The module's name.
    const ID: &'static str;
    /// The version of its protocol.
    const VERSION: u32;
    /// What an offer says about it.
    type Parameters: DeserializeOwned;
    /// What a payment carries.
    type Body: Serialize;

    /// Whether and how it can pay `total`.
    ///
    /// # Errors
    /// [`Unusable`], to be told to the customer.
    fn quote(&self, total: Amount, parameters: &Self::Parameters, now: UnixSeconds) -> Result<Quote, Unusable>;

    /// Pays: takes the money out of the purse and signs it over to the bill.
    ///
    /// # Errors
    /// [`PaymentError`]; the purse is unchanged then.
    fn pay(
        &mut self,
        bill: &Bill,
        parameters: &Self::Parameters,
        now: UnixSeconds,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self::Body, PaymentError>;

    /// The merchant's receipt came: what the payment used is gone for good.
    fn settled(&mut self, deal: &Digest);

    /// The merchant refused for good: what the payment used is to be saved.
    fn refused(&mut self, deal: &Digest);
}

/// [`PayerModule`] without its types, as the registry holds it.
pub trait ErasedPayer {
    /// The module's name.
    fn id(&self) -> ModuleId;

    /// [`PayerModule::quote`].
    ///
    /// # Errors
    /// As there, and where version or parameters do not fit.
    fn quote(&self, total: Amount, acceptance: &Acceptance, now: UnixSeconds) -> Result<Quote, Unusable>;

    /// [`PayerModule::pay`].
    ///
    /// # Errors
    /// As there, and where version or parameters do not fit.
    fn pay(
        &mut self,
        bill: &Bill,
        acceptance: &Acceptance,
        now: UnixSeconds,
        rng: &mut dyn CryptoRng,
    ) -> Result<Payment, PaymentError>;

    /// [`PayerModule::settled`].
    fn settled(&mut self, deal: &Digest);

    /// [`PayerModule::refused`].
    fn refused(&mut self, deal: &Digest);
}

impl<M: PayerModule> ErasedPayer for M {
    fn id(&self) -> ModuleId {
        module_id(M::ID)
    }

    fn quote(&self, total: Amount, acceptance: &Acceptance, now: UnixSeconds) -> Result<Quote, Unusable> {
        PayerModule::quote(self, total, &parameters::<M>(acceptance)?, now)
    }

    fn pay(
        &mut self,
        bill: &Bill,
        acceptance: &Acceptance,
        now: UnixSeconds,
        rng: &mut dyn CryptoRng,
    ) -> Result<Payment, PaymentError> {
        let body = PayerModule::pay(self, bill, &parameters::<M>(acceptance)?, now, rng)?;
        let body = serde_json::to_value(body).map_err(|_| PaymentError::Invalid("the body does not serialize"))?;
        Ok(Payment { module: module_id(M::ID), version: M::VERSION, body })
    }

    fn settled(&mut self, deal: &Digest) {
        PayerModule::settled(self, deal);
    }

    fn refused(&mut self, deal: &Digest) {
        PayerModule::refused(self, deal);
    }
}

fn parameters<M: PayerModule>(acceptance: &Acceptance) -> Result<M::Parameters, Unusable> {
    if acceptance.version != M::VERSION {
        return Err(Unusable::Version { ours: M::VERSION, theirs: acceptance.version });
    }
    json::from_value(acceptance.parameters.clone()).map_err(|_| Unusable::Parameters)
}
