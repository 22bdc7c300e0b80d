//! A thread's connection, which is made again where it is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_postgres::Client;

use super::address::Address;
use super::session::Statements;
use super::trouble;
use crate::store::StoreError;

/// The wait after a failed attempt, doubled each time up to the longest one.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// What every connection is told. Statements that take longer than these are given up, so that nothing is blocked for ever.
const SETTINGS: &str = "SET statement_timeout = '15s'; SET lock_timeout = '2s'; \
    SET idle_in_transaction_session_timeout = '30s'; \
    SET default_transaction_isolation = 'read committed'; \
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

/// How many connections of a party stand, for `/ready`.
#[derive(Default)]
pub(super) struct Standing(AtomicUsize);

impl Standing {
    pub(super) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Write,
    Read,
}

/// A connection that stands.
pub(super) struct Live {
    pub(super) client: Client,
    pub(super) statements: Statements,
    ended: JoinHandle<()>,
    standing: Arc<Standing>,
}

impl Drop for Live {
    fn drop(&mut self) {
        self.standing.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection, or the wait for one.
pub(super) struct Link {
    address: Arc<Address>,
    schema: &'static str,
    use_for: Use,
    standing: Arc<Standing>,
    live: Option<Live>,
    wait: Duration,
    next: Instant,
    why: Arc<str>,
}

impl Link {
    pub(super) fn new(address: Arc<Address>, schema: &'static str, use_for: Use, standing: &Arc<Standing>) -> Self {
        let next = Instant::now();
        // Only those that write count for `/ready`: where they stand the others do too, or soon.
        let standing = if use_for == Use::Write { Arc::clone(standing) } else { Arc::default() };
        Self { address, schema, use_for, standing, live: None, wait: FIRST_WAIT, next, why: "not connected yet".into() }
    }

    /// The connection; made where there is none, unless an attempt has just failed.
    pub(super) fn live(&mut self, runtime: &Runtime) -> Result<&mut Live, StoreError> {
        if self.live.as_ref().is_some_and(|live| live.client.is_closed()) {
            self.live = None;
        }
        if self.live.is_none() {
            if Instant::now() < self.next {
                return Err(StoreError::Unavailable(Arc::clone(&self.why)));
            }
            match runtime.block_on(connect(&self.address, self.schema, self.use_for, &self.standing)) {
                Ok(live) => {
                    self.wait = FIRST_WAIT;
                    self.live = Some(live);
                }
                Err(why) => {
                    tracing::warn!(database = %self.address.shown, cause = %why, "cannot connect");
                    self.why = why.clone();
                    self.next = Instant::now() + self.wait;
                    self.wait = (self.wait * 2).min(LONGEST_WAIT);
                    return Err(StoreError::Unavailable(why));
                }
            }
        }
        self.live.as_mut().ok_or(StoreError::Closed)
    }

    /// Gives up a connection that failed.
    pub(super) fn drop_connection(&mut self) {
        self.live = None;
    }

    /// Waits until the connection is lost, or, where there is none, until it is time to try again.
    pub(super) async fn disturbed(&mut self) {
        match &mut self.live {
            Some(live) => {
                // How it ended does not matter.
                let _ended = (&mut live.ended).await;
                self.live = None;
            }
            None => tokio::time::sleep_until(self.next).await,
        }
    }
}

/// Connects, and sets what every connection must have. The connection works on the runtime that is running.
pub(super) async fn connect(
    address: &Address,
    schema: &str,
    use_for: Use,
    standing: &Arc<Standing>,
) -> Result<Live, Arc<str>> {
    let said = |error: tokio_postgres::Error| -> Arc<str> { trouble::say(&error).into() };
    let (client, connection) = address.config.connect(address.tls.clone()).await.map_err(said)?;
    let ended = tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(cause = %trouble::say(&error), "a connection to the database ended");
        }
    });
    let only = if use_for == Use::Read { "; SET default_transaction_read_only = on" } else { "" };
    client.batch_execute(&format!("SET search_path TO \"{schema}\"; {SETTINGS}{only}")).await.map_err(said)?;
    standing.0.fetch_add(1, Ordering::Relaxed);
    Ok(Live { client, statements: Statements::default(), ended, standing: Arc::clone(standing) })
}
