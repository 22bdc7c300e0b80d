//! The merchant's routes: each extracts, calls and responds.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use semper_shared::commerce::deal::DealBody;
use semper_shared::foundation::{Code, Digest};
use utoipa::OpenApi;

use super::admin;
use super::app::App;
use super::content::Contents;
use super::deals;
use super::messages::{
    Acknowledged, AcknowledgementBody, AcknowledgementSchema, DealBodySchema, DealStatusSchema, GoodPage, Offers,
    PaymentSchema,
};
use super::offers::Page;
use super::pages;
use super::policy;
use crate::clock;
use crate::http::{Endpoint, Json, Problem, ProblemBody};

#[derive(OpenApi)]
#[openapi(
    info(title = "SEMPER merchant", description = "Signed offers, deals and encrypted contents."),
    paths(
        offers,
        offer,
        good,
        take,
        status,
        acknowledge,
        content,
        picture,
        policy::published,
        admin::deals,
        admin::list,
        admin::refund,
        admin::payouts
    ),
    components(schemas(DealBodySchema, PaymentSchema, DealStatusSchema, AcknowledgementSchema))
)]
pub(super) struct ApiDoc;

/// The routes, on an application that has `App` and `Contents` as data.
pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(Endpoint::at("/offers").get(offers))
        .service(Endpoint::at("/offers/{good}").get(offer))
        .service(Endpoint::at("/goods/{good}").get(good))
        .service(Endpoint::at("/deals").post(take))
        .service(Endpoint::at("/deals/{deal}").get(status))
        .service(Endpoint::at("/deals/{deal}/acknowledgement").post(acknowledge))
        .service(Endpoint::at("/admin/deals").get(admin::deals))
        .service(Endpoint::at("/admin/payouts").get(admin::payouts))
        .service(Endpoint::at("/admin/deals/{deal}/refunds").get(admin::list).post(admin::refund).limit(4 * 1024))
        .service(Endpoint::at("/policy").get(policy::published))
        .service(Endpoint::at("/content/{digest}").get(content))
        .service(Endpoint::at("/pictures/{file}").get(picture));
}

/// The shop window.
#[utoipa::path(get, path = "/offers", responses((status = 200, body = Offers), (status = 304, description = "Unchanged.")))]
async fn offers(app: web::Data<Arc<App>>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let window = app.shelf.window();
    let list = window.list.as_ref().ok_or_else(Problem::busy)?;
    Ok(pages::serve(&request, list, "application/json"))
}

/// The signed offer of a good.
#[utoipa::path(
    get, path = "/offers/{good}", params(("good" = String, Path, description = "The good's id.")),
    responses(
        (status = 200, description = "A statement of type `semper-offer+jwt`.", body = String, content_type = "application/jose"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json")
    )
)]
async fn offer(
    app: web::Data<Arc<App>>,
    request: HttpRequest,
    good: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let window = app.shelf.window();
    let (_, offer) = find(&window.goods, &good)?;
    Ok(pages::serve(&request, offer, "application/jose"))
}

/// What there is to read about a good.
#[utoipa::path(
    get, path = "/goods/{good}", params(("good" = String, Path, description = "The good's id.")),
    responses((status = 200, body = GoodPage), (status = 404, body = ProblemBody, content_type = "application/problem+json"))
)]
async fn good(
    app: web::Data<Arc<App>>,
    request: HttpRequest,
    good: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let window = app.shelf.window();
    let (page, _) = find(&window.goods, &good)?;
    Ok(pages::serve(&request, page, "application/json"))
}

fn find<'a>(
    goods: &'a std::collections::HashMap<String, (Page, Page)>,
    good: &str,
) -> Result<&'a (Page, Page), Problem> {
    goods.get(good).ok_or_else(|| Problem::new(Code::OFFER_UNKNOWN))
}

/// Order and pay. The same request again gets the same answer.
#[utoipa::path(
    post, path = "/deals", request_body = DealBodySchema,
    responses(
        (status = 200, body = DealStatusSchema),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 402, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json"),
        (status = 410, body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The outcome is not known: send the same request again.", body = ProblemBody, content_type = "application/problem+json")
    )
)]
async fn take(app: web::Data<Arc<App>>, body: Json<DealBody>) -> Result<HttpResponse, Problem> {
    let answer = deals::take(&app, body.0, clock::now()).await?;
    Ok(HttpResponse::Ok().json(answer))
}

/// How a deal stands.
#[utoipa::path(
    get, path = "/deals/{deal}", params(("deal" = String, Path, description = "The deal's name.")),
    responses((status = 200, body = DealStatusSchema), (status = 404, body = ProblemBody, content_type = "application/problem+json"))
)]
async fn status(app: web::Data<Arc<App>>, deal: web::Path<String>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(deals::status(&app, name(&deal)?).await?))
}

/// Say that receipt and keys came.
#[utoipa::path(
    post, path = "/deals/{deal}/acknowledgement", params(("deal" = String, Path, description = "The deal's name.")),
    request_body = AcknowledgementSchema,
    responses((status = 200, body = Acknowledged), (status = 404, body = ProblemBody, content_type = "application/problem+json"))
)]
async fn acknowledge(
    app: web::Data<Arc<App>>,
    deal: web::Path<String>,
    body: Json<AcknowledgementBody>,
) -> Result<HttpResponse, Problem> {
    let answer = deals::acknowledge(&app, name(&deal)?, body.0).await?;
    Ok(HttpResponse::Ok().json(answer))
}

fn name(deal: &str) -> Result<Digest, Problem> {
    deal.parse().map_err(|_| Problem::new(Code::DEAL_UNKNOWN))
}

/// An encrypted content (RFC 8188), or a range of it.
#[utoipa::path(
    get, path = "/content/{digest}", params(("digest" = String, Path, description = "SHA-256 of the stream.")),
    responses(
        (status = 200, body = String, content_type = "application/octet-stream"),
        (status = 206, body = String, content_type = "application/octet-stream"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
        (status = 416, body = ProblemBody, content_type = "application/problem+json")
    )
)]
async fn content(
    contents: web::Data<Contents>,
    request: HttpRequest,
    digest: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    contents.serve(&request, &digest).await
}

/// A cover.
#[utoipa::path(
    get, path = "/pictures/{file}", params(("file" = String, Path, description = "The picture's file name.")),
    responses((status = 200, body = String, content_type = "image/svg+xml"), (status = 404, body = ProblemBody, content_type = "application/problem+json"))
)]
async fn picture(
    app: web::Data<Arc<App>>,
    request: HttpRequest,
    file: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let picture = app.store.picture(&file).await?.ok_or_else(|| Problem::new(Code::NOT_FOUND))?;
    Ok(pages::picture(&request, picture))
}
