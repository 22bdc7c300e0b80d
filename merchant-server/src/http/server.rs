//! The server of one party: its settings, how it starts, and how it stops.
//!
//! ```no_run
//! use semper_server::http::{Endpoint, Service, ServerSettings, Shutdown, server};
//! use actix_web::{HttpResponse, web};
//!
//! # async fn run() -> Result<(), semper_server::http::StartError> {
//! async fn hello() -> HttpResponse { HttpResponse::Ok().body("hello") }
//!
//! let (trigger, shutdown) = Shutdown::new();
//! let settings = ServerSettings { listen: "127.0.0.1:0".parse().expect("an address"), ..ServerSettings::default() };
//! let running = server::start(&settings, Service::new("bank")?, |config: &mut web::ServiceConfig| {
//!     config.service(Endpoint::at("/hello").get(hello));
//! }, &shutdown).await?;
//! println!("listening on {}", running.address());
//! trigger.stop();
//! running.stopped().await;
//! # Ok(()) }
//! ```

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::KeepAlive;
use actix_web::{App, HttpResponse, HttpServer, ResponseError as _, web};
use semper_shared::foundation::{Code, Coded};
use serde::Deserialize;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::docs;
use super::edge::{Edge, Rules};
use super::endpoint::Endpoint;
use super::json::BodyLimit;
use super::limit::{Limiter, RateLimitSettings};
use super::problem::Problem;
use super::telemetry::Telemetry;

/// Where a party listens, and within which bounds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename = "closed ServerSettings", deny_unknown_fields, default)]
pub struct ServerSettings {
    /// The address to bind. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// The URL under which others reach this party, without a slash at its end. Empty: `http://localhost:` and the port.
    pub public_url: String,
    /// Threads that answer requests.
    pub workers: usize,
    /// Connections a worker keeps open; further ones wait.
    pub max_connections: usize,
    /// The largest body, in bytes, where a route has no limit of its own.
    pub body_limit_bytes: usize,
    /// How long a request may take, in seconds; above the longest long poll (30).
    pub request_timeout_s: u64,
    /// How many requests one address may make.
    pub rate_limit: RateLimitSettings,
    /// Whether requests come through a proxy that writes X-Forwarded-For.
    pub behind_proxy: bool,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            public_url: String::new(),
            workers: 2,
            max_connections: 4_096,
            body_limit_bytes: BodyLimit::DEFAULT.0,
            request_timeout_s: 45,
            rate_limit: RateLimitSettings::default(),
            behind_proxy: false,
        }
    }
}

/// Says whether a party can do its work now; the text of a refusal goes to the operator.
type Readiness = dyn Fn() -> Result<(), String> + Send + Sync;

/// What a party's server has besides its routes.
#[derive(Clone)]
pub struct Service {
    telemetry: Telemetry,
    openapi: Option<utoipa::openapi::OpenApi>,
    ready: Option<Arc<Readiness>>,
    cors: bool,
}

impl Service {
    /// A service with API routes, readable from every web origin.
    ///
    /// # Errors
    /// [`StartError::Metrics`], which would be a defect.
    pub fn new(party: &'static str) -> Result<Self, StartError> {
        Ok(Self { telemetry: Telemetry::new(party)?, openapi: None, ready: None, cors: true })
    }

    /// Publishes the description of the API at `/openapi.json`, with a page to read it at `/docs`.
    #[must_use]
    pub fn openapi(mut self, openapi: utoipa::openapi::OpenApi) -> Self {
        self.openapi = Some(openapi);
        self
    }

    /// What `/ready` asks.
    #[must_use]
    pub fn ready(mut self, ready: impl Fn() -> Result<(), String> + Send + Sync + 'static) -> Self {
        self.ready = Some(Arc::new(ready));
        self
    }

    /// Leaves cross-origin headers away: for pages that only their own origin may read.
    #[must_use]
    pub fn same_origin(mut self) -> Self {
        self.cors = false;
        self
    }

    /// The party's metrics, to register more of them.
    pub fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }
}

/// Starts a party's server. Its endpoints are `routes`, and for every party `/health`, `/ready`, `/metrics`, and, where the
/// service has a description, `/openapi.json` and `/docs`.
///
/// # Errors
/// [`StartError::Listen`] where the address cannot be bound.
pub async fn start<R>(
    settings: &ServerSettings,
    service: Service,
    routes: R,
    shutdown: &Shutdown,
) -> Result<Running, StartError>
where
    R: Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
{
    let party = service.telemetry.party();
    let rules = Arc::new(Rules {
        telemetry: service.telemetry.clone(),
        limiter: Limiter::new(&settings.rate_limit),
        behind_proxy: settings.behind_proxy,
        cors: service.cors,
        https: settings.public_url.starts_with("https:"),
        timeout: Duration::from_secs(settings.request_timeout_s.max(1)),
    });
    let body_limit = BodyLimit(settings.body_limit_bytes);
    let edge = Edge(Arc::clone(&rules));
    let common = common_routes(&service);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(body_limit)
            .app_data(
                web::PathConfig::default().error_handler(|error, _| Problem::request_invalid(error.to_string()).into()),
            )
            .app_data(
                web::QueryConfig::default()
                    .error_handler(|error, _| Problem::request_invalid(error.to_string()).into()),
            )
            .wrap(edge.clone())
            .configure(common.clone())
            .configure(routes.clone())
            .default_service(web::to(|| async { Problem::new(Code::NOT_FOUND).error_response() }))
    });
    let server = server
        .workers(settings.workers.max(1))
        .worker_max_blocking_threads(16)
        .max_connections(settings.max_connections)
        .keep_alive(KeepAlive::Timeout(Duration::from_secs(75)))
        .client_request_timeout(Duration::from_secs(5))
        .client_disconnect_timeout(Duration::from_secs(2))
        .tcp_nodelay(true)
        .shutdown_timeout(5)
        .disable_signals()
        .bind(settings.listen)
        .map_err(|source| StartError::Listen { party, address: settings.listen, source })?;
    let address = server.addrs().first().copied().unwrap_or(settings.listen);
    let server = server.run();
    let handle = server.handle();
    let task = tokio::spawn(server);
    let url = settings.url(address);
    tracing::info!(party, %address, url, "listening");
    tokio::spawn(supervise(party, rules, handle, shutdown.clone()));
    Ok(Running { party, address, url, task })
}

