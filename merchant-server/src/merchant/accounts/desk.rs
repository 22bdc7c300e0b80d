//! The operator's addresses: files, entries that wait for a person, invoices, outgoing transfers. Opened by the operator's token alone.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use semper_shared::foundation::{Amount, Code, Digest, UnixSeconds};
use semper_shared::items::payment::account::{Iban, InvoiceState, Reference};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::app::App;
use super::{Decided, Report, StoredEntry, StoredInvoice, StoredOutgoing, dunning};
use crate::clock;
use crate::http::schema::AmountSchema;
use crate::http::{Bearer, Json, Problem, ProblemBody, Xml};
use crate::iso20022::{Batch, Order, day};

/// The most lines of one list.
const PAGE: u32 = 1_000;

fn amount(app: &App, minor: u64) -> Result<Amount, Problem> {
    Amount::new(app.config.currency, minor).map_err(Problem::from)
}

/// Import a statement of account (camt.053) or a notification (camt.054). The same again changes nothing.
#[utoipa::path(
    post, path = "/admin/bank-files", request_body(content = String, content_type = "application/xml"),
    responses(
        (status = 200, body = Report),
        (status = 400, description = "`bank-file-invalid`, `currency-mismatch`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(in crate::merchant) async fn import(
    app: web::Data<Arc<App>>,
    bearer: Bearer,
    file: Xml,
) -> Result<HttpResponse, Problem> {
    app.admit(&bearer)?;
    Ok(HttpResponse::Ok().json(super::import(&app, &file.0).await?))
}

/// Which entries.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[serde(rename = "closed Which", deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(in crate::merchant) struct Which {
    /// All of them; without it those that wait for a person.
    all: bool,
}

/// Entries of the account.
#[derive(Debug, Serialize, ToSchema)]
struct EntryList {
    /// The newest first.
    entries: Vec<EntryView>,
}

/// An entry of the account.
#[derive(Debug, Serialize, ToSchema)]
struct EntryView {
    /// Its number.
    entry: i64,
    /// Whether money came.
    credit: bool,
    /// How much.
    #[schema(value_type = AmountSchema)]
    amount: Amount,
    /// The day of the booking.
    booked_on: String,
    /// The other party.
    name: String,
    /// Its account.
    iban: Option<String>,
    /// What for.
    remittance: String,
    /// `waiting`, `assigned`, `returned` or `debit`; of bookings that take others back: `reversal-waiting`, `reversal` (a credit
    /// of an invoice was taken back by it), and that credit is `reversed`.
    state: &'static str,
}

impl EntryView {
    fn new(app: &App, stored: StoredEntry) -> Result<Self, Problem> {
        let state = match stored.state {
            0 if stored.credit => "waiting",
            0 => "reversal-waiting",
            1 => "assigned",
            2 => "returned",
            3 => "debit",
            4 => "reversal",
            _ => "reversed",
        };
        let StoredEntry { number, credit, amount_minor, booked_on, name, iban, remittance, .. } = stored;
        let amount = amount(app, amount_minor)?;
        Ok(Self { entry: number, credit, amount, booked_on, name, iban, remittance, state })
    }
}

/// What was booked on the account, and waits for a person.
#[utoipa::path(
    get, path = "/admin/entries", params(Which),
    responses((status = 200, body = EntryList), (status = 401, body = ProblemBody, content_type = "application/problem+json"))
)]
pub(in crate::merchant) async fn entries(
    app: web::Data<Arc<App>>,
    bearer: Bearer,
    which: web::Query<Which>,
) -> Result<HttpResponse, Problem> {
    app.admit(&bearer)?;
    let stored = app.store.entries(!which.all, PAGE).await?.into_iter();
    let entries = stored.map(|entry| EntryView::new(&app, entry)).collect::<Result<_, _>>()?;
    Ok(HttpResponse::Ok().json(EntryList { entries }))
}

/// Whose an entry is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename = "closed Assignment", deny_unknown_fields)]
pub(in crate::merchant) struct Assignment {
    /// The invoice's reference.
    #[schema(value_type = String)]
    reference: Reference,
}

/// What came of it.
#[derive(Debug, Serialize, ToSchema)]
struct DecidedView {
    /// Whether a deal is settled by it.
    settled: bool,
}

