//! The figures, as they are written.

use std::collections::BTreeMap;

use serde::Serialize;

use super::coins::CoinsUsed;
use super::load::Shown;
use super::micro::Micro;

/// Something by store: `sqlite`, `postgres`, `postgres_2_replicas`.
pub type ByStore<T = Figures> = BTreeMap<&'static str, T>;

/// Everything that was measured.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Too little was done of each to quote the figures.
    pub quick: bool,
    /// Whole purchases: order, deposit and receipt, durable.
    pub purchase: ByStore,
    /// Withdrawals of one coin.
    pub withdraw: ByStore,
    /// Refreshes of one coin: melt and reveal.
    pub refresh: ByStore,
    /// Refunds of a purchase, by the merchant's operator.
    pub refund: ByStore,
    /// Whole purchases with an enrolled card (3KP): order, authorisation, capture and receipt, durable.
    pub card: ByStore,
    /// The same operations, begun at half the rate that the closed loop reached.
    pub half_load: BTreeMap<&'static str, ByStore>,
    /// What a purchase adds to the books.
    pub stored_per_purchase: ByStore<Books>,
    /// CPU time of the database server itself per purchase, in microseconds; where it is a process of its own.
    pub database_cpu_us: ByStore<f64>,
    /// The rate of purchases on PostgreSQL with two replicas, as a multiple of the rate with one.
    pub replicas_ratio: f64,
    /// The rate of purchases on SQLite, as a multiple of a Cashu mint's swaps, which were measured elsewhere.
    pub cashu_ratio: f64,
    /// Purchases with few and with many spent coins in the books.
    pub growth: Growth,
    /// How many coins a purchase takes.
    pub coins_per_purchase: CoinsUsed,
    /// Single operations.
    #[serde(flatten)]
    pub micro: Micro,
    /// The median of an `fdatasync` of 4 KiB, in milliseconds.
    pub fdatasync_p50_ms: f64,
    /// The size of the wallet's wasm, where the caller measured it.
    pub wasm_brotli_bytes: Option<u64>,
}

impl Report {
    /// Takes in what one kind of operation showed on a store.
    pub(super) fn add(&mut self, operation: Operation, store: &'static str, shown: &Shown) {
        let place = match operation {
            Operation::Purchase => &mut self.purchase,
            Operation::Withdraw => &mut self.withdraw,
            Operation::Refresh => &mut self.refresh,
            Operation::Refund => &mut self.refund,
            Operation::Card => &mut self.card,
        };
        place.insert(store, shown.closed.figures);
        self.half_load.entry(operation.name()).or_default().insert(store, shown.half.figures);
        if operation == Operation::Purchase {
            let stored = shown.closed.stored;
            self.stored_per_purchase.insert(store, Books { mint: stored.mint, merchant: stored.merchant });
            if store != "sqlite" {
                self.database_cpu_us.insert(store, shown.closed.database_cpu_us);
            }
        }
    }
}

/// A kind of operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Purchase,
    Withdraw,
    Refresh,
    Refund,
    Card,
}

impl Operation {
    /// As it stands in the report.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Purchase => "purchase",
            Self::Withdraw => "withdraw",
            Self::Refresh => "refresh",
            Self::Refund => "refund",
            Self::Card => "card",
        }
    }
}

/// The figures of one kind of operation.
#[derive(Debug, Default, Clone, Copy, Serialize)]
pub struct Figures {
    /// Operations a second.
    pub per_s: f64,
    /// Median latency in milliseconds.
    pub p50_ms: f64,
    /// 99th percentile of the latency in milliseconds.
    pub p99_ms: f64,
    /// CPU time of mints, merchants and gateway per operation, in microseconds, without the database server's.
    pub cpu_us: f64,
    /// What their books grew by per operation, in bytes.
    pub bytes: f64,
}

/// Bytes by party.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Books {
    /// In the mint's books.
    pub mint: f64,
    /// In the merchant's.
    pub merchant: f64,
}

/// Purchases with few and with many spent coins in the mint's books.
#[derive(Debug, Default, Clone, Copy, Serialize)]
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
