//! The one thread that writes: group commit.
//!
//! ```text
//! handlers ──job──▶ bounded queue ──▶ writer:  BEGIN, job 1, job 2, …
//!     ▲                (full: busy)              where a job fails: ROLLBACK, and all of them once more, guarded:
//!     │                                          BEGIN; SAVEPOINT, job 1, RELEASE; SAVEPOINT, job 2, ROLLBACK TO; …
//!     └──────────── answers ◀──────────────────  COMMIT   (one fdatasync for them all)
//! ```
//!
//! Hardly any job fails, and a savepoint costs as much as some statements; after a failure the next batches are guarded at
//! once, so that whoever sends bad requests does not make everything run twice.
//!
//! While a commit waits for the disk, the next jobs gather, so that batches grow with the load by themselves.

use std::thread::{self, JoinHandle};
use std::time::Instant;

use prometheus::{Histogram, HistogramOpts, IntGauge, Registry};
use rusqlite::Connection;
use tokio::sync::mpsc;

use super::session::Connected;
use crate::store::StoreError;
use crate::store::sql::seam::Job;

/// The most jobs in one commit.
const BATCH: usize = 128;

/// How many batches are guarded after one had to be run again.
const CAREFUL: u32 = 32;

pub(super) struct Writer {
    // None only while it is dropped.
    queue: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(connection: Connection, queue: usize, metrics: Option<&Registry>) -> Result<Self, StoreError> {
        let metrics = Metrics::new(metrics).map_err(|error| StoreError::Failed(error.to_string().into()))?;
        let (sender, receiver) = mpsc::channel(queue);
        let thread = thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || work(&connection, receiver, &metrics))
            .map_err(|error| StoreError::Failed(error.to_string().into()))?;
        Ok(Self { queue: Some(sender), thread: Some(thread) })
    }

    pub(super) fn submit(&self, job: Box<dyn Job>) -> Result<(), StoreError> {
        let queue = self.queue.as_ref().ok_or(StoreError::Closed)?;
        queue.try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StoreError::Busy,
            mpsc::error::TrySendError::Closed(_) => StoreError::Closed,
        })
    }

    pub(super) fn check(&self) -> Result<(), String> {
        match &self.queue {
            Some(queue) if queue.is_closed() => Err("the store's writer has ended".to_owned()),
            Some(queue) if queue.capacity() == 0 => Err("too many writes are waiting".to_owned()),
            _ => Ok(()),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != thread::current().id()
            && thread.join().is_err()
        {
            tracing::error!("the store's writer had panicked");
        }
    }
}

struct Metrics {
    batch: Histogram,
    commit: Histogram,
    waiting: IntGauge,
}

impl Metrics {
    fn new(registry: Option<&Registry>) -> Result<Self, prometheus::Error> {
        let jobs = vec![1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];
        let times = vec![0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1.0];
        let batch = HistogramOpts::new("store_batch_jobs", "Jobs in one commit.").buckets(jobs);
        let commit =
            HistogramOpts::new("store_commit_seconds", "Time of a commit, its fdatasync included.").buckets(times);
        let metrics = Self {
            batch: Histogram::with_opts(batch)?,
            commit: Histogram::with_opts(commit)?,
            waiting: IntGauge::new("store_waiting_jobs", "Jobs that wait for the writer.")?,
        };
        if let Some(registry) = registry {
            registry.register(Box::new(metrics.batch.clone()))?;
            registry.register(Box::new(metrics.commit.clone()))?;
            registry.register(Box::new(metrics.waiting.clone()))?;
        }
        Ok(metrics)
    }
}

fn work(connection: &Connection, mut queue: mpsc::Receiver<Box<dyn Job>>, metrics: &Metrics) {
    let mut batch = Vec::with_capacity(BATCH);
    let mut careful = 0_u32;
    while queue.blocking_recv_many(&mut batch, BATCH) > 0 {
        #[expect(clippy::cast_precision_loss, reason = "a batch has at most 128 jobs")]
        metrics.batch.observe(batch.len() as f64);
        metrics.waiting.set(i64::try_from(queue.len()).unwrap_or(i64::MAX));
        let guarded = careful > 0;
        careful = careful.saturating_sub(1);
        let result = run_batch(connection, &mut batch, metrics, guarded).and_then(|ended| match ended {
            Ended::Done => Ok(()),
            Ended::Undone => {
                careful = CAREFUL;
                run_batch(connection, &mut batch, metrics, true).map(drop)
            }
        });
        if let Err(error) = &result {
            tracing::error!(cause = %error, jobs = batch.len(), "a batch of writes failed");
            roll_back(connection);
        }
        for job in batch.drain(..) {
            job.finish(result.clone());
        }
    }
}

enum Ended {
    /// Each job is done, or undone as it asked.
    Done,
    /// A job failed among others, without a guard: nothing was done.
    Undone,
}

fn run_batch(
    connection: &Connection,
    batch: &mut [Box<dyn Job>],
    metrics: &Metrics,
    guarded: bool,
) -> Result<Ended, StoreError> {
    let guarded = guarded && batch.len() > 1;
    let alone = batch.len() == 1;
    run(connection, "BEGIN IMMEDIATE")?;
    for job in batch {
        if guarded {
            run(connection, "SAVEPOINT job")?;
        }
        let keep = job.run(&mut Connected(connection));
        if guarded {
            if !keep {
                run(connection, "ROLLBACK TO job")?;
            }
            run(connection, "RELEASE job")?;
        } else if !keep {
            run(connection, "ROLLBACK")?;
            return Ok(if alone { Ended::Done } else { Ended::Undone });
        }
    }
    let started = Instant::now();
    run(connection, "COMMIT").map_err(|error| StoreError::Commit(error.to_string().into()))?;
    metrics.commit.observe(started.elapsed().as_secs_f64());
    Ok(Ended::Done)
}

fn run(connection: &Connection, sql: &str) -> Result<(), StoreError> {
    connection.prepare_cached(sql)?.execute(())?;
    Ok(())
}

/// Leaves a failed batch, unless SQLite has left it by itself, which it does when the disk is full or broken.
fn roll_back(connection: &Connection) {
    if !connection.is_autocommit()
        && let Err(error) = run(connection, "ROLLBACK")
    {
        tracing::error!(cause = %error, "a roll-back failed");
    }
}
