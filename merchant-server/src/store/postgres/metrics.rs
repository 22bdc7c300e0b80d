//! What the writers' work looks like from outside.

use prometheus::{Histogram, HistogramOpts, IntCounter, IntGauge, Registry};

pub(super) struct Metrics {
    pub(super) batch: Histogram,
    pub(super) commit: Histogram,
    pub(super) waiting: IntGauge,
    pub(super) conflicts: IntCounter,
}

impl Metrics {
    pub(super) fn new(registry: Option<&Registry>) -> Result<Self, prometheus::Error> {
        let jobs = vec![1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];
        let times = vec![0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1.0];
        let batch = HistogramOpts::new("store_batch_jobs", "Jobs in one commit.").buckets(jobs);
        let commit = HistogramOpts::new("store_commit_seconds", "Time of a commit, its flush included.").buckets(times);
        let conflicts = "Transactions that were rolled back because of another one, and run again.";
        let metrics = Self {
            batch: Histogram::with_opts(batch)?,
            commit: Histogram::with_opts(commit)?,
            waiting: IntGauge::new("store_waiting_jobs", "Jobs that wait for a writer.")?,
            conflicts: IntCounter::new("store_conflicts_total", conflicts)?,
        };
        if let Some(registry) = registry {
            registry.register(Box::new(metrics.batch.clone()))?;
            registry.register(Box::new(metrics.commit.clone()))?;
            registry.register(Box::new(metrics.waiting.clone()))?;
            registry.register(Box::new(metrics.conflicts.clone()))?;
        }
        Ok(metrics)
    }
}
