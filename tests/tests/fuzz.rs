//! Every fuzz target on its corpus, and on thousands of inputs made from it by a seed.
//!
//! `SEMPER_FUZZ=100000` makes so many of each target, `SEMPER_FUZZ_SEED` begins elsewhere; `tests/fuzz` has libFuzzer do it.
#![allow(missing_docs)]

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use semper_server::merchant::OPERATORS_BODIES;
use semper_tests::Outcome;
use semper_tests::fuzz::kinds::{self, Kind, REQUESTS, STATEMENTS};
use semper_tests::fuzz::mutate::mutate;
use semper_tests::fuzz::{TARGETS, Target, corpora, corpus};
use semper_tests::simulation::Chance;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Runs one input; a panic is told with the input.
fn try_one(target: &Target, input: &[u8], what: &str) -> Outcome {
    let run = AssertUnwindSafe(|| (target.run)(input));
    catch_unwind(run).map_err(|_| {
        let kept = std::env::temp_dir().join(format!("semper-fuzz-{}", target.name));
        let kept_too = fs::write(&kept, input).is_ok();
        format!("{} panics on {what}, kept: {kept_too}, in {}", target.name, kept.display()).into()
    })
}

#[test]
fn every_target_stands_its_corpus() -> Outcome {
    for target in TARGETS {
        let inputs = corpus(target.name)?;
        assert!(!inputs.is_empty(), "{} has no corpus", target.name);
        for (index, input) in inputs.iter().enumerate() {
            try_one(target, input, &format!("number {index} of its corpus"))?;
        }
        try_one(target, &[], "nothing")?;
    }
    Ok(())
}

/// One of these a test of its own would be nicer to read and slower to link; halves of the list run side by side.
fn mutated(targets: impl Iterator<Item = &'static Target>) -> Outcome {
    let first = number("SEMPER_FUZZ_SEED").unwrap_or(0);
    for target in targets {
        let inputs = corpus(target.name)?;
        for seed in first..first + number("SEMPER_FUZZ").unwrap_or(target.inputs) {
            let input = mutate(&inputs, &mut Chance::new(seed));
            try_one(target, &input, &format!("what seed {seed} makes (SEMPER_FUZZ_SEED={seed} SEMPER_FUZZ=1)"))?;
        }
    }
    Ok(())
}

#[test]
fn even_targets_stand_mutated_inputs() -> Outcome {
    mutated(TARGETS.iter().step_by(2))
}

#[test]
fn odd_targets_stand_mutated_inputs() -> Outcome {
    mutated(TARGETS.iter().skip(1).step_by(2))
}

/// The sources of a crate, but for those that are tests.
fn sources(folder: &Path, all: &mut Vec<String>) -> Outcome {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type()?.is_dir() {
            if name != "tests" && name != "vectors" {
                sources(&entry.path(), all)?;
            }
        } else if name.ends_with(".rs") && name != "tests.rs" {
            let text = fs::read_to_string(entry.path())?;
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            let code = code.take_while(|line| line.trim() != "mod tests {");
            all.push(code.collect::<Vec<_>>().join("\n"));
        }
    }
    Ok(())
}

/// What stands between `before` and `after` in the sources of a crate.
fn named(sources: &[String], before: &str, after: char) -> BTreeSet<String> {
    let in_one = |text: &String| -> Vec<String> {
        let rest = text.split(before).skip(1);
        rest.filter_map(|rest| rest.split_once(after)).map(|(name, _)| name.to_owned()).collect()
    };
    sources.iter().flat_map(in_one).collect()
}

/// A statement or a request that is added is decoded by a target, and one of the target's corpus gets through to it.
#[test]
fn every_statement_and_every_request_is_decoded_by_a_target() -> Outcome {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let (mut shared, mut server) = (Vec::new(), Vec::new());
    sources(&root.join("shared/src"), &mut shared)?;
    sources(&root.join("merchant-server/src"), &mut server)?;
    let list = |kinds: &mut dyn Iterator<Item = &'static Kind>| kinds.map(|(name, _)| (*name).to_owned()).collect();
    let statements: BTreeSet<String> = list(&mut STATEMENTS.iter());
    assert_eq!(named(&shared, "const TYP: &'static str = \"", '"'), statements, "the statements");
    let requests: BTreeSet<String> = list(&mut REQUESTS.iter().chain(OPERATORS_BODIES));
    let mut taken = named(&server, "Json<", '>');
    taken.remove("T");
    assert_eq!(taken, requests, "what handlers take");
    let bodies = kinds::bodies().map(|kind| ("bodies", kind));
    for (target, (name, read)) in bodies.chain(STATEMENTS.iter().map(|kind| ("payload", kind))) {
        let known = corpus(target)?.iter().any(|input| read(input));
        assert!(known, "nothing in the corpus of {target} is a {name}");
    }
    Ok(())
}

/// Each target is a program of the fuzzer's, and each folder of the corpus a target's.
#[test]
fn the_fuzzer_has_every_target() -> Outcome {
    let named: BTreeSet<String> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    let entries = fs::read_dir(corpora())?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    assert_eq!(entries.collect::<Outcome<BTreeSet<_>>>()?, named, "the corpora");
    let folder = corpora().join("..");
    let manifest = fs::read_to_string(folder.join("Cargo.toml"))?;
    for name in &named {
        let program = fs::read_to_string(folder.join(format!("fuzz_targets/{name}.rs")))?;
        assert!(program.contains(&format!("\"{name}\"")), "{name}.rs runs another target");
        assert!(manifest.contains(&format!("name = \"{name}\"\n")), "{name} is no program");
    }
    Ok(())
}
