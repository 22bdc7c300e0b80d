//! Many seeds, on several threads.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use futures_util::FutureExt as _;

use super::{Defect, Outline, run};
use crate::Outcome;

/// How to run one seed again.
pub fn replay(seed: u64) -> String {
    format!("replay: SEMPER_SEED={seed} cargo test -p semper-tests --test simulation money_is_conserved")
}

/// Runs all these seeds on so many threads; returns the sum of what happened.
///
/// # Errors
/// The first failure of the lowest seed that any thread found, with how to replay it.
pub fn run_many(seeds: Range<u64>, threads: usize, defect: Option<Defect>) -> Outcome<Outline> {
    let next = AtomicU64::new(seeds.start);
    let sum = Mutex::new(Outline::default());
    let failure: Mutex<Option<(u64, String)>> = Mutex::new(None);
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end || lock(&failure).is_some() {
                return;
            }
            // The simulated world never makes anybody wait.
            let outcome = run(seed, defect).now_or_never().unwrap_or_else(|| Err("it waits for something".into()));
            match outcome {
                Ok(outline) => *lock(&sum) += outline,
                Err(error) => {
                    let mut failure = lock(&failure);
                    if failure.as_ref().is_none_or(|(known, _)| seed < *known) {
                        *failure = Some((seed, error.to_string()));
                    }
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some((seed, error)) => Err(format!("seed {seed}: {error}\n{}", replay(seed)).into()),
        None => Ok(sum.into_inner().unwrap_or_else(PoisonError::into_inner)),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
