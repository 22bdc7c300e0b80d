//! The gateway's addresses. A handler extracts, calls and responds.

use actix_web::{HttpResponse, web};
use semper_shared::foundation::{Code, Digest};
use semper_shared::items::payment::card::{AuthorisationBody, EnrolmentBody, OrderBody, StepUpBody};
use serde_json::json;

use super::app::App;
use crate::clock;
use crate::http::{Endpoint, Json, Problem, ProblemBody};

/// The description of the API.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "SEMPER gateway",
        description = "Card payments: slips that only the gateway opens. Every POST may be repeated safely. Errors are problem \
                       details (RFC 9457) with a stable code.",
        license(name = "Apache-2.0 OR MIT")
    ),
    paths(enrol, authorise, standing, challenge, step_up, order),
    components(schemas(ProblemBody))
)]
pub(super) struct ApiDoc;

pub(super) fn routes(routes: &mut web::ServiceConfig) {
    routes.service(Endpoint::at("/cards").post(enrol).limit(16 * 1024));
    routes.service(Endpoint::at("/authorisations").post(authorise).limit(32 * 1024));
    routes.service(Endpoint::at("/authorisations/{common}").get(standing));
    routes.service(Endpoint::at("/challenges/{common}").get(challenge).post(step_up).limit(16 * 1024));
    routes.service(Endpoint::at("/orders").post(order).limit(16 * 1024));
}

/// Certifies the key of a card.
#[utoipa::path(
    post, path = "/cards", request_body = Object,
    responses(
        (status = 200, description = "`{certificate}`, a statement."),
        (status = 400, description = "`card-number-invalid`, `gateway-mismatch`, `sealed-invalid`", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 402, description = "`card-expired`", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn enrol(app: web::Data<App>, body: Json<EnrolmentBody>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(app.enrol(body.0, clock::now()).await?))
}

/// Has a payment authorised.
#[utoipa::path(
    post, path = "/authorisations", request_body = Object,
    responses(
        (status = 200, description = "`{answer}`, a statement: authorised or declined."),
        (status = 400, description = "`payment-invalid`, `merchant-mismatch`, `sealed-invalid`", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 402, description = "`step-up-required` with `challenge`, `card-not-enrolled`, `card-expired`",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`request-conflict`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "`busy`, `outcome-unknown`", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn authorise(app: web::Data<App>, body: Json<AuthorisationBody>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(app.authorise(body.0, clock::now()).await?))
}

/// How an authorisation stands, for who knows its terms.
#[utoipa::path(
    get, path = "/authorisations/{common}", params(("common" = String, Path, description = "The digest of its terms.")),
    responses(
        (status = 200, description = "`{state, amount, captured_minor, refunded_minor, answer}`"),
        (status = 404, description = "`authorisation-unknown`", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn standing(app: web::Data<App>, common: web::Path<String>) -> Result<HttpResponse, Problem> {
    let case = app.case(digest(&common)?).await?;
    Ok(HttpResponse::Ok().json(json!({
        "state": case.answer.as_ref().map(|_| case.sums.state_at(clock::now())),
        "amount": case.sums.amount,
        "captured_minor": case.sums.captured_minor,
        "refunded_minor": case.sums.refunded_minor,
        "answer": case.answer,
    })))
}

/// What the cardholder is to approve.
#[utoipa::path(
    get, path = "/challenges/{common}", params(("common" = String, Path, description = "The challenge.")),
    responses(
        (status = 200, description = "`{challenge, url, payee, amount, expires_at}`"),
        (status = 404, description = "`authorisation-unknown`", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn challenge(app: web::Data<App>, common: web::Path<String>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(app.challenge(digest(&common)?).await?))
}

/// The cardholder's word. The first one counts; a wrong code is a no.
#[utoipa::path(
    post, path = "/challenges/{common}", request_body = Object,
    params(("common" = String, Path, description = "The challenge.")),
    responses(
        (status = 200, description = "`{approved}`: what counts."),
        (status = 400, description = "`request-invalid`, `signature-invalid`", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 404, description = "`authorisation-unknown`", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn step_up(
    app: web::Data<App>,
    common: web::Path<String>,
    body: Json<StepUpBody>,
) -> Result<HttpResponse, Problem> {
    let approved = app.step_up(digest(&common)?, body.0).await?;
    Ok(HttpResponse::Ok().json(json!({ "approved": approved })))
}

/// Captures, voids or refunds.
#[utoipa::path(
    post, path = "/orders", request_body = Object,
    responses(
        (status = 200, description = "`{done}`, a statement."),
        (status = 404, description = "`authorisation-unknown`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`authorisation-closed`, `capture-excessive`, `request-conflict`", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 410, description = "`authorisation-expired`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "`busy`, `outcome-unknown`", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn order(app: web::Data<App>, body: Json<OrderBody>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(app.order(body.0, clock::now()).await?))
}

fn digest(text: &str) -> Result<Digest, Problem> {
    text.parse().map_err(|_| Problem::new(Code::AUTHORISATION_UNKNOWN))
}
