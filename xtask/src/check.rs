//! `cargo xtask check`: what must hold before the tests are worth running.

use std::process::Command;

use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::progress::note;
use crate::project::Project;
use crate::run::{Failure, Outcome, cargo, run, succeeds};
use crate::stages::{Closing, Stage, run_all};
use crate::wasm::{BUDGET_BYTES, CEILING_BYTES};
use crate::{setup, wasm};

const TYPES: &str = "client-wasm/js/tsconfig.json";

/// Options of `cargo xtask check`.
#[derive(Args)]
pub(crate) struct Check {
    /// Run one stage, and what it needs.
    #[arg(long, value_name = "STAGE", value_parser = PossibleValuesParser::new(STAGES.iter().map(|s| s.name)))]
    only: Option<String>,
}

// The wasm build comes before the lints: a crate may embed the pages, and then needs them there.
const STAGES: &[Stage<Project>] = &[
    Stage { name: "fmt", needs: &[], work: |p, _| format(p) },
    Stage { name: "tools", needs: &[], work: |_, _| setup::build_tools() },
    Stage { name: "npm", needs: &[], work: |p, _| npm(p) },
    Stage { name: "wasm", needs: &["tools"], work: wasm_size },
    Stage { name: "clippy", needs: &["tools"], work: |p, _| clippy(p) },
    Stage { name: "modules", needs: &["tools"], work: |p, _| modules(p) },
    Stage { name: "clippy-wasm", needs: &["tools"], work: |p, _| clippy_wasm(p) },
    Stage { name: "doc", needs: &["tools"], work: |p, _| doc(p) },
    Stage { name: "types", needs: &["npm", "wasm"], work: |p, _| types(p) },
    Stage { name: "deny", needs: &[], work: deny },
];

impl Check {
    /// Runs the stages, or one of them.
    pub(crate) fn run(self, project: &Project) -> Outcome {
        run_all(STAGES, project, self.only.as_deref())
    }
}

fn format(project: &Project) -> Outcome {
    run(cargo(project).args(["fmt", "--all", "--check"]), "Run `cargo fmt --all`.")
}

fn npm(project: &Project) -> Outcome {
    setup::node()?;
    setup::npm_packages(project)
}

fn wasm_size(project: &Project, closing: &mut Closing) -> Outcome {
    let built = wasm::build(project)?;
    note(&built.to_string());
    closing.push(built.to_string());
    if built.brotli_bytes <= BUDGET_BYTES {
        return Ok(());
    }
    if built.brotli_bytes <= CEILING_BYTES {
        let over = built.brotli_bytes - BUDGET_BYTES;
        let missed =
            format!("wallet wasm: over its budget by {over} bytes (docs/decisions/0009-wasm-over-its-budget.md)");
        note(&missed);
        closing.push(missed);
        return Ok(());
    }
    Err(Failure::new(
        format!("the wallet weighs {} bytes with brotli, at most {CEILING_BYTES}", built.brotli_bytes),
        if built.optimised {
            "Find what grew; docs/decisions/0009-wasm-over-its-budget.md says what was large before."
        } else {
            "Run `npm ci` in tests/browser, so that wasm-opt is at hand, and measure again."
        },
    ))
}

fn clippy(project: &Project) -> Outcome {
    let mut command = cargo(project);
    command.args(["clippy", "--workspace", "--all-targets"]).args(setup::openssl_features()?);
    run(command.args(["--", "-D", "warnings"]), "Mend what clippy reports above.")
}

/// What is left out must not be needed by what stays: each module alone, and the least wallet and server.
fn modules(project: &Project) -> Outcome {
    let alone = |package| vec![package];
    let both = || vec!["semper-wallet", "semper-server"];
    let builds = [
        (alone("semper-shared"), ""),
        (alone("semper-shared"), "account"),
        (alone("semper-shared"), "card"),
        (alone("semper-shared"), "dummy"),
        (alone("semper-shared"), "ecash"),
        (both(), "semper-wallet/cli"),
        (both(), "semper-wallet/cli,semper-wallet/account,semper-server/account"),
        (both(), "semper-wallet/cli,semper-wallet/card,semper-server/card"),
    ];
    let openssl = setup::openssl_features()?;
    for (packages, features) in builds {
        let mut command = cargo(project);
        command.arg("check").args(packages.iter().flat_map(|package| ["--package", package]));
        command.args(["--no-default-features", "--features", features]);
        if packages.contains(&"semper-server") {
            command.args(openssl);
        }
        run(&mut command, "Mend what the compiler reports above: a module is a feature that can be left out.")?;
    }
    Ok(())
}

fn clippy_wasm(project: &Project) -> Outcome {
    run(
        cargo(project)
            .args([
                "clippy",
                "--package",
                "semper-wallet",
                "--lib",
                "--no-default-features",
                "--features",
                wasm::MODULES,
            ])
            .args(["--target", "wasm32-unknown-unknown", "--", "-D", "warnings"]),
        "Mend what clippy reports above; this is the browser's half of the wallet.",
    )
}

fn doc(project: &Project) -> Outcome {
    let mut command = cargo(project);
    command.args(["doc", "--no-deps", "--workspace"]).args(setup::openssl_features()?);
    run(command.env("RUSTDOCFLAGS", "-D warnings"), "Mend the documentation that rustdoc names above.")
}

fn types(project: &Project) -> Outcome {
    let config = project.path(TYPES);
    if !config.is_file() {
        return Err(Failure::new(
            format!("{TYPES} is missing"),
            "The npm package's declarations are checked through it; restore it.",
        ));
    }
    let tsc = setup::npm_program(project, "tsc").ok_or_else(|| {
        Failure::new(
            "no TypeScript among the packages of tests/browser",
            "Add `typescript` to its devDependencies and run `npm install` there.",
        )
    })?;
    run(
        Command::new(tsc).arg("--noEmit").arg("--project").arg(config).current_dir(&project.root),
        "Mend the declarations or the code that tsc names above.",
    )
}

fn deny(project: &Project, closing: &mut Closing) -> Outcome {
    if !succeeds(cargo(project).args(["deny", "--version"])) {
        let text = "not checked: cargo-deny is not installed (`cargo install cargo-deny --locked`)";
        note(text);
        closing.push(text.to_owned());
        return Ok(());
    }
    run(
        cargo(project).args(["deny", "--workspace", "check"]),
        "See deny.toml for what is allowed and why; replace the dependency, or argue for it there.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stages::out_of_order;

    #[test]
    fn every_stage_needs_only_earlier_ones() {
        assert_eq!(out_of_order(STAGES), None);
    }
}
