//! `cargo xtask test`: sets up what is missing, then runs every test there is.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::project::{Profile, Project};
use crate::run::{Failure, Outcome, cargo, run_keeping, succeeds};
use crate::stages::{Closing, Stage, run_all};
use crate::{build, python, setup, wasm};

const BROWSER_TESTS: &str = "tests/browser";
/// A browser test file that does not end is stopped and fails, after far longer than any takes.
const HANGS: &str = "--test-timeout=600000";
const READ_ABOVE: &str = "Read the failing tests' output above; a name as FILTER runs those alone.";

/// Options of `cargo xtask test`.
#[derive(Args)]
pub(crate) struct Test {
    /// Run only tests whose name contains this.
    filter: Option<String>,
    /// Run one stage, and what it needs.
    #[arg(long, value_name = "STAGE", value_parser = PossibleValuesParser::new(STAGES.iter().map(|s| s.name)))]
    only: Option<String>,
}

struct Context {
    project: Project,
    filter: Option<String>,
}

const STAGES: &[Stage<Context>] = &[
    Stage { name: "tools", needs: &[], work: |_, _| setup::build_tools() },
    Stage { name: "browser-tools", needs: &[], work: |c, _| browser_tools(c) },
    Stage { name: "postgres", needs: &[], work: |c, _| setup::postgres(&c.project) },
    Stage { name: "python", needs: &[], work: |c, _| python::environment(&c.project) },
    Stage { name: "wasm", needs: &["tools"], work: |c, closing| build_wasm(c, closing) },
    Stage { name: "vectors-wasm", needs: &["tools"], work: |c, _| wasm::build_vectors(&c.project) },
    Stage { name: "build", needs: &["tools"], work: |c, _| build_binaries(c) },
    Stage { name: "rust", needs: &["wasm", "build", "postgres", "python"], work: rust_tests },
    Stage { name: "doc", needs: &["tools"], work: doc_tests },
    Stage { name: "browser", needs: &["browser-tools", "wasm", "vectors-wasm", "build"], work: browser_tests },
];

impl Test {
    /// Runs the stages, or one of them.
    pub(crate) fn run(self, project: Project) -> Outcome {
        run_all(STAGES, &Context { project, filter: self.filter }, self.only.as_deref())
    }
}

fn browser_tools(context: &Context) -> Outcome {
    setup::node()?;
    setup::npm_packages(&context.project)?;
    setup::chromium().map(|_| ())
}

fn build_wasm(context: &Context, closing: &mut Closing) -> Outcome {
    closing.push(wasm::build(&context.project)?.to_string());
    Ok(())
}

/// The packages are those of the tests below, so that both share one build of what they depend on.
fn build_binaries(context: &Context) -> Outcome {
    build::binaries(&context.project, Profile::Dev, &["semper-server", "semper-wallet", "semper-tests"])
}

fn rust_tests(context: &Context, closing: &mut Closing) -> Outcome {
    let mut command = cargo(&context.project);
    if succeeds(cargo(&context.project).args(["nextest", "--version"])) {
        command.args(["nextest", "run", "--no-fail-fast"]);
        // Many tests wait for a server that is started, killed or asked to be slow: one more than there are cores keeps these busy.
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        command.arg(format!("--test-threads={}", cores + 1));
        if context.filter.is_some() {
            // The name may belong to a test of another stage.
            command.arg("--no-tests=pass");
        }
    } else {
        command.args(["test", "--no-fail-fast", "--lib", "--bins", "--tests"]);
    }
    command.arg("--workspace").args(setup::openssl_features()?).args(&context.filter);
    runner(context, &mut command, closing)
}

fn doc_tests(context: &Context, closing: &mut Closing) -> Outcome {
    let mut command = cargo(&context.project);
    command.args(["test", "--doc", "--workspace", "--no-fail-fast"]);
    command.args(setup::openssl_features()?).args(&context.filter);
    runner(context, &mut command, closing)
}

fn browser_tests(context: &Context, closing: &mut Closing) -> Outcome {
    let files = node_tests(&context.project.path(BROWSER_TESTS));
    if files.is_empty() {
        return Err(Failure::new(
            format!("no *.test.mjs in {BROWSER_TESTS}"),
            "The browser tests belong there; restore them.",
        ));
    }
    let mut command = Command::new("node");
    command.current_dir(&context.project.root).args(["--test", "--test-reporter=spec", HANGS]);
    if let Some(filter) = &context.filter {
        command.args(["--test-name-pattern", filter]);
    }
    command.env("CHROMIUM", setup::chromium()?).env("SEMPER_VECTORS_WASM", wasm::vectors(&context.project)).args(files);
    runner(context, &mut command, closing)
}

/// Tests find the binaries through the environment; the runner's closing lines are kept for the summary.
fn runner(context: &Context, command: &mut Command, closing: &mut Closing) -> Outcome {
    command
        .env("SEMPER_BIN", context.project.binary(Profile::Dev, "semper"))
        .env("SEMPER_WALLET_BIN", context.project.binary(Profile::Dev, "semper-wallet"));
    let (outcome, lines) = run_keeping(command, closes, READ_ABOVE);
    closing.extend(lines);
    outcome
}

/// The lines with which cargo-nextest, cargo test and Node's runner close, and those that name a failed test.
fn closes(line: &str) -> bool {
    // A failed test's own output is indented, and may quote such a line.
    let at_the_margin = ["test result:", "ℹ tests ", "ℹ pass ", "ℹ fail ", "✖ "];
    let indented = ["Summary [", "FAIL [", "TIMEOUT [", "SIGABRT [", "SIGSEGV ["];
    let nothing_ran = line.contains(" 0 passed; 0 failed; 0 ignored");
    (at_the_margin.iter().any(|start| line.starts_with(start)) && !nothing_ran)
        || indented.iter().any(|start| line.trim_start().starts_with(start))
        || (line.starts_with("test ") && line.trim_end().ends_with("... FAILED"))
}

/// All `*.test.mjs` below a folder, in a stable order. Node versions disagree on what a folder as argument means.
fn node_tests(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() && name != "node_modules" {
            found.extend(node_tests(&path));
        } else if name.ends_with(".test.mjs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stages::out_of_order;

    #[test]
    fn closing_lines_of_every_runner_are_known() {
        for line in [
            "     Summary [   0.512s] 14 tests run: 14 passed, 0 skipped",
            "test result: FAILED. 3 passed; 1 failed; 0 ignored; 0 measured",
            "ℹ pass 12",
            "        FAIL [   0.129s] (13/29) semper-tests::tidy files_are_one_idea_long",
            "test stages::tests::one ... FAILED",
            "✖ opens the shop (12.1ms)",
        ] {
            assert!(closes(line), "{line}");
        }
        for line in [
            "        PASS [   0.004s] semper",
            "    test result: FAILED. 0 passed; 1 failed; 0 ignored",
            "test stages::tests::one ... ok",
            "test result: ok. 0 passed; 0 failed; 0 ignored",
        ] {
            assert!(!closes(line), "{line}");
        }
    }

    #[test]
    fn every_stage_needs_only_earlier_ones() {
        assert_eq!(out_of_order(STAGES), None);
    }
}
