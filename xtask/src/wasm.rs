//! The wallet for the browser: compiled, bound, optimised, measured, and put into `www/wallet/pkg` in one move.

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

/// The most the wallet's wasm may weigh on the wire, in bytes after brotli (DESIGN, "The wallet in the browser").
pub(crate) const BUDGET_BYTES: u64 = 250_000;

const OUTPUT: &str = "www/wallet/pkg";
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

/// What was built, for people and for the size budget.
pub(crate) struct Built {
    /// Bytes of the module as served without compression.
    pub(crate) raw_bytes: u64,
    /// Bytes of the module after brotli at its best quality.
    pub(crate) brotli_bytes: u64,
    /// Whether `wasm-opt` was at hand.
    pub(crate) optimised: bool,
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
    run(
        cargo(project).args(["build", "--package", "semper-wallet", "--lib", "--no-default-features"]).args([
            "--target",
            "wasm32-unknown-unknown",
            "--profile",
            "wasm",
        ]),
        "Mend what the compiler reports above.",
    )?;
    let compiled = project.target.join("wasm32-unknown-unknown/wasm/semper_wallet.wasm");
    let optimiser = optimiser(project);
    let inputs = fingerprint(&compiled, optimiser.as_deref())?;
    let output = project.path(OUTPUT);
    if let Some(built) = kept(&output, &inputs) {
        note(&format!("{OUTPUT} is up to date"));
        return Ok(built);
    }
    let staging = Staging::beside(&output)?;
    bind(&compiled, &staging.0)?;
    let module = staging.0.join(MODULE);
    let optimised = optimiser.as_deref().is_some_and(|program| optimise(program, &module));
    let built = measure(&module, optimised)?;
    write(&staging.0.join(STAMP), stamp(&inputs, &built).as_bytes())?;
    staging.publish(&output)?;
    Ok(built)
}

/// A folder beside the output that becomes it in one move, or vanishes.
struct Staging(PathBuf);

impl Staging {
    fn beside(output: &Path) -> Outcome<Self> {
        let folder = output.with_extension(format!("new-{}", process::id()));
        fs::create_dir_all(&folder).map_err(|cause| Failure::file("creating", &folder, &cause))?;
        Ok(Self(folder))
    }

    fn publish(self, output: &Path) -> Outcome {
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

fn bind(compiled: &Path, folder: &Path) -> Outcome {
    note("making the JavaScript bindings");
    Bindgen::new()
        .input_path(compiled)
        .web(true)
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
    let mut command = Command::new(program);
    command.arg("-Oz").args(WASM_FEATURES).arg(module).arg("-o").arg(&better);
    let done = run(&mut command, "Update binaryen: run `npm ci` in tests/browser.")
        .and_then(|()| fs::rename(&better, module).map_err(|c| Failure::file("moving", &better, &c)));
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
    WASM_FEATURES.hash(&mut hasher);
    optimiser.and_then(|program| capture(Command::new(program).arg("--version"))).hash(&mut hasher);
    Ok(format!("{:016x}", hasher.finish()))
}

fn stamp(inputs: &str, built: &Built) -> String {
    json!({
        "inputs": inputs,
        "raw_bytes": built.raw_bytes,
        "brotli_bytes": built.brotli_bytes,
        "optimised": built.optimised,
    })
    .to_string()
}

/// What an earlier run left, if it was made from the same inputs.
fn kept(output: &Path, inputs: &str) -> Option<Built> {
    let stamp: Value = serde_json::from_slice(&fs::read(output.join(STAMP)).ok()?).ok()?;
    let raw_bytes = stamp["raw_bytes"].as_u64()?;
    let whole = output.join(MODULE).metadata().ok()?.len() == raw_bytes;
    (whole && stamp["inputs"] == inputs).then_some(Built {
        raw_bytes,
        brotli_bytes: stamp["brotli_bytes"].as_u64()?,
        optimised: stamp["optimised"].as_bool()?,
    })
}

fn read(path: &Path) -> Outcome<Vec<u8>> {
    fs::read(path).map_err(|cause| Failure::file("reading", path, &cause))
}

fn write(path: &Path, bytes: &[u8]) -> Outcome {
    fs::write(path, bytes).map_err(|cause| Failure::file("writing", path, &cause))
}
