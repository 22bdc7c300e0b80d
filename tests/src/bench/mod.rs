//! The benchmark: what a purchase costs, and what it is made of.

mod balancer;
mod client;
mod coins;
mod disk;
mod growth;
mod load;
mod micro;
mod plot;
mod process;
mod report;
mod site;

use semper_shared::foundation::UnixSeconds;

use crate::Outcome;
use client::Bench;
pub use plot::svg;
pub use report::{ByStore, Figures, Growth, Report};
use site::{Site, Store};

/// How much is done of each.
struct Plan {
    warm_up: usize,
    purchases: usize,
    withdrawals: usize,
    refreshes: usize,
    refunds: usize,
    connections: usize,
}

const QUICK: Plan =
    Plan { warm_up: 200, purchases: 2_000, withdrawals: 300, refreshes: 200, refunds: 200, connections: 64 };
const FULL: Plan =
    Plan { warm_up: 1_000, purchases: 20_000, withdrawals: 2_000, refreshes: 1_000, refunds: 1_000, connections: 64 };

const STORES: [Store; 3] = [Store::Sqlite, Store::Postgres(1), Store::Postgres(2)];

/// Measures everything, printing as it goes.
///
/// # Errors
/// Where a server does not start, or refuses what it should take.
pub fn run(quick: bool) -> Outcome<Report> {
    let plan = if quick { QUICK } else { FULL };
    let fdatasync_p50_ms = disk::fdatasync_p50_ms()?;
    println!("fdatasync                 p50 {fdatasync_p50_ms:.2} ms");
    let micro = micro::measure()?;
    println!(
        "verify a coin             {:.0} µs (RSA {:.0} + ES256 {:.0})",
        micro.verify_coin_us, micro.rsa_verify_us, micro.es256_verify_us
    );
    println!("issue                     {:.0} coins/s/core", micro.issue_per_s_core);

    let mut report = Report { micro, fdatasync_p50_ms, ..Report::default() };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        for store in STORES {
            measure(store, &plan, &mut report).await?;
        }
        if !quick {
            let growth = growth::measure(&plan).await?;
            println!("\nSQLite, with coins spent before");
            print_figures(&growth.few_coins.to_string(), &growth.few);
            print_figures(&growth.many_coins.to_string(), &growth.many);
            println!("{:<25} {:.2} of the rate", "ratio", growth.ratio);
            report.growth = Some(growth);
        }
        Outcome::Ok(())
    })?;
    println!(
        "\ncoins per purchase        {:.2} (at most {})",
        report.coins_per_purchase.mean, report.coins_per_purchase.most
    );
    report.wasm_brotli_bytes = std::env::var("SEMPER_WASM_BROTLI_BYTES").ok().and_then(|bytes| bytes.parse().ok());
    if let Some(bytes) = report.wasm_brotli_bytes {
        println!("wasm                      {bytes} bytes brotli");
    }
    Ok(report)
}

/// Every kind of operation on one store.
async fn measure(store: Store, plan: &Plan, report: &mut Report) -> Outcome {
    let name = store.name();
    println!("\n{name}");
    let site = Site::start(store, None).await?;
    let mut bench = Bench::connect(&site).await?;
    if store == Store::Sqlite {
        report.coins_per_purchase = coins::measure(&bench.keys, now())?;
    }
    let withdraw = load::withdrawals(&mut bench, &site, plan).await?;
    print_figures("withdraw (one coin)", &withdraw);
    let refresh = load::refreshes(&mut bench, &site, plan).await?;
    print_figures("refresh (one coin)", &refresh);
    let bought = load::purchases(&mut bench, &site, plan).await?;
    print_figures("purchase, closed loop", &bought.full);
    print_figures("purchase, at half load", &bought.half);
    print_figures("refund", &bought.refund);
    report.withdraw.insert(name, withdraw);
    report.refresh.insert(name, refresh);
    report.purchase.insert(name, bought.full);
    report.purchase_half_load.insert(name, bought.half);
    report.refund.insert(name, bought.refund);
    Ok(())
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
