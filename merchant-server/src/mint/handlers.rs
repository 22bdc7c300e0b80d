//! The mint's addresses. A handler extracts, calls and responds.

use std::time::Duration;

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use semper_shared::foundation::{Code, Digest};
use semper_shared::items::payment::ecash::{
    DepositBody, MeltBody, RecoupBody, RefundBody, RegistrationBody, Reveal, WithdrawalBody,
};
use semper_shared::security::PublicKey;
use serde::Deserialize;
use utoipa::IntoParams;

use super::schema::{
    AlreadySpentSchema, CoinSchema, DepositAnswerSchema, DepositSchema, MeltAnswerSchema, MeltSchema, RecoupSchema,
    RecoupedSchema, RefundAnswerSchema, RefundSchema, RegistrationSchema, ReserveSchema, RevealSchema,
    SignaturesSchema, WithdrawalSchema,
};
use super::{Mint, payouts, transfers};
use crate::http::{Endpoint, Json, Problem, ProblemBody, jose};

/// The description of the API.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "SEMPER mint",
        description = "Blind-signed coins: issued for reserves, deposited by merchants, refreshed by wallets. Every POST may be \
                       repeated safely: the same request gets the same answer. Errors are problem details (RFC 9457) with a \
                       stable code.",
        license(name = "Apache-2.0 OR MIT")
    ),
    paths(
        keys,
        page,
        reserve,
        withdraw,
        deposit,
        refund,
        melt,
        reveal,
        recoup,
        coin,
        transfers::pay_in,
        transfers::status,
        transfers::accept,
        transfers::cancel,
        register,
        payouts::list,
        payouts::one,
        super::solvency::solvency
    ),
    components(schemas(ProblemBody, AlreadySpentSchema))
)]
pub(super) struct ApiDoc;

/// The largest deposit: 64 permissions of 1.5 kB each, and room.
const DEPOSIT_LIMIT: usize = 160 * 1024;

pub(super) fn routes(routes: &mut web::ServiceConfig) {
    routes.service(Endpoint::at("/keys").get(keys));
    routes.service(Endpoint::at("/solvency").get(super::solvency::solvency));
    routes.service(Endpoint::at("/keys/{page}").get(page));
    routes.service(Endpoint::at("/reserves/{reserve}").get(reserve));
    routes.service(Endpoint::at("/withdrawals").post(withdraw).limit(80 * 1024));
    routes.service(Endpoint::at("/deposits").post(deposit).limit(DEPOSIT_LIMIT));
    routes.service(Endpoint::at("/refunds").post(refund).limit(16 * 1024));
    routes.service(Endpoint::at("/melts").post(melt).limit(80 * 1024));
    routes.service(Endpoint::at("/melts/{melt}/reveal").post(reveal).limit(80 * 1024));
    routes.service(Endpoint::at("/recoups").post(recoup).limit(16 * 1024));
    routes.service(Endpoint::at("/coins/{coin}").get(coin));
    transfers::routes(routes);
    payouts::routes(routes);
    routes.service(Endpoint::at("/accounts").post(register).limit(16 * 1024));
}

/// The mint's denominations, and where reserves are funded: `semper-mint-keys+jwt`.
#[utoipa::path(
    get, path = "/keys",
    responses((status = 200, description = "The document.", body = String, content_type = "application/jose"))
)]
async fn keys(mint: web::Data<Mint>) -> HttpResponse {
    let mut response = jose(mint.ring().text.clone());
    let cache = header::HeaderValue::from_static("public, max-age=60");
    response.headers_mut().insert(header::CACHE_CONTROL, cache);
    response
}

