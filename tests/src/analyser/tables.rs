//! Tables, read by their schema: a table that is added later is read too.

use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

use super::capture::{Cell, Table};
use crate::Outcome;

/// Every table of a party's database.
pub(super) fn read(party: &str, path: &Path) -> Outcome<Vec<Table>> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let names: Vec<String> = connection
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")?
        .query_map((), |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    names.iter().map(|name| table(&connection, party, name)).collect()
}

fn table(connection: &Connection, party: &str, name: &str) -> Outcome<Table> {
    let mut statement = connection.prepare(&format!("SELECT * FROM \"{name}\""))?;
    let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let mut rows = Vec::new();
    let mut found = statement.query(())?;
    while let Some(row) = found.next()? {
        let cell = |index| match row.get_ref(index) {
            Ok(ValueRef::Integer(number)) => Cell::Number(number),
            Ok(ValueRef::Text(bytes) | ValueRef::Blob(bytes)) => Cell::Bytes(bytes.to_vec()),
            _ => Cell::Null,
        };
        rows.push((0..columns.len()).map(cell).collect());
    }
    let foreign: Vec<(String, String, Option<String>)> = connection
        .prepare(&format!("PRAGMA foreign_key_list(\"{name}\")"))?
        .query_map((), |row| Ok((row.get(3)?, row.get(2)?, row.get(4)?)))?
        .collect::<Result<_, _>>()?;
    let mut references = Vec::new();
    for (own, other, column) in foreign {
        let column = match column {
            Some(column) => column,
            None => primary_key(connection, &other)?,
        };
        let own = columns.iter().position(|column| *column == own).ok_or("a key without a column")?;
        references.push((own, format!("{party}.{other}"), column));
    }
    Ok(Table { name: format!("{party}.{name}"), columns, references, rows })
}

fn primary_key(connection: &Connection, table: &str) -> Outcome<String> {
    Ok(connection.query_row("SELECT name FROM pragma_table_info(?1) WHERE pk = 1", [table], |row| row.get(0))?)
}
