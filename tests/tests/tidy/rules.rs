//! The rules, each a function from files to what is wrong with them and what to do about it.

use std::fmt;

use crate::source::{Source, after_attributes, closing, is_word, line_at, word_positions};

/// The staircase, lowest first: a layer uses only itself and those before it. The runner of the test vectors stands on top.
const LAYERS: [&str; 6] = ["foundation", "security", "items", "exchange", "commerce", "vectors"];

/// Folders of the server that are parties: they meet through published messages only.
const PARTIES: [&str; 7] = ["merchant", "mint", "bank", "gateway", "notary", "issuer", "directory"];

/// What only the wallet's outer parts may know.
const OUTSIDE_THE_CORE: [&str; 4] = ["wasm_bindgen", "js_sys", "web_sys", "reqwest"];

const LONGEST_FILE: usize = 700;
const LONGEST_FUNCTION: usize = 100;

/// Something to mend.
#[derive(Debug)]
pub(crate) struct Complaint {
    path: String,
    line: usize,
    what: String,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

fn complaint(source: &Source, line: usize, what: impl Into<String>) -> Complaint {
    Complaint { path: source.path.clone(), line, what: what.into() }
}

/// A layer of the protocol crate uses only those below.
pub(crate) fn layers(source: &Source) -> Vec<Complaint> {
    if !source.path.starts_with("shared/src/") {
        return Vec::new();
    }
    let Some(&own) = source.module().first() else {
        return Vec::new();
    };
    let Some(height) = LAYERS.iter().position(|layer| *layer == own) else {
        return vec![complaint(source, 1, format!("outside every layer; move it into one of {LAYERS:?}"))];
    };
    let mut found = climbs_to_the_root(source);
    for (line, name) in crate_paths(&source.code) {
        if LAYERS[height + 1..].contains(&name.as_str()) {
            found.push(complaint(
                source,
                line,
                format!("{own} uses {name}, a layer above it; move the code up, or what it needs down"),
            ));
        }
    }
    found
}

/// A party of the server never names another one's code.
///
/// A party's tests may start its neighbours: they then talk as they do in earnest.
pub(crate) fn parties(source: &Source) -> Vec<Complaint> {
    let is_test = source.path.contains("/tests/") || source.path.ends_with("/tests.rs");
    if !source.path.starts_with("merchant-server/src/") || is_test {
        return Vec::new();
    }
    let own = match source.module().first() {
        Some(own) if PARTIES.contains(own) => (*own).to_owned(),
        _ => return Vec::new(),
    };
    let mut found = climbs_to_the_root(source);
    for (line, name) in crate_paths(&source.code) {
        if name != own && PARTIES.contains(&name.as_str()) {
            found.push(complaint(
                source,
                line,
                format!("the {own} imports the {name}; parties talk through messages of the protocol crate"),
            ));
        }
    }
    found
}

/// The wallet's core is driven through ports; the browser and the network are behind them.
pub(crate) fn wallet_core(source: &Source) -> Vec<Complaint> {
    let inside = source.path.starts_with("client-wasm/src/") && source.module().first() == Some(&"core");
    if !inside {
        return Vec::new();
    }
    let mut found = climbs_to_the_root(source);
    let browser = crate_paths(&source.code).into_iter().filter(|(_, name)| name == "browser");
    let outside = OUTSIDE_THE_CORE.into_iter().flat_map(|word| {
        word_positions(&source.code, word).map(move |at| (line_at(&source.code, at), word.to_owned()))
    });
    for (line, name) in browser.chain(outside) {
        found.push(complaint(
            source,
            line,
            format!("the wallet's core knows {name}; put it behind a port, the core stays the same everywhere"),
        ));
    }
    found
}

/// A file is one idea; what passes the limit has a second one in it.
pub(crate) fn file_length(source: &Source) -> Vec<Complaint> {
    // What others wrote stays as they wrote it.
    if source.path.contains("/vendor/") {
        return Vec::new();
    }
    let counted = if source.code.is_empty() { &source.text } else { source.code_without_tests() };
    let lines = counted.lines().count();
    if lines <= LONGEST_FILE {
        return Vec::new();
    }
    let what = format!("{lines} lines, at most {LONGEST_FILE}; find the second idea and give it a file");
    vec![complaint(source, LONGEST_FILE + 1, what)]
}

/// So is a function.
pub(crate) fn function_length(source: &Source) -> Vec<Complaint> {
    let code = source.code.as_str();
    let mut found = Vec::new();
    for at in word_positions(code, "fn") {
        let rest = code[at + 2..].trim_start();
        let name: String = rest.chars().take_while(|&c| is_word(c)).collect();
        let Some(body) = body(rest).filter(|_| !name.is_empty()) else {
            continue;
        };
        let Some((end, _)) = closing(body) else {
            continue;
        };
        let lines = body[..end].matches('\n').count().saturating_sub(1);
        if lines > LONGEST_FUNCTION {
            found.push(complaint(
                source,
                line_at(code, at),
                format!("fn {name} has {lines} lines, at most {LONGEST_FUNCTION}; name its steps as functions"),
            ));
        }
    }
    found
}

/// Nothing unfinished and nothing that gives up ships; tests may do as they like.
pub(crate) fn loose_ends(sources: &[&Source]) -> Vec<Complaint> {
    const ENDS: [(&str, &str); 3] = [
        ("todo!", "finish it, or leave the feature out"),
        ("unimplemented!", "finish it, or return an error that says so"),
        (".unwrap()", "return an error, or make the state impossible"),
    ];
    let test_only: Vec<String> = sources.iter().flat_map(|source| test_modules(source)).collect();
    let mut found = Vec::new();
    for source in sources.iter().filter(|source| !is_test(source, &test_only)) {
        let code = source.code_without_tests();
        for (needle, remedy) in ENDS {
            for (at, _) in code.match_indices(needle) {
                if needle.starts_with('.') || !code[..at].ends_with(is_word) {
                    found.push(complaint(source, line_at(code, at), format!("{needle} ships; {remedy}")));
                }
            }
        }
    }
    found
}

/// Every folder module of items and commerce, and of the managers in them, has a page of its own.
pub(crate) fn specification(sources: &[Source], pages: &[String]) -> Vec<Complaint> {
    const DEEPEST: usize = 3;
    let mut found = Vec::new();
    for source in sources.iter().filter(|s| s.path.starts_with("shared/src/") && s.path.ends_with("/mod.rs")) {
        let module = source.module();
        let [layer, .., name] = module[..] else {
            continue;
        };
        if !matches!(layer, "items" | "commerce") || module.len() > DEEPEST || name == "tests" {
            continue;
        }
        let page = format!("shared/spec/{name}.md");
        if !pages.contains(&page) {
            found.push(complaint(source, 1, format!("{name} has no page; describe its messages in {page}")));
        }
    }
    found
}

/// Every type of statement has a name that people read, in every language of the wallet. The vectors' own are none of anybody's.
pub(crate) fn statement_names(sources: &[Source], texts: &[Source]) -> Vec<Complaint> {
    let mut found = Vec::new();
    for source in sources.iter().filter(|s| s.path.starts_with("shared/src/") && !s.path.contains("/vectors/")) {
        for (number, line) in source.text.lines().enumerate() {
            let typ = line.trim_start().strip_prefix("const TYP: &'static str = \"semper-");
            let Some(name) = typ.and_then(|typ| typ.strip_suffix("+jwt\";")) else { continue };
            let key = format!("\"statement.{name}\": \"");
            for text in texts.iter().filter(|text| !text.text.contains(&key)) {
                let what =
                    format!("{name} has no name for people in {}; write it there as statement.{name}", text.path);
                found.push(complaint(source, number + 1, what));
            }
        }
    }
    found
}

/// What stands after `crate::`, with its line; a group (`crate::{a, b::c}`) gives each of its members.
fn crate_paths(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for at in word_positions(code, "crate") {
        let Some(rest) = code[at + "crate".len()..].trim_start().strip_prefix("::") else {
            continue;
        };
        let rest = rest.trim_start();
        let members = if rest.starts_with('{') { group(rest) } else { vec![rest] };
        for member in members {
            let name: String = member.trim_start().chars().take_while(|&c| is_word(c)).collect();
            let position = offset(code, member.trim_start());
            found.push((line_at(code, position), name));
        }
    }
    found
}

/// Where a part of a text begins in it.
fn offset(whole: &str, part: &str) -> usize {
    part.as_ptr().addr() - whole.as_ptr().addr()
}

/// The members of `{ … }`, split at its own commas.
fn group(code: &str) -> Vec<&str> {
    let Some((end, _)) = closing(code) else {
        return Vec::new();
    };
    let mut depth = 0_usize;
    code[1..end]
        .split(|character| {
            match character {
                '{' => depth += 1,
                '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            character == ',' && depth == 0
        })
        .filter(|member| !member.trim().is_empty())
        .collect()
}

/// `super::super::…` up to the crate's root hides which layer or party is meant.
/// A type that refuses unknown members says so in its name too, where the strict reader of JSON sees it
/// (`shared/src/foundation/json/whole.rs`); without, the reader would read over them.
pub(crate) fn closed_types(source: &Source) -> Vec<Complaint> {
    let attributes = word_positions(&source.code, "deny_unknown_fields");
    let open = attributes.filter(|at| {
        let start = source.code[..*at].rfind("#[").unwrap_or(*at);
        !source.text[start..*at].contains("rename = \"closed ")
    });
    open.map(|at| {
        let what = "the strict reader does not see this: begin with `rename = \"closed <its name>\", `";
        complaint(source, line_at(&source.code, at), what)
    })
    .collect()
}

fn climbs_to_the_root(source: &Source) -> Vec<Complaint> {
    let code = source.code.as_str();
    let depth = source.module().len();
    let mut found = Vec::new();
    let mut next = 0;
    for at in word_positions(code, "super").filter(|at| code[*at..].starts_with("super::")) {
        if at < next {
            continue;
        }
        let steps = code[at..].split("::").take_while(|step| *step == "super").count();
        next = at + steps * "super::".len();
        if steps >= depth {
            found.push(complaint(source, line_at(code, at), "climbs to the crate's root; write `crate::…`"));
        }
    }
    found
}

/// A function's body, from its brace on; none if it is only declared.
fn body(signature: &str) -> Option<&str> {
    let mut depth = 0_usize;
    for (at, character) in signature.char_indices() {
        match character {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.checked_sub(1)?,
            ';' if depth == 0 => return None,
            '{' if depth == 0 => return Some(&signature[at..]),
            _ => {}
        }
    }
    None
}

/// Where the files of `#[cfg(test)] mod name;` lie, without their ending.
fn test_modules(source: &Source) -> Vec<String> {
    let stem = source.path.strip_suffix(".rs").unwrap_or(&source.path);
    let folder = match stem.rsplit_once('/') {
        Some((folder, "mod" | "lib" | "main")) => folder,
        _ => stem,
    };
    let declared = |(at, _)| {
        let item = after_attributes(&source.code[at..]).strip_prefix("mod ")?;
        let (name, _) = item.split_once([';', '{']).filter(|(name, _)| item[name.len()..].starts_with(';'))?;
        Some(format!("{folder}/{}", name.trim()))
    };
    source.code.match_indices("#[cfg(test)]").filter_map(declared).collect()
}

fn is_test(source: &Source, test_only: &[String]) -> bool {
    test_only.iter().any(|module| {
        source.path.strip_prefix(module.as_str()).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
    })
}
