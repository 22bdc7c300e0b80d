//! The shape of the house, held by tests: layers, parties, file and function length, no loose ends, a page per module.
//!
//! The rules are plain functions over a file's text ([`rules`]); here they meet the working tree, and `bites` shows
//! each of them a text that breaks it, so that none can pass by being blind.

mod bites;
mod rules;
mod source;

use std::fs;
use std::path::{Path, PathBuf};

use rules::Complaint;
use source::Source;

/// Folders whose files ship.
const SHIPPING: [&str; 3] = ["shared/src/", "client-wasm/src/", "merchant-server/src/"];

/// Where people write code; build output and installed packages are elsewhere or skipped.
const ROOMS: [&str; 6] = ["shared", "client-wasm", "merchant-server", "www", "tests", "xtask"];

/// What the rules below are about. A rule over a folder that moved away would hold for ever.
const MUST_EXIST: [&str; 9] = [
    "shared/src/foundation",
    "shared/src/security",
    "shared/src/items",
    "shared/src/commerce",
    "shared/spec",
    "client-wasm/src/core",
    "merchant-server/src/merchant",
    "merchant-server/src/mint",
    "merchant-server/src/bank",
];

fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests).to_path_buf()
}

/// Every file with one of the endings, its path from the root with forward slashes.
fn sources(endings: &[&str]) -> Vec<Source> {
    let mut found = Vec::new();
    for room in ROOMS {
        walk(&root().join(room), &mut |path| {
            let name = path.strip_prefix(root()).unwrap_or(path).to_string_lossy().replace('\\', "/");
            let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
            if endings.contains(&ending)
                && let Ok(text) = fs::read_to_string(path)
            {
                found.push(Source::new(name, text));
            }
        });
    }
    found
}

fn walk(folder: &Path, visit: &mut impl FnMut(&Path)) {
    const SKIPPED: [&str; 3] = ["node_modules", "pkg", "target"];
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if !path.is_dir() {
            visit(&path);
        } else if !name.starts_with('.') && !SKIPPED.contains(&name.as_str()) {
            walk(&path, visit);
        }
    }
}

fn rust() -> Vec<Source> {
    sources(&["rs"])
}

fn report(complaints: &[Complaint]) {
    let lines: Vec<String> = complaints.iter().map(Complaint::to_string).collect();
    assert!(lines.is_empty(), "{} to mend:\n{}\n", lines.len(), lines.join("\n"));
}

fn over_all(sources: &[Source], rule: fn(&Source) -> Vec<Complaint>) {
    report(&sources.iter().flat_map(rule).collect::<Vec<_>>());
}

#[test]
fn the_rules_have_something_to_look_at() {
    let missing: Vec<_> = MUST_EXIST.into_iter().filter(|path| !root().join(path).is_dir()).collect();
    assert!(missing.is_empty(), "{missing:?} is gone. If it moved, move the rules in tests/tests/tidy with it.");
}

#[test]
fn layers_use_only_layers_below() {
    over_all(&rust(), rules::layers);
}

#[test]
fn parties_do_not_import_each_other() {
    over_all(&rust(), rules::parties);
}

#[test]
fn the_wallet_core_knows_no_browser_and_no_network() {
    over_all(&rust(), rules::wallet_core);
}

#[test]
fn files_are_one_idea_long() {
    over_all(&sources(&["rs", "js", "mjs", "ts", "css"]), rules::file_length);
}

#[test]
fn functions_are_one_idea_long() {
    over_all(&rust(), rules::function_length);
}

#[test]
fn closed_types_are_marked() {
    over_all(&rust(), rules::closed_types);
}

#[test]
fn nothing_that_ships_has_loose_ends() {
    let all = rust();
    let shipping: Vec<&Source> =
        all.iter().filter(|source| SHIPPING.iter().any(|room| source.path.starts_with(room))).collect();
    report(&rules::loose_ends(&shipping));
}

#[test]
fn every_module_has_a_page_in_the_specification() {
    let pages: Vec<String> = sources(&["md"]).into_iter().map(|source| source.path).collect();
    report(&rules::specification(&rust(), &pages));
}

#[test]
fn every_statement_has_a_name_for_people_in_every_language() {
    let mut texts = sources(&["js"]);
    texts.retain(|source| source.path.starts_with("www/wallet/text/"));
    let names: Vec<&str> = texts.iter().map(|source| source.path.as_str()).collect();
    assert!(names.len() >= 3, "{names:?}");
    report(&rules::statement_names(&rust(), &texts));
}
