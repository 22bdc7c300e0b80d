//! The figures, as they are written.

use std::collections::BTreeMap;

use serde::Serialize;

use super::coins::CoinsUsed;
use super::micro::Micro;

/// Figures by store: `sqlite`, `postgres`, `postgres_2_replicas`.
pub type ByStore = BTreeMap<&'static str, Figures>;

/// Everything that was measured.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Whole purchases: order, deposit and receipt, durable.
    pub purchase: ByStore,
    /// The same, begun at half the rate that the closed loop reached.
    pub purchase_half_load: ByStore,
    /// Withdrawals of one coin.
    pub withdraw: ByStore,
    /// Refreshes of one coin: melt and reveal.
    pub refresh: ByStore,
    /// Refunds of a purchase, by the merchant's operator.
    pub refund: ByStore,
    /// Purchases with many spent coins in the books, where that was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub growth: Option<Growth>,
    /// How many coins a purchase takes.
    pub coins_per_purchase: CoinsUsed,
    /// Single operations.
    pub micro: Micro,
    /// The median of an `fdatasync` of 4 KiB, in milliseconds.
    pub fdatasync_p50_ms: f64,
    /// The size of the wallet's wasm, where the caller measured it.
    pub wasm_brotli_bytes: Option<u64>,
}

/// The figures of one kind of operation.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Figures {
    /// Operations a second.
    pub per_s: f64,
    /// Median latency in milliseconds.
    pub p50_ms: f64,
    /// 99th percentile of the latency in milliseconds.
    pub p99_ms: f64,
    /// CPU time of mints and merchants per operation, in microseconds, without the database server's.
    pub cpu_us: f64,
    /// What the books of mint and merchant grew by per operation, in bytes.
    pub bytes: f64,
}

/// Purchases with few and with many spent coins in the mint's books.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Growth {
    /// How few.
    pub few_coins: u32,
    /// How many.
    pub many_coins: u32,
    /// Purchases with few.
    pub few: Figures,
    /// Purchases with many.
    pub many: Figures,
    /// The rate with many, as a part of the rate with few.
    pub ratio: f64,
}
