//! Logs and metrics of a party.
//!
//! Logs are JSON lines on standard error. A request is logged with its method, the *template* of its route, its status and
//! its duration: never a body, a token, a query string or the actual path, since paths name coins, reserves and deals.

use std::sync::Arc;
use std::time::Duration;

use prometheus::{Encoder as _, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, TextEncoder};
use tracing_subscriber::EnvFilter;

/// The target under which requests are logged, to be switched by `RUST_LOG=semper_server::access=off`.
pub const ACCESS_TARGET: &str = "semper_server::access";

/// The metrics of one party. Each party has its own registry, also when one process hosts several.
#[derive(Debug, Clone)]
pub struct Telemetry(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    party: &'static str,
    registry: Registry,
    requests: IntCounterVec,
    seconds: HistogramVec,
}

impl Telemetry {
    /// Metrics for a party of this name.
    ///
    /// # Errors
    /// Where the metrics library refuses a name, which would be a defect.
    pub fn new(party: &'static str) -> Result<Self, prometheus::Error> {
        let registry = Registry::new_custom(Some("semper".into()), Some([("party".into(), party.into())].into()))?;
        let requests =
            IntCounterVec::new(Opts::new("http_requests_total", "Requests answered."), &["method", "route", "status"])?;
        let buckets = vec![0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];
        let options = HistogramOpts::new("http_request_seconds", "Time from the request's head to the response's.");
        let seconds = HistogramVec::new(options.buckets(buckets), &["method", "route"])?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(seconds.clone()))?;
        Ok(Self(Arc::new(Inner { party, registry, requests, seconds })))
    }

    /// The party's name.
    pub fn party(&self) -> &'static str {
        self.0.party
    }

    /// The registry, for metrics of the party's own. Names get the prefix `semper_` and the label `party`.
    pub fn registry(&self) -> &Registry {
        &self.0.registry
    }

    /// Counts and logs one answered request.
    pub(super) fn request(&self, method: &str, route: &str, status: u16, took: Duration) {
        let mut digits = [0_u8; 3];
        let label = status_label(status, &mut digits);
        self.0.requests.with_label_values(&[method, route, label]).inc();
        self.0.seconds.with_label_values(&[method, route]).observe(took.as_secs_f64());
        let duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let party = self.0.party;
        if status >= 500 {
            tracing::warn!(target: ACCESS_TARGET, party, method, route, status, duration_us, "request");
        } else {
            tracing::info!(target: ACCESS_TARGET, party, method, route, status, duration_us, "request");
        }
    }

    /// All metrics in the text format of Prometheus.
    pub(super) fn render(&self) -> Result<Vec<u8>, prometheus::Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.0.registry.gather(), &mut text)?;
        Ok(text)
    }
}

/// The three digits of a status, written without an allocation.
fn status_label(status: u16, digits: &mut [u8; 3]) -> &str {
    for (digit, unit) in digits.iter_mut().zip([100, 10, 1]) {
        *digit = b'0' + u8::try_from(status / unit % 10).unwrap_or(0);
    }
    std::str::from_utf8(digits).unwrap_or("000")
}

/// Writes logs as JSON lines on standard error, filtered by `RUST_LOG` or else by `default_filter`. A second call does nothing.
pub fn init_logs(default_filter: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default_filter));
    let _already_set = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .try_init();
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_request_shows_in_the_metrics() {
        let telemetry = Telemetry::new("bank").unwrap();
        telemetry.request("GET", "/accounts/{account}", 404, Duration::from_millis(3));
        let text = String::from_utf8(telemetry.render().unwrap()).unwrap();
        assert!(
            text.contains(
                r#"semper_http_requests_total{method="GET",route="/accounts/{account}",status="404",party="bank"} 1"#
            ),
            "{text}"
        );
    }
}
