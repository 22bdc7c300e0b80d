//! The benchmark: what a purchase costs, and what it is made of.

mod client;
mod disk;
mod load;
mod micro;
mod process;
mod report;

use semper_shared::foundation::UnixSeconds;

use crate::{Demo, Outcome};
use client::Bench;
pub use report::{Figures, Report};

/// How much is done of each.
struct Plan {
    warm_up: usize,
    purchases: usize,
    withdrawals: usize,
    refreshes: usize,
    connections: usize,
}

const QUICK: Plan = Plan { warm_up: 300, purchases: 4_000, withdrawals: 200, refreshes: 200, connections: 64 };
const FULL: Plan = Plan { warm_up: 1_000, purchases: 20_000, withdrawals: 1_000, refreshes: 1_000, connections: 64 };

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

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let demo = Demo::start()?;
    let (purchase, purchase_half_load, withdraw, refresh) = runtime.block_on(async {
        let mut bench = Bench::connect(&demo).await?;
        let withdraw = load::withdrawals(&mut bench, &demo, &plan).await?;
        print_figures("withdraw (one coin)", &withdraw);
        let refresh = load::refreshes(&mut bench, &demo, &plan).await?;
        print_figures("refresh (one coin)", &refresh);
        let (purchase, half) = load::purchases(&mut bench, &demo, &plan).await?;
        print_figures("purchase, closed loop", &purchase);
        print_figures("purchase, at half load", &half);
        Outcome::Ok((purchase, half, withdraw, refresh))
    })?;
    let wasm_brotli_bytes = std::env::var("SEMPER_WASM_BROTLI_BYTES").ok().and_then(|bytes| bytes.parse().ok());
    if let Some(bytes) = wasm_brotli_bytes {
        println!("wasm                      {bytes} bytes brotli");
    }
    Ok(Report {
        purchase: report::ByStore { sqlite: purchase },
        purchase_half_load: report::ByStore { sqlite: purchase_half_load },
        withdraw: report::ByStore { sqlite: withdraw },
        refresh: report::ByStore { sqlite: refresh },
        micro,
        fdatasync_p50_ms,
        wasm_brotli_bytes,
    })
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
