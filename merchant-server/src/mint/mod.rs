//! The mint: issues coins that it cannot recognise, and takes each of them once.
//!
//! ```text
//! wallet                          mint                                     bank, merchant
//!   GET /keys ──────────────────▶ denominations, signed
//!                                 history (long poll) ◀─────────────────── transfer naming a reserve      funding
//!   GET /reserves/{key} ────────▶ balance (long poll)
//!   POST /withdrawals ──────────▶ debit, blind signatures                                                 withdrawals
//!                                 check, take all coins or none ◀───────── POST /deposits                 deposits
//!                                 confirmation, or proof of the earlier spending ─▶
//!                                 back to the coins, confirmed ◀────────── POST /refunds                  refunds
//!   POST /melts ────────────────▶ take what is left, draw gamma                                           melts
//!   POST /melts/{digest}/reveal ▶ check, blind signatures
//!   GET /coins/{key} ───────────▶ what is left, and the melts                                             coins
//!   POST /recoups ──────────────▶ what is left of a revoked coin goes into a reserve                      life
//!   POST /transfers ────────────▶ coins pay in; an acceptance or the coins take it out                    transfers
//!                                 where to pay ◀────────────────────────── POST /accounts                 accounts
//!                                 one transfer an account ───────────────▶ POST /transfers                settlement
//!                                 what it was for ◀──────────────────────── POST /payouts                 payouts
//! ```
//!
//! A request is checked without the ledger first ([`semper_shared::items::payment::ecash::mint`]), on the thread that took it;
//! then one write decides. Every POST may be repeated: what was answered is stored with what was done.
//!
//! What binds the mint or a coin is kept, and neither logs nor metrics name a coin, a reserve or a deal. Nothing here could
//! link a withdrawal to a deposit: the mint has never seen the coins' keys when it signs.

mod accounts;
mod bank;
mod coins;
mod deposits;
mod error;
mod evidence;
mod funding;
mod handlers;
mod keys;
mod life;
mod melts;
mod metrics;
mod payouts;
mod refunds;
mod reserves;
mod ring;
mod schema;
mod settings;
mod settlement;
mod solvency;
mod sql;
mod store;
mod strays;
mod transfers;
mod withdrawals;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use actix_web::web;
use semper_shared::foundation::UnixSeconds;
use semper_shared::items::party::{ModuleVersion, Role};
use semper_shared::items::payment::ecash::{DenominationKey, EcashPayer, Funding, MintKeys};
use semper_shared::items::payment::{ModuleId, PayerModule};
use semper_shared::security::Signer as _;
use tokio::sync::broadcast;
use utoipa::OpenApi as _;

pub use life::revoke;
pub use settings::{BankAccount, Config, Fee, FeeTable, Limits, Token, Windows};

use self::accounts::Accounts;
use self::bank::Bank;
use self::error::MintError;
use self::keys::Ahead;
use self::metrics::Metrics;
use self::ring::Ring;
use self::solvency::Statements;
use self::sql::SqlStore;
use self::store::{Key, MintStore};
use crate::crypto::{Native, NativeSigner};
use crate::http::{self, Running, Service, Shutdown, StartError};
use crate::introduction::Introduction;
use crate::store::sql::{Database, StoreConfig};

/// Arrivals that a waiting request may fall behind before it looks for itself.
const ARRIVALS: usize = 256;

/// How long after the start denominations are made ahead: a mint that starts has more urgent things to do.
const SETTLED: Duration = Duration::from_secs(30);

/// Where the present time comes from.
type Clock = Arc<dyn Fn() -> UnixSeconds + Send + Sync>;

/// A mint at work: what its handlers share.
struct Mint {
    config: Config,
    url: String,
    clock: Clock,
    signer: Arc<NativeSigner>,
    verifier: Native,
    ring: RwLock<Arc<Ring>>,
    store: Arc<dyn MintStore>,
    accounts: Accounts,
    /// Reserves that were just credited.
    arrivals: broadcast::Sender<Key>,
    metrics: Metrics,
    shutdown: Shutdown,
}

/// Starts the mint: makes its keys where there are none, opens its ledger, follows its bank, pays merchants, and serves.
///
/// # Errors
/// [`StartError`] for a wrong setting, unusable keys or ledger, or an address that is taken. The bank need not be up.
pub async fn start(config: &Config, shutdown: &Shutdown) -> Result<Running, StartError> {
    open(config, Arc::new(crate::clock::now), shutdown).await.map(|(running, _)| running)
}

