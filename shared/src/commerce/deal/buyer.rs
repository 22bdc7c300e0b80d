//! The customer's side of a deal.

use rand_core::CryptoRng;

use super::{Acknowledgement, DealError, DealStatus, Delivery, Order, Receipt, deal_id};
use crate::commerce::offer::Offer;
use crate::foundation::{Digest, UnixSeconds};
use crate::items::information::ContentKey;
use crate::items::payment::{Bill, ModuleId, ModuleVersion, Share, shares_fault};
use crate::items::statement::Signed;
use crate::security::sealing::{self, Purpose};
use crate::security::{Signer, SigningKey, Verifier};

/// A verified offer that the customer is about to take up.
#[derive(Debug)]
pub struct Draft {
    offer: Signed<Offer>,
    key: SigningKey,
    customer: Option<String>,
    split: Vec<Share>,
}

impl Draft {
    /// Prepares to take up an offer with a key made for this deal alone.
    pub const fn new(offer: Signed<Offer>, key: SigningKey) -> Self {
        Self { offer, key, customer: None, split: Vec::new() }
    }

    /// With where the customer is: told where the offer is not for everywhere, and else to nobody.
    #[must_use]
    pub fn from(self, customer: Option<&str>) -> Self {
        let asked = !self.offer.jurisdictions.is_empty();
        Self { customer: customer.filter(|_| asked).map(str::to_owned), ..self }
    }

    /// With its price shared by two modules: the order then names the module `split`.
    #[must_use]
    pub fn split(self, split: Vec<Share>) -> Self {
        Self { split, ..self }
    }

    /// Orders, to be paid with `module`, in its first version where none is named. What it returns must be stored before anything is sent.
    ///
    /// # Errors
    /// [`DealError::Module`] where the offer does not take the module, [`DealError::Offer`] where it has expired.
    pub fn order(
        self,
        module: impl Into<ModuleVersion>,
        now: UnixSeconds,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<AwaitReceipt, DealError> {
        let module = module.into();
        self.offer.check_time(now)?;
        check_modules(&self.offer, &module, &self.split)?;
        let mut nonce = [0; 16];
        rng.fill_bytes(&mut nonce);
        let order = Order {
            offer: self.offer.digest(),
            module: module.id,
            version: module.version,
            total: self.offer.total,
            split: self.split,
            nonce,
            customer: self.customer,
            address: None,
            ordered_at: now,
        };
        let order = Signed::sign_self_keyed(order, &self.key);
        Ok(AwaitReceipt { offer: self.offer, order, key: self.key })
    }
}

/// Whether an order may name `module`: one that the offer takes, none where nothing is to be paid, or `split` with two
/// that the offer lets share the price.
pub(super) fn check_modules(offer: &Offer, module: &ModuleVersion, split: &[Share]) -> Result<(), DealError> {
    let taken = |module: &ModuleVersion| {
        offer.accepts.iter().any(|way| (&way.module, way.version) == (&module.id, module.version))
    };
    if *module == ModuleId::split().into() && !offer.total.is_zero() {
        let shared = |share: &Share| offer.split.contains(&share.module) && taken(&share.module());
        if !split.iter().all(shared) {
            return Err(DealError::Module);
        }
        return shares_fault(split, offer.total).map_or(Ok(()), |fault| Err(DealError::Split(fault)));
    }
    if !split.is_empty() {
        return Err(DealError::Split("it names one module and the parts of two"));
    }
    let fits = if offer.total.is_zero() { module.id == ModuleId::none() } else { taken(module) };
    if fits { Ok(()) } else { Err(DealError::Module) }
}

/// A deal that is ordered and perhaps paid, whose receipt has not come.
#[derive(Debug, Clone)]
pub struct AwaitReceipt {
    offer: Signed<Offer>,
    order: Signed<Order>,
    key: SigningKey,
}

impl AwaitReceipt {
    /// Takes up a deal as it was stored.
    pub const fn resume(offer: Signed<Offer>, order: Signed<Order>, key: SigningKey) -> Self {
        Self { offer, order, key }
    }

    /// The name of the deal.
    pub fn deal(&self) -> Digest {
        deal_id(&self.offer.digest(), &self.order.digest())
    }

    /// The order.
    pub const fn order(&self) -> &Signed<Order> {
        &self.order
    }

    /// The offer.
    pub const fn offer(&self) -> &Signed<Offer> {
        &self.offer
    }

    /// What is to be paid.
    pub fn bill(&self) -> Bill {
        bill(&self.offer, &self.order)
    }