async fn decided(app: &App, decided: Decided) -> Result<HttpResponse, Problem> {
    let deal = match decided {
        Decided::Done(deal) => deal,
        Decided::NoEntry => return Err(Problem::new(Code::ENTRY_UNKNOWN)),
        Decided::NoInvoice => return Err(Problem::new(Code::INVOICE_UNKNOWN)),
        Decided::Closed => return Err(Problem::new(Code::ENTRY_CLOSED)),
        Decided::NoAccount => {
            let problem = Problem::new(Code::IBAN_INVALID);
            return Err(problem.detail("The bank did not say from which account it came: name one."));
        }
    };
    let settled = match deal {
        Some(deal) => super::settle(app, deal, clock::now()).await,
        None => false,
    };
    Ok(HttpResponse::Ok().json(DecidedView { settled }))
}

/// Give an entry that waits to an invoice. The same again changes nothing.
#[utoipa::path(
    post, path = "/admin/entries/{entry}/assign", params(("entry" = i64, Path, description = "Its number.")),
    request_body = Assignment,
    responses(
        (status = 200, body = DecidedView),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`entry-unknown`, `invoice-unknown`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`entry-closed`", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(in crate::merchant) async fn assign(
    app: web::Data<Arc<App>>,
    bearer: Bearer,
    entry: web::Path<i64>,
    body: Json<Assignment>,
) -> Result<HttpResponse, Problem> {
    app.admit(&bearer)?;
    let done = app.store.assign(*entry, body.0.reference, clock::now()).await?;
    decided(&app, done).await
}

/// Where an entry is to be sent back to.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename = "closed SendBack", deny_unknown_fields, default)]
pub(in crate::merchant) struct SendBack {
    /// The account, where it is not the one from which it came.
    #[schema(value_type = Option<String>)]
    iban: Option<Iban>,
    /// Its holder.
    name: Option<String>,
}

/// Send an entry back that waits. The same again changes nothing.
#[utoipa::path(
    post, path = "/admin/entries/{entry}/return", params(("entry" = i64, Path, description = "Its number.")),
    request_body = SendBack,
    responses(
        (status = 200, body = DecidedView),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`entry-unknown`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`entry-closed`", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(in crate::merchant) async fn send_back(
    app: web::Data<Arc<App>>,
    bearer: Bearer,
    entry: web::Path<i64>,
    body: Json<SendBack>,
) -> Result<HttpResponse, Problem> {
    app.admit(&bearer)?;
    let SendBack { iban, name } = body.0;
    let to = iban.map(|iban| (iban, name.unwrap_or_default()));
    if to.as_ref().is_some_and(|(_, name)| name.trim().is_empty()) {
        return Err(Problem::request_invalid("Name the holder of the account too."));
    }
    let done = app.store.send_back(*entry, to, clock::now()).await?;
    decided(&app, done).await
}

/// Which invoices.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[serde(rename = "closed WhichInvoices", deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(in crate::merchant) struct WhichInvoices {
    /// Those alone that are open and past their due date.
    due: bool,
}

/// Invoices.
#[derive(Debug, Serialize, ToSchema)]
struct InvoiceList {
    /// The newest first; what is due, the longest first.
    invoices: Vec<InvoiceView>,
}

/// An invoice.
#[derive(Debug, Serialize, ToSchema)]
struct InvoiceView {
    /// The deal's name.
    #[schema(value_type = String)]
    deal: Digest,
    /// What transfers name.
    reference: String,
    /// How it stands.
    #[schema(value_type = String)]
    state: InvoiceState,
    /// `prepaid` or `pay-later`.
    terms: &'static str,
    /// What was invoiced.
    #[schema(value_type = AmountSchema)]
    amount: Amount,
    /// What is still to come.
    #[schema(value_type = AmountSchema)]
    open: Amount,
    /// What arrived.
    #[schema(value_type = AmountSchema)]
    received: Amount,
    /// What was sent back.
    #[schema(value_type = AmountSchema)]
    returned: Amount,
    /// What was credited.
    #[schema(value_type = AmountSchema)]
    credited: Amount,
    /// Until when it was to be paid.
    #[schema(value_type = u64)]
    due_at: UnixSeconds,
    /// How many reminders have gone out.
    reminders: u32,
    /// When the last one did.
    #[schema(value_type = Option<u64>)]
    reminded_at: Option<UnixSeconds>,
    /// What is to be written to the customer, where something is open.
    text: Option<String>,
}

fn view(app: &App, stored: StoredInvoice, now: UnixSeconds) -> Result<InvoiceView, Problem> {
    let account = app.config.account.as_ref();
    let text = account.and_then(|account| dunning::text(app, account, &stored, now));
    let ledger = stored.ledger;
    Ok(InvoiceView {
        deal: stored.deal,
        reference: stored.reference,
        state: ledger.state_at(stored.due_at, now),
        terms: if stored.pay_later { "pay-later" } else { "prepaid" },
        amount: amount(app, ledger.amount_minor)?,
        open: amount(app, ledger.open_minor())?,
        received: amount(app, ledger.received_minor)?,
        returned: amount(app, ledger.returned_minor)?,
        credited: amount(app, ledger.credited_minor)?,
        due_at: stored.due_at,
        reminders: stored.reminders,
        reminded_at: (stored.reminders > 0).then_some(stored.reminded_at),
        text,
    })
}

