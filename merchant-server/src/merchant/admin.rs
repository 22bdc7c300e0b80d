//! The operator's addresses: deals, and refunds of them. Opened by the operator's token alone.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use semper_shared::commerce::deal::{Receipt, State};
use semper_shared::foundation::{Amount, Code, Digest, UnixSeconds};
use semper_shared::items::payment::{RefundId, RefundStatus, Share};
use semper_shared::items::statement::Compact;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::app::App;
use super::payouts::{self, PayoutView};
use super::refunds::{self, DealLine, Decision, NotGiven, Standing, StoredRefund};
use crate::clock;
use crate::http::schema::{AmountSchema, StatementSchema};
use crate::http::{Bearer, Json, Problem, ProblemBody};

/// The most deals of one page.
const PAGE: u32 = 100;

impl App {
    /// Whether a token is the operator's.
    pub(super) fn admit(&self, bearer: &Bearer) -> Result<(), Problem> {
        let ours = self.config.admin_token_hash.as_ref();
        let admitted = ours.is_some_and(|hash| bearer.0.matches(hash.as_bytes()));
        if admitted { Ok(()) } else { Err(Problem::new(Code::TOKEN_INVALID)) }
    }
}

/// Which deals.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[serde(rename = "closed Which", deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Deals before this serial; without it the newest.
    before: Option<i64>,
}

/// A page of deals.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DealList {
    /// The newest first.
    deals: Vec<DealView>,
    /// Where the next page begins, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<i64>,
}

/// A deal, as its operator sees it: there is no customer in it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DealView {
    /// The deal's name.
    #[schema(value_type = String)]
    deal: Digest,
    /// The good's id.
    good: String,
    /// What was bought.
    title: String,
    /// `ordered`, `delivered`, `acknowledged` or `refused`.
    #[schema(value_type = String)]
    state: State,
    /// What was paid; none where nothing was.
    #[schema(value_type = Option<AmountSchema>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    paid: Option<Amount>,
    /// What of it was refunded, or is being refunded.
    #[schema(value_type = AmountSchema)]
    refunded: Amount,
    /// What is owed for goods that are out, where that is something: paid later, or taken back by the bank.
    #[schema(value_type = Option<AmountSchema>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    owed: Option<Amount>,
    /// With which payment module.
    #[serde(skip_serializing_if = "Option::is_none")]
    module: Option<String>,
    /// What each module paid, where two shared the price: `{module, amount, payment}`.
    #[schema(value_type = Vec<Object>)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    split: Vec<Share>,
    /// When it was ordered.
    #[schema(value_type = u64)]
    ordered_at: UnixSeconds,
    /// Until when it can be refunded.
    #[schema(value_type = Option<u64>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    refund_by: Option<UnixSeconds>,
}

/// The refunds of a deal.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RefundList {
    /// The oldest first.
    refunds: Vec<RefundView>,
}

/// A refund.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RefundView {
    /// Its name.
    #[schema(value_type = String)]
    refund: RefundId,
    /// The deal.
    #[schema(value_type = String)]
    deal: Digest,
    /// How much.
    #[schema(value_type = AmountSchema)]
    amount: Amount,
    /// Why.
    reason: String,
    /// `asked`, `done`, `partly` or `refused`.
    state: &'static str,
    /// What of it went back, where the rest did not.
    #[schema(value_type = Option<AmountSchema>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    returned: Option<Amount>,
    /// Which modules did not give their part back, and why: `{module, code}`.
    #[schema(value_type = Vec<Object>)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refused: Vec<NotGiven>,
    /// Why it was refused, or the first part that was.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// When it was decided.
    #[schema(value_type = u64)]
    at: UnixSeconds,
    /// The signed order, and what proves that the money is back.
    #[schema(value_type = Option<Vec<StatementSchema>>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    statements: Option<RefundStatus>,
    /// The same of each module, where two had shared the price.
    #[schema(value_type = Option<Vec<Object>>)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts: Vec<RefundStatus>,
}

impl RefundView {
    fn new(deal: Digest, currency: semper_shared::foundation::Currency, stored: StoredRefund) -> Result<Self, Problem> {
        let minor = |minor| Amount::new(currency, minor).map_err(Problem::from);
        let returned = match &stored.standing {
            Standing::Partly(progress) => Some(minor(progress.minor())?),
            _ => None,
        };
        let mut parts: Vec<_> = stored.standing.given().iter().map(|given| given.status.clone()).collect();
        let (state, code, refused) = match stored.standing {
            Standing::Asked(_) => ("asked", None, Vec::new()),
            Standing::Done(_) => ("done", None, Vec::new()),
            Standing::Partly(progress) => {
                ("partly", progress.refused.first().map(|refused| refused.code.clone()), progress.refused)
            }
            Standing::Refused(code) => ("refused", Some(code), Vec::new()),
        };
        let statements = if parts.len() == 1 { parts.pop() } else { None };
        Ok(Self {
            refund: stored.id,
            deal,
            amount: minor(stored.amount_minor)?,
            reason: stored.reason,
            state,
            returned,
            refused,
            code,
            at: stored.at,
            statements,
            parts,
        })
    }
}

/// What the operator decides.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename = "closed RefundOrder", deny_unknown_fields)]
pub(super) struct RefundOrder {
    /// The refund's name: 16 random bytes, base64url. The same name is the same refund, however often it is sent.
    #[schema(value_type = String)]
    refund: RefundId,
    /// How much.
    #[schema(value_type = AmountSchema)]
    amount: Amount,
    /// Why, for the customer to read: at most 200 characters on one line.
    #[serde(default)]
    reason: String,
}

