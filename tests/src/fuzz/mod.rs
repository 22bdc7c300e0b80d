//! Fuzzing: a target for every decoder, used three ways.
//!
//! - `tests/fuzz` gives each to libFuzzer (`cargo +nightly fuzz run NAME`, from that folder);
//! - the ordinary tests replay the corpora in `tests/fuzz/corpus`;
//! - the ordinary tests feed each some thousand inputs that [`mutate`] makes from its corpus, by a seed.
//!
//! A target takes any bytes. It must not panic, and what it checks beyond that must hold: mostly that what is read can be
//! written and read again as the same.

mod bank;
mod files;
pub mod kinds;
pub mod mutate;
mod protocol;
mod wallet;

use std::fs;
use std::path::{Path, PathBuf};

use crate::Outcome;

/// A decoder under test.
pub struct Target {
    /// Its name, which is its corpus's folder too.
    pub name: &'static str,
    /// What is done with an input.
    pub run: fn(&[u8]),
    /// How many mutated inputs the ordinary tests make: fewer where one takes long.
    pub inputs: u64,
}

const fn target(name: &'static str, run: fn(&[u8]), inputs: u64) -> Target {
    Target { name, run, inputs }
}

/// Every target.
pub const TARGETS: &[Target] = &[
    target("json", protocol::json, 5_000),
    target("amount", protocol::amount, 5_000),
    target("base64", protocol::base64, 5_000),
    target("jwk", protocol::jwk, 3_000),
    target("statement", protocol::statement, 2_000),
    target("payload", protocol::payload, 3_000),
    target("offer", protocol::offer, 2_000),
    target("party", protocol::party, 2_000),
    target("mint_keys", protocol::mint_keys, 1_000),
    target("bodies", protocol::bodies, 3_000),
    target("operation", protocol::operation, 2_000),
    target("by_hand", protocol::by_hand, 3_000),
    target("payment", protocol::payment, 3_000),
    target("deposit_answer", protocol::deposit_answer, 2_000),
    target("mint_requests", protocol::mint_requests, 1_000),
    target("content", protocol::content, 3_000),
    target("record_proof", protocol::record_proof, 3_000),
    target("sealed", protocol::sealed, 1_500),
    target("config", files::config, 2_000),
    target("catalogue_md", files::catalogue_md, 1_500),
    target("catalogue_csv", files::catalogue_csv, 1_500),
    target("bank_file", bank::bank_file, 2_000),
    target("epc", bank::epc, 3_000),
    target("journal", wallet::journal, 1_500),
    target("backup", wallet::backup, 1_500),
    target("call", wallet::call, 2_000),
    target("answers", wallet::answers, 800),
];

/// The target of this name.
pub fn find(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// The folder of all corpora.
pub fn corpora() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus")
}

/// A target's corpus, in the order of the files' names.
///
/// # Errors
/// Where the folder is missing or cannot be read.
pub fn corpus(name: &str) -> Outcome<Vec<Vec<u8>>> {
    let folder = corpora().join(name);
    let entries = fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Outcome<Vec<_>>>()?;
    paths.sort();
    paths.iter().map(|path| Ok(fs::read(path)?)).collect()
}

/// Gives an input to the target of this name, as the fuzzer does.
pub fn run(name: &str, input: &[u8]) {
    let target = find(name);
    assert!(target.is_some(), "there is no target {name}");
    if let Some(target) = target {
        (target.run)(input);
    }
}
