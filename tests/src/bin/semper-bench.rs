//! Measures the server under whole purchases, and the operations that they are made of.
//!
//! `cargo xtask bench` runs it. What is printed is also written as JSON, `target/bench.json` by default, and drawn
//! beside it as SVG.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use semper_tests::{Outcome, bench};

/// Measures purchases, withdrawals, refreshes, refunds and the operations that they are made of.
#[derive(Parser)]
struct Arguments {
    /// Ends within a minute, with fewer repetitions.
    #[arg(long)]
    quick: bool,
    /// Where the figures go; a picture of them goes beside, with the extension `svg`, and the budgets' table, with `md`.
    #[arg(long, default_value = "target/bench.json")]
    out: PathBuf,
    /// Only purchases on this store (`sqlite`, `postgres`, `postgres_2_replicas`), with the functions that the servers spend
    /// their time in, by `perf`.
    #[arg(long, value_name = "STORE", conflicts_with = "quick")]
    profile: Option<String>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(store) = &arguments.profile {
        return ended(bench::profile(store, arguments.out.with_extension("perf")));
    }
    ended(bench::run(arguments.quick).and_then(|report| {
        let json = serde_json::to_string_pretty(&report)?;
        if let Some(folder) = arguments.out.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&arguments.out, json)?;
        std::fs::write(arguments.out.with_extension("svg"), bench::svg(&report))?;
        let table = bench::table(&report);
        std::fs::write(arguments.out.with_extension("md"), &table)?;
        println!("\n{table}");
        Ok(())
    }))
}

fn ended(result: Outcome) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the benchmark failed: {error}");
            ExitCode::FAILURE
        }
    }
}
