//! Payment by invoice: the books of invoices and of the bank account, kept from the bank's files.
//!
//! ```text
//! account module ──invoice, refund──▶ answer()                     (desk:account/…)
//! bank ──camt.053, camt.054──▶ import ──▶ entries ──by reference──▶ invoice ──paid──▶ deal is settled
//!                                           └──▶ wait for the operator: assign, send back
//! surplus, refunds ──▶ outgoing transfers ──pain.001──▶ bank
//! ```
//!
//! An import is idempotent: an entry is stored once, with what it changes, in one transaction. What follows from it, the
//! receipt and the keys of a deal that is paid now, is finished by [`super::deals::watch`] where it is cut off.

pub(super) mod desk;
mod dunning;
mod entries;
mod notifications;
mod page;
mod routes;
mod store;
#[cfg(test)]
mod tests;

use semper_shared::commerce::deal::State;
use semper_shared::foundation::{Code, Coded as _, Digest, UnixSeconds, json};
use semper_shared::items::payment::account::{
    AccountPayee, DESK_INVOICES, DESK_REFUNDS, Invoice, InvoiceAnswer, InvoiceRequest, InvoiceTerms, RefundRequest,
};
use semper_shared::items::payment::{Answer, Request};
use semper_shared::items::statement::{Compact, Signed};
use serde::Serialize;

pub(super) use dunning::watch;
pub(super) use notifications::follow;
pub(super) use routes::{documented, routes};
pub(super) use store::{
    AccountStore, Decided, Imported, NewBooking, NewEntry, NewInvoice, StoredEntry, StoredInvoice, StoredOutgoing,
};

use super::app::App;
use super::deals;
use crate::clock;
use crate::http::Problem;
use crate::iso20022::Statement;

/// How many bookings are stored in one transaction.
const CHUNK: usize = 500;

/// What came of a bank's file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(super) struct Report {
    /// Transfers that were new.
    pub(super) new: u32,
    /// Transfers that an earlier file had.
    pub(super) known: u32,
    /// New ones that are an invoice's.
    pub(super) matched: u32,
    /// New ones that wait for a person.
    pub(super) waiting: u32,
    /// Outgoing transfers that the bank has carried out.
    pub(super) confirmed: u32,
    /// Deals that are settled now.
    pub(super) settled: u32,
}

/// The desk's answer to what the account module asks; none where somebody else is asked.
pub(super) async fn answer(app: &App, request: &Request) -> Option<Answer> {
    let answered = match request.url.as_str() {
        DESK_INVOICES => open(app, request).await,
        DESK_REFUNDS => refund(app, request).await,
        _ => return None,
    };
    Some(match answered {
        Ok(body) => Answer { status: 200, body },
        Err(problem) => {
            let body = serde_json::to_vec(&problem.to_json()).unwrap_or_default();
            Answer { status: problem.status().as_u16(), body }
        }
    })
}

async fn open(app: &App, request: &Request) -> Result<Vec<u8>, Problem> {
    let asked: InvoiceRequest =
        json::from_value(request.body.clone()).map_err(|error| Problem::internal(error.detail()))?;
    let invoice = asked.invoice.peek_unverified()?;
    let stored = app.store.open_invoice(NewInvoice {
        deal: invoice.deal,
        reference: invoice.reference,
        pay_later: invoice.terms == InvoiceTerms::PayLater,
        statement: asked.invoice.as_str().to_owned(),
        amount_minor: invoice.amount.minor(),
        issued_at: invoice.issued_at,
        due_at: invoice.due_at,
    });
    let stored = stored.await?;
    let answer = InvoiceAnswer { invoice: Compact::new(stored.statement), ledger: stored.ledger };
    serde_json::to_vec(&answer).map_err(Problem::internal)
}

async fn refund(app: &App, request: &Request) -> Result<Vec<u8>, Problem> {
    let asked: RefundRequest =
        json::from_value(request.body.clone()).map_err(|error| Problem::internal(error.detail()))?;
    let refund = asked.refund.peek_unverified()?;
    let credited = app.store.credit(refund.deal, refund.refund, refund.amount.minor(), clock::now()).await?;
    if credited { Ok(b"{}".to_vec()) } else { Err(Problem::new(Code::INVOICE_UNKNOWN)) }
}

/// What a customer is told of a deal's invoice: itself, and how it stands.
pub(super) async fn notices(app: &App, deal: Digest) -> Result<Vec<String>, Problem> {
    if app.config.account.is_none() {
        return Ok(Vec::new());
    }
    let Some(stored) = app.store.invoice(deal).await? else { return Ok(Vec::new()) };
    let invoice = Signed::<Invoice>::verify(&stored.statement, app.key(), &app.verifier)?;
    let standing = AccountPayee::standing(&invoice, stored.ledger, stored.reminders, clock::now(), &*app.signer);
    Ok(vec![stored.statement, standing.compact().to_owned()])
}

/// Takes a bank's file in. The same again, or one that overlaps it, changes nothing.
pub(super) async fn import(app: &App, file: &[u8]) -> Result<Report, Problem> {
    let Some(account) = &app.config.account else {
        return Err(Problem::request_invalid("This merchant has no bank account: `account` in its configuration."));
    };
    let statements = Statement::read(file).map_err(|error| Problem::new(error.code()).detail(error.to_string()))?;
    if statements.iter().any(|statement| statement.account != account.iban) {
        return Err(Problem::new(Code::BANK_FILE_INVALID).detail("It is of another account."));
    }
    let bookings = entries::bookings(&statements, app.config.currency)?;
    let mut report = Report::default();
    for chunk in bookings.chunks(CHUNK) {
        let imported = app.store.import(chunk.to_vec(), clock::now()).await?;
        report.new += imported.new;
        report.known += imported.known;
        report.matched += imported.matched;
        report.waiting += imported.waiting;
        report.confirmed += imported.confirmed;
        for deal in imported.deals {
            report.settled += u32::from(settle(app, deal, clock::now()).await);
        }
    }
    Ok(report)
}

/// Goes on with a deal whose invoice has changed; whether it was settled by that. What fails is tried again by
/// [`super::deals::watch`].
async fn settle(app: &App, deal: Digest, now: UnixSeconds) -> bool {
    let state = |stored: Option<super::store::StoredDeal>| stored.map(|stored| stored.state);
    let before = app.store.deal(deal).await.map(state);
    if !matches!(before, Ok(Some(State::Ordered))) {
        return false;
    }
    match deals::resume(app, deal, now).await {
        Ok(state) => state != State::Ordered,
        Err(problem) if problem.code() == Code::PAYMENT_AWAITED => false,
        Err(problem) => {
            tracing::warn!(code = %problem.code(), "a deal that is paid stays open for now");
            false
        }
    }
}
