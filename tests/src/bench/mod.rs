//! The benchmark: what a purchase costs, and what it is made of.

mod balancer;
mod budgets;
mod client;
mod coins;
mod connection;
mod disk;
mod growth;
mod load;
mod micro;
mod parallel;
mod plot;
mod process;
mod profile;
mod report;
mod site;

use std::path::PathBuf;

use semper_shared::foundation::UnixSeconds;

use crate::Outcome;
pub use budgets::table;
use client::Bench;
use load::{Measured, Shown};
pub use plot::svg;
use report::Operation;
pub use report::{Books, ByStore, Figures, Growth, Report};
use site::{Site, Store};

/// How much is done of each in a closed loop; half as much again is done in an open one.
struct Plan {
    warm_up: usize,
    purchases: usize,
    withdrawals: usize,
    refreshes: usize,
    refunds: usize,
    cards: usize,
    connections: usize,
    /// How many spent coins are few, and how many are many.
    growth: (u32, u32),
    /// Where purchases are recorded by a profiler meanwhile, if they are.
    profile: Option<PathBuf>,
}

const QUICK: Plan = Plan {
    warm_up: 200,
    purchases: 1_500,
    withdrawals: 300,
    refreshes: 200,
    refunds: 200,
    cards: 200,
    connections: 64,
    growth: (1_000, 100_000),
    profile: None,
};
const FULL: Plan = Plan {
    warm_up: 2_000,
    purchases: 20_000,
    withdrawals: 3_000,
    refreshes: 2_000,
    refunds: 2_000,
    cards: 2_000,
    connections: 64,
    growth: (10_000, 5_000_000),
    profile: None,
};

const STORES: [Store; 3] = [Store::Sqlite, Store::Postgres(1), Store::Postgres(2)];

/// What a Cashu mint (`cdk-mintd` with SQLite) made of swaps of four coins on two cores. It was measured elsewhere: it cannot be
/// run here.
const CASHU_PER_S: f64 = 120.0;

/// Measures everything, printing as it goes.
///
/// # Errors
/// Where a server does not start, or refuses what it should take.
pub fn run(quick: bool) -> Outcome<Report> {
    let plan = if quick { QUICK } else { FULL };
    let mut report = Report { quick, ..Report::default() };
    if quick {
        println!("quick: everything runs, and too little of it to quote the figures\n");
    }
    report.fdatasync_p50_ms = disk::fdatasync_p50_ms()?;
    report.micro = micro::measure()?;
    println!("fdatasync of 4 KiB        p50 {:.2} ms", report.fdatasync_p50_ms);
    println!(
        "verify a coin             {:.0} µs (RSA {:.0} + ES256 {:.0})",
        report.micro.verify_us, report.micro.rsa_verify_us, report.micro.es256_verify_us
    );
    println!("issue                     {:.0} coins/s/core", report.micro.issue_per_s_core);

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        for store in STORES {
            measure(store, &plan, &mut report).await?;
        }
        report.growth = growth::measure(&plan).await?;
        Outcome::Ok(())
    })?;
    print_summary(&mut report);
    Ok(report)
}

/// Purchases on one store alone, and what the servers spend their time on meanwhile; `file` is written and removed.
///
/// # Errors
/// As [`run`], and where there is no `perf`.
pub fn profile(store: &str, file: PathBuf) -> Outcome {
    let store = STORES.into_iter().find(|known| known.name() == store).ok_or("there is no such store")?;
    let plan = Plan { profile: Some(file), ..FULL };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let site = Site::start(store, None).await?;
        let mut bench = Bench::connect(&site).await?;
        let (shown, _) = load::purchases(&mut bench, &site, &plan).await?;
        print_measured("purchase", &shown.closed);
        print_measured("  at half load", &shown.half);
        Ok(())
    })
}

/// Every kind of operation on one store.
async fn measure(store: Store, plan: &Plan, report: &mut Report) -> Outcome {
    println!("\n{}", store.name());
    let site = Site::start(store, None).await?;
    let mut bench = Bench::connect(&site).await?;
    if store == Store::Sqlite {
        report.coins_per_purchase = coins::measure(&bench.keys, now())?;
    }
    let mut take = |operation: Operation, what: &str, shown: &Shown| {
        print_measured(what, &shown.closed);
        print_measured("  at half load", &shown.half);
        report.add(operation, store.name(), shown);
    };
    take(Operation::Withdraw, "withdraw (one coin)", &load::withdrawals(&mut bench, &site, plan).await?);
    take(Operation::Refresh, "refresh (one coin)", &load::refreshes(&mut bench, &site, plan).await?);
    let (shown, bought) = load::purchases(&mut bench, &site, plan).await?;
    take(Operation::Purchase, "purchase", &shown);
    take(Operation::Refund, "refund", &load::refunds(&mut bench, &site, plan, &bought).await?);
    take(Operation::Card, "card purchase (3KP)", &load::card_purchases(&bench, &site, plan).await?);
    let stored = shown.closed.stored;
    println!(
        "{:<25} {:.0} bytes at the mint, {:.0} at the merchant",
        "a purchase stores", stored.mint, stored.merchant
    );
    Ok(())
}

fn print_summary(report: &mut Report) {
    let rate = |store: &str| report.purchase.get(store).map_or(0.0, |figures| figures.per_s);
    report.replicas_ratio = rate("postgres_2_replicas") / rate("postgres").max(1e-9);
    report.cashu_ratio = rate("sqlite") / CASHU_PER_S;
    let growth = &report.growth;
    println!("\nSQLite, with coins spent before");
    print_figures(&growth.few_coins.to_string(), &growth.few);
    print_figures(&growth.many_coins.to_string(), &growth.many);
    println!("{:<25} {:.2} of the rate", "growth", growth.ratio);
    println!("{:<25} {:.2} × the rate of one", "two replicas", report.replicas_ratio);
    println!("{:<25} {:.1} × its {CASHU_PER_S:.0} swaps/s, measured elsewhere", "a Cashu mint", report.cashu_ratio);
    let coins = report.coins_per_purchase;
    println!(
        "{:<25} {:.2} (at most {}; {:.2} without gathering); in the background {:.2} gatherings of {:.1} coins",
        "coins per purchase",
        coins.mean,
        coins.most,
        coins.mean_ungathered,
        coins.gatherings,
        coins.gathered / coins.gatherings,
    );
    report.wasm_brotli_bytes = std::env::var("SEMPER_WASM_BROTLI_BYTES").ok().and_then(|bytes| bytes.parse().ok());
    if let Some(bytes) = report.wasm_brotli_bytes {
        println!("{:<25} {bytes} bytes brotli", "wasm");
    }
}

fn print_measured(name: &str, measured: &Measured) {
    print_figures(name, &measured.figures);
    if measured.database_cpu_us > 0.0 {
        println!("{:<25} {:.0} µs of the database server's CPU", "", measured.database_cpu_us);
    }
}

fn print_figures(name: &str, figures: &Figures) {
    let Figures { per_s, p50_ms, p99_ms, cpu_us, bytes } = figures;
    println!(
        "{name:<25} {per_s:.0} /s, p50 {p50_ms:.1} ms, p99 {p99_ms:.1} ms, {cpu_us:.0} µs of server CPU, {bytes:.0} bytes"
    );
}

/// The time of day.
fn now() -> UnixSeconds {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    UnixSeconds(since.map_or(0, |duration| duration.as_secs()))
}
