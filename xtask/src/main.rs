//! The project's tool: everything a contributor or a visitor runs goes through `cargo xtask <command>`.
//!
//! A file per command, over four helpers: [`project`] (where things lie), [`run`] (running other programs, and
//! what a failure says), [`stages`] (several steps, a summary at the end) and [`setup`] (what the machine must have).

mod bench;
mod build;
mod check;
mod demo;
mod progress;
mod project;
mod python;
mod run;
mod setup;
mod stages;
mod test;
mod wasm;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use project::Project;
use run::Outcome;

/// SEMPER's project tool.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build everything and start shop, wallet, mint and bank on this machine.
    Demo(demo::Demo),
    /// Set up what tests need and run every test, the browser's included.
    Test(test::Test),
    /// Everything but the tests: format, lints, docs, wasm size, TypeScript, licences.
    Check(check::Check),
    /// Measure, and write the figures to target/bench.json.
    Bench(bench::Bench),
    /// Build the wallet for the browser into www/wallet/pkg.
    Wasm,
}

fn main() -> ExitCode {
    match perform(Cli::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\n{failure}");
            ExitCode::FAILURE
        }
    }
}

fn perform(task: Task) -> Outcome {
    let project = Project::locate()?;
    match task {
        Task::Demo(demo) => demo.run(&project),
        Task::Test(test) => test.run(project),
        Task::Check(check) => check.run(&project),
        Task::Bench(bench) => bench.run(&project),
        Task::Wasm => {
            setup::build_tools()?;
            let built = wasm::build(&project)?;
            println!("{built}");
            Ok(())
        }
    }
}
