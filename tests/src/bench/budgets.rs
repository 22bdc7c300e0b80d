//! The budgets beside what was measured, as a table for `docs/performance.md`.

use std::fmt::Write as _;

use self::Bound::{AtLeast, AtMost};
use super::report::Report;

/// What is measured against, and on which side of it a figure must be.
enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

/// The table, in Markdown.
pub fn table(report: &Report) -> String {
    let sqlite = report.purchase.get("sqlite").copied().unwrap_or_default();
    let half = report.half_load.get("purchase").and_then(|stores| stores.get("sqlite")).copied().unwrap_or_default();
    let stored = report.stored_per_purchase.get("sqlite");
    let (mint, merchant) = stored.map_or((0.0, 0.0), |stored| (stored.mint, stored.merchant));
    let bytes = report.wasm_brotli_bytes.and_then(|bytes| u32::try_from(bytes).ok()).map_or(0.0, f64::from);
    let rows = [
        ("purchases a second, SQLite", AtLeast(2_000.0), sqlite.per_s, 0, ""),
        ("99th percentile at half that load", AtMost(50.0), half.p99_ms, 1, " ms"),
        ("purchases on PostgreSQL, two replicas over one", AtLeast(1.6), report.replicas_ratio, 2, " ×"),
        ("purchases over a Cashu mint's swaps, measured elsewhere", AtLeast(15.0), report.cashu_ratio, 1, " ×"),
        ("coins issued a second and core", AtLeast(3_000.0), report.micro.issue_per_s_core, 0, ""),
        ("verifying a coin", AtMost(120.0), report.micro.verify_us, 0, " µs"),
        ("stored a purchase at the mint, SQLite", AtMost(1_000.0), mint, 0, " bytes"),
        ("stored a purchase at the merchant, SQLite", AtMost(4_000.0), merchant, 0, " bytes"),
        ("coins a purchase", AtMost(2.0), report.coins_per_purchase.mean, 2, ""),
        ("wasm, brotli", AtMost(250_000.0), bytes, 0, " bytes"),
    ];
    let mut text = String::from("| what | budget | measured | |\n| --- | --- | --- | --- |\n");
    for (what, bound, measured, digits, unit) in rows {
        let (side, limit, met) = match bound {
            AtLeast(limit) => ("at least", limit, measured >= limit),
            AtMost(limit) => ("at most", limit, measured <= limit),
        };
        let met = if measured <= 0.0 {
            "not measured"
        } else if met {
            "met"
        } else {
            "not met"
        };
        // Writing into a text cannot fail.
        let _ = writeln!(text, "| {what} | {side} {limit}{unit} | {measured:.digits$}{unit} | {met} |");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::{ByStore, Figures};
    use super::*;

    #[test]
    fn each_figure_stands_beside_its_budget() {
        let figures = Figures { per_s: 2_345.6, ..Figures::default() };
        let report = Report {
            purchase: ByStore::from([("sqlite", figures)]),
            replicas_ratio: 1.25,
            cashu_ratio: 19.5,
            ..Report::default()
        };
        let table = table(&report);
        for row in [
            "| purchases a second, SQLite | at least 2000 | 2346 | met |",
            "| purchases on PostgreSQL, two replicas over one | at least 1.6 × | 1.25 × | not met |",
            "| wasm, brotli | at most 250000 bytes | 0 bytes | not measured |",
        ] {
            assert!(table.contains(row), "{table}");
        }
    }
}
