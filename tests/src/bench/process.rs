//! What processes have used, read from `/proc` and from their databases.

use std::fs;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::Outcome;

/// Clock ticks a second, which Linux fixes for user space on every architecture that this runs on.
const TICKS_PER_S: f64 = 100.0;

/// User and system CPU time of a process, in microseconds.
///
/// # Errors
/// Where there is no such process.
pub(super) fn cpu_us(id: u32) -> Outcome<f64> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
    let fields = stat.rsplit_once(')').ok_or("unexpected /proc stat")?.1;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok());
    let (user, system) = ticks(11).zip(ticks(12)).ok_or("unexpected /proc stat")?;
    Ok((user + system) / TICKS_PER_S * 1e6)
}

/// The bytes of an SQLite database, with what is only in its log yet.
///
/// # Errors
/// Where it cannot be read.
pub(super) fn database_bytes(file: &Path) -> Outcome<f64> {
    let database = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let number = |name: &str| database.pragma_query_value(None, name, |row| row.get::<_, u32>(0));
    Ok(f64::from(number("page_count")?) * f64::from(number("page_size")?))
}
