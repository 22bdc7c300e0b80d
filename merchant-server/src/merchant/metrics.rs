//! What the merchant counts.

use prometheus::{Histogram, HistogramOpts, IntCounter, IntGaugeVec, Opts, Registry};
use semper_shared::commerce::deal::State;

use super::store::DealCounts;

/// The merchant's metrics.
#[derive(Clone)]
pub(super) struct Metrics {
    deals: IntGaugeVec,
    /// How long third parties take to answer.
    pub(super) asked: Histogram,
    /// Answers that never came, or left the outcome open.
    pub(super) unknown: IntCounter,
    /// Refunds that were made.
    pub(super) refunds: IntCounter,
}

impl Metrics {
    pub(super) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let times = vec![0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 10.0];
        let asked = HistogramOpts::new("payment_ask_seconds", "Time until a payment's third party answered.");
        let metrics = Self {
            deals: IntGaugeVec::new(Opts::new("deals", "Deals by their state."), &["state"])?,
            asked: Histogram::with_opts(asked.buckets(times))?,
            unknown: IntCounter::new("payment_unknown_total", "Payments whose outcome was not known at first.")?,
            refunds: IntCounter::new("refunds_total", "Refunds made.")?,
        };
        registry.register(Box::new(metrics.refunds.clone()))?;
        registry.register(Box::new(metrics.deals.clone()))?;
        registry.register(Box::new(metrics.asked.clone()))?;
        registry.register(Box::new(metrics.unknown.clone()))?;
        Ok(metrics)
    }

    /// Begins with what the store holds.
    pub(super) fn begin(&self, counts: DealCounts) {
        let states = [
            (State::Ordered, counts.ordered),
            (State::Delivered, counts.delivered),
            (State::Acknowledged, counts.acknowledged),
            (State::Refused, counts.refused),
        ];
        for (state, count) in states {
            self.deals.with_label_values(&[label(state)]).set(count);
        }
    }

    /// A deal went from one state, or from nothing, to another.
    pub(super) fn moved(&self, from: Option<State>, to: State) {
        if let Some(from) = from {
            self.deals.with_label_values(&[label(from)]).dec();
        }
        self.deals.with_label_values(&[label(to)]).inc();
    }
}

fn label(state: State) -> &'static str {
    match state {
        State::Ordered => "ordered",
        State::Delivered => "delivered",
        State::Acknowledged => "acknowledged",
        _ => "refused",
    }
}
