//! The merchant: publishes signed offers, takes signed orders with their payment, and delivers the keys of encrypted goods.
//!
//! ```text
//! folder ──import──▶ catalogue ──▶ offers ──GET──▶ wallet
//!                        │                           │ order, payment
//!                        ▼                           ▼
//!                     content ◀──GET, Range──      deals ──deposit──▶ mint
//!                                                    └──receipt, keys──▶ wallet
//! operator ──amount, reason──▶ refunds ──signed order──▶ mint
//!          ◀──agree or not──── payouts ◀──signed lists─── mint
//! bank     ──camt.053, camt.054──▶ accounts ──pain.001──▶ bank
//! ```
//!
//! The catalogue is filled by [`catalogue::import`] while the merchant does not run; the other modules serve from it.

#[cfg(feature = "account")]
mod accounts;
#[cfg(not(feature = "account"))]
#[path = "accounts/absent.rs"]
mod accounts;
mod admin;
mod app;
mod asker;
pub mod catalogue;
mod config;
mod content;
mod deals;
#[cfg(feature = "card")]
mod gateways;
mod handlers;
#[cfg(test)]
mod measure;
mod messages;
mod metrics;
mod mints;
mod offers;
mod pack;
mod pages;
mod payouts;
mod policy;
mod refunds;
#[cfg(test)]
mod replicas;
mod sql;
mod store;
mod terms;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use actix_web::web;
use semper_shared::items::party::Role;
use semper_shared::items::payment::ErasedPayee;
use utoipa::OpenApi as _;

#[cfg(feature = "account")]
pub use config::NotificationsConfig;
pub use config::{AccountConfig, Config, GatewayConfig, MintConfig, PayoutConfig};
pub use messages::{AcknowledgementBody, Card, GoodPage, Offers, PartCard};