/// Invoices, with what is to be written to those who owe.
#[utoipa::path(
    get, path = "/admin/invoices", params(WhichInvoices),
    responses((status = 200, body = InvoiceList), (status = 401, body = ProblemBody, content_type = "application/problem+json"))
)]
pub(in crate::merchant) async fn invoices(
    app: web::Data<Arc<App>>,
    bearer: Bearer,
    which: web::Query<WhichInvoices>,
) -> Result<HttpResponse, Problem> {
    app.admit(&bearer)?;
    let now = clock::now();
    let stored = app.store.invoices(which.due.then_some(now), PAGE).await?.into_iter();
    let invoices = stored.map(|invoice| view(&app, invoice, now)).collect::<Result<_, _>>()?;
    Ok(HttpResponse::Ok().json(InvoiceList { invoices }))
}

/// Outgoing transfers.
#[derive(Debug, Serialize, ToSchema)]
struct OutgoingList {
    /// The newest first.
    outgoing: Vec<OutgoingView>,
}

/// Money that is to be sent back.
#[derive(Debug, Serialize, ToSchema)]
struct OutgoingView {
    /// Its name, which travels with the money.
    outgoing: String,
    /// How much.
    #[schema(value_type = AmountSchema)]
    amount: Amount,
    /// To whom.
    name: String,
    /// To which account.
    iban: String,
    /// What for.
    text: String,
    /// `waiting`, `ordered` or `booked`.
    state: &'static str,
    /// The file in which it was ordered.
    file: Option<String>,
    /// When it was decided.
    #[schema(value_type = u64)]
    at: UnixSeconds,
}

/// Money that is sent back.
#[utoipa::path(
    get, path = "/admin/outgoing",
    responses((status = 200, body = OutgoingList), (status = 401, body = ProblemBody, content_type = "application/problem+json"))
)]
pub(in crate::merchant) async fn outgoing(app: web::Data<Arc<App>>, bearer: Bearer) -> Result<HttpResponse, Problem> {
    app.admit(&bearer)?;
    let stored = app.store.outgoing(PAGE).await?.into_iter();
    let outgoing = stored.map(|stored| {
        let StoredOutgoing { id, amount_minor, name, iban, text, state, file, made_at } = stored;
        let state = ["waiting", "ordered", "booked"].get(usize::try_from(state).unwrap_or(2)).copied();
        let (state, amount) = (state.unwrap_or("booked"), amount(&app, amount_minor)?);
        Ok(OutgoingView { outgoing: id, amount, name, iban, text, state, file, at: made_at })
    });
    let outgoing = outgoing.collect::<Result<_, Problem>>()?;
    Ok(HttpResponse::Ok().json(OutgoingList { outgoing }))
}

/// A file of orders (pain.001) with all outgoing transfers that wait. The same name again is the same file.
#[utoipa::path(
    post, path = "/admin/outgoing/files/{id}",
    params(("id" = String, Path, description = "The file's name: at most 35 letters, digits and hyphens.")),
    responses(
        (status = 200, description = "The file.", body = String, content_type = "application/xml"),
        (status = 204, description = "Nothing waits."),
        (status = 401, body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(in crate::merchant) async fn outgoing_file(
    app: web::Data<Arc<App>>,
    bearer: Bearer,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    app.admit(&bearer)?;
    let id = id.into_inner();
    let fits = (1..=35).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let Some(account) = app.config.account.as_ref().filter(|_| fits) else {
        return Err(Problem::request_invalid("A file's name is at most 35 letters, digits and hyphens."));
    };
    let (outgoing, made_at) = app.store.outgoing_file(id.clone(), clock::now()).await?;
    let mut orders = Vec::with_capacity(outgoing.len());
    for outgoing in outgoing {
        orders.push(Order {
            end_to_end: outgoing.id,
            amount: amount(&app, outgoing.amount_minor)?,
            name: outgoing.name,
            iban: outgoing.iban.parse()?,
            reference: None,
            text: outgoing.text,
        });
    }
    let batch = Batch { id, from: account.account(&app.config.name), on: day(made_at), orders };
    Ok(match batch.write(made_at) {
        Some(file) => HttpResponse::Ok().content_type("application/xml").body(file),
        None => HttpResponse::NoContent().finish(),
    })
}
