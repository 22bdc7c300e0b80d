//! Each rule is shown what it forbids, and what it allows beside it.

use crate::rules::{self, Complaint};
use crate::source::Source;

fn lines(complaints: Vec<Complaint>) -> Vec<String> {
    complaints.iter().map(Complaint::to_string).collect()
}

/// The line numbers a rule names in one file.
fn bitten(rule: fn(&Source) -> Vec<Complaint>, path: &str, text: &str) -> Vec<usize> {
    let number = |line: String| line.split(':').nth(1).and_then(|number| number.parse().ok());
    lines(rule(&Source::new(path, text))).into_iter().filter_map(number).collect()
}

#[test]
fn a_layer_that_reaches_up() {
    let path = "shared/src/items/payment/mod.rs";
    assert_eq!(bitten(rules::layers, path, "\nuse crate::commerce::Deal;"), [2]);
    assert_eq!(bitten(rules::layers, path, "use crate::{\n  security::Key,\n  exchange::{a, b},\n};"), [3]);
    assert_eq!(bitten(rules::layers, path, "fn f() { crate::exchange::g() }"), [1]);
    assert_eq!(bitten(rules::layers, path, "use super::super::commerce::Deal;"), [1]);
    assert_eq!(bitten(rules::layers, "shared/src/helpers.rs", ""), [1]);
    assert_eq!(bitten(rules::layers, "shared/src/commerce/mod.rs", "use crate::vectors::run;"), [1]);

    assert!(bitten(rules::layers, path, "use crate::{foundation::Amount, items::party::{self}};").is_empty());
    assert!(bitten(rules::layers, path, "// crate::commerce uses this\nuse super::party;").is_empty());
    assert!(bitten(rules::layers, "shared/src/commerce/mod.rs", "use crate::items::payment;").is_empty());
    assert!(bitten(rules::layers, "shared/src/lib.rs", "pub use crate::commerce::Deal;").is_empty());
}

#[test]
fn a_party_that_imports_another() {
    let path = "merchant-server/src/merchant/orders.rs";
    assert_eq!(bitten(rules::parties, path, "use crate::mint::Ledger;"), [1]);
    assert_eq!(bitten(rules::parties, path, "use crate::{http, bank::Account};"), [1]);
    assert_eq!(bitten(rules::parties, path, "use super::super::mint::Ledger;"), [1]);
    assert_eq!(bitten(rules::parties, "merchant-server/src/bank.rs", "use crate::mint;"), [1]);

    assert!(bitten(rules::parties, path, "use crate::merchant::Shop; use super::store;").is_empty());
    assert!(bitten(rules::parties, path, "let text = \"crate::mint\";").is_empty());
    assert!(bitten(rules::parties, "merchant-server/src/demo.rs", "use crate::{bank, mint};").is_empty());
}

#[test]
fn a_wallet_core_that_knows_its_surroundings() {
    let path = "client-wasm/src/core/purse.rs";
    assert_eq!(bitten(rules::wallet_core, path, "use crate::browser::store;"), [1]);
    assert_eq!(bitten(rules::wallet_core, path, "\n#[wasm_bindgen::prelude::wasm_bindgen]"), [2, 2]);
    assert_eq!(bitten(rules::wallet_core, path, "async fn f(c: reqwest::Client) {}"), [1]);

    assert!(bitten(rules::wallet_core, path, "//! Not wasm_bindgen.\nuse crate::core::Http;").is_empty());
    assert!(bitten(rules::wallet_core, "client-wasm/src/browser/mod.rs", "use wasm_bindgen::JsValue;").is_empty());
}

#[test]
fn a_closed_type_without_its_mark() {
    let path = "shared/src/items/party.rs";
    assert_eq!(bitten(rules::closed_types, path, "\n#[serde(deny_unknown_fields)]\nstruct A {}"), [2]);
    let other = "#[serde(rename = \"closed A\")]\nstruct A {}\n#[serde(default, deny_unknown_fields)]\nstruct B {}";
    assert_eq!(bitten(rules::closed_types, path, other), [3]);

    let marked = "// deny_unknown_fields\n#[serde(rename = \"closed A\", deny_unknown_fields)]\nstruct A {}";
    assert!(bitten(rules::closed_types, path, marked).is_empty());
}

#[test]
fn a_file_that_is_too_long() {
    let long = "line();\n".repeat(701);
    assert_eq!(bitten(rules::file_length, "www/shop/shop.js", &long), [701]);
    assert_eq!(bitten(rules::file_length, "xtask/src/run.rs", &long), [701]);

    let short = "line();\n".repeat(700);
    assert!(bitten(rules::file_length, "www/shop/shop.css", &short).is_empty());
    let tested = format!("{short}#[cfg(test)]\nmod tests {{\n{long}}}\n");
    assert!(bitten(rules::file_length, "shared/src/lib.rs", &tested).is_empty());
    let in_the_middle = format!("#[cfg(test)]\nmod tests {{ }}\n{long}");
    assert_eq!(bitten(rules::file_length, "shared/src/lib.rs", &in_the_middle), [701]);
}

