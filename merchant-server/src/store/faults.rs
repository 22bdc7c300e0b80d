//! Stores that fail on purpose: for tests, and not in what ships.
//!
//! ```text
//! Busy       nothing was done, and the caller knows it
//! Lost       nothing was kept; the caller hears that it is not known
//! Unanswered all was kept; the caller hears that it is not known
//! Slow       the commit takes its time
//! ```

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use super::StoreError;
use super::sql::seam::{Access, Backend, Job, Session};

/// What befalls one write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is refused as one too many.
    Busy,
    /// It is rolled back, and its caller hears that a commit failed.
    Lost,
    /// It is kept, and its caller hears that a commit failed.
    Unanswered,
    /// It takes so much longer, and all that wait behind it.
    Slow(Duration),
}

/// Which writes fail, and how. Clones count together.
#[derive(Clone)]
pub struct Faults(pub(super) Arc<Plan>);

pub(super) struct Plan {
    writes: AtomicU64,
    pub(super) fault: Box<dyn Fn(u64) -> Option<Fault> + Send + Sync>,
}

impl Faults {
    /// Asks `fault` about each write, which is told its number, counted from zero.
    pub fn new(fault: impl Fn(u64) -> Option<Fault> + Send + Sync + 'static) -> Self {
        Self(Arc::new(Plan { writes: AtomicU64::new(0), fault: Box::new(fault) }))
    }

    /// One write fails.
    pub fn once(write: u64, fault: Fault) -> Self {
        Self::new(move |number| (number == write).then_some(fault))
    }

    /// About one write in `one_in` fails, in the three ways, the same for the same seed. One that takes as long as `slow` is
    /// as frequent as each of them.
    pub fn seeded(seed: u64, one_in: u64, slow: Duration) -> Self {
        Self::new(move |number| {
            let random = mix(seed ^ mix(number));
            if !random.is_multiple_of(one_in.max(1)) {
                return None;
            }
            Some(match (random >> 32) % 4 {
                0 => Fault::Busy,
                1 => Fault::Lost,
                2 => Fault::Unanswered,
                _ => Fault::Slow(slow),
            })
        })
    }

    /// How many writes were asked about.
    pub fn writes(&self) -> u64 {
        self.0.writes.load(Ordering::SeqCst)
    }

    /// Puts the faults before a database.
    pub fn before(&self, backend: Arc<dyn Backend>) -> Arc<dyn Backend> {
        Arc::new(Faulty { backend, faults: self.clone() })
    }

    /// Puts the faults before every database that is opened for this file in this process from now on, whatever it is.
    pub fn inject(&self, file: &Path) {
        injected().insert(file.to_owned(), self.clone());
    }

    /// Puts nothing before a file's database from now on.
    pub fn withdraw(file: &Path) {
        injected().remove(file);
    }

    /// Those of a file.
    pub(super) fn of(file: &Path) -> Option<Self> {
        injected().get(file).cloned()
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Faults({} writes)", self.writes())
    }
}

fn injected() -> std::sync::MutexGuard<'static, HashMap<PathBuf, Faults>> {
    static INJECTED: OnceLock<Mutex<HashMap<PathBuf, Faults>>> = OnceLock::new();
    INJECTED.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}

/// SplitMix64's step.
fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

struct Faulty {
    backend: Arc<dyn Backend>,
    faults: Faults,
}

impl Backend for Faulty {
    fn submit(&self, access: Access, job: Box<dyn Job>) -> Result<(), StoreError> {
        if access != Access::Write {
            return self.backend.submit(access, job);
        }
        let plan = &self.faults.0;
        let number = plan.writes.fetch_add(1, Ordering::SeqCst);
        match (plan.fault)(number) {
            None => self.backend.submit(access, job),
            Some(Fault::Busy) => Err(StoreError::Busy),
            Some(fault) => self.backend.submit(access, Box::new(FaultyJob { job, fault })),
        }
    }

    fn check(&self) -> Result<(), String> {
        self.backend.check()
    }

    fn name(&self) -> String {
        self.backend.name()
    }
}

struct FaultyJob {
    job: Box<dyn Job>,
    fault: Fault,
}

impl Job for FaultyJob {
    fn run(&mut self, session: &mut dyn Session) -> bool {
        let keep = self.job.run(session);
        if let Fault::Slow(time) = self.fault {
            std::thread::sleep(time);
        }
        keep && self.fault != Fault::Lost
    }

    fn finish(self: Box<Self>, outcome: Result<(), StoreError>) {
        let outcome = match self.fault {
            Fault::Lost | Fault::Unanswered => outcome.and(Err(StoreError::Commit("on purpose".into()))),
            Fault::Busy | Fault::Slow(_) => outcome,
        };
        self.job.finish(outcome);
    }
}
