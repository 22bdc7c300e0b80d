//! The wallet for the browser: compiled, bound, optimised, measured, and put into `www/wallet/pkg` in one move. And,
//! for the tests alone, the runner of the test vectors.

mod order;

use std::fmt;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{self, Command};

use serde_json::{Value, json};
use wasm_bindgen_cli_support::Bindgen;

use crate::progress::note;
use crate::project::Project;
use crate::run::{Failure, Outcome, capture, cargo, run};
use crate::setup;

/// What the wallet's wasm may weigh on the wire, in bytes after brotli (`docs/decisions/0009-wasm-over-its-budget.md`).
pub(crate) const BUDGET_BYTES: u64 = 250_000;

/// What it may weigh until it is within its budget again: a little above what it weighs, so that it cannot grow meanwhile.
pub(crate) const CEILING_BYTES: u64 = 263_000;

/// The payment modules of the browser's wallet, each a feature of the crates.
pub(crate) const MODULES: &str = "account,card,dummy";

const OUTPUT: &str = "www/wallet/pkg";
const VECTORS: &str = "vectors-wasm";
const TARGET: &str = "wasm32-unknown-unknown";
const MODULE: &str = "semper_wallet_bg.wasm";
const STAMP: &str = ".stamp.json";
/// What rustc emits for wasm32 by default, named so that an optimiser of any age reads it alike.
const WASM_FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// What makes the module small on the wire. Inlining, common subexpressions and packing make it smaller as it lies and
/// larger after brotli, because what was alike no longer is. The stack lies at the bottom of the memory, so nothing
/// addresses the first kilobyte.
const WASM_LEVEL: [&str; 12] = [
    "-Os",
    "--always-inline-max-function-size",
    "0",
    "--flexible-inline-max-function-size",
    "0",
    "--one-caller-inline-max-function-size",
    "0",
    "--low-memory-unused",
    "--skip-pass",
    "local-cse",
    "--skip-pass",
    "memory-packing",
];

/// Orders by the names that [`order`] gives, and takes them away.
const WASM_ORDER: [&str; 2] = ["--reorder-functions-by-name", "--strip-debug"];

/// What was built, for people and for the size budget.
pub(crate) struct Built {
    /// Bytes of the module as served without compression.
    pub(crate) raw_bytes: u64,
    /// Bytes of the module after brotli at its best quality.
    pub(crate) brotli_bytes: u64,
    /// Whether `wasm-opt` was at hand.
    pub(crate) optimised: bool,
}

impl Built {
    fn record(&self, inputs: &str) -> Value {
        json!({
            "inputs": inputs,
            "raw_bytes": self.raw_bytes,
            "brotli_bytes": self.brotli_bytes,
            "optimised": self.optimised,
        })
    }

    fn recorded(record: &Value) -> Option<Self> {
        Some(Self {
            raw_bytes: record["raw_bytes"].as_u64()?,
            brotli_bytes: record["brotli_bytes"].as_u64()?,
            optimised: record["optimised"].as_bool()?,
        })
    }
}

impl fmt::Display for Built {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.optimised { "" } else { ", not optimised: no wasm-opt at hand" };
        write!(
            f,
            "wallet wasm: {} bytes, {} with brotli (budget {BUDGET_BYTES}){how}",
            self.raw_bytes, self.brotli_bytes
        )
    }
}

/// Builds the wallet; what lies in `www/wallet/pkg` is kept when nothing changed.
pub(crate) fn build(project: &Project) -> Outcome<Built> {
    let compiled = compile(project, "wasm", "wasm", &[])?;
    let optimiser = optimiser(project);
    let inputs = fingerprint(&compiled, optimiser.as_deref())?;
    let output = project.path(OUTPUT);
    if let Some(built) = kept(&output, &inputs).as_ref().and_then(Built::recorded) {
        note(&format!("{OUTPUT} is up to date"));
        return Ok(built);
    }
    let staging = Staging::beside(&output)?;
    bind(&compiled, &staging.0, Host::Page)?;
    let module = staging.0.join(MODULE);
    let optimised = optimiser.as_deref().is_some_and(|program| optimise(program, &module));
    let built = measure(&module, optimised)?;
    staging.publish(&output, &built.record(&inputs))?;
    Ok(built)
}

/// Where [`build_vectors`] puts its module.
pub(crate) fn vectors(project: &Project) -> PathBuf {
    project.target.join(VECTORS)
}

/// Builds the runner of the test vectors for Node, without optimising; it is kept when nothing changed.
pub(crate) fn build_vectors(project: &Project) -> Outcome {
    let compiled = compile(project, "dev", "debug", &["--features", "vectors"])?;
    let inputs = fingerprint(&compiled, None)?;
    let output = vectors(project);
    if kept(&output, &inputs).is_some() {
        note(&format!("{} is up to date", project.shown(&output)));
        return Ok(());
    }
    let staging = Staging::beside(&output)?;
    bind(&compiled, &staging.0, Host::Node)?;
    let raw_bytes = read(&staging.0.join(MODULE))?.len();
    staging.publish(&output, &json!({ "inputs": inputs, "raw_bytes": raw_bytes }))
}