async fn open(config: &Config, clock: Clock, shutdown: &Shutdown) -> Result<(Running, Arc<Mint>), StartError> {
    config.check()?;
    let url = config.url()?;
    let signer = Arc::new(crate::keys::load_or_make(&config.data)?);
    let service = Service::new("mint")?.openapi(handlers::ApiDoc::openapi());
    let metrics = Metrics::new(service.telemetry().registry())?;
    let store = open_ledger(config, Some(service.telemetry().registry())).await?;
    let checked = store.0.clone();
    let service = service.ready(move || checked.check());
    let store: Arc<dyn MintStore> = Arc::new(store);
    let bank = Bank::new(config.bank.clone()).map_err(|error| StartError::Config(format!("mint: {error}")))?;
    let ring = make_ring(config, &url, &signer, &*store, &clock, Ahead::Now).await?;
    let mint = Arc::new(Mint {
        verifier: Native::new().map_err(|error| StartError::Config(format!("mint: {error}")))?,
        ring: RwLock::new(Arc::new(ring)),
        accounts: Accounts::load(&*store).await?,
        arrivals: broadcast::channel(ARRIVALS).0,
        config: config.clone(),
        url,
        clock,
        signer,
        store,
        metrics,
        shutdown: shutdown.clone(),
    });
    let introduction = Arc::new(introduction(&mint));
    let data = web::Data::from(Arc::clone(&mint));
    let statements = Arc::new(Statements::new(Arc::clone(&mint), bank.clone()));
    let stated = web::Data::from(Arc::clone(&statements));
    let routes = move |routes: &mut web::ServiceConfig| {
        routes.app_data(data.clone());
        routes.app_data(stated.clone());
        routes.service(introduction.endpoint());
        handlers::routes(routes);
    };
    let running = http::server::start(&config.server, service, routes, shutdown).await?;
    tokio::spawn(funding::follow(Arc::clone(&mint), bank.clone(), shutdown.clone()));
    tokio::spawn(strays::send_back(Arc::clone(&mint), bank.clone(), shutdown.clone()));
    tokio::spawn(settlement::settle(Arc::clone(&mint), bank, config.wire_delay_s, shutdown.clone()));
    tokio::spawn(transfers::expire(Arc::clone(&mint), shutdown.clone()));
    tokio::spawn(renew(Arc::clone(&mint), shutdown.clone()));
    tokio::spawn(statements.keep(shutdown.clone()));
    tokio::spawn(watch(Arc::clone(&mint), shutdown.clone()));
    Ok((running, mint))
}

/// Opens the ledger that the settings name.
async fn open_ledger(config: &Config, registry: Option<&prometheus::Registry>) -> Result<SqlStore, StartError> {
    let database = StoreConfig::new(config.data.join("mint.sqlite"), config.store.as_ref());
    Ok(SqlStore(Database::open(&database, &sql::SCHEMA, registry).await?))
}

fn introduction(mint: &Mint) -> Introduction {
    let module = ModuleId::new(EcashPayer::ID).map(|id| ModuleVersion { id, version: EcashPayer::VERSION });
    Introduction::new(Arc::clone(&mint.signer), Role::Mint, &mint.config.name, &mint.url)
        .modules(move || module.clone().into_iter().collect())
        .address("keys", "/keys")
        .address("reserves", "/reserves/{reserve}")
        .address("withdrawals", "/withdrawals")
        .address("deposits", "/deposits")
        .address("refunds", "/refunds")
        .address("melts", "/melts")
        .address("reveal", "/melts/{melt}/reveal")
        .address("coins", "/coins/{coin}")
        .address("recoups", "/recoups")
        .address("transfers", "/transfers/{transfer}")
        .address("accounts", "/accounts")
        .address("payouts", "/payouts")
        .address("solvency", "/solvency")
}

