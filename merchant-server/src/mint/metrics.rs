//! What the mint counts: totals only, which tell nothing about anybody.

use prometheus::{IntCounter, IntGauge, Registry};

/// The mint's counters.
pub(super) struct Metrics {
    pub(super) coins_issued: IntCounter,
    pub(super) coins_spent: IntCounter,
    pub(super) deposits: IntCounter,
    pub(super) double_spends: IntCounter,
    pub(super) refunds: IntCounter,
    pub(super) recoups: IntCounter,
    pub(super) melts: IntCounter,
    pub(super) reveals: IntCounter,
    pub(super) credits: IntCounter,
    pub(super) strays: IntCounter,
    pub(super) payouts: IntCounter,
    pub(super) payouts_refused: IntCounter,
    pub(super) books_balance: IntGauge,
}

impl Metrics {
    pub(super) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counter = |name: &str, help: &str| {
            let counter = IntCounter::new(name, help)?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        let books_balance =
            IntGauge::new("mint_books_balance", "1 where the last audit found the books balanced, else 0.")?;
        registry.register(Box::new(books_balance.clone()))?;
        Ok(Self {
            books_balance,
            coins_issued: counter("mint_coins_issued_total", "Coins signed, for reserves and for melts.")?,
            coins_spent: counter("mint_coins_spent_total", "Coins taken in deposits.")?,
            deposits: counter("mint_deposits_total", "Deposits confirmed.")?,
            refunds: counter("mint_refunds_total", "Refunds made.")?,
            double_spends: counter("mint_double_spends_total", "Deposits and melts refused, with the proof.")?,
            recoups: counter("mint_recoups_total", "Coins of revoked denominations that were recouped.")?,
            melts: counter("mint_melts_total", "Melts confirmed.")?,
            reveals: counter("mint_reveals_total", "Melts revealed.")?,
            credits: counter("mint_credits_total", "Transfers that named a reserve.")?,
            strays: counter("mint_stray_transfers_total", "Transfers that named none.")?,
            payouts: counter("mint_payouts_total", "Transfers to merchants.")?,
            payouts_refused: counter("mint_payouts_refused_total", "Transfers to merchants that the bank refused.")?,
        })
    }
}

/// A length as a count.
pub(super) fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
