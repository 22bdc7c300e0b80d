//! The merchant's side of a deal.

use super::buyer::{bill, check_modules};
use super::{Acknowledgement, DealError, Delivery, Order, Receipt, SealedKey, deal_id};
use crate::commerce::CLOCK_LEEWAY_S;
use crate::commerce::offer::Offer;
use crate::foundation::{Amount, Bytes, Digest, UnixSeconds};
use crate::items::information::ContentKey;
use crate::items::payment::{Bill, ModuleId, ModuleVersion, Settlement, Share};
use crate::items::statement::{Compact, Signed};
use crate::security::sealing::{self, Agree, Purpose};
use crate::security::{PublicKey, Signer, Verifier};

/// How old an order may be when it first arrives, in seconds, with clocks that agree.
const MAX_AGE_S: u64 = 15 * 60;

/// An order that fits its offer, to be paid.
#[derive(Debug, Clone)]
pub struct Opened {
    deal: Digest,
    order: Signed<Order>,
    key: PublicKey,
    bill: Bill,
}

impl Opened {
    /// Takes an order of `offer`, which is this merchant's own.
    ///
    /// One that arrived before is good for as long as the caller keeps its offer: a wallet that lost the answer must be able
    /// to finish. One that arrives first must be fresh as well: [`Opened::check_age`].
    ///
    /// # Errors
    /// [`DealError`] where the order does not fit the offer.
    pub fn open(
        order: &Compact<Order>,
        offer: &Signed<Offer>,
        now: UnixSeconds,
        verifier: &dyn Verifier,
    ) -> Result<Self, DealError> {
        let (order, key) = order.verify_self_keyed(verifier)?;
        if order.offer != offer.digest() {
            return Err(DealError::Order("it is for another offer"));
        }
        if order.total != offer.total {
            return Err(DealError::Price);
        }
        check_modules(offer, &ModuleVersion { id: order.module.clone(), version: order.version }, &order.split)?;
        offer.check_time(order.ordered_at)?;
        let too_early = order.ordered_at.plus(CLOCK_LEEWAY_S) < offer.issued_at;
        let from_the_future = now.plus(CLOCK_LEEWAY_S) < order.ordered_at;
        if too_early || from_the_future {
            return Err(DealError::Order("its time is not within the offer's"));
        }
        let deal = deal_id(&offer.digest(), &order.digest());
        Ok(Self { deal, bill: bill(offer, &order), order, key })
    }

    /// Whether the order is young enough to be taken for the first time. Older ones are not: the date is the customer's word,
    /// and a price that was given up long ago could be had by dating an order back.
    ///
    /// # Errors
    /// [`DealError::Stale`].
    pub fn check_age(&self, now: UnixSeconds) -> Result<(), DealError> {
        if now > self.order.ordered_at.plus(MAX_AGE_S + CLOCK_LEEWAY_S) { Err(DealError::Stale) } else { Ok(()) }
    }

    /// The name of the deal.
    pub const fn deal(&self) -> Digest {
        self.deal
    }

    /// The order.
    pub const fn order(&self) -> &Signed<Order> {
        &self.order
    }

    /// The key that the order was signed with.
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// What is to be paid.
    pub const fn bill(&self) -> &Bill {
        &self.bill
    }

    /// Closes the deal after its payment settled (or, where nothing was to be paid, at once): signs the receipt and
    /// seals the content keys to the deal.
    ///
    /// # Errors
    /// [`DealError::Receipt`] where the settlement is not of the bill, [`DealError::Security`] where sealing fails.
    pub fn close(
        &self,
        settlement: Option<&Settlement>,
        keys: &[(String, ContentKey)],
        signer: &dyn Signer,
        now: UnixSeconds,
        agreement: &mut impl Agree,
    ) -> Result<Closed, DealError> {
        self.close_with(settlement, Vec::new(), keys, signer, now, agreement)
    }

