//! `offer/`, `deal/` and `split/`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Performed, on, unknown};
use crate::commerce::deal::{Acknowledgement, DealError, Opened, Order, check_refunds};
use crate::commerce::offer::{Offer, OfferError};
use crate::foundation::{Amount, Digest, UnixSeconds};
use crate::items::payment::RefundStatus;
use crate::items::statement::{Compact, Signed};
use crate::security::Portable;

pub(super) fn perform(operation: &str, input: Value) -> Performed {
    match operation {
        "verify-offer" => on(input, offer),
        "open-order" => on(input, order),
        "check-age" => on(input, age),
        "check-acknowledgement" => on(input, acknowledgement),
        "check-refunds" => on(input, refunds),
        _ => unknown(operation),
    }
}

#[derive(Deserialize)]
struct OfferOf {
    offer: String,
    origin: String,
    now: UnixSeconds,
}

impl OfferOf {
    fn verify(&self) -> Result<Signed<Offer>, OfferError> {
        Offer::verify(&self.offer, &self.origin, self.now, &Portable)
    }
}

#[derive(Serialize)]
struct Verified {
    digest: Digest,
    merchant: Digest,
    title: String,
    total: Amount,
}

fn offer(input: OfferOf) -> Result<Verified, OfferError> {
    let offer = input.verify()?;
    Ok(Verified { digest: offer.digest(), merchant: offer.signer(), title: offer.title.clone(), total: offer.total })
}

#[derive(Deserialize)]
struct OrderOf {
    #[serde(flatten)]
    offer: OfferOf,
    order: Compact<Order>,
    received_at: UnixSeconds,
}

impl OrderOf {
    fn open(&self) -> Result<Opened, DealError> {
        Opened::open(&self.order, &self.offer.verify()?, self.received_at, &Portable)
    }
}

#[derive(Serialize)]
struct DealOf {
    deal: Digest,
    payee: Digest,
    total: Amount,
    refund_by: UnixSeconds,
}

fn order(input: OrderOf) -> Result<DealOf, DealError> {
    let deal = input.open()?;
    let bill = deal.bill();
    Ok(DealOf { deal: deal.deal(), payee: bill.payee, total: bill.total, refund_by: bill.refund_by })
}

/// An order that arrives for the first time.
fn age(input: OrderOf) -> Result<(), DealError> {
    input.open()?.check_age(input.received_at)
}

#[derive(Deserialize)]
struct AcknowledgementOf {
    #[serde(flatten)]
    order: OrderOf,
    receipt: Digest,
    acknowledgement: Compact<Acknowledgement>,
}

fn acknowledgement(input: AcknowledgementOf) -> Result<(), DealError> {
    input.order.open()?.acknowledged(&input.acknowledgement, &input.receipt, &Portable).map(|_| ())
}

#[derive(Deserialize)]
struct RefundsOf {
    deal: Digest,
    merchant: Digest,
    paid: Amount,
    refunds: Vec<RefundStatus>,
}

#[derive(Serialize)]
struct Refunds {
    amounts: Vec<Amount>,
}

fn refunds(input: RefundsOf) -> Result<Refunds, DealError> {
    let refunds = check_refunds(&input.deal, &input.merchant, input.paid, &input.refunds, &Portable)?;
    Ok(Refunds { amounts: refunds.iter().map(|refund| refund.amount).collect() })
}
