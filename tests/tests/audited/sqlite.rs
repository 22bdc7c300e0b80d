//! The tables in their SQLite files.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::types::Value as Cell;
use semper_tests::Outcome;
use semper_tests::parts::Parts;

use super::{Change, Depth, Tables, eventful, everything_is_found};

/// A party's file, and what was in it.
struct File {
    path: PathBuf,
    intact: Vec<u8>,
}

impl File {
    fn open(market: &Parts, party: &str) -> Outcome<Self> {
        let path = market.data().join(format!("{party}/{party}.sqlite"));
        // All of it into the one file, which is then put back after each change.
        Connection::open(&path)?.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()))?;
        let intact = std::fs::read(&path)?;
        Ok(Self { path, intact })
    }

    fn rows(&self, table: &str, columns: usize) -> Outcome<Vec<Vec<Cell>>> {
        let database = Connection::open(&self.path)?;
        let mut statement = database.prepare(&format!("SELECT * FROM \"{table}\" LIMIT 64"))?;
        let found = statement.query_map((), |row| (0..columns).map(|column| row.get(column)).collect())?;
        Ok(found.collect::<Result<_, _>>()?)
    }
}

impl Tables for File {
    fn columns(&self) -> Outcome<Vec<(String, String)>> {
        let sql = "SELECT m.name, p.name FROM sqlite_schema AS m, pragma_table_info(m.name) AS p
                   WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' ORDER BY m.name, p.cid";
        let database = Connection::open(&self.path)?;
        let mut statement = database.prepare(sql)?;
        let found = statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    fn count(&self, table: &str) -> Outcome<u64> {
        let count: i64 =
            Connection::open(&self.path)?
                .query_row(&format!("SELECT count(*) FROM \"{table}\""), (), |row| row.get(0))?;
        Ok(u64::try_from(count)?)
    }

    fn change(&mut self, table: &str, column: &str, nth: usize) -> Outcome<Change> {
        let all: Vec<String> =
            self.columns()?.into_iter().filter(|(of, _)| of == table).map(|(_, column)| column).collect();
        let place = all.iter().position(|name| name == column).ok_or("a column is lost")?;
        let rows = self.rows(table, all.len())?;
        let mut changes = rows.iter().filter_map(|row| other(&row[place]).map(|changed| (row, changed)));
        let Some((row, changed)) = changes.nth(nth) else { return Ok(Change::NoMore) };
        let database = Connection::open(&self.path)?;
        // Whoever changes rows behind the program's back does not ask for leave.
        database.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON;")?;
        let this: Vec<String> = (2..).zip(&all).map(|(number, column)| format!("\"{column}\" IS ?{number}")).collect();
        let set = format!("UPDATE \"{table}\" SET \"{column}\" = ?1 WHERE {}", this.join(" AND "));
        let values = std::iter::once(&changed).chain(row.iter());
        match database.execute(&set, rusqlite::params_from_iter(values)) {
            Ok(rows) => {
                assert_eq!(rows, 1, "{table}.{column}");
                Ok(Change::Made(format!("{:?} made {changed:?}", row[place])))
            }
            Err(rusqlite::Error::SqliteFailure(error, _)) if error.code == rusqlite::ErrorCode::ConstraintViolation => {
                Ok(Change::Refused)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Puts the whole file back.
    fn restore(&mut self, _: &str) -> Outcome {
        for beside in ["-wal", "-shm"] {
            let mut file = self.path.as_os_str().to_owned();
            file.push(beside);
            if Path::new(&file).exists() {
                std::fs::remove_file(file)?;
            }
        }
        Ok(std::fs::write(&self.path, &self.intact)?)
    }
}

/// Another value of the same kind.
fn other(value: &Cell) -> Option<Cell> {
    match value {
        Cell::Integer(number) => Some(Cell::Integer(number + 1)),
        Cell::Text(text) => {
            let middle = text.len() / 2;
            let new = if text.as_bytes().get(middle) == Some(&b'A') { "B" } else { "A" };
            let mut text = text.clone();
            if text.is_empty() || !text.is_ascii() {
                text.push_str(new);
            } else {
                text.replace_range(middle..=middle, new);
            }
            Some(Cell::Text(text))
        }
        Cell::Blob(bytes) => {
            let mut bytes = bytes.clone();
            let middle = bytes.len() / 2;
            *bytes.get_mut(middle)? ^= 1;
            Some(Cell::Blob(bytes))
        }
        _ => None,
    }
}

#[test]
fn whatever_is_changed_in_a_table_is_found() -> Outcome {
    let market = eventful(None)?;
    let most = "SELECT max(times) FROM (SELECT count(*) AS times FROM withdrawal GROUP BY reserve)";
    let most: i64 = Connection::open(market.data().join("mint/mint.sqlite"))?.query_row(most, (), |row| row.get(0))?;
    assert_eq!(most, 2, "withdrawals from one reserve");
    everything_is_found(&market, &mut File::open(&market, "mint")?, &mut File::open(&market, "bank")?, Depth::Columns)
}