/// A page of denominations that are issued no longer. The key document names the last page, and each page the one before.
#[utoipa::path(
    get, path = "/keys/{page}",
    params(("page" = String, Path, description = "The digest of the page's text, base64url.")),
    responses(
        (status = 200, description = "The page: `{denominations, earlier}`.", body = serde_json::Value),
        (status = 404, description = "`not-found`", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn page(mint: web::Data<Mint>, page: web::Path<String>) -> Result<HttpResponse, Problem> {
    let text = page.parse().ok().and_then(|digest| mint.ring().page(&digest));
    let text = text.ok_or_else(|| Problem::new(Code::NOT_FOUND))?;
    // It is named by what it says, so it never changes.
    let cache = (header::CACHE_CONTROL, "public, max-age=31536000, immutable");
    Ok(HttpResponse::Ok().content_type("application/json").insert_header(cache).body(text))
}

/// How long to wait.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[serde(rename = "closed Wait", deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
struct Wait {
    /// How long to wait for the first transfer that names the reserve, in milliseconds, at most 30,000.
    wait_ms: u64,
}

/// What a reserve has, and what it paid for.
#[utoipa::path(
    get, path = "/reserves/{reserve}",
    params(("reserve" = String, Path, description = "The reserve's key: the compressed point, base64url."), Wait),
    responses(
        (status = 200, description = "The reserve.", body = ReserveSchema),
        (status = 400, description = "`key-invalid`, `request-invalid`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`reserve-unknown`: no transfer named it yet.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn reserve(
    mint: web::Data<Mint>,
    reserve: web::Path<String>,
    wait: web::Query<Wait>,
) -> Result<HttpResponse, Problem> {
    let reserve = PublicKey::from_text(&reserve)?;
    let status = mint.reserve(&reserve, Duration::from_millis(wait.wait_ms)).await?;
    Ok(HttpResponse::Ok().json(status))
}

/// Signs coins for what a reserve has.
#[utoipa::path(
    post, path = "/withdrawals", request_body = WithdrawalSchema,
    responses(
        (status = 200, description = "The blind signatures.", body = SignaturesSchema),
        (status = 400, description = "`denomination-unknown`, `mint-mismatch`, `request-invalid`, `signature-invalid`, `statement-malformed` …",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = 402, description = "`funds-insufficient`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`reserve-unknown`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 410, description = "`denomination-expired`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "`busy`, `outcome-unknown`", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn withdraw(mint: web::Data<Mint>, body: Json<WithdrawalBody>) -> Result<HttpResponse, Problem> {
    let signatures = mint.into_inner().withdraw(body.0).await?;
    Ok(HttpResponse::Ok().json(signatures))
}

/// Takes the coins that paid a deal: all of them, or none.
#[utoipa::path(
    post, path = "/deposits", request_body = DepositSchema,
    responses(
        (status = 200, description = "The mint's word that the deal is paid.", body = DepositAnswerSchema),
        (status = 400, description = "`amount-invalid`, `coin-invalid`, `denomination-unknown`, `mint-mismatch`, `request-invalid`, `signature-invalid`, `statement-malformed` …",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`coin-already-spent`, with the proof; `payout-account-missing`, `request-conflict` without.",
            body = AlreadySpentSchema, content_type = "application/problem+json"),
        (status = 410, description = "`denomination-expired`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "`busy`, `outcome-unknown`", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn deposit(mint: web::Data<Mint>, body: Json<DepositBody>) -> Result<HttpResponse, Problem> {
    let answer = mint.into_inner().deposit(body.0).await?;
    Ok(HttpResponse::Ok().json(answer))
}

/// Gives back part of a deposit, or all of it, to the coins that it came from.
#[utoipa::path(
    post, path = "/refunds", request_body = RefundSchema,
    responses(
        (status = 200, description = "The mint's word that it is given back.", body = RefundAnswerSchema),
        (status = 400, description = "`amount-invalid`, `currency-mismatch`, `mint-mismatch`, `request-invalid`, `signature-invalid`, `statement-malformed` …",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`deal-unknown`: the merchant has deposited no such deal.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`already-paid-out`, `refund-excessive`; `request-conflict`: another refund was made under this name.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = 410, description = "`denomination-expired`, `refund-too-late`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "`busy`, `outcome-unknown`", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn refund(mint: web::Data<Mint>, body: Json<RefundBody>) -> Result<HttpResponse, Problem> {
    let answer = mint.refund(body.0).await?;
    Ok(HttpResponse::Ok().json(answer))
}

/// Takes what is left of a coin, to be turned into new ones.
#[utoipa::path(
    post, path = "/melts", request_body = MeltSchema,
    responses(
        (status = 200, description = "The mint's choice among the candidates.", body = MeltAnswerSchema),
        (status = 400, description = "`amount-invalid`, `coin-invalid`, `denomination-unknown`, `mint-mismatch`, `request-invalid`, `signature-invalid`, `statement-malformed` …",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`coin-already-spent`, with the proof; `request-conflict` without.",
            body = AlreadySpentSchema, content_type = "application/problem+json"),
        (status = 410, description = "`denomination-expired`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "`busy`, `outcome-unknown`", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn melt(mint: web::Data<Mint>, body: Json<MeltBody>) -> Result<HttpResponse, Problem> {
    let answer = mint.melt(body.0).await?;
    Ok(HttpResponse::Ok().json(answer))
}

/// Signs the new coins of a melt.
#[utoipa::path(
    post, path = "/melts/{melt}/reveal", request_body = RevealSchema,
    params(("melt" = String, Path, description = "The melt's digest.")),
    responses(
        (status = 200, description = "The blind signatures.", body = SignaturesSchema),
        (status = 400, description = "`request-invalid`, `reveal-invalid`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`melt-unknown`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "`busy`, `outcome-unknown`", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn reveal(mint: web::Data<Mint>, melt: web::Path<String>, body: Json<Reveal>) -> Result<HttpResponse, Problem> {
    let melt: Digest =
        melt.parse().map_err(|_| Problem::request_invalid("A melt is named by its digest, base64url of 32 bytes."))?;
    let signatures = mint.into_inner().reveal(melt, body.0).await?;
    Ok(HttpResponse::Ok().json(signatures))
}

/// Puts what is left of a coin of a revoked denomination into a reserve.
#[utoipa::path(
    post, path = "/recoups", request_body = RecoupSchema,
    responses(
        (status = 200, description = "What went into the reserve.", body = RecoupedSchema),
        (status = 400, description = "`coin-invalid`, `denomination-unknown`, `mint-mismatch`, `request-invalid`, `signature-invalid`, `statement-malformed` …",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`coin-already-spent`, with the proof.", body = AlreadySpentSchema, content_type = "application/problem+json"),
        (status = 503, description = "`busy`, `outcome-unknown`", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn recoup(mint: web::Data<Mint>, body: Json<RecoupBody>) -> Result<HttpResponse, Problem> {
    let answer = mint.into_inner().recoup(body.0).await?;
    Ok(HttpResponse::Ok().json(answer))
}

/// What is left of a coin, and its melts.
#[utoipa::path(
    get, path = "/coins/{coin}",
    params(("coin" = String, Path, description = "The coin's key: the compressed point, base64url.")),
    responses(
        (status = 200, description = "The coin.", body = CoinSchema),
        (status = 400, description = "`key-invalid`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`coin-unknown`: the mint has not seen it.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn coin(mint: web::Data<Mint>, coin: web::Path<String>) -> Result<HttpResponse, Problem> {
    let status = mint.coin(&PublicKey::from_text(&coin)?).await?;
    Ok(HttpResponse::Ok().json(status))
}

/// Registers where a merchant is paid. The latest registration holds.
#[utoipa::path(
    post, path = "/accounts", request_body = RegistrationSchema,
    responses(
        (status = 200, description = "It is registered."),
        (status = 400, description = "`mint-mismatch`, `request-invalid`, `signature-invalid`, `statement-malformed` …",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`account-unknown`: no bank has an account of that name.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`request-conflict`: a later registration is known.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn register(mint: web::Data<Mint>, body: Json<RegistrationBody>) -> Result<HttpResponse, Problem> {
    mint.register(body.0).await?;
    Ok(HttpResponse::Ok().json(serde_json::json!({})))
}
