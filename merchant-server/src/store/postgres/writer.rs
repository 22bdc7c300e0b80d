//! The threads that write: group commit on several connections, fed from one queue.
//!
//! ```text
//! handlers ──job──▶ bounded queue ──▶ each writer:  BEGIN, job 1, job 2, …   (with the job's first statement)
//!     ▲                (full: busy)                 where a job fails: ROLLBACK, and all of them once more, guarded:
//!     │                                             BEGIN; SAVEPOINT, job 1, RELEASE; SAVEPOINT, job 2, ROLLBACK TO; …
//!     └──────────── answers ◀─────────────────────  COMMIT   (one flush for them all)
//! ```
//!
//! Hardly any job fails, and savepoints cost as much as statements; after a failure the next batches are guarded at once, so
//! that whoever sends bad requests does not make everything run twice. Statements that nobody waits for travel with the next
//! one, also with the next job's, or with the end: a guarded job waits for its own.
//!
//! A batch holds the locks of all its jobs, and so may stand in another's way, even crosswise. It therefore waits for locks
//! only briefly: then it is rolled back, its jobs are run again each alone, and the next batches are smaller.

use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};

use tokio::runtime::Runtime;
use tokio::sync::{Mutex, mpsc};

use super::link::Link;
use super::metrics::Metrics;
use super::session::Connected;
use super::trouble::{self, Trouble};
use crate::store::StoreError;
use crate::store::sql::seam::Job;

/// The most jobs in one commit. A server keeps track of 64 savepoints of a transaction cheaply, and not of more.
const BATCH: usize = 64;

/// How many batches are guarded after one had to be run again.
const CAREFUL: u32 = 32;

/// How long a batch waits for locks, since it may be what the other one waits for.
const BEGIN_BATCH: &str = "BEGIN; SET LOCAL lock_timeout = '100ms'";

/// How often a job is run alone before it is answered as busy.
const ATTEMPTS: u32 = 10;

/// The wait before a job is run again.
const PAUSE: Duration = Duration::from_millis(5);

/// How long a job alone waits for locks at least: twice as long with each attempt, and up to twice as long as that by chance.
/// Of two that wait for each other one so gives up first and the other goes through, long before the server would look for
/// them; where both gave up at the same moment they would only meet again.
const LOCK_WAIT_MS: u32 = 25;
const LONGEST_LOCK_WAIT_MS: u32 = 1_000;

pub(super) type Queue = Arc<Mutex<mpsc::Receiver<Box<dyn Job>>>>;

pub(super) struct Writer {
    pub(super) runtime: Runtime,
    pub(super) link: Link,
    pub(super) queue: Queue,
    pub(super) metrics: Arc<Metrics>,
    /// Who runs a job alone holds it: jobs that were in each other's way do not meet again.
    pub(super) turn: Arc<std::sync::Mutex<()>>,
}

/// Why a batch was not committed.
enum Failure {
    /// A job failed among others that had no guard: nothing was done.
    Unguarded,
    /// Nothing was done, and it may be done anew.
    Trouble(Trouble),
    /// Nothing was done.
    Refused(StoreError),
    /// Whether it was done is not known.
    Unknown(Arc<str>),
}

/// What becomes of a job once the transaction has ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Kept,
    Undone,
    /// It went on after a statement had failed, which no transaction does.
    Broken,
}

