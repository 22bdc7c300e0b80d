//! The figures, as they are written.

use serde::Serialize;

use super::micro::Micro;

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Whole purchases: order, deposit and receipt, durable.
    pub purchase: ByStore,
    /// The same, begun at half the rate that the closed loop reached.
    pub purchase_half_load: ByStore,
    /// Withdrawals of one coin.
    pub withdraw: ByStore,
    /// Refreshes of one coin: melt and reveal.
    pub refresh: ByStore,
    /// Single operations.
    pub micro: Micro,
    /// The median of an `fdatasync` of 4 KiB, in milliseconds.
    pub fdatasync_p50_ms: f64,
    /// The size of the wallet's wasm, where the caller measured it.
    pub wasm_brotli_bytes: Option<u64>,
}

/// Figures by store.
#[derive(Debug, Serialize)]
pub struct ByStore {
    /// With the embedded store.
    pub sqlite: Figures,
}

/// The figures of one kind of operation.
#[derive(Debug, Serialize)]
pub struct Figures {
    /// Operations a second.
    pub per_s: f64,
    /// Median latency in milliseconds.
    pub p50_ms: f64,
    /// 99th percentile of the latency in milliseconds.
    pub p99_ms: f64,
    /// The server process's CPU time per operation, in microseconds, all parties together.
    pub cpu_us: f64,
    /// What the stores of all parties grew by per operation, in bytes.
    pub bytes: f64,
}