    /// Takes receipt and delivery.
    ///
    /// # Errors
    /// [`DealError::Receipt`] or [`DealError::Delivery`] where they are not what was ordered; keep them as evidence.
    pub fn accept(&self, status: &DealStatus, verifier: &dyn Verifier) -> Result<Delivered, DealError> {
        let receipt = status.receipt.as_ref().ok_or(DealError::Receipt("there is none"))?;
        let delivery = status.delivery.as_ref().ok_or(DealError::Delivery("there is none"))?;
        let merchant = &self.offer.merchant.key;
        let receipt: Signed<Receipt> = receipt.verify(merchant, verifier)?;
        let delivery: Signed<Delivery> = delivery.verify(merchant, verifier)?;
        self.check_receipt(&receipt)?;
        let keys = self.open_keys(&delivery)?;
        Ok(Delivered { deal: self.deal(), key: self.key.clone(), receipt, delivery, keys })
    }

    fn check_receipt(&self, receipt: &Receipt) -> Result<(), DealError> {
        let require = |holds: bool, what| if holds { Ok(()) } else { Err(DealError::Receipt(what)) };
        require(receipt.deal == self.deal(), "it is for another deal")?;
        require(receipt.offer == self.offer.digest(), "it is for another offer")?;
        require(receipt.order == self.order.digest(), "it is for another order")?;
        require(receipt.paid == self.offer.total, "it is for another amount")?;
        require(
            receipt.owed.is_none_or(|owed| receipt.paid.checked_sub(owed).is_ok()),
            "more is owed than was to be paid",
        )?;
        require(
            (&receipt.module, receipt.version) == (&self.order.module, self.order.version),
            "it is for another payment",
        )?;
        // The same parts, each with its proof beside it.
        let same = |(paid, agreed): (&Share, &Share)| {
            (paid.module(), paid.amount) == (agreed.module(), agreed.amount) && !paid.payment.is_empty()
        };
        let (paid, agreed) = (&receipt.split, &self.order.split);
        require(paid.len() == agreed.len() && paid.iter().zip(agreed).all(same), "its parts are others")?;
        require(receipt.refund_by == self.bill().refund_by, "its refund deadline is another")
    }

    /// The content keys, each of which must be the one that the offer committed to.
    fn open_keys(&self, delivery: &Delivery) -> Result<Vec<(String, ContentKey)>, DealError> {
        let deal = self.deal();
        if delivery.deal != deal {
            return Err(DealError::Delivery("it is for another deal"));
        }
        let parts = &self.offer.delivery.parts;
        parts
            .iter()
            .map(|part| {
                let sealed = delivery.keys.iter().find(|key| key.part == part.name);
                let sealed = &sealed.ok_or(DealError::Delivery("a part's key is missing"))?.sealed.0;
                let key = sealing::open(Purpose::ContentKey, &deal, &self.key, sealed)
                    .map_err(|_| DealError::Delivery("a key is not sealed to the deal"))?;
                let key: [u8; 16] = key.try_into().map_err(|_| DealError::Delivery("a key has the wrong length"))?;
                let key = ContentKey::from_bytes(key);
                part.commitment
                    .check_key(&key)
                    .map_err(|_| DealError::Delivery("a key is not the one that was offered"))?;
                Ok((part.name.clone(), key))
            })
            .collect()
    }
}

/// A deal whose goods can be opened.
#[derive(Debug)]
pub struct Delivered {
    deal: Digest,
    key: SigningKey,
    /// The receipt.
    pub receipt: Signed<Receipt>,
    /// The delivery.
    pub delivery: Signed<Delivery>,
    /// The content key of each part, by its name.
    pub keys: Vec<(String, ContentKey)>,
}

impl Delivered {
    /// Tells the merchant that the keys came.
    pub fn acknowledge(&self, now: UnixSeconds) -> Signed<Acknowledgement> {
        let payload = Acknowledgement { deal: self.deal, receipt: self.receipt.digest(), received_at: now };
        Signed::sign_self_keyed(payload, &self.key)
    }
}

/// What a deal's payment is bound to; both sides make it from the same two statements.
pub(super) fn bill(offer: &Signed<Offer>, order: &Signed<Order>) -> Bill {
    Bill {
        deal: deal_id(&offer.digest(), &order.digest()),
        payee: offer.merchant.key.thumbprint(),
        total: offer.total,
        refund_by: offer.refund_by(order.ordered_at),
    }
}

impl AwaitReceipt {
    /// The public key of the deal.
    pub fn public_key(&self) -> &crate::security::PublicKey {
        self.key.public_key()
    }
}