/// Compiles the wallet's library under a profile; gives the module that cargo leaves in the profile's folder.
fn compile(project: &Project, profile: &str, folder: &str, features: &[&str]) -> Outcome<PathBuf> {
    run(
        cargo(project)
            .args(["build", "--package", "semper-wallet", "--lib", "--no-default-features", "--features", MODULES])
            .args(features)
            .args(["--target", TARGET, "--profile", profile]),
        "Mend what the compiler reports above.",
    )?;
    Ok(project.target.join(TARGET).join(folder).join("semper_wallet.wasm"))
}

/// A folder beside the output that becomes it in one move, or vanishes.
struct Staging(PathBuf);

impl Staging {
    fn beside(output: &Path) -> Outcome<Self> {
        let folder = output.with_extension(format!("new-{}", process::id()));
        fs::create_dir_all(&folder).map_err(|cause| Failure::file("creating", &folder, &cause))?;
        Ok(Self(folder))
    }

    /// Moves the folder into the output's place, with the record of what it was made from.
    fn publish(self, output: &Path, record: &Value) -> Outcome {
        write(&self.0.join(STAMP), record.to_string().as_bytes())?;
        let old = output.with_extension(format!("old-{}", process::id()));
        let moved =
            |from: &Path, to: &Path| fs::rename(from, to).map_err(|cause| Failure::file("moving", from, &cause));
        if output.exists() {
            moved(output, &old)?;
        }
        moved(&self.0, output)?;
        if old.exists() {
            fs::remove_dir_all(&old).map_err(|cause| Failure::file("removing", &old, &cause))?;
        }
        Ok(())
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // Published or never filled: then there is nothing to remove, and nothing to say.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Who loads the module.
#[derive(Clone, Copy)]
enum Host {
    Page,
    Node,
}

fn bind(compiled: &Path, folder: &Path, host: Host) -> Outcome {
    note("making the JavaScript bindings");
    let mut bindgen = Bindgen::new();
    bindgen.input_path(compiled);
    let chosen = match host {
        Host::Page => bindgen.web(true),
        Host::Node => bindgen.nodejs(true),
    };
    chosen
        .and_then(|bindgen| {
            bindgen
                .omit_default_module_path(false)
                .typescript(true)
                .remove_name_section(true)
                .remove_producers_section(true)
                .generate(folder)
        })
        .map_err(|cause| {
            Failure::new(
                format!("wasm-bindgen on {}: {cause:#}", compiled.display()),
                "Check that wasm-bindgen and wasm-bindgen-cli-support have the same version in Cargo.lock.",
            )
        })
}

/// `wasm-opt` from the npm packages, whose version is locked, else from the PATH.
fn optimiser(project: &Project) -> Option<PathBuf> {
    setup::npm_program(project, "wasm-opt").or_else(|| setup::on_path("wasm-opt"))
}

/// Whether it worked. A distribution's old optimiser may not read what the compiler writes; the wallet runs without.
fn optimise(program: &Path, module: &Path) -> bool {
    note("optimising, which takes about half a minute");
    let better = module.with_extension("optimised");
    let pass = |what: &[&str]| {
        let mut command = Command::new(program);
        command.args(what).args(WASM_FEATURES).arg(module).arg("-o").arg(&better);
        run(&mut command, "Update binaryen: run `npm ci` in tests/browser.")
            .and_then(|()| fs::rename(&better, module).map_err(|c| Failure::file("moving", &better, &c)))
    };
    let done = pass(&WASM_LEVEL).and_then(|()| order::name_by_likeness(module)).and_then(|()| pass(&WASM_ORDER));
    if let Err(failure) = &done {
        note(&format!("{failure}\n   Going on without."));
    }
    done.is_ok()
}

fn measure(module: &Path, optimised: bool) -> Outcome<Built> {
    let raw = read(module)?;
    let mut packed = Counter(0);
    let mut writer = brotli::CompressorWriter::new(&mut packed, 1 << 16, 11, 22);
    writer.write_all(&raw).map_err(|cause| Failure::file("compressing", module, &cause))?;
    drop(writer);
    Ok(Built { raw_bytes: raw.len() as u64, brotli_bytes: packed.0, optimised })
}

/// Counts what is written and keeps none of it.
struct Counter(u64);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What the output depends on: cargo decides whether the module changes, so its bytes stand for all sources.
fn fingerprint(compiled: &Path, optimiser: Option<&Path>) -> Outcome<String> {
    let mut hasher = DefaultHasher::new();
    read(compiled)?.hash(&mut hasher);
    env!("CARGO_PKG_VERSION").hash(&mut hasher);
    WASM_LEVEL.hash(&mut hasher);
    WASM_ORDER.hash(&mut hasher);
    WASM_FEATURES.hash(&mut hasher);
    optimiser.and_then(|program| capture(Command::new(program).arg("--version"))).hash(&mut hasher);
    Ok(format!("{:016x}", hasher.finish()))
}

/// The record an earlier run left with its output, if that is whole and was made from the same inputs.
fn kept(output: &Path, inputs: &str) -> Option<Value> {
    let record: Value = serde_json::from_slice(&fs::read(output.join(STAMP)).ok()?).ok()?;
    let whole = output.join(MODULE).metadata().ok()?.len() == record["raw_bytes"].as_u64()?;
    (whole && record["inputs"] == inputs).then_some(record)
}

fn read(path: &Path) -> Outcome<Vec<u8>> {
    fs::read(path).map_err(|cause| Failure::file("reading", path, &cause))
}

fn write(path: &Path, bytes: &[u8]) -> Outcome {
    fs::write(path, bytes).map_err(|cause| Failure::file("writing", path, &cause))
}
