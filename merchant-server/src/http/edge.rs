//! What holds for every request: rate limit, time-out, CORS, security headers, metrics and the log line. One middleware, so
//! that a request pays for it once.

use std::future::{Ready, ready};
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{Error, HttpResponse, ResponseError as _};
use futures_util::future::LocalBoxFuture;
use semper_shared::foundation::Code;

use super::Problem;
use super::endpoint::RouteTemplate;
use super::limit::Limiter;
use super::telemetry::Telemetry;

/// What the edge of one party does. Shared by its workers.
pub(super) struct Rules {
    pub(super) telemetry: Telemetry,
    pub(super) limiter: Option<Limiter>,
    pub(super) behind_proxy: bool,
    pub(super) cors: bool,
    pub(super) https: bool,
    pub(super) timeout: Duration,
}

#[derive(Clone)]
pub(super) struct Edge(pub(super) Arc<Rules>);

impl<S, B> Transform<S, ServiceRequest> for Edge
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B, BoxBody>>;
    type Error = Error;
    type Transform = EdgeService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(EdgeService { service: Rc::new(service), rules: Arc::clone(&self.0) }))
    }
}

pub(super) struct EdgeService<S> {
    service: Rc<S>,
    rules: Arc<Rules>,
}

impl<S, B> Service<ServiceRequest> for EdgeService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B, BoxBody>>;
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self::Response, Error>>;

    forward_ready!(service);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        #[cfg(debug_assertions)]
        panic_if_asked(&request);
        let started = Instant::now();
        let rules = Arc::clone(&self.rules);
        if let Some(early) = rules.answer_early(&request) {
            let mut response = request.into_response(early).map_into_right_body();
            rules.finish(&mut response, started);
            return Box::pin(ready(Ok(response)));
        }
        let method = request.method().clone();
        let called = self.service.call(request);
        Box::pin(async move {
            match tokio::time::timeout(rules.timeout, called).await {
                Ok(Ok(response)) => {
                    let mut response = response.map_into_left_body();
                    rules.finish(&mut response, started);
                    Ok(response)
                }
                Ok(Err(error)) => Err(error),
                Err(_) => {
                    // What a cut-off POST has set in motion may still be done; the same request again gets the answer.
                    let problem = if method == Method::POST { Problem::outcome_unknown() } else { Problem::busy() };
                    rules.telemetry.request(
                        method_label(&method),
                        "timed-out",
                        problem.status().as_u16(),
                        started.elapsed(),
                    );
                    Err(problem.into())
                }
            }
        })
    }
}

/// Panics where a process that was started with `SEMPER_PANICS` is asked to, so that a test can read what a panic says. No
/// build without debug assertions knows of it.
#[cfg(debug_assertions)]
fn panic_if_asked(request: &ServiceRequest) {
    let asked = request.headers().contains_key("semper-panic") && std::env::var_os("SEMPER_PANICS").is_some();
    assert!(!asked, "a panic was asked for");
}

impl Rules {
    /// Answers what must not reach a handler: who asks too often, and a browser's question before a request (CORS preflight).
    fn answer_early(&self, request: &ServiceRequest) -> Option<HttpResponse> {
        if let (Some(limiter), Some(address)) = (&self.limiter, self.peer(request))
            && let Err(wait) = limiter.check(address)
        {
            let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
            return Some(Problem::new(Code::RATE_LIMITED).retry_after(seconds).error_response());
        }
        let preflight = self.cors
            && request.method() == Method::OPTIONS
            && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        preflight.then(|| {
            HttpResponse::build(StatusCode::NO_CONTENT)
                .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, POST"))
                .insert_header((
                    header::ACCESS_CONTROL_ALLOW_HEADERS,
                    "authorization, content-type, if-none-match, if-range, range",
                ))
                .insert_header((header::ACCESS_CONTROL_MAX_AGE, "86400"))
                .finish()
        })
    }

    /// The address a request counts for. Behind a proxy it is the last one in X-Forwarded-For, which the proxy itself wrote.
    fn peer(&self, request: &ServiceRequest) -> Option<IpAddr> {
        if self.behind_proxy {
            let forwarded = request.headers().get_all("x-forwarded-for").last()?.to_str().ok()?;
            return forwarded.rsplit(',').next()?.trim().parse().ok();
        }
        request.peer_addr().map(|address| address.ip())
    }

    fn finish<B>(&self, response: &mut ServiceResponse<B>, started: Instant) {
        self.add_headers(response.response_mut().headers_mut());
        let request = response.request();
        let route = request.app_data::<RouteTemplate>().map_or("other", |template| template.0);
        self.telemetry.request(method_label(request.method()), route, response.status().as_u16(), started.elapsed());
    }

    /// Adds what a handler has not set itself.
    fn add_headers(&self, headers: &mut HeaderMap) {
        let mut add = |name: HeaderName, value: &'static str| {
            if !headers.contains_key(&name) {
                headers.insert(name, HeaderValue::from_static(value));
            }
        };
        if self.cors {
            add(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
            add(
                header::ACCESS_CONTROL_EXPOSE_HEADERS,
                "accept-ranges, content-length, content-range, etag, retry-after",
            );
        }
        add(header::CACHE_CONTROL, "no-store");
        add(header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'");
        add(header::REFERRER_POLICY, "no-referrer");
        add(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
        if self.https {
            add(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
        }
    }
}

/// The method as a label; what is not a usual one is counted together, so that nobody can make up labels.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
