//! What the shop's own page shows of an invoice: the same that the customer's wallet shows, for a person whose phone with the
//! bank's app is not the one with the wallet.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use semper_shared::commerce::deal::State;
use semper_shared::foundation::{Amount, Code, Digest, UnixSeconds};
use semper_shared::items::payment::account::{Epc, Invoice, InvoiceState, InvoiceTerms};
use semper_shared::items::statement::Signed;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::app::App;
use crate::clock;
use crate::http::schema::AmountSchema;
use crate::http::{Problem, ProblemBody};

/// An invoice, as it is shown to whoever knows the deal's name.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct InvoicePage {
    /// How it stands.
    #[schema(value_type = String)]
    state: InvoiceState,
    /// `prepaid` or `pay-later`.
    #[schema(value_type = String)]
    terms: InvoiceTerms,
    /// Whether the goods were delivered.
    delivered: bool,
    /// What was invoiced.
    #[schema(value_type = AmountSchema)]
    amount: Amount,
    /// What is still to come.
    #[schema(value_type = AmountSchema)]
    open: Amount,
    /// Who is paid.
    name: String,
    /// Into which account, in groups of four.
    iban: String,
    /// What the transfer must name, in groups of four.
    reference: String,
    /// Until when.
    #[schema(value_type = u64)]
    due_at: UnixSeconds,
    /// How many reminders have gone out.
    reminders: u32,
    /// What stands in the QR code (EPC069-12), where something is open and the code can say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
}

/// The invoice of a deal, and how it stands: what the shop's page shows while the money is awaited.
#[utoipa::path(
    get, path = "/deals/{deal}/invoice", params(("deal" = String, Path, description = "The deal's name.")),
    responses(
        (status = 200, body = InvoicePage),
        (status = 404, description = "`deal-unknown`, `invoice-unknown`", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(super) async fn invoice(app: web::Data<Arc<App>>, deal: web::Path<String>) -> Result<HttpResponse, Problem> {
    let deal: Digest = deal.parse().map_err(|_| Problem::new(Code::DEAL_UNKNOWN))?;
    let stored = app.store.deal(deal).await?.ok_or_else(|| Problem::new(Code::DEAL_UNKNOWN))?;
    let kept = app.store.invoice(deal).await?.ok_or_else(|| Problem::new(Code::INVOICE_UNKNOWN))?;
    let invoice = Signed::<Invoice>::verify(&kept.statement, app.key(), &app.verifier)?;
    let open_minor = if stored.state == State::Refused { 0 } else { kept.ledger.open_minor() };
    let page = InvoicePage {
        state: if stored.state == State::Refused {
            InvoiceState::Cancelled
        } else {
            kept.ledger.state_at(kept.due_at, clock::now())
        },
        terms: invoice.terms,
        delivered: matches!(stored.state, State::Delivered | State::Acknowledged),
        amount: invoice.amount,
        open: Amount::new(invoice.amount.currency(), open_minor).map_err(Problem::from)?,
        name: invoice.account.name.clone(),
        iban: invoice.account.iban.printed(),
        reference: invoice.reference.printed(),
        due_at: kept.due_at,
        reminders: kept.reminders,
        code: (open_minor > 0).then(|| Epc::of(&invoice, open_minor).map(|code| code.payload())).flatten(),
    };
    Ok(HttpResponse::Ok().json(page))
}
