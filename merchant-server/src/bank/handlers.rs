//! The bank's addresses. A handler extracts, calls and responds.

use actix_web::{HttpResponse, web};
use semper_shared::foundation::Code;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

use super::app::App;
use super::messages::{
    AccountName, Direction, Entry, Executed, History, HistoryQuery, PaymentOrder, Standing, TestAccount, Transfer,
    TransferOrder,
};
use crate::http::{Bearer, Endpoint, Json, Problem, ProblemBody, Xml};
use crate::iso20022::{MAX_FILE, read_day};

/// The description of the API.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "SEMPER bank",
        description = "Accounts and transfers, for demos and tests. Every POST may be repeated safely: the same request under the same \
                       identifier is done once. Errors are problem details (RFC 9457) with a stable code.",
        license(name = "Apache-2.0 OR MIT")
    ),
    paths(transfer, payment, account, history, statement, notifications, orders, test_account),
    components(schemas(ProblemBody, Direction, Entry)),
    modifiers(&Tokens)
)]
pub(super) struct ApiDoc;

struct Tokens;

impl utoipa::Modify for Tokens {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        openapi.components.get_or_insert_default().add_security_scheme("account_token", scheme);
    }
}

pub(super) fn routes(routes: &mut web::ServiceConfig) {
    routes.service(Endpoint::at("/transfers").post(transfer).limit(8 * 1024));
    routes.service(Endpoint::at("/payments").post(payment).limit(8 * 1024));
    routes.service(Endpoint::at("/accounts/{account}/statement").get(statement));
    routes.service(Endpoint::at("/accounts/{account}/notifications").get(notifications));
    routes.service(Endpoint::at("/accounts/{account}/orders").post(orders).limit(MAX_FILE));
    routes.service(Endpoint::at("/accounts/{account}").get(account));
    routes.service(Endpoint::at("/accounts/{account}/history").get(history));
    routes.service(Endpoint::at("/test-account").get(test_account));
}

