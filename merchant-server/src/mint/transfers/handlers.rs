//! The addresses of transfers. A handler extracts, calls and responds.

use std::time::Duration;

use actix_web::{HttpResponse, web};
use semper_shared::foundation::Digest;
use semper_shared::items::payment::ecash::transfer::{AcceptanceBody, CancellationBody, TransferBody};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::http::schema::StatementSchema;
use crate::http::{Endpoint, Json, Problem, ProblemBody};
use crate::mint::Mint;
use crate::mint::schema::AlreadySpentSchema;

/// The largest transfer: 64 permissions of 1.5 kB each, and room.
const LIMIT: usize = 160 * 1024;

pub(in crate::mint) fn routes(routes: &mut web::ServiceConfig) {
    routes.service(Endpoint::at("/transfers").post(pay_in).limit(LIMIT));
    routes.service(Endpoint::at("/transfers/{transfer}").get(status));
    routes.service(Endpoint::at("/transfers/{transfer}/acceptance").post(accept).limit(16 * 1024));
    routes.service(Endpoint::at("/transfers/{transfer}/cancellation").post(cancel).limit(16 * 1024));
}

/// `semper-transfer+jwt` or `semper-transfer-request+jwt`, and 1 to 64 `semper-coin-permission+jwt` that pay it.
#[derive(Serialize, ToSchema)]
#[schema(as = Transfer)]
struct TransferSchema {
    transfer: StatementSchema,
    permissions: Vec<StatementSchema>,
}

/// `semper-transfer-confirmation+jwt`, signed by the mint.
#[derive(Serialize, ToSchema)]
#[schema(as = TransferConfirmed)]
struct TransferAnswerSchema {
    confirmation: StatementSchema,
}

/// Where a transfer stands.
#[derive(Serialize, ToSchema)]
#[schema(as = TransferStatus)]
struct TransferStatusSchema {
    transfer: StatementSchema,
    /// `pending`, `accepted` or `returned`.
    state: String,
}

/// `semper-transfer-acceptance+jwt` twice, in the same words.
#[derive(Serialize, ToSchema)]
#[schema(as = TransferAcceptance)]
struct AcceptanceSchema {
    /// Signed by the transfer's key.
    by_transfer: StatementSchema,
    /// Signed by the reserve's key.
    by_reserve: StatementSchema,
}

/// `semper-transfer-cancellation+jwt`, signed by the transfer's key.
#[derive(Serialize, ToSchema)]
#[schema(as = TransferCancellation)]
struct CancellationSchema {
    cancellation: StatementSchema,
}

/// How long to wait.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[serde(rename = "closed Wait", deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(in crate::mint) struct Wait {
    /// How long to wait for a decision, in milliseconds, at most 30,000.
    wait_ms: u64,
}

/// Takes the coins of a transfer: all of them, or none. What was asked for is in the reserve at once.
#[utoipa::path(
    post, path = "/transfers", request_body = TransferSchema,
    responses(
        (status = 200, description = "The mint's word that it is paid in.", body = TransferAnswerSchema),
        (status = 400, description = "`coin-invalid`, `mint-mismatch`, `request-invalid`, `signature-invalid`, `statement-malformed` …",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "`reserve-limit`, `transfer-limit`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`coin-already-spent`, with the proof; `request-conflict`, `transfer-accepted` without.",
            body = AlreadySpentSchema, content_type = "application/problem+json"),
        (status = 410, description = "`denomination-expired`, `transfer-expired`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "`busy`, `outcome-unknown`", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(in crate::mint) async fn pay_in(mint: web::Data<Mint>, body: Json<TransferBody>) -> Result<HttpResponse, Problem> {
    let answer = mint.into_inner().pay_in(body.0).await?;
    Ok(HttpResponse::Ok().json(answer))
}

/// Where a transfer stands.
#[utoipa::path(
    get, path = "/transfers/{transfer}",
    params(("transfer" = String, Path, description = "The thumbprint of the transfer's key, or the digest of the request; base64url."), Wait),
    responses(
        (status = 200, description = "The transfer.", body = TransferStatusSchema),
        (status = 404, description = "`transfer-unknown`", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(in crate::mint) async fn status(
    mint: web::Data<Mint>,
    transfer: web::Path<String>,
    wait: web::Query<Wait>,
) -> Result<HttpResponse, Problem> {
    let status = mint.transfer(name(&transfer)?, Duration::from_millis(wait.wait_ms)).await?;
    Ok(HttpResponse::Ok().json(status))
}

/// Merges a transfer into a reserve.
#[utoipa::path(
    post, path = "/transfers/{transfer}/acceptance", request_body = AcceptanceSchema,
    params(("transfer" = String, Path, description = "The thumbprint of the transfer's key; base64url.")),
    responses(
        (status = 200, description = "It is in the reserve.", body = TransferStatusSchema),
        (status = 400, description = "`mint-mismatch`, `signature-invalid`, `statement-malformed` …", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "`reserve-limit`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`transfer-unknown`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`transfer-accepted`: it went into another reserve.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 410, description = "`transfer-returned`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "`busy`, `outcome-unknown`", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(in crate::mint) async fn accept(
    mint: web::Data<Mint>,
    transfer: web::Path<String>,
    body: Json<AcceptanceBody>,
) -> Result<HttpResponse, Problem> {
    let status = mint.accept(name(&transfer)?, body.0).await?;
    Ok(HttpResponse::Ok().json(status))
}

/// Gives a transfer back to its coins.
#[utoipa::path(
    post, path = "/transfers/{transfer}/cancellation", request_body = CancellationSchema,
    params(("transfer" = String, Path, description = "The thumbprint of the transfer's key; base64url.")),
    responses(
        (status = 200, description = "It is back in the coins.", body = TransferStatusSchema),
        (status = 400, description = "`mint-mismatch`, `signature-invalid`, `statement-malformed` …", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`transfer-unknown`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`transfer-accepted`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "`busy`, `outcome-unknown`", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(in crate::mint) async fn cancel(
    mint: web::Data<Mint>,
    transfer: web::Path<String>,
    body: Json<CancellationBody>,
) -> Result<HttpResponse, Problem> {
    let status = mint.cancel(name(&transfer)?, body.0).await?;
    Ok(HttpResponse::Ok().json(status))
}

fn name(text: &str) -> Result<Digest, Problem> {
    text.parse().map_err(|_| Problem::request_invalid("A transfer is named by 32 bytes, base64url."))
}
