//! PostgreSQL: a store that several replicas of a party share.
//!
//! Everything runs under READ COMMITTED. What is decided is decided by one statement, or under the lock of the row that it
//! is decided on; so any number of writers, in any number of processes, may work at once. Jobs are grouped into commits
//! ([`writer`]); reads have connections of their own ([`reader`]). Each thread drives its own connection, and makes it again
//! where it is lost: what was not committed is then done anew, and only a commit whose answer was lost is an unknown outcome.

mod address;
mod link;
mod metrics;
mod migrate;
mod reader;
mod session;
#[cfg(test)]
mod tests;
mod trouble;
mod writer;

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Mutex, mpsc, oneshot};

use self::address::Address;
use self::link::{Link, Standing, Use};
use self::metrics::Metrics;
use super::StoreError;
use super::sql::seam::{Access, Backend, Job};
use super::sql::{Schema, StoreUrl};

/// How long the start waits for a server that does not answer yet.
const PATIENCE: Duration = Duration::from_secs(10);

/// A database behind the layer.
pub(super) struct Postgres {
    // None only while it is dropped.
    queues: Option<Queues>,
    threads: Vec<JoinHandle<()>>,
    standing: Arc<Standing>,
    shown: Arc<str>,
}

struct Queues {
    writes: mpsc::Sender<Box<dyn Job>>,
    reads: mpsc::Sender<(Access, Box<dyn Job>)>,
}

/// Connects, and brings the tables to this version.
///
/// # Errors
/// [`StoreError::Settings`], [`StoreError::Unavailable`], [`StoreError::Foreign`], or what a script met.
pub(super) async fn open(
    url: &StoreUrl,
    schema: &Schema,
    metrics: Option<&prometheus::Registry>,
) -> Result<Postgres, StoreError> {
    let address = Arc::new(Address::read(url)?);
    let metrics = Arc::new(Metrics::new(metrics).map_err(|error| StoreError::Failed(error.to_string().into()))?);
    // On a thread of its own, so that it does not matter which runtime asks, and whether that goes on.
    let (reply, answer) = oneshot::channel();
    let (place, tables) = (Arc::clone(&address), *schema);
    spawn("store-migration", move || drop(reply.send(prepare(&place, &tables))))?;
    answer.await.map_err(|_| StoreError::Closed)??;
    let (writes, to_write) = mpsc::channel(address.queue);
    let (reads, to_read) = mpsc::channel(address.queue);
    let mut postgres = Postgres {
        queues: Some(Queues { writes, reads }),
        threads: Vec::new(),
        standing: Arc::default(),
        shown: Arc::clone(&address.shown),
    };
    let link = |use_for| Link::new(Arc::clone(&address), schema.name, use_for, &postgres.standing);
    let (mut threads, turn) = (Vec::new(), Arc::default());
    let queue: writer::Queue = Arc::new(Mutex::new(to_write));
    for _ in 0..address.writers {
        let (link, queue, metrics, turn) =
            (link(Use::Write), Arc::clone(&queue), Arc::clone(&metrics), Arc::clone(&turn));
        let writer = writer::Writer { runtime: runtime()?, link, queue, metrics, turn };
        threads.push(spawn("store-writer", move || writer.work())?);
    }
    let queue: reader::Queue = Arc::new(Mutex::new(to_read));
    for _ in 0..address.readers {
        let (link, queue) = (link(Use::Read), Arc::clone(&queue));
        let reader = reader::Reader { runtime: runtime()?, link, queue };
        threads.push(spawn("store-reader", move || reader.work())?);
    }
    postgres.threads = threads;
    Ok(postgres)
}

/// Connects to a party's tables as they are, to read them alone.
///
/// # Errors
/// [`StoreError::Settings`].
pub(super) fn inspect(url: &StoreUrl, party: &'static str) -> Result<Postgres, StoreError> {
    let address = Arc::new(Address::read(url)?);
    let (writes, _nobody_writes) = mpsc::channel(1);
    let (reads, to_read) = mpsc::channel(address.queue);
    let link = Link::new(Arc::clone(&address), party, Use::Read, &Arc::default());
    let reader = reader::Reader { runtime: runtime()?, link, queue: Arc::new(Mutex::new(to_read)) };
    Ok(Postgres {
        queues: Some(Queues { writes, reads }),
        threads: vec![spawn("store-reader", move || reader.work())?],
        standing: Arc::default(),
        shown: Arc::clone(&address.shown),
    })
}

/// Brings the tables up to date, as soon as the server answers.
fn prepare(address: &Address, schema: &Schema) -> Result<(), StoreError> {
    runtime()?.block_on(async {
        let started = tokio::time::Instant::now();
        loop {
            match link::connect(address, schema.name, Use::Write, &Arc::default()).await {
                Ok(live) => return migrate::migrate(&live.client, &address.shown, schema).await,
                Err(why) if started.elapsed() >= PATIENCE => return Err(StoreError::Unavailable(why)),
                Err(why) => {
                    tracing::warn!(database = %address.shown, cause = %why, "the database does not answer yet");
                    tokio::time::sleep(Duration::from_millis(250)).await;
                }
            }
        }
    })
}

fn runtime() -> Result<Runtime, StoreError> {
    Builder::new_current_thread().enable_all().build().map_err(|error| StoreError::Failed(error.to_string().into()))
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreError> {
    let thread = thread::Builder::new().name(name.to_owned()).spawn(work);
    thread.map_err(|error| StoreError::Failed(error.to_string().into()))
}

impl Backend for Postgres {
    fn submit(&self, access: Access, job: Box<dyn Job>) -> Result<(), StoreError> {
        let queues = self.queues.as_ref().ok_or(StoreError::Closed)?;
        match access {
            Access::Write => queues.writes.try_send(job).map_err(|error| refused(&error)),
            access => queues.reads.try_send((access, job)).map_err(|error| refused(&error)),
        }
    }

    fn check(&self) -> Result<(), String> {
        match &self.queues {
            Some(queues) if queues.writes.is_closed() => Err("the store's writers have ended".to_owned()),
            Some(queues) if queues.writes.capacity() == 0 => Err("too many writes are waiting".to_owned()),
            _ if self.standing.count() == 0 => Err("the database cannot be reached".to_owned()),
            _ => Ok(()),
        }
    }

    fn name(&self) -> String {
        self.shown.as_ref().to_owned()
    }
}

fn refused<T>(error: &mpsc::error::TrySendError<T>) -> StoreError {
    match error {
        mpsc::error::TrySendError::Full(_) => StoreError::Busy,
        mpsc::error::TrySendError::Closed(_) => StoreError::Closed,
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.queues = None;
        for thread in self.threads.drain(..) {
            if thread.thread().id() != thread::current().id() && thread.join().is_err() {
                tracing::error!("a thread of the store had panicked");
            }
        }
    }
}
