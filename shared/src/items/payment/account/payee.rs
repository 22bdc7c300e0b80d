//! The merchant's side: an invoice for every order, goods when the terms say so.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    AccountBody, AccountParameters, ID, Invoice, InvoiceAnswer, InvoiceRequest, InvoiceStanding, InvoiceTerms, Ledger,
    Reference, RefundRequest, VERSION, refused,
};
use crate::foundation::{Amount, Code, UnixSeconds, json};
use crate::items::payment::{
    Answer, Bill, PayeeModule, PaymentError, Refund, RefundStatus, RefundStep, Repayment, Request, Settlement, Step,
};
use crate::items::statement::Signed;
use crate::security::{Signer, Verifier};

/// Where the desk opens invoices: [`InvoiceRequest`] to [`InvoiceAnswer`].
pub const DESK_INVOICES: &str = "desk:account/invoices";

/// Where the desk gives money back: [`RefundRequest`], answered by the same.
pub const DESK_REFUNDS: &str = "desk:account/refunds";

const DAY_S: u64 = 86_400;

/// Takes transfers into one account.
pub struct AccountPayee {
    parameters: AccountParameters,
    signer: Arc<dyn Signer + Send + Sync>,
}

impl AccountPayee {
    /// Takes transfers as the parameters say; `signer` is the merchant's key.
    pub fn new(parameters: AccountParameters, signer: Arc<dyn Signer + Send + Sync>) -> Self {
        Self { parameters, signer }
    }

    /// The merchant's word on how an invoice stands.
    pub fn standing(
        invoice: &Signed<Invoice>,
        ledger: Ledger,
        reminders: u32,
        at: UnixSeconds,
        signer: &dyn Signer,
    ) -> Signed<InvoiceStanding> {
        let standing = InvoiceStanding {
            merchant: invoice.merchant,
            deal: invoice.deal,
            invoice: invoice.digest(),
            state: ledger.state_at(invoice.due_at, at),
            ledger,
            reminders,
            at,
        };
        Signed::sign_self_keyed(standing, signer)
    }
}

impl PayeeModule for AccountPayee {
    const ID: &'static str = ID;
    const VERSION: u32 = VERSION;
    type Parameters = AccountParameters;
    type Body = AccountBody;

    fn parameters(&self) -> AccountParameters {
        self.parameters.clone()
    }

    fn check(&self, bill: &Bill, body: &AccountBody, now: UnixSeconds) -> Result<Step, PaymentError> {
        if body.deal != bill.deal {
            return Err(PaymentError::Invalid("an invoice for another deal"));
        }
        if body.amount != bill.total {
            return Err(refused(Code::PRICE_MISMATCH));
        }
        if !self.parameters.gives(body.terms, bill.total) {
            return Err(refused(Code::CREDIT_REFUSED));
        }
        let invoice = Invoice {
            merchant: bill.payee,
            deal: bill.deal,
            amount: bill.total,
            reference: Reference::of(&bill.deal),
            account: self.parameters.account.clone(),
            terms: body.terms,
            issued_at: now,
            due_at: now.plus(u64::from(self.parameters.due_days) * DAY_S),
        };
        let invoice = Signed::sign_self_keyed(invoice, &*self.signer).to_compact();
        ask(DESK_INVOICES, &InvoiceRequest { invoice })
    }

    fn resume(
        &self,
        bill: &Bill,
        _: &AccountBody,
        answer: &Answer,
        verifier: &dyn Verifier,
    ) -> Result<Step, PaymentError> {
        if answer.status != 200 {
            return Err(refusal(answer));
        }
        let malformed = |_| PaymentError::Peer("the desk's answer is malformed");
        let InvoiceAnswer { invoice, ledger } = json::from_slice(&answer.body).map_err(malformed)?;
        let (invoice, _) = invoice.verify_self_keyed(verifier)?;
        if invoice.deal != bill.deal || invoice.amount != bill.total {
            return Err(PaymentError::Peer("the desk answered for another deal"));
        }
        if ledger.cancelled {
            return Err(refused(Code::INVOICE_CANCELLED));
        }
        let open = Amount::new(bill.total.currency(), ledger.open_minor())?;
        if invoice.terms == InvoiceTerms::Prepaid && !open.is_zero() {
            let extra = json!({ "invoice": invoice.compact() });
            return Err(PaymentError::Refused { code: Code::PAYMENT_AWAITED, extra });
        }
        Ok(Step::Settled(Settlement {
            paid: bill.total,
            owed: (!open.is_zero()).then_some(open),
            proofs: vec![invoice.digest()],
            statements: vec![invoice.compact().to_owned()],
        }))
    }

    fn refund(
        &self,
        bill: &Bill,
        _: &Settlement,
        repayment: &Repayment,
        signer: &dyn Signer,
    ) -> Result<RefundStep, PaymentError> {
        let Repayment { id, amount, reason, at } = repayment.clone();
        let refund = Refund {
            refund: id,
            merchant: bill.payee,
            via: bill.payee,
            deal: bill.deal,
            amount,
            reason,
            issued_at: at,
        };
        let refund = Signed::sign_self_keyed(refund, signer).to_compact();
        match ask(DESK_REFUNDS, &RefundRequest { refund })? {
            Step::Ask(request) => Ok(RefundStep::Ask(request)),
            Step::Settled(_) => Err(PaymentError::Invalid("a refund does not settle a bill")),
        }
    }

    /// The money is ordered to be sent back: nobody but the customer's own bank can prove that it came.
    fn resume_refund(&self, request: &Request, answer: &Answer, _: &dyn Verifier) -> Result<RefundStep, PaymentError> {
        if answer.status != 200 {
            return Err(refusal(answer));
        }
        let asked: RefundRequest =
            json::from_value(request.body.clone()).map_err(|_| PaymentError::Invalid("it is no refund"))?;
        Ok(RefundStep::Done(RefundStatus { refund: asked.refund, proofs: Vec::new() }))
    }
}

fn ask(url: &str, body: &impl serde::Serialize) -> Result<Step, PaymentError> {
    let body = serde_json::to_value(body).map_err(|_| PaymentError::Invalid("it does not serialize"))?;
    Ok(Step::Ask(Request { url: url.to_owned(), body }))
}

impl core::fmt::Debug for AccountPayee {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "AccountPayee({:?})", self.parameters.account.iban)
    }
}

fn refusal(answer: &Answer) -> PaymentError {
    let problem = json::from_slice::<Value>(&answer.body).unwrap_or_default();
    match problem.get("code").and_then(Value::as_str).and_then(Code::find) {
        Some(code) => refused(code),
        None => PaymentError::Peer("the desk refused without saying why"),
    }
}