#[test]
fn a_function_that_is_too_long() {
    let function = |lines: usize| {
        let body = "    call(\"}\", '}', b'{', r#\"}\"#); // }\n".repeat(lines);
        format!("type F = fn(u8) -> [u8; 2];\nfn f<'a>(x: &'a [u8; 2]) -> F {{\n{body}}}\n")
    };
    assert_eq!(bitten(rules::function_length, "xtask/src/run.rs", &function(101)), [2]);
    assert!(bitten(rules::function_length, "xtask/src/run.rs", &function(100)).is_empty());
    let declared = format!("trait T {{\n    fn f();\n{}}}", "    fn g() {}\n".repeat(200));
    assert!(bitten(rules::function_length, "xtask/src/run.rs", &declared).is_empty());
}

#[test]
fn loose_ends() {
    let found = |files: &[(&str, &str)]| {
        let sources: Vec<Source> = files.iter().map(|(path, text)| Source::new(*path, *text)).collect();
        lines(rules::loose_ends(&sources.iter().collect::<Vec<_>>()))
    };
    let path = "shared/src/foundation/time.rs";
    for bad in ["fn f() { todo!() }", "fn f() { unimplemented!() }", "fn f() { g().unwrap() }"] {
        assert_eq!(found(&[(path, bad)]).len(), 1, "{bad}");
    }
    let after_tests = "#[cfg(test)]\nmod tests {}\nfn f() { g().unwrap() }";
    assert_eq!(found(&[(path, after_tests)]).len(), 1);
    for good in [
        "/// `x.unwrap()` is forbidden, todo! too.\nfn f() { g().unwrap_or_default() }",
        "fn f() {}\n#[cfg(test)]\n#[allow(dead_code)]\nmod tests {\n    fn f() { g().unwrap() }\n}\n",
        "fn f() -> &'static str { r##\"todo!() \"# .unwrap()\"## }",
    ] {
        assert!(found(&[(path, good)]).is_empty(), "{good}");
    }
    let parent = ("shared/src/items/mod.rs", "#[cfg(test)]\npub(crate) mod fixtures;\nmod party;");
    let body = "fn f() { g().unwrap() }";
    assert!(found(&[parent, ("shared/src/items/fixtures.rs", body)]).is_empty());
    assert!(found(&[parent, ("shared/src/items/fixtures/coins.rs", body)]).is_empty());
    assert_eq!(found(&[parent, ("shared/src/items/party.rs", body)]).len(), 1);
}

#[test]
fn a_module_without_a_page() {
    let module = |path: &str| vec![Source::new(path, "")];
    let pages = vec!["shared/spec/ecash.md".to_owned()];
    assert_eq!(rules::specification(&module("shared/src/commerce/offer/mod.rs"), &pages).len(), 1);
    assert_eq!(rules::specification(&module("shared/src/items/payment/card/mod.rs"), &pages).len(), 1);

    for path in [
        "shared/src/items/payment/ecash/mod.rs",
        "shared/src/items/payment/ecash/refresh/mod.rs",
        "shared/src/items/mod.rs",
        "shared/src/items/party.rs",
        "shared/src/security/blinding/mod.rs",
    ] {
        assert!(rules::specification(&module(path), &pages).is_empty(), "{path}");
    }
}

#[test]
fn a_statement_without_a_name() {
    let statement = |path: &str, typ: &str| {
        let text = format!("impl Statement for X {{\n    const TYP: &'static str = \"{typ}\";\n}}\n");
        vec![Source::new(path, text)]
    };
    let texts = ["en", "de"].map(|language| {
        let more = if language == "en" { "\"statement.new\": \"New\",\n" } else { "" };
        Source::new(format!("www/wallet/text/{language}.js"), format!("{more}\"statement.old\": \"Old\",\n"))
    });
    let path = "shared/src/items/x.rs";
    assert!(rules::statement_names(&statement(path, "semper-old+jwt"), &texts).is_empty());
    let found = lines(rules::statement_names(&statement(path, "semper-new+jwt"), &texts));
    assert!(found.len() == 1 && found[0].contains("www/wallet/text/de.js"), "{found:?}");
    assert_eq!(rules::statement_names(&statement(path, "semper-other+jwt"), &texts).len(), 2);
    assert!(rules::statement_names(&statement("shared/src/vectors/x.rs", "semper-other+jwt"), &texts).is_empty());
}