impl Writer {
    /// Works until the queue is closed and empty.
    pub(super) fn work(mut self) {
        let (mut limit, mut careful) = (BATCH, 0);
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let taken = {
                let Self { runtime, link, queue, metrics, .. } = &mut self;
                runtime.block_on(async {
                    tokio::select! {
                        biased;
                        taken = async {
                            let mut queue = queue.lock().await;
                            let taken = queue.recv_many(&mut batch, limit).await;
                            metrics.waiting.set(i64::try_from(queue.len()).unwrap_or(i64::MAX));
                            taken
                        } => Some(taken),
                        () = link.disturbed() => None,
                    }
                })
            };
            match taken {
                Some(0) => return,
                Some(taken) => {
                    #[expect(clippy::cast_precision_loss, reason = "a batch has at most 64 jobs")]
                    self.metrics.batch.observe(taken as f64);
                    limit =
                        if self.run(&mut batch, &mut careful) { (limit * 2).min(BATCH) } else { (limit / 2).max(1) };
                }
                // So that it stands again before the next job comes, and `/ready` says so.
                None => drop(self.link.live(&self.runtime).map(|_| ())),
            }
        }
    }

    /// Runs a batch and answers all its jobs; whether they went together.
    fn run(&mut self, batch: &mut Vec<Box<dyn Job>>, careful: &mut u32) -> bool {
        let guarded = *careful > 0;
        *careful = careful.saturating_sub(1);
        let mut attempted = self.attempt(batch, "BEGIN", guarded);
        if let Err(Failure::Unguarded) = attempted {
            *careful = CAREFUL;
            attempted = self.attempt(batch, "BEGIN", true);
        }
        match attempted {
            Ok(verdicts) => {
                finish(batch, &verdicts);
                true
            }
            Err(Failure::Trouble(Trouble::Conflict(cause))) if batch.len() > 1 => {
                tracing::debug!(%cause, jobs = batch.len(), "a batch was in another's way");
                self.metrics.conflicts.inc();
                batch.drain(..).for_each(|job| self.alone(vec![job], 0));
                false
            }
            Err(Failure::Trouble(_)) => {
                self.alone(std::mem::take(batch), 1);
                true
            }
            Err(failure) => {
                refuse(batch, failure);
                true
            }
        }
    }

    /// Runs jobs, usually one, until they are done or patience ends.
    fn alone(&mut self, mut batch: Vec<Box<dyn Job>>, before: u32) {
        let turn = Arc::clone(&self.turn);
        for attempt in before..ATTEMPTS {
            if attempt > 0 {
                thread::sleep(PAUSE * 2_u32.pow(attempt.min(5)) + jitter());
            }
            let _mine = turn.lock().unwrap_or_else(PoisonError::into_inner);
            let wait = lock_wait_ms(attempt);
            match self.attempt(&mut batch, &format!("BEGIN; SET LOCAL lock_timeout = {wait}"), true) {
                Ok(verdicts) => return finish(&mut batch, &verdicts),
                Err(Failure::Trouble(trouble)) if attempt + 1 < ATTEMPTS => {
                    self.metrics.conflicts.inc();
                    tracing::debug!(?trouble, attempt, "once more");
                }
                Err(failure) => return refuse(&mut batch, failure),
            }
        }
    }

    /// Runs the jobs in one transaction.
    fn attempt(&mut self, batch: &mut [Box<dyn Job>], begin: &str, guarded: bool) -> Result<Vec<Verdict>, Failure> {
        let Self { runtime, link, metrics, .. } = self;
        let live = link.live(runtime).map_err(Failure::Refused)?;
        let together = batch.len() > 1;
        let guarded = together && guarded;
        let mut session = Connected::new(runtime, live, if together { BEGIN_BATCH } else { begin });
        let mut verdicts = Vec::with_capacity(batch.len());
        for job in batch.iter_mut() {
            let announced = session.announced().len();
            if guarded {
                session.announce("SAVEPOINT job");
            }
            let keep = job.run(&mut session);
            if guarded && keep {
                // What fails here is the job's own, and the session remembers it.
                let _failed = session.flush();
            }
            if let Some(trouble) = session.take_trouble() {
                let ended = !matches!(trouble, Trouble::Lost(_)) && session.roll_back().is_ok();
                if !ended {
                    link.drop_connection();
                }
                return Err(Failure::Trouble(trouble));
            }
            let failed = session.take_failed();
            let verdict = match (keep, failed) {
                (true, false) => Verdict::Kept,
                (true, true) => Verdict::Broken,
                (false, _) => Verdict::Undone,
            };
            verdicts.push(verdict);
            if together && !guarded && verdict != Verdict::Kept {
                if session.begun() && session.roll_back().is_err() {
                    link.drop_connection();
                }
                return Err(Failure::Unguarded);
            }
            if !guarded {
                continue;
            }
            if !session.announced().is_empty() {
                // It made no statement, so its savepoint need not be.
                session.announced().truncate(announced);
            } else if verdict == Verdict::Kept {
                session.announce("RELEASE job");
            } else {
                session.announce("ROLLBACK TO job; RELEASE job");
            }
            if verdict != Verdict::Kept {
                session.forget_waiting();
            }
        }
        if !session.begun() && !session.waits() {
            return Ok(verdicts);
        }
        if !verdicts.contains(&Verdict::Kept) {
            if session.begun() && session.roll_back().is_err() {
                link.drop_connection();
            }
            return Ok(verdicts);
        }
        let timer = metrics.commit.start_timer();
        let Err(error) = session.end("COMMIT") else {
            timer.observe_duration();
            return Ok(verdicts);
        };
        let what: Arc<str> = trouble::say(&error).into();
        let trouble = session.trouble_of(&error);
        // A statement that had waited: the transaction is no more, unless the connection is not either.
        let rolled_back = session.take_failed();
        link.drop_connection();
        Err(match trouble {
            Some(Trouble::Lost(_)) => Failure::Unknown(what),
            Some(trouble) if rolled_back => Failure::Trouble(trouble),
            None if rolled_back && together => Failure::Unguarded,
            Some(Trouble::Conflict(_)) if error.code().is_some_and(|code| code.code() == "57014") => {
                Failure::Unknown(what)
            }
            Some(Trouble::Conflict(cause)) => Failure::Trouble(Trouble::Conflict(cause)),
            None => Failure::Refused(StoreError::Failed(what)),
        })
    }
}

/// How long to wait for locks at this attempt.
fn lock_wait_ms(attempt: u32) -> u32 {
    let least = LOCK_WAIT_MS.saturating_mul(2_u32.saturating_pow(attempt)).min(LONGEST_LOCK_WAIT_MS);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    least + now.subsec_micros() % (least + 1)
}

/// A few milliseconds, so that two processes do not try in step.
fn jitter() -> Duration {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Duration::from_micros(u64::from(now.subsec_micros() % 7_919))
}

fn finish(batch: &mut Vec<Box<dyn Job>>, verdicts: &[Verdict]) {
    for (job, verdict) in batch.drain(..).zip(verdicts) {
        job.finish(match verdict {
            Verdict::Kept | Verdict::Undone => Ok(()),
            Verdict::Broken => Err(StoreError::Failed("a job went on after a statement had failed".into())),
        });
    }
}

fn refuse(batch: &mut Vec<Box<dyn Job>>, failure: Failure) {
    let error = match failure {
        Failure::Trouble(Trouble::Conflict(cause)) => {
            tracing::warn!(%cause, "a job was in others' way for too long");
            StoreError::Busy
        }
        Failure::Trouble(Trouble::Lost(cause)) => StoreError::Unavailable(cause),
        Failure::Refused(error) => error,
        Failure::Unknown(cause) => StoreError::Commit(cause),
        Failure::Unguarded => StoreError::Failed("a job failed among others".into()),
    };
    for job in batch.drain(..) {
        job.finish(Err(error.clone()));
    }
}