/// Transfers money.
///
/// The token is the paying account's. The same order under the same identifier is answered with the first transfer.
#[utoipa::path(
    post, path = "/transfers", request_body = TransferOrder, security(("account_token" = [])),
    responses(
        (status = 201, description = "The transfer was made.", body = Transfer),
        (status = 200, description = "It had been made before.", body = Transfer),
        (status = 400, description = "`amount-invalid`, `currency-mismatch`, `json-malformed`, `request-invalid`",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "`token-invalid`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 402, description = "`funds-insufficient`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`account-unknown`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`request-conflict`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "`body-too-large`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "`busy`, `outcome-unknown`", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn transfer(app: web::Data<App>, token: Bearer, order: Json<TransferOrder>) -> Result<HttpResponse, Problem> {
    let (made, transfer) = app.transfer(token.0, order.0).await?;
    let mut response = if made { HttpResponse::Created() } else { HttpResponse::Ok() };
    Ok(response.json(transfer))
}

/// Transfers money to the account of a number (IBAN).
///
/// As a transfer; the subject may be a creditor reference (ISO 11649).
#[utoipa::path(
    post, path = "/payments", request_body = PaymentOrder, security(("account_token" = [])),
    responses(
        (status = 201, description = "The transfer was made.", body = Transfer),
        (status = 200, description = "It had been made before.", body = Transfer),
        (status = 401, description = "`token-invalid`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 402, description = "`funds-insufficient`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`account-unknown`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`request-conflict`", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn payment(app: web::Data<App>, token: Bearer, order: Json<PaymentOrder>) -> Result<HttpResponse, Problem> {
    let (made, transfer) = app.pay(token.0, order.0).await?;
    let mut response = if made { HttpResponse::Created() } else { HttpResponse::Ok() };
    Ok(response.json(transfer))
}

/// Of which days a statement is.
#[derive(Debug, Clone, serde::Deserialize, utoipa::IntoParams)]
#[serde(rename = "closed Days", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Days {
    /// The first day, such as `2026-11-01` (UTC).
    from: String,
    /// The last day.
    to: String,
}

/// A statement of account (camt.053.001.08).
#[utoipa::path(
    get, path = "/accounts/{account}/statement", security(("account_token" = [])),
    params(("account" = inline(AccountName), Path, description = "The account's name."), Days),
    responses(
        (status = 200, description = "The file.", body = String, content_type = "application/xml"),
        (status = 400, description = "`request-invalid`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "`token-invalid`", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn statement(
    app: web::Data<App>,
    token: Bearer,
    account: web::Path<AccountName>,
    days: web::Query<Days>,
) -> Result<HttpResponse, Problem> {
    let wrong = || Problem::request_invalid("A day is written as 2026-11-23, and the first is not after the last.");
    let (from, to) = (read_day(&days.from).ok_or_else(wrong)?, read_day(&days.to).ok_or_else(wrong)?);
    if from > to {
        return Err(wrong());
    }
    let file = app.statement(token.0, &account, from, to.plus(86_400)).await?;
    Ok(HttpResponse::Ok().content_type("application/xml").body(file))
}

/// A notification of bookings (camt.054.001.08); the number of its last entry is where the next begins.
#[utoipa::path(
    get, path = "/accounts/{account}/notifications", security(("account_token" = [])),
    params(("account" = inline(AccountName), Path, description = "The account's name."), HistoryQuery),
    responses(
        (status = 200, description = "The file.", body = String, content_type = "application/xml"),
        (status = 204, description = "Nothing was booked."),
        (status = 401, description = "`token-invalid`", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn notifications(
    app: web::Data<App>,
    token: Bearer,
    account: web::Path<AccountName>,
    query: web::Query<HistoryQuery>,
) -> Result<HttpResponse, Problem> {
    Ok(match app.notification(token.0, &account, query.into_inner()).await? {
        Some(file) => HttpResponse::Ok().content_type("application/xml").body(file),
        None => HttpResponse::NoContent().finish(),
    })
}

/// Carries out the orders of a file (pain.001). The same file again changes nothing.
#[utoipa::path(
    post, path = "/accounts/{account}/orders", security(("account_token" = [])),
    params(("account" = inline(AccountName), Path, description = "The account's name.")),
    request_body(content = String, content_type = "application/xml"),
    responses(
        (status = 200, description = "What came of each order.", body = Executed),
        (status = 400, description = "`bank-file-invalid`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "`token-invalid`", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn orders(
    app: web::Data<App>,
    token: Bearer,
    account: web::Path<AccountName>,
    file: Xml,
) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(app.execute(token.0, &account, &file.0).await?))
}

/// Where an account stands.
#[utoipa::path(
    get, path = "/accounts/{account}", security(("account_token" = [])),
    params(("account" = inline(AccountName), Path, description = "The account's name.")),
    responses(
        (status = 200, description = "Where it stands.", body = Standing),
        (status = 400, description = "`request-invalid`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "`token-invalid`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`account-unknown`", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn account(app: web::Data<App>, token: Bearer, account: web::Path<AccountName>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(app.standing(token.0, &account).await?))
}

/// What happened to an account, oldest first.
///
/// With `wait_ms` the answer comes as soon as there is something after `after`, or empty at the end of that time.
#[utoipa::path(
    get, path = "/accounts/{account}/history", security(("account_token" = [])),
    params(("account" = inline(AccountName), Path, description = "The account's name."), HistoryQuery),
    responses(
        (status = 200, description = "The next entries.", body = History),
        (status = 400, description = "`request-invalid`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "`token-invalid`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`account-unknown`", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn history(
    app: web::Data<App>,
    token: Bearer,
    account: web::Path<AccountName>,
    query: web::Query<HistoryQuery>,
) -> Result<HttpResponse, Problem> {
    let entries = app.history(token.0, &account, query.into_inner()).await?;
    Ok(HttpResponse::Ok().json(History { entries }))
}

/// The account that anyone may use; only a demo has one.
#[utoipa::path(
    get, path = "/test-account",
    responses(
        (status = 200, description = "The account and its token.", body = TestAccount),
        (status = 404, description = "`not-found`: this bank has none.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn test_account(app: web::Data<App>) -> Result<HttpResponse, Problem> {
    let account = app.test_account().ok_or_else(|| Problem::new(Code::NOT_FOUND))?;
    Ok(HttpResponse::Ok().json(account))
}