    /// Closes a deal whose price two modules shared: there is a settlement of each, in the order's order.
    ///
    /// # Errors
    /// As [`Opened::close`].
    pub fn close_split(
        &self,
        settlements: &[Settlement],
        keys: &[(String, ContentKey)],
        signer: &dyn Signer,
        now: UnixSeconds,
        agreement: &mut impl Agree,
    ) -> Result<Closed, DealError> {
        let agreed = &self.order.split;
        let fits = |(share, settlement): (&Share, &Settlement)| {
            settlement.paid == share.amount && settlement.owed.is_none() && !settlement.proofs.is_empty()
        };
        if settlements.len() != agreed.len() || !agreed.iter().zip(settlements).all(fits) {
            return Err(DealError::Receipt("a settlement is of another part"));
        }
        let proven =
            |(share, settlement): (&Share, &Settlement)| Share { payment: settlement.proofs.clone(), ..share.clone() };
        let split = agreed.iter().zip(settlements).map(proven).collect();
        let both = Settlement {
            paid: Amount::sum(self.bill.total.currency(), settlements.iter().map(|one| one.paid))
                .map_err(|_| DealError::Receipt("the settlements add up to another amount"))?,
            owed: None,
            proofs: settlements.iter().flat_map(|one| one.proofs.clone()).collect(),
            statements: Vec::new(),
        };
        self.close_with(Some(&both), split, keys, signer, now, agreement)
    }

    fn close_with(
        &self,
        settlement: Option<&Settlement>,
        split: Vec<Share>,
        keys: &[(String, ContentKey)],
        signer: &dyn Signer,
        now: UnixSeconds,
        agreement: &mut impl Agree,
    ) -> Result<Closed, DealError> {
        let paid = settlement.map_or(Amount::zero(self.bill.total.currency()), |s| s.paid);
        if split.len() != self.order.split.len() {
            return Err(DealError::Receipt("the price is shared, and its parts are not settled one by one"));
        }
        if paid != self.bill.total {
            return Err(DealError::Receipt("the settlement is of another amount"));
        }
        let receipt = Receipt {
            deal: self.deal,
            offer: self.order.offer,
            order: self.order.digest(),
            paid,
            owed: settlement.and_then(|s| s.owed),
            module: settlement.map_or_else(ModuleId::none, |_| self.order.module.clone()),
            version: self.order.version,
            split,
            payment: settlement.map(|s| s.proofs.clone()).unwrap_or_default(),
            issued_at: now,
            refund_by: self.bill.refund_by,
        };
        let keys = keys
            .iter()
            .map(|(part, key)| {
                let sealed = sealing::seal(Purpose::ContentKey, &self.deal, &self.key, key.as_bytes(), agreement)?;
                Ok(SealedKey { part: part.clone(), sealed: Bytes(sealed) })
            })
            .collect::<Result<_, DealError>>()?;
        let delivery = Delivery { deal: self.deal, keys, issued_at: now };
        Ok(Closed { receipt: Signed::sign(receipt, signer), delivery: Signed::sign(delivery, signer) })
    }

    /// Checks the customer's acknowledgement of a receipt.
    ///
    /// # Errors
    /// [`DealError::Statement`] where the deal's key did not sign it, [`DealError::Receipt`] where it is of another one.
    pub fn acknowledged(
        &self,
        acknowledgement: &Compact<Acknowledgement>,
        receipt: &Digest,
        verifier: &dyn Verifier,
    ) -> Result<Signed<Acknowledgement>, DealError> {
        let acknowledgement = acknowledgement.verify(&self.key, verifier)?;
        if acknowledgement.deal != self.deal || acknowledgement.receipt != *receipt {
            return Err(DealError::Receipt("the acknowledgement is of another deal"));
        }
        Ok(acknowledgement)
    }
}

/// A deal that is paid: what the customer gets.
#[derive(Debug, Clone)]
pub struct Closed {
    /// The receipt.
    pub receipt: Signed<Receipt>,
    /// The content keys.
    pub delivery: Signed<Delivery>,
}
