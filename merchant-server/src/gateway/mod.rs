//! The gateway: the acquirer's front. It opens card slips, has them authorised, and captures, voids and refunds.
//!
//! ```text
//! wallet      POST /cards ─────────────▶ certify the card's key
//! merchant    POST /authorisations ────▶ check terms, slip and consent ─▶ acquirer: hold
//! wallet      POST /challenges/{…} ────▶ the cardholder's approval, where the issuer wants it
//! merchant    POST /orders ────────────▶ capture, void, refund ─────────▶ acquirer
//!                                        clearance files, chargebacks ◀── acquirer
//! ```
//!
//! It learns the card and the amount, and of the goods nothing but the deal's name. It keeps no card number: of an enrolled card
//! a keyed digest, of a payment the acquirer's reference. Specification: `shared/spec/card.md`.

mod acquirer;
mod app;
mod config;
mod error;
mod handlers;
mod merchants;
mod recovery;
mod sql;
mod store;

use std::collections::HashMap;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use actix_web::web;
use semper_shared::items::party::{ModuleVersion, Role};
use semper_shared::items::payment::card::{CardPayer, GatewayKey};
use semper_shared::items::payment::{ModuleId, PayerModule};
use utoipa::OpenApi as _;

pub use self::acquirer::{AcquirerConfig, StripeConfig};
pub use self::config::Config;

use self::app::{App, Tagger};
use self::sql::Books;
use self::store::Store as _;
use crate::crypto::Native;
use crate::http::{self, Running, Service, Shutdown, StartError};
use crate::introduction::Introduction;
use crate::keys;
use crate::store::sql::{Database, StoreConfig};

/// Starts the gateway before the acquirer that its configuration names.
///
/// # Errors
/// [`StartError`] for a wrong configuration, unusable keys or books, or an address that is taken.
pub async fn start(config: &Config, shutdown: &Shutdown) -> Result<Running, StartError> {
    config.check()?;
    let signer = Arc::new(keys::load_or_make(&config.data)?);
    let service = Service::new("gateway")?.openapi(handlers::ApiDoc::openapi());
    let place = StoreConfig::new(config.data.join("gateway.sqlite"), config.store.as_ref());
    let database = Database::open(&place, &sql::SCHEMA, Some(service.telemetry().registry())).await?;
    let checked = database.clone();
    let service = service.ready(move || checked.check());
    let books = Books(database);
    let known = books.merchants().await?.into_iter().map(|merchant| (merchant.key.thumbprint(), merchant));
    let known: HashMap<_, _> = known.collect();
    let key = signer.portable();
    let app = Arc::new(App {
        store: Box::new(books),
        acquirer: acquirer::open(&config.acquirer, &config.data).await?,
        tagger: Tagger::new(&key.to_bytes()),
        key: GatewayKey::new(key.clone()),
        signer: Arc::clone(&signer),
        verifier: Native::new().map_err(|error| StartError::Config(error.to_string()))?,
        url: config.server.public_url.trim_end_matches('/').to_owned(),
        hold_s: config.hold_s,
        merchants: RwLock::new(known),
    });
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build();
    let client = client.map_err(|error| StartError::Config(error.to_string()))?;
    for url in &config.merchants {
        tokio::spawn(merchants::meet(Arc::clone(&app), client.clone(), url.clone(), shutdown.clone()));
    }
    tokio::spawn(recovery::watch(Arc::clone(&app), config.data.clone(), config.clearance_s, shutdown.clone()));
    let module =
        ModuleVersion { id: ModuleId::new(CardPayer::ID).unwrap_or_else(ModuleId::none), version: CardPayer::VERSION };
    let introduction = Introduction::new(signer, Role::Gateway, &config.name, &config.server.public_url)
        .modules(move || vec![module.clone()])
        .address("cards", "/cards")
        .address("authorisations", "/authorisations")
        .address("orders", "/orders");
    let introduction = Arc::new(introduction);
    let app = web::Data::from(app);
    let routes = move |routes: &mut web::ServiceConfig| {
        routes.app_data(app.clone());
        routes.service(introduction.endpoint());
        handlers::routes(routes);
    };
    http::server::start(&config.server, service, routes, shutdown).await
}