/// Deals, the newest first.
#[utoipa::path(
    get, path = "/admin/deals", params(Which),
    responses((status = 200, body = DealList), (status = 401, body = ProblemBody, content_type = "application/problem+json"))
)]
pub(super) async fn deals(
    app: web::Data<Arc<App>>,
    bearer: Bearer,
    which: web::Query<Which>,
) -> Result<HttpResponse, Problem> {
    app.admit(&bearer)?;
    let lines = app.store.deal_lines(which.before.unwrap_or(i64::MAX), PAGE).await?;
    let full = u32::try_from(lines.len()).is_ok_and(|count| count == PAGE);
    let before = lines.last().filter(|_| full).map(|line| line.serial);
    let deals = lines.into_iter().map(|line| view(&app, line)).collect::<Result<_, _>>()?;
    Ok(HttpResponse::Ok().json(DealList { deals, before }))
}

fn view(app: &App, line: DealLine) -> Result<DealView, Problem> {
    let receipt = line.receipt.map(|receipt| Compact::<Receipt>::new(receipt).peek_unverified()).transpose()?;
    let sold = app.shelf.find_sold(&line.offer);
    Ok(DealView {
        deal: line.deal,
        good: sold.as_ref().map(|sold| sold.offer.good.clone()).unwrap_or_default(),
        title: sold.as_ref().map(|sold| sold.offer.title.clone()).unwrap_or_default(),
        state: line.state,
        refunded: Amount::new(app.config.currency, line.refunded_minor).map_err(Problem::from)?,
        owed: Amount::new(app.config.currency, line.owed_minor).ok().filter(|owed| !owed.is_zero()),
        paid: receipt.as_ref().map(|receipt| receipt.paid),
        module: receipt.as_ref().map(|receipt| receipt.module.to_string()),
        split: receipt.as_ref().map(|receipt| receipt.split.clone()).unwrap_or_default(),
        ordered_at: line.opened_at,
        refund_by: receipt.as_ref().map(|receipt| receipt.refund_by),
    })
}

/// The refunds of a deal.
#[utoipa::path(
    get, path = "/admin/deals/{deal}/refunds", params(("deal" = String, Path, description = "The deal's name.")),
    responses((status = 200, body = RefundList), (status = 401, body = ProblemBody, content_type = "application/problem+json"))
)]
pub(super) async fn list(
    app: web::Data<Arc<App>>,
    bearer: Bearer,
    deal: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    app.admit(&bearer)?;
    let deal = name(&deal)?;
    let refunds = app.store.refunds(deal).await?.into_iter();
    let refunds = refunds.map(|refund| RefundView::new(deal, app.config.currency, refund)).collect::<Result<_, _>>()?;
    Ok(HttpResponse::Ok().json(RefundList { refunds }))
}

/// Refund part of a deal, or all of it. The same request again gets the same answer.
#[utoipa::path(
    post, path = "/admin/deals/{deal}/refunds", params(("deal" = String, Path, description = "The deal's name.")),
    request_body = RefundOrder,
    responses(
        (status = 200, body = RefundView),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`refund-excessive`, `already-paid-out`, `request-conflict`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 410, description = "`refund-too-late`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The outcome is not known: send the same request again.", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(super) async fn refund(
    app: web::Data<Arc<App>>,
    bearer: Bearer,
    deal: web::Path<String>,
    body: Json<RefundOrder>,
) -> Result<HttpResponse, Problem> {
    app.admit(&bearer)?;
    let deal = name(&deal)?;
    let RefundOrder { refund, amount, reason } = body.0;
    let done = refunds::refund(&app, deal, Decision { id: refund, amount, reason }, clock::now()).await?;
    Ok(HttpResponse::Ok().json(RefundView::new(deal, amount.currency(), done)?))
}

fn name(deal: &str) -> Result<Digest, Problem> {
    deal.parse().map_err(|_| Problem::new(Code::DEAL_UNKNOWN))
}

/// How many payouts one page has: each is held against the books deal by deal.
const PAYOUTS: u32 = 32;

/// A page of payouts.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PayoutViews {
    /// The newest first.
    payouts: Vec<PayoutView>,
    /// Where the next page begins, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<i64>,
}

/// What mints have paid out, the newest first, each held against our own deals. The mints are asked first.
#[utoipa::path(
    get, path = "/admin/payouts", params(Which),
    responses((status = 200, body = PayoutViews), (status = 401, body = ProblemBody, content_type = "application/problem+json"))
)]
pub(super) async fn payouts(
    app: web::Data<Arc<App>>,
    bearer: Bearer,
    which: web::Query<Which>,
) -> Result<HttpResponse, Problem> {
    app.admit(&bearer)?;
    if which.before.is_none() {
        payouts::fetch_all(&app).await;
    }
    let stored = app.store.payouts(which.before.unwrap_or(i64::MAX), PAYOUTS, payouts::deals_of).await?;
    let full = u32::try_from(stored.len()).is_ok_and(|count| count == PAYOUTS);
    let before = stored.last().filter(|_| full).map(|payout| payout.serial);
    let mut views = Vec::with_capacity(stored.len());
    for payout in stored {
        views.push(payouts::look(&app, payout).await?);
    }
    Ok(HttpResponse::Ok().json(PayoutViews { payouts: views, before }))
}