impl ServerSettings {
    /// The public URL, once the address is known.
    pub fn url(&self, address: SocketAddr) -> String {
        match self.public_url.trim_end_matches('/') {
            "" => format!("http://localhost:{}", address.port()),
            url => url.to_owned(),
        }
    }
}

/// Stops the server when the process is told to stop; until then keeps the limiter's memory small.
async fn supervise(party: &'static str, rules: Arc<Rules>, handle: actix_web::dev::ServerHandle, shutdown: Shutdown) {
    let mut minute = tokio::time::interval(Duration::from_secs(60));
    loop {
        tokio::select! {
            () = shutdown.requested() => break,
            _ = minute.tick() => if let Some(limiter) = &rules.limiter { limiter.forget_idle() },
        }
    }
    tracing::info!(party, "stopping");
    handle.stop(true).await;
}

fn common_routes(service: &Service) -> impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static {
    let telemetry = service.telemetry.clone();
    let ready = service.ready.clone();
    let docs = service.openapi.as_ref().map(docs::Docs::new);
    move |config| {
        let health = || async { HttpResponse::Ok().json(serde_json::json!({"status": "up"})) };
        let ready = ready.clone();
        let readiness = move || {
            let answer = ready.as_ref().map_or(Ok(()), |ready| ready());
            async move {
                match answer {
                    Ok(()) => HttpResponse::Ok().json(serde_json::json!({"status": "ready"})),
                    Err(why) => Problem::busy().detail(why).error_response(),
                }
            }
        };
        let telemetry = telemetry.clone();
        let metrics = move || {
            let text = telemetry.render();
            async move {
                match text {
                    Ok(text) => HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(text),
                    Err(error) => Problem::internal(error).error_response(),
                }
            }
        };
        config.service(Endpoint::at("/health").get(health));
        config.service(Endpoint::at("/ready").get(readiness));
        config.service(Endpoint::at("/metrics").get(metrics));
        if let Some(docs) = &docs {
            docs.routes(config);
        }
    }
}

/// A party's server at work.
#[derive(Debug)]
pub struct Running {
    party: &'static str,
    address: SocketAddr,
    url: String,
    task: JoinHandle<io::Result<()>>,
}

impl Running {
    /// The party's name.
    pub fn party(&self) -> &'static str {
        self.party
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL under which others reach it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Waits until it has stopped: after the requests under way are answered, at most a few seconds after the shutdown.
    pub async fn stopped(self) {
        match self.task.await {
            Ok(Ok(())) => tracing::info!(party = self.party, "stopped"),
            Ok(Err(error)) => tracing::error!(party = self.party, %error, "server failed"),
            Err(error) => tracing::error!(party = self.party, %error, "server task failed"),
        }
    }
}

/// Tells everything in the process to stop.
#[derive(Debug)]
pub struct ShutdownTrigger(watch::Sender<bool>);

impl ShutdownTrigger {
    /// Asks every holder of the matching [`Shutdown`] to stop.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

/// Knows whether the process is to stop. Long polls and background work select on [`Shutdown::requested`].
#[derive(Debug, Clone)]
pub struct Shutdown(watch::Receiver<bool>);

impl Shutdown {
    /// A shutdown and what triggers it. Dropping the trigger triggers it too.
    pub fn new() -> (ShutdownTrigger, Self) {
        let (sender, receiver) = watch::channel(false);
        (ShutdownTrigger(sender), Self(receiver))
    }

    /// Returns once the process is to stop.
    pub async fn requested(&self) {
        let mut receiver = self.0.clone();
        let _stop_or_trigger_gone = receiver.wait_for(|stop| *stop).await;
    }

    /// Whether the process is to stop.
    pub fn is_requested(&self) -> bool {
        *self.0.borrow()
    }
}

/// Why a party could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The address is taken or not ours.
    #[error("{party} cannot listen on {address}: {source}")]
    Listen {
        /// The party.
        party: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// A setting is wrong or does not fit what is stored.
    #[error("{0}")]
    Config(String),
    /// The settings name a payment module that is not in this program.
    #[error("this program was built without the payment module `{0}`, and the settings ask for it")]
    LeftOut(&'static str),
    /// The party's keys cannot be read or made.
    #[error(transparent)]
    Keys(#[from] crate::keys::KeysError),
    /// The party's store cannot be opened.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    /// The metrics library refused a name: a defect.
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
}

impl Coded for StartError {
    fn code(&self) -> Code {
        match self {
            Self::Listen { .. } | Self::Config(_) | Self::Keys(_) => Code::CONFIG_INVALID,
            Self::LeftOut(_) => Code::MODULE_UNSUPPORTED,
            Self::Store(_) => Code::STORE_FAILED,
            Self::Metrics(_) => Code::INTERNAL,
        }
    }
}

#[cfg(test)]
mod tests;