/// Reads or makes the denominations, and signs the key document: dated by when it is there, since making keys takes time.
async fn make_ring(
    config: &Config,
    url: &str,
    signer: &NativeSigner,
    store: &dyn MintStore,
    clock: &Clock,
    ahead: Ahead,
) -> Result<Ring, StartError> {
    let begun = clock();
    let revoked = life::revoked(&store.revocations().await?);
    let (folder, gone) = (config.data.clone(), revoked.clone());
    let (windows, fees) = (config.denominations.clone(), config.fees.clone());
    let currency = config.currency;
    let is_revoked = move |key: &DenominationKey| gone.iter().any(|gone| gone.denomination == key.id(currency));
    let issuers =
        tokio::task::spawn_blocking(move || keys::load_or_make(&folder, (&windows, &fees), begun, ahead, &is_revoked))
            .await
            .map_err(|error| StartError::Config(format!("mint: {error}")))??;
    let names = issuers.iter().map(|issuer| (issuer.key.id(config.currency), issuer.key.value_minor)).collect();
    let numbers = store.number(names).await?;
    let now = clock();
    let document = MintKeys {
        key: signer.public_key().clone(),
        url: url.to_owned(),
        name: config.name.clone(),
        currency: config.currency,
        funding: Funding { bank: config.bank.url.clone(), account: config.bank.account.clone() },
        wire_delay_s: config.wire_delay_s,
        denominations: Vec::new(),
        earlier: None,
        revoked,
        policy: config.policy.published(),
        issued_at: now,
        expires_at: now.plus(config.denominations.document_s()),
    };
    Ring::new(document, signer, &issuers, &numbers).map_err(|error| StartError::Config(format!("mint: {error}")))
}

/// Audits the books, and makes new denominations and a new document in time, until the process is to stop.
async fn renew(mint: Arc<Mint>, shutdown: Shutdown) {
    let renewal = mint.config.denominations.renewal();
    let mut pause = SETTLED.min(renewal);
    loop {
        audit(&mint).await;
        tokio::select! {
            () = shutdown.requested() => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = renewal;
        mint.renew_ring(Ahead::Settings).await;
    }
}

/// Looks for revocations, until the process is to stop. Making keys does not keep it from the next one.
async fn watch(mint: Arc<Mint>, shutdown: Shutdown) {
    loop {
        tokio::select! {
            () = shutdown.requested() => return,
            () = tokio::time::sleep(life::WATCH) => {}
        }
        if mint.take_revocations().await {
            tokio::spawn(replace(Arc::clone(&mint), shutdown.clone()));
        }
    }
}

/// Makes keys in place of what was revoked: first those that customers wait for, who get their money back in new coins.
async fn replace(mint: Arc<Mint>, shutdown: Shutdown) {
    for ahead in [Ahead::Now, Ahead::Settings] {
        while !mint.renew_ring(ahead).await {
            tokio::select! {
                () = shutdown.requested() => return,
                () = tokio::time::sleep(life::WATCH) => {}
            }
        }
    }
}

/// Adds everything up, away from the threads that answer requests. An imbalance is an operator's alarm.
async fn audit(mint: &Arc<Mint>) {
    match mint.store.books().await {
        Ok(books) if books.balance() => mint.metrics.books_balance.set(1),
        Ok(books) => {
            mint.metrics.books_balance.set(0);
            tracing::error!(?books, "the books do not balance");
        }
        Err(error) => tracing::error!(cause = %error, "cannot audit the books"),
    }
}

impl Mint {
    fn now(&self) -> UnixSeconds {
        (self.clock)()
    }

    /// Makes what is missing, and publishes a new document. Where that fails, the present one goes on. Whether it did not.
    async fn renew_ring(&self, ahead: Ahead) -> bool {
        match make_ring(&self.config, &self.url, &self.signer, &*self.store, &self.clock, ahead).await {
            Ok(ring) => {
                self.publish(ring);
                true
            }
            Err(error) => {
                tracing::error!(cause = %error, "cannot renew the denominations");
                false
            }
        }
    }

    /// Publishes a ring, unless the present one knows more: denominations and revocations only ever become more, and a ring
    /// whose keys took long to make may have been begun before a revocation that is published already.
    fn publish(&self, ring: Ring) {
        let mut present = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        if ring.knows_all_of(&present) {
            *present = Arc::new(ring);
        } else {
            tracing::info!("a key document was overtaken by a newer one");
        }
    }

    /// The denominations as they are now.
    fn ring(&self) -> Arc<Ring> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests;
