//! Deals and their evidence: every statement that was exchanged, as it was signed.

use semper_shared::commerce::deal::{DealStatus, State};
use semper_shared::foundation::{Amount, Digest, UnixSeconds, base64, json};
use semper_shared::items::payment::Share;
use serde::Serialize;
use serde_json::Value;

#[cfg(feature = "account")]
use super::InvoiceView;
use super::mints::MintName;
use super::net::peer;
use super::ports::Ports;
use super::records::{DealRecord, Step, Touched};
use super::{RefundView, Wallet, WalletError};

/// A deal in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DealLine {
    /// The deal.
    pub deal: Digest,
    /// What was bought.
    pub title: String,
    /// The merchant's name and origin.
    pub merchant: MintName,
    /// What was paid, or is to be.
    pub paid: Amount,
    /// What each module pays of it, where two share the price.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub split: Vec<Share>,
    /// What came back of it.
    #[serde(skip_serializing_if = "Amount::is_zero")]
    pub refunded: Amount,
    /// The invoice by which it is paid.
    #[cfg(feature = "account")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invoice: Option<InvoiceView>,
    /// The state.
    pub state: State,
    /// When it was ordered.
    pub at: UnixSeconds,
}

/// A deal with everything that was signed for it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DealView {
    /// What stands in lists.
    #[serde(flatten)]
    pub line: DealLine,
    /// When it came into which state.
    pub timeline: Vec<Step>,
    /// The refunds, oldest first.
    pub refunds: Vec<RefundView>,
    /// Whether the merchant may still refund.
    pub refundable: bool,
    /// Why the merchant refused, where it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Value>,
    /// Every statement, in the order in which they were made.
    pub statements: Vec<StatementView>,
}

/// A statement, as it is and as it reads.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StatementView {
    /// Its type.
    pub typ: String,
    /// The compact statement.
    pub jws: String,
    /// What it says.
    pub payload: Value,
}

impl StatementView {
    /// Reads a statement that was verified when it came.
    fn read(compact: &str) -> Option<Self> {
        let mut parts = compact.split('.');
        let header: Value = json::from_slice(&base64::decode(parts.next()?)?).ok()?;
        let payload = json::from_slice(&base64::decode(parts.next()?)?).ok()?;
        Some(Self { typ: header.get("typ")?.as_str()?.to_owned(), jws: compact.to_owned(), payload })
    }
}

impl<P: Ports> Wallet<P> {
    /// All deals, the newest first.
    ///
    /// # Errors
    /// [`WalletError::Locked`].
    pub async fn deals(&mut self) -> Result<Vec<DealLine>, WalletError> {
        self.sync().await?;
        let now = self.now();
        Ok(self.state()?.deals.iter().rev().map(|record| line(record, now)).collect())
    }

    /// One deal.
    ///
    /// # Errors
    /// [`WalletError::DealUnknown`].
    pub async fn deal(&mut self, deal: &Digest) -> Result<DealView, WalletError> {
        self.sync().await?;
        let record = self.deal_record(deal)?;
        let refusal = record.refusal.as_ref();
        Ok(DealView {
            line: line(record, self.now()),
            timeline: record.steps.clone(),
            refunds: record.refund_views(),
            refundable: record.may_be_refunded(),
            refusal: refusal.map(|refusal| object!("code": refusal.code, "detail": refusal.detail)),
            statements: statements(record),
        })
    }

    /// The goods of a deal are in the customer's hands. Until then, buying them again finishes that deal.
    ///
    /// # Errors
    /// [`WalletError::DealUnknown`], or where it cannot be stored.
    pub async fn hand_over(&mut self, deal: &Digest) -> Result<(), WalletError> {
        self.sync().await?;
        if self.deal_record(deal)?.handed_over {
            return Ok(());
        }
        self.change_deal(deal)?.handed_over = true;
        self.save(Touched::deal(*deal)).await
    }

    /// The evidence of a deal: every statement, for whoever is to judge.
    ///
    /// # Errors
    /// [`WalletError::DealUnknown`].
    pub async fn evidence(&mut self, deal: &Digest) -> Result<Value, WalletError> {
        let view = self.deal(deal).await?;
        let statements: Vec<&str> = view.statements.iter().map(|statement| statement.jws.as_str()).collect();
        Ok(object!(
            "format": "semper-evidence/1",
            "deal": deal,
            "role": "customer",
            "state": view.line.state,
            "title": view.line.title,
            "merchant": view.line.merchant,
            "paid": view.line.paid,
            "refunds": view.refunds,
            "timeline": view.timeline,
            "refusal": view.refusal,
            "statements": statements,
        ))
    }
}

impl DealRecord {
    /// What a receipt must say of credit: nothing, unless the goods came first.
    pub(super) fn check_credit(&self, status: &DealStatus) -> Result<(), WalletError> {
        let Some(receipt) = &status.receipt else { return Ok(()) };
        let owed = receipt.peek_unverified()?.owed;
        #[cfg(feature = "account")]
        let later = self.came_first(status)?;
        #[cfg(not(feature = "account"))]
        let later = false;
        if owed.is_some() && !later {
            return Err(peer(&self.merchant_url, "it delivered on credit that was not agreed"));
        }
        Ok(())
    }
}

#[cfg_attr(not(feature = "account"), allow(unused_variables, reason = "an invoice is due at some time"))]
pub(super) fn line(record: &DealRecord, now: UnixSeconds) -> DealLine {
    DealLine {
        deal: record.deal,
        title: record.title.clone(),
        merchant: MintName { url: record.merchant_url.clone(), name: record.merchant_name.clone() },
        paid: record.total,
        split: record.split(),
        refunded: record.refunded(),
        #[cfg(feature = "account")]
        invoice: record.invoice(now),
        state: record.state,
        at: record.ordered_at(),
    }
}

/// Offer, order, what was paid with, what proves the payment, receipt, delivery, acknowledgement, and who the merchant is.
fn statements(record: &DealRecord) -> Vec<StatementView> {
    let payments = record.payments();
    let permissions = payments.iter().find_map(|payment| payment.body.get("permissions"));
    let permissions = permissions.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let refusal = record.refusal.iter().flat_map(|refusal| &refusal.proof).map(String::as_str);
    let compacts = [record.party.as_str(), record.offer.as_str(), record.order.as_str()].into_iter();
    compacts
        .chain(permissions)
        .chain(record.proofs.iter().map(String::as_str))
        .chain(record.receipt.iter().map(|receipt| receipt.as_str()))
        .chain(record.delivery.iter().map(|delivery| delivery.as_str()))
        .chain(record.acknowledgement.iter().map(|acknowledgement| acknowledgement.as_str()))
        .chain(
            record
                .refunds
                .iter()
                .flat_map(|refund| refund.proofs.iter().map(String::as_str).chain([refund.refund.as_str()])),
        )
        .chain(
            record
                .notices
                .iter()
                .map(String::as_str)
                .filter(|notice| !record.proofs.iter().any(|proof| proof == notice)),
        )
        .chain(refusal)
        .filter_map(StatementView::read)
        .collect()
}
