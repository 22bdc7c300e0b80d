//! What travels between wallet and merchant, and between the module and the merchant's desk.

use serde::{Deserialize, Serialize};

use super::{Bic, Iban, InvoiceState, Ledger, Reference};
use crate::foundation::{Amount, Digest, UnixSeconds};
use crate::items::payment::{Bill, PaymentError, Refund};
use crate::items::statement::{Compact, Signed, Statement};
use crate::security::{Thumbprint, Verifier};

/// When the goods come, and when the money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InvoiceTerms {
    /// The goods after the money.
    Prepaid,
    /// The goods at once, the money until the due date.
    PayLater,
}

/// An account at a bank.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BankAccount {
    /// Its number.
    pub iban: Iban,
    /// Its holder, 1 to 70 characters.
    pub name: String,
    /// The bank, where it must be named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bic: Option<Bic>,
}

/// What an offer says about payment by invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountParameters {
    /// The account to be paid into.
    pub account: BankAccount,
    /// The terms that the merchant gives, the preferred first.
    pub terms: Vec<InvoiceTerms>,
    /// How many days after the order the money is due.
    pub due_days: u16,
    /// Up to what total the goods go out before the money came, in minor units; none for any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pay_later_limit_minor: Option<u64>,
    /// The origin of the account's bank, where payers can order transfers over the net.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bank: Option<String>,
}

impl AccountParameters {
    /// Whether a bill of this total can be had on these terms.
    pub fn gives(&self, terms: InvoiceTerms, total: Amount) -> bool {
        let limit = self.pay_later_limit_minor.is_none_or(|limit| total.minor() <= limit);
        self.terms.contains(&terms) && (terms == InvoiceTerms::Prepaid || limit)
    }
}

/// The payment in an order: the wish for an invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "closed AccountBody", deny_unknown_fields)]
pub struct AccountBody {
    /// The deal.
    pub deal: Digest,
    /// How much.
    pub amount: Amount,
    /// On which terms.
    pub terms: InvoiceTerms,
}

/// An invoice. Signed with the merchant's key, which it carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invoice {
    /// The merchant.
    pub merchant: Thumbprint,
    /// The deal.
    pub deal: Digest,
    /// How much.
    pub amount: Amount,
    /// What the transfer must name.
    pub reference: Reference,
    /// The account to be paid into.
    pub account: BankAccount,
    /// When the goods come.
    pub terms: InvoiceTerms,
    /// When it was issued.
    pub issued_at: UnixSeconds,
    /// Until when the money is to be there.
    pub due_at: UnixSeconds,
}

impl Statement for Invoice {
    const TYP: &'static str = "semper-invoice+jwt";
}

/// The merchant's word on what has become of an invoice. Signed with the merchant's key, which it carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvoiceStanding {
    /// The merchant.
    pub merchant: Thumbprint,
    /// The deal.
    pub deal: Digest,
    /// The digest of the invoice.
    pub invoice: Digest,
    /// How it stands.
    pub state: InvoiceState,
    /// The sums behind that.
    pub ledger: Ledger,
    /// How many reminders have gone out.
    pub reminders: u32,
    /// As of when.
    pub at: UnixSeconds,
}

impl Statement for InvoiceStanding {
    const TYP: &'static str = "semper-invoice-standing+jwt";
}

/// What the module asks of the desk: to keep this invoice, unless the deal has one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "closed InvoiceRequest", deny_unknown_fields)]
pub struct InvoiceRequest {
    /// The invoice as it would be.
    pub invoice: Compact<Invoice>,
}

/// What the desk answers: the invoice as it is, and how it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "closed InvoiceAnswer", deny_unknown_fields)]
pub struct InvoiceAnswer {
    /// The deal's invoice.
    pub invoice: Compact<Invoice>,
    /// Its sums.
    pub ledger: Ledger,
}

/// What the module asks of the desk: to give some of a deal's money back, or to claim so much less.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "closed RefundRequest", deny_unknown_fields)]
pub struct RefundRequest {
    /// The merchant's order.
    pub refund: Compact<Refund>,
}

/// Checks an invoice against the bill and what the offer says: signed by the merchant, of this deal and amount, on terms that
/// were offered, into the account that was offered, with the deal's own reference.
///
/// # Errors
/// [`PaymentError::Peer`] or [`PaymentError::Statement`]; nothing must be transferred then.
pub fn check_invoice(
    invoice: &Compact<Invoice>,
    bill: &Bill,
    parameters: &AccountParameters,
    terms: InvoiceTerms,
    verifier: &dyn Verifier,
) -> Result<Signed<Invoice>, PaymentError> {
    let (invoice, _) = invoice.verify_self_keyed(verifier)?;
    if invoice.signer() != bill.payee || invoice.merchant != bill.payee {
        return Err(PaymentError::Peer("the invoice is not the merchant's"));
    }
    if invoice.deal != bill.deal || invoice.amount != bill.total || invoice.reference != Reference::of(&bill.deal) {
        return Err(PaymentError::Peer("the invoice is of another deal or amount"));
    }
    if invoice.account != parameters.account {
        return Err(PaymentError::Peer("the invoice names another account than the offer"));
    }
    if invoice.terms != terms || invoice.due_at < invoice.issued_at {
        return Err(PaymentError::Peer("the invoice is on other terms"));
    }
    Ok(invoice)
}

/// Checks the merchant's word on an invoice that was checked before.
///
/// # Errors
/// [`PaymentError::Peer`] or [`PaymentError::Statement`].
pub fn check_standing(
    standing: &Compact<InvoiceStanding>,
    invoice: &Signed<Invoice>,
    verifier: &dyn Verifier,
) -> Result<Signed<InvoiceStanding>, PaymentError> {
    let (standing, _) = standing.verify_self_keyed(verifier)?;
    let fits = standing.signer() == invoice.signer()
        && standing.merchant == invoice.merchant
        && standing.deal == invoice.deal
        && standing.invoice == invoice.digest()
        && standing.ledger.amount_minor == invoice.amount.minor()
        && standing.ledger.state_at(invoice.due_at, standing.at) == standing.state;
    if fits { Ok(standing) } else { Err(PaymentError::Peer("what is said of the invoice is not of it")) }
}
