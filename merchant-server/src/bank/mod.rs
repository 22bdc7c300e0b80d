//! The bank: accounts and transfers between them. For the demo and for tests; real banks speak ISO 20022.
//!
//! ```text
//! customer ──POST /transfers (subject: reserve key)──▶ bank ──history (long poll)──▶ mint    funding
//! mint     ──POST /transfers (subject: deals' digest)─▶ bank ──history─────────────▶ merchant payout
//! ```
//!
//! Money is created nowhere: every transfer is two postings that cancel out, and the sum of all balances is zero at any time.
//! What comes into circulation is owed by one account, [`CENTRAL`], which may fall below zero down to a fixed limit.
//!
//! Transfers are idempotent by the payer's own identifier, so a payer who does not know whether a transfer was made sends
//! it again.

mod app;
mod config;
mod error;
mod files;
mod handlers;
mod ledger;
mod messages;
mod sql;
mod store;

use std::sync::Arc;

use actix_web::web;
use semper_shared::items::party::Role;
use utoipa::OpenApi as _;

pub use config::{AccountConfig, Config, Token};
pub use error::BankError;
pub use messages::{
    AccountName, Direction, EndToEnd, Entry, Executed, History, HistoryQuery, PaymentOrder, RefusedOrder, Standing,
    TestAccount, Transfer, TransferOrder,
};

use self::app::App;
use self::sql::Sql;
use crate::http::{self, Running, Service, Shutdown, StartError};
use crate::introduction::Introduction;
use crate::keys;
use crate::store::sql::{Database, StoreConfig};

/// The account that owes all money in circulation. Nobody has its token.
pub const CENTRAL: &str = "central";

/// Starts the bank: opens its books, makes the accounts that the configuration names, and serves.
///
/// # Errors
/// [`StartError`] for a wrong configuration, unusable keys or books, or an address that is taken.
pub async fn start(config: &Config, shutdown: &Shutdown) -> Result<Running, StartError> {
    config.check()?;
    let signer = Arc::new(keys::load_or_make(&config.data)?);
    let service = Service::new("bank")?.openapi(handlers::ApiDoc::openapi());
    let place = StoreConfig::new(config.data.join("bank.sqlite"), config.store.as_ref());
    let database = Database::open(&place, &sql::SCHEMA, Some(service.telemetry().registry())).await?;
    let checked = database.clone();
    let service = service.ready(move || checked.check());
    let app = App::open(Box::new(Sql::new(database)), config, shutdown.clone()).await?;
    let introduction = Introduction::new(signer, Role::Bank, &config.name, &config.server.public_url)
        .address("transfers", "/transfers")
        .address("payments", "/payments")
        .address("accounts", "/accounts/{account}")
        .address("history", "/accounts/{account}/history");
    let introduction = Arc::new(introduction);
    let app = web::Data::new(app);
    let routes = move |routes: &mut web::ServiceConfig| {
        routes.app_data(app.clone());
        routes.service(introduction.endpoint());
        handlers::routes(routes);
    };
    http::server::start(&config.server, service, routes, shutdown).await
}

#[cfg(test)]
mod tests;
