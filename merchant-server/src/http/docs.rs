//! The description of a party's API, and a page to read it. The page loads nothing from elsewhere.

use actix_web::http::header;
use actix_web::web::Bytes;
use actix_web::{HttpResponse, web};
use semper_shared::foundation::Code;
use utoipa::OpenApi as _;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder};

use super::endpoint::Endpoint;
use super::problem::ProblemBody;

/// What every party has besides its own addresses.
#[derive(utoipa::OpenApi)]
#[openapi(paths(introduction, health, ready, metrics), components(schemas(ProblemBody)))]
struct Common;

/// Who this party is: its name, role, keys, modules and addresses, signed.
#[utoipa::path(get, path = "/.well-known/semper", responses(
    (status = 200, description = "A statement of type `semper-party+jwt`.", body = String, content_type = "application/jose"),
))]
#[expect(dead_code, reason = "it stands for its description")]
fn introduction() {}

/// Whether the process is up.
#[utoipa::path(get, path = "/health", responses((status = 200, description = "It is.", content_type = "application/json")))]
#[expect(dead_code, reason = "it stands for its description")]
fn health() {}

/// Whether the party can do its work.
#[utoipa::path(get, path = "/ready", responses((status = 200, description = "It can.", content_type = "application/json")))]
#[expect(dead_code, reason = "it stands for its description")]
fn ready() {}

/// Its metrics, in the text format of Prometheus.
#[utoipa::path(get, path = "/metrics", responses((status = 200, description = "The metrics.", body = String, content_type = "text/plain")))]
#[expect(dead_code, reason = "it stands for its description")]
fn metrics() {}

/// The description, written out once.
#[derive(Clone)]
pub(super) struct Docs {
    openapi: Bytes,
}

impl Docs {
    pub(super) fn new(openapi: &OpenApi) -> Self {
        let mut openapi = openapi.clone();
        openapi.merge(Common::openapi());
        for path in openapi.paths.paths.values_mut() {
            for operation in [&mut path.get, &mut path.post].into_iter().flatten() {
                add_common_answers(operation);
            }
        }
        Self { openapi: Bytes::from(openapi.to_json().unwrap_or_else(|_| "{}".to_owned())) }
    }

    pub(super) fn routes(&self, config: &mut web::ServiceConfig) {
        let openapi = self.openapi.clone();
        let description = move || {
            let response = HttpResponse::Ok().content_type("application/json").body(openapi.clone());
            async move { response }
        };
        config.service(Endpoint::at("/openapi.json").get(description));
        config.service(Endpoint::at("/docs").get(page));
        config.service(Endpoint::at("/docs/page.js").get(script));
        config.service(Endpoint::at("/docs/page.css").get(style));
    }
}

/// Adds the refusals that any address may answer with, where the party has not described them itself.
fn add_common_answers(operation: &mut Operation) {
    let body: &[_] = if operation.request_body.is_some() {
        &[("400", Code::JSON_MALFORMED), ("408", Code::TIMED_OUT), ("413", Code::BODY_TOO_LARGE)]
    } else {
        &[]
    };
    let any = [("429", Code::RATE_LIMITED), ("500", Code::INTERNAL), ("503", Code::BUSY)];
    for (status, code) in any.iter().chain(body) {
        operation.responses.responses.entry((*status).to_owned()).or_insert_with(|| RefOr::T(refusal(*code)));
    }
}

fn refusal(code: Code) -> Response {
    let schema = Ref::from_schema_name("ProblemBody");
    let content = ContentBuilder::new().schema(Some(schema)).build();
    let description = format!("`{code}`: {}", code.advice());
    ResponseBuilder::new().description(description).content("application/problem+json", content).build()
}

async fn page() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-ancestors 'none'; \
             base-uri 'none'; form-action 'none'",
        ))
        .body(include_str!("docs/page.html"))
}

async fn script() -> HttpResponse {
    HttpResponse::Ok().content_type("text/javascript; charset=utf-8").body(include_str!("docs/page.js"))
}

async fn style() -> HttpResponse {
    HttpResponse::Ok().content_type("text/css; charset=utf-8").body(include_str!("docs/page.css"))
}