/// A body by the name of its type, and whether an input is one.
#[cfg(all(feature = "account", any(test, feature = "testing")))]
pub type Body = (&'static str, fn(&[u8]) -> bool);

/// The bodies that the operator's routes take. For fuzzing.
#[cfg(all(feature = "account", any(test, feature = "testing")))]
pub const OPERATORS_BODIES: &[Body] = &[
    ("Assignment", reads::<accounts::desk::Assignment>),
    ("RefundOrder", reads::<admin::RefundOrder>),
    ("SendBack", reads::<accounts::desk::SendBack>),
];

#[cfg(all(feature = "account", any(test, feature = "testing")))]
fn reads<T: serde::de::DeserializeOwned>(input: &[u8]) -> bool {
    semper_shared::foundation::json::from_slice::<T>(input).is_ok()
}

use self::app::App;
use self::asker::Asker;
use self::content::Contents;
use self::metrics::Metrics;
use self::offers::ShelfError;
use self::store::Store as _;
use crate::clock;
use crate::crypto::Native;
use crate::http::{self, Running, Service, Shutdown, StartError};
use crate::introduction::Introduction;
use crate::keys;

/// The file in the merchant's folder in which its operator may keep the token.
pub const ADMIN_TOKEN_FILE: &str = "admin.token";

/// How often offers that run out are looked for.
const STOCK_EVERY: Duration = Duration::from_secs(3_600);

/// Starts the merchant, without pages of a shop.
///
/// # Errors
/// As [`start_with_pages`].
pub async fn start(config: &Config, shutdown: &Shutdown) -> Result<Running, StartError> {
    start_with_modules(config, Vec::new(), |_| {}, shutdown).await
}

/// Starts the merchant on one origin with `pages`, which are the shop's.
///
/// It opens whether or not its mints can be reached: until then it offers what is free, and what was offered before.
///
/// # Errors
/// [`StartError`] for a wrong configuration, an unusable key, store or catalogue, or an address that is taken.
pub async fn start_with_pages<P>(config: &Config, pages: P, shutdown: &Shutdown) -> Result<Running, StartError>
where
    P: Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
{
    start_with_modules(config, Vec::new(), pages, shutdown).await
}

/// The same with further payment `modules` beside those that the configuration names; one of the same name and version is
/// taken in its place.
///
/// # Errors
/// As [`start_with_pages`].
pub async fn start_with_modules<P>(
    config: &Config,
    modules: Vec<Arc<dyn ErasedPayee>>,
    pages: P,
    shutdown: &Shutdown,
) -> Result<Running, StartError>
where
    P: Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
{
    config.check()?;
    let signer = Arc::new(keys::load_or_make(&config.data)?);
    let verifier = Native::new().map_err(|error| StartError::Config(format!("merchant: {error}")))?;
    let asker = Asker::new().map_err(|error| StartError::Config(format!("merchant: {error}")))?;
    let service = Service::new("merchant")?.openapi(accounts::documented(handlers::ApiDoc::openapi()));
    let registry = service.telemetry().registry();
    let store = sql::open(&config.data, config.store.as_ref(), Some(registry)).await?;
    let metrics = Metrics::new(registry)?;
    metrics.begin(store.count_deals().await?);
    let database = store.database.clone();
    let now = clock::now();
    let policy = policy::read(config, clock::now(), &verifier)?;
    let parts = (config.clone(), modules, policy);
    let app = App::open(parts, Box::new(store), Arc::clone(&signer), verifier, asker, metrics, now);
    let app = Arc::new(app.await.map_err(unusable)?);
    app.stock(now).await.map_err(unusable)?;
    let checked = Arc::clone(&app);
    let service = service.ready(move || database.check().and_then(|()| checked.check()));
    let taken = Arc::clone(&app);
    let introduction = Introduction::new(signer, Role::Merchant, &config.name, config.url())
        .modules(move || taken.offered())
        .address("offers", "/offers")
        .address("goods", "/goods/{good}")
        .address("deals", "/deals")
        .address("content", "/content/{digest}");
    let introduction = if config.policy.is_some() { introduction.address("policy", "/policy") } else { introduction };
    let introduction = Arc::new(introduction);
    let (data, contents) = (web::Data::new(Arc::clone(&app)), web::Data::new(Contents::new(&config.data)));
    let routes = move |routes: &mut web::ServiceConfig| {
        routes.app_data(data.clone()).app_data(contents.clone());
        routes.service(introduction.endpoint());
        handlers::routes(routes);
        accounts::routes(routes);
        pages(routes);
    };
    let running = http::server::start(&config.server, service, routes, shutdown).await?;
    for mint in &config.mints {
        tokio::spawn(mints::keep_in_touch(Arc::clone(&app), mint.clone(), shutdown.clone()));
    }
    #[cfg(feature = "card")]
    if let Some(gateway) = &config.gateway {
        tokio::spawn(gateways::meet(Arc::clone(&app), gateway.clone(), shutdown.clone()));
    }
    tokio::spawn(deals::watch(Arc::clone(&app), shutdown.clone()));
    tokio::spawn(refunds::watch(Arc::clone(&app), shutdown.clone()));
    tokio::spawn(payouts::watch(Arc::clone(&app), shutdown.clone()));
    #[cfg(feature = "account")]
    if let Some(account) = &config.account {
        tokio::spawn(accounts::watch(Arc::clone(&app), account.clone(), shutdown.clone()));
        if let Some(notifications) = &account.notifications {
            tokio::spawn(accounts::follow(Arc::clone(&app), notifications.clone(), shutdown.clone()));
        }
    }
    tokio::spawn(restock(app, shutdown.clone()));
    Ok(running)
}

fn unusable(error: ShelfError) -> StartError {
    match error {
        ShelfError::Store(error) => error.into(),
        error => StartError::Config(format!("merchant: {error}")),
    }
}

/// Renews offers before they run out.
async fn restock(app: Arc<App>, shutdown: Shutdown) {
    loop {
        tokio::select! {
            () = shutdown.requested() => return,
            () = tokio::time::sleep(STOCK_EVERY) => {}
        }
        if let Err(error) = app.stock(clock::now()).await {
            tracing::error!(cause = %error, "offers could not be renewed");
        }
    }
}
