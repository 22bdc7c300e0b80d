//! `cargo xtask bench`: the figures, from optimised builds.

use clap::Args;

use crate::progress::Work;
use crate::project::{Profile, Project};
use crate::run::{Outcome, cargo, run};
use crate::{build, setup, wasm};

const PACKAGES: [&str; 3] = ["semper-server", "semper-wallet", "semper-tests"];

/// Options of `cargo xtask bench`.
#[derive(Args)]
pub(crate) struct Bench {
    /// Fewer repetitions: enough to see that everything runs, too few to quote.
    #[arg(long)]
    quick: bool,
    /// Only purchases on this store (`sqlite`, `postgres`, `postgres_2_replicas`), with the functions that the servers spend
    /// their time in. Needs Linux's `perf`.
    #[arg(long, value_name = "STORE", conflicts_with = "quick")]
    profile: Option<String>,
}

impl Bench {
    /// Builds in release and runs the benchmark binary, which writes `target/bench.json` and `target/bench.svg`.
    pub(crate) fn run(self, project: &Project) -> Outcome {
        let work = Work::begin("Building (1 of 2)");
        setup::build_tools()?;
        let built = wasm::build(project)?;
        build::binaries(project, Profile::Release, &PACKAGES)?;
        work.end("ok");

        let work = Work::begin("Measuring (2 of 2)");
        let out = project.target.join("bench.json");
        let mut command = cargo(project);
        command.args(["run", "--release", "--package", "semper-tests", "--bin", "semper-bench"]);
        command.args(setup::openssl_features()?).arg("--");
        if self.quick {
            command.arg("--quick");
        }
        if let Some(store) = &self.profile {
            command.args(["--profile", store]);
        }
        command
            .arg("--out")
            .arg(&out)
            .env("SEMPER_BIN", project.binary(Profile::Release, "semper"))
            .env("SEMPER_WALLET_BIN", project.binary(Profile::Release, "semper-wallet"))
            .env("SEMPER_WASM_BROTLI_BYTES", built.brotli_bytes.to_string());
        run(&mut command, "Read what the benchmark says above.")?;
        work.end("ok");
        if self.profile.is_some() {
            return Ok(());
        }
        println!(
            "The figures are in {}, a picture in {}.",
            project.shown(&out),
            project.shown(&out.with_extension("svg"))
        );
        Ok(())
    }
}
