//! One address and the methods it answers.

use actix_web::dev::{AppService, HttpServiceFactory};
use actix_web::http::{StatusCode, header};
use actix_web::web::Bytes;
use actix_web::{FromRequest, Handler, HttpResponse, Resource, Responder, ResponseError as _, guard, web};
use semper_shared::foundation::Code;

use super::{BodyLimit, Problem};

/// An address with its handlers. Unlike a bare actix resource it answers other methods with 405 and a problem, answers
/// HEAD where it answers GET, may have a body limit of its own, and appears in logs and metrics under its template.
///
/// ```
/// use semper_server::http::{Endpoint, Problem};
/// use actix_web::{HttpResponse, web};
///
/// async fn read(name: web::Path<String>) -> Result<HttpResponse, Problem> {
///     Ok(HttpResponse::Ok().json(name.into_inner()))
/// }
///
/// fn routes(config: &mut web::ServiceConfig) {
///     config.service(Endpoint::at("/names/{name}").get(read));
/// }
/// ```
pub struct Endpoint {
    resource: Resource,
    methods: Vec<&'static str>,
}

/// The template of the address a request was routed to.
#[derive(Clone, Copy)]
pub(super) struct RouteTemplate(pub(super) &'static str);

impl Endpoint {
    /// An address, as an actix path template.
    pub fn at(template: &'static str) -> Self {
        Self { resource: web::resource(template).app_data(RouteTemplate(template)), methods: Vec::new() }
    }

    /// Answers GET, and HEAD with the same headers and no body.
    #[must_use]
    pub fn get<F, Args>(mut self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let route = web::route().guard(guard::Any(guard::Get()).or(guard::Head())).to(handler);
        self.resource = self.resource.route(route);
        self.methods.push("GET, HEAD");
        self
    }

    /// Answers POST.
    #[must_use]
    pub fn post<F, Args>(mut self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.resource = self.resource.route(web::post().to(handler));
        self.methods.push("POST");
        self
    }

    /// Sets the largest body this address reads, in bytes.
    #[must_use]
    pub fn limit(mut self, bytes: usize) -> Self {
        self.resource = self.resource.app_data(BodyLimit(bytes));
        self
    }
}

impl HttpServiceFactory for Endpoint {
    fn register(self, config: &mut AppService) {
        let allow = self.methods.join(", ");
        let refuse = move || {
            let allow = allow.clone();
            async move {
                let mut response = Problem::new(Code::METHOD_NOT_ALLOWED).error_response();
                if let Ok(value) = header::HeaderValue::from_str(&allow) {
                    response.headers_mut().insert(header::ALLOW, value);
                }
                response
            }
        };
        self.resource.default_service(web::to(refuse)).register(config);
    }
}

/// A response with a signed statement in it (`application/jose`).
pub fn jose(statement: impl Into<Bytes>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/jose").body(statement.into())
}

/// A response that was stored as JSON text: the answer to a repeated request is the stored one, byte for byte.
pub fn stored_json(status: StatusCode, body: impl Into<Bytes>) -> HttpResponse {
    HttpResponse::build(status).content_type("application/json").body(body.into())
}
