//! The description of a party's API, and a page to read it. The page loads nothing from elsewhere.

use actix_web::http::header;
use actix_web::web::Bytes;
use actix_web::{HttpResponse, web};

use super::endpoint::Endpoint;

/// The description, written out once.
#[derive(Clone)]
pub(super) struct Docs {
    openapi: Bytes,
}

impl Docs {
    pub(super) fn new(openapi: &utoipa::openapi::OpenApi) -> Self {
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
