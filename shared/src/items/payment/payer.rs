//! The wallet's side of a module, typed and erased.

use rand_core::CryptoRng;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

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

/// Something that a module pays from, as its owner sees it in one list with all others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Purse {
    /// What people know it by: the mint, the card.
    pub name: String,
    /// Where it is kept: the origin of the mint, the gateway, the bank.
    pub at: String,
    /// What is in it; none where that is not known here, as with a card.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub balance: Option<Amount>,
    /// The most that can be brought in at once, where that is limited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<Amount>,
    /// When it ends, or the first part of it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<UnixSeconds>,
}

/// The wallet's side of a payment module. It owns its purses and can be stored and restored as one value.
pub trait PayerModule {
    /// The module's name.
    const ID: &'static str;
    /// The version of its protocol.
    const VERSION: u32;
    /// The security strength of the weakest thing that it relies on, in bits (NIST SP 800-57 part 1).
    const STRENGTH_BITS: u16 = 128;
    /// The extensions of its protocol that it knows.
    const EXTENSIONS: &'static [&'static str] = &[];
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

    /// What it pays from.
    fn purses(&self) -> Vec<Purse> {
        Vec::new()
    }

    /// What is to be stored of it; null where it keeps nothing.
    fn stored(&self) -> Value {
        Value::Null
    }

    /// Takes up what was stored.
    ///
    /// # Errors
    /// [`PaymentError`] where it is not the module's own.
    fn restore(&mut self, _stored: Value) -> Result<(), PaymentError> {
        Ok(())
    }
}

/// [`PayerModule`] without its types, as the registry holds it.
pub trait ErasedPayer {
    /// The module's name.
    fn id(&self) -> ModuleId;

    /// The version of its protocol.
    fn version(&self) -> u32;

    /// The security strength of the weakest thing that it relies on, in bits.
    fn strength_bits(&self) -> u16;

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

    /// [`PayerModule::purses`].
    fn purses(&self) -> Vec<Purse>;

    /// [`PayerModule::stored`].
    fn stored(&self) -> Value;

    /// [`PayerModule::restore`].
    ///
    /// # Errors
    /// As there.
    fn restore(&mut self, stored: Value) -> Result<(), PaymentError>;
}

impl<M: PayerModule> ErasedPayer for M {
    fn id(&self) -> ModuleId {
        module_id(M::ID)
    }

    fn version(&self) -> u32 {
        M::VERSION
    }

    fn strength_bits(&self) -> u16 {
        M::STRENGTH_BITS
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
        Ok(Payment { module: module_id(M::ID), version: M::VERSION, body, critical: Vec::new() })
    }

    fn settled(&mut self, deal: &Digest) {
        PayerModule::settled(self, deal);
    }

    fn refused(&mut self, deal: &Digest) {
        PayerModule::refused(self, deal);
    }

    fn purses(&self) -> Vec<Purse> {
        PayerModule::purses(self)
    }

    fn stored(&self) -> Value {
        PayerModule::stored(self)
    }

    fn restore(&mut self, stored: Value) -> Result<(), PaymentError> {
        PayerModule::restore(self, stored)
    }
}

fn parameters<M: PayerModule>(acceptance: &Acceptance) -> Result<M::Parameters, Unusable> {
    if acceptance.version != M::VERSION {
        return Err(Unusable::Version { ours: M::VERSION, theirs: acceptance.version });
    }
    if let Some(name) = unknown(&acceptance.critical, M::EXTENSIONS) {
        return Err(Unusable::Critical { name });
    }
    json::from_value(acceptance.parameters.clone()).map_err(|_| Unusable::Parameters)
}

/// The first critical extension that is not known.
pub(super) fn unknown(critical: &[String], known: &[&str]) -> Option<String> {
    critical.iter().find(|name| !known.contains(&name.as_str())).cloned()
}
