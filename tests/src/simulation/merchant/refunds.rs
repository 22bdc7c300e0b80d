//! The merchant's refunds: decided and stored, ordered from the mint, told to the customer.

use semper_shared::commerce::deal::{DealStatus, State};
use semper_shared::foundation::{Coded as _, Digest, UnixSeconds};
use semper_shared::items::payment::{
    Answer, Bill, ModuleId, PaymentError, RefundId, RefundStatus, RefundStep, Repayment,
};
use semper_shared::security::Signer as _;

use super::super::bank::cents;
use super::super::network::{Fate, World};
use super::{Deal, Merchant, is_final};

/// A refund as it is stored.
pub(super) struct Stored {
    id: RefundId,
    minor: u64,
    at: UnixSeconds,
    /// `None` as long as the mint has not answered.
    done: Option<Result<RefundStatus, &'static str>>,
}

impl Stored {
    fn counts(&self) -> bool {
        !matches!(self.done, Some(Err(_)))
    }
}

impl Deal {
    /// What the customer is told.
    pub(super) fn told(&self) -> DealStatus {
        let done = self.refunds.iter().filter_map(|refund| refund.done.as_ref()?.as_ref().ok().cloned());
        DealStatus { refunds: done.collect(), ..self.status.clone() }
    }

    fn paid(&self) -> u64 {
        self.body.order.peek_unverified().map_or(0, |order| order.total.minor())
    }
}

impl Merchant {
    /// What was given back of a customer's deals, and of how many refunds.
    pub(in crate::simulation) fn refunded(&self, customer: Option<usize>) -> (u64, u64) {
        let deals = self.deals.values().filter(|deal| customer.is_none_or(|customer| deal.from == customer));
        let done = deals.flat_map(|deal| &deal.refunds).filter(|refund| matches!(refund.done, Some(Ok(_))));
        done.fold((0, 0), |(sum, count), refund| (sum + refund.minor, count + 1))
    }

    /// A refund that the mint refused, and why. Nothing that this merchant orders gives it a reason to.
    pub(in crate::simulation) fn refused_refund(&self) -> Option<&'static str> {
        self.deals
            .values()
            .flat_map(|deal| &deal.refunds)
            .find_map(|refund| refund.done.as_ref()?.as_ref().err().copied())
    }
}

impl World {
    /// The merchant gives something back of a deal, or goes on with what it has begun.
    pub(in crate::simulation) fn give_back(&mut self) {
        let paid = self.merchant.deals.iter().filter(|(_, deal)| deal.status.state == State::Delivered);
        let left = |deal: &Deal| {
            let given: u64 = deal.refunds.iter().filter(|refund| refund.counts()).map(|refund| refund.minor).sum();
            deal.paid() - given
        };
        let open: Vec<(Digest, u64)> =
            paid.map(|(name, deal)| (*name, left(deal))).filter(|(_, left)| *left > 0).collect();
        if open.is_empty() {
            return;
        }
        let which = usize::try_from(self.chance.below(open.len() as u64)).unwrap_or(0);
        let (deal, left) = open[which];
        let whole = self.chance.percent(40);
        let minor = if whole { left } else { 1 + self.chance.below(left) };
        let mut id = [0; 16];
        id[..8].copy_from_slice(&self.chance.below(u64::MAX).to_le_bytes());
        if matches!(self.fate(), Fate::Full | Fate::Fails) {
            return;
        }
        let at = self.now.plus(self.ahead[1]);
        let refund = Stored { id: RefundId(id), minor, at, done: None };
        if let Some(known) = self.merchant.deals.get_mut(&deal) {
            known.refunds.push(refund);
        }
        if !self.happens(self.weather.crash) {
            self.pursue_refunds(&deal);
        }
    }

    /// Repeats the refunds whose outcome is not known, as the server does every few seconds.
    pub(in crate::simulation) fn recover_refunds(&mut self) {
        let deals: Vec<Digest> = self.merchant.deals.keys().copied().collect();
        for deal in deals {
            self.pursue_refunds(&deal);
        }
    }

    fn pursue_refunds(&mut self, deal: &Digest) {
        let count = self.merchant.deals.get(deal).map_or(0, |known| known.refunds.len());
        for index in 0..count {
            let Some(ending) = self.pursue(deal, index) else { continue };
            // What cannot be stored is asked again.
            if matches!(self.fate(), Fate::Full | Fate::Fails) {
                continue;
            }
            if let Some(known) = self.merchant.deals.get_mut(deal) {
                known.refunds[index].done = Some(ending);
            }
        }
    }

    /// Asks for a refund that is open; `None` where there is nothing to be stored.
    fn pursue(&mut self, deal: &Digest, index: usize) -> Option<Result<RefundStatus, &'static str>> {
        let known = self.merchant.deals.get(deal)?;
        let refund = known.refunds.get(index).filter(|refund| refund.done.is_none())?;
        let settlement = known.settlement.clone()?;
        let receipt = known.status.receipt.as_ref()?.peek_unverified().ok()?;
        let payee = self.merchant.signer.public_key().thumbprint();
        let bill = Bill { deal: *deal, payee, total: receipt.paid, refund_by: receipt.refund_by };
        let repayment =
            Repayment { id: refund.id, amount: cents(refund.minor), reason: "Sorry.".to_owned(), at: refund.at };
        let registry = &self.merchant.shop.registry;
        let (module, verifier) = (ModuleId::new("ecash")?, self.merchant.verifier);
        let module = (&module, receipt.version);
        let mut step = registry.refund(module, &bill, &settlement, &repayment, &self.merchant.signer);
        loop {
            match step {
                Ok(RefundStep::Done(status)) => return Some(Ok(status)),
                Ok(RefundStep::Ask(request)) => {
                    let body = serde_json::to_vec(&request.body).ok()?;
                    let reply = self.ask_for_merchant("/refunds", &body)?;
                    let answer = Answer { status: reply.status, body: reply.body };
                    step = registry.resume_refund(module, &request, &answer, verifier);
                }
                Err(error @ PaymentError::Refused { .. }) if is_final(&error) => {
                    return Some(Err(error.code().as_str()));
                }
                Err(_) => return None,
            }
        }
    }
}
