//! What an audit found.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

/// Something that is off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Whose table, and which.
    pub table: String,
    /// The row, by what names it there.
    pub row: String,
    /// The column, or what was computed.
    pub what: String,
    /// What the other tables and the signatures say it should be.
    pub expected: String,
    /// What it is.
    pub found: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, row, what, expected, found } = self;
        write!(f, "{table}, row {row}, {what}: expected {expected}, found {found}")
    }
}

/// What was read of one party, and what is off there.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) rows: BTreeMap<String, u64>,
    pub(super) sums: BTreeMap<&'static str, u64>,
    pub(super) findings: Vec<Finding>,
}

/// The whole audit.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// How many rows of each table were checked.
    pub rows: BTreeMap<String, u64>,
    /// The sums of the mint's ledger, in minor units.
    pub sums: BTreeMap<&'static str, u64>,
    /// Whether mint and bank were compared, which takes both.
    pub compared: bool,
    /// What is off.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether nothing is off.
    pub fn balances(&self) -> bool {
        self.findings.is_empty()
    }

    pub(super) fn add(&mut self, book: Book) {
        self.rows.extend(book.rows);
        self.sums.extend(book.sums);
        self.findings.extend(book.findings);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "rows checked")?;
        for (table, rows) in &self.rows {
            writeln!(f, "  {table:<24} {rows:>12}")?;
        }
        if !self.sums.is_empty() {
            writeln!(f, "the mint's ledger, in minor units")?;
            for (name, sum) in &self.sums {
                writeln!(f, "  {name:<24} {sum:>12}")?;
            }
        }
        if !self.compared {
            writeln!(f, "mint and bank were not compared: the configuration names only one of them")?;
        }
        for finding in &self.findings {
            writeln!(f, "OFF  {finding}")?;
        }
        match self.findings.len() {
            0 => write!(f, "the books balance"),
            1 => write!(f, "the books do NOT balance: 1 thing is off"),
            many => write!(f, "the books do NOT balance: {many} things are off"),
        }
    }
}
