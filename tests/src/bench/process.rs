//! What a process has used, read from `/proc`.

use std::fs;
use std::path::Path;

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

/// The bytes of all databases below a folder, write-ahead logs not counted.
///
/// # Errors
/// Where the folder cannot be read.
pub(super) fn database_bytes(folder: &Path) -> Outcome<f64> {
    let mut sum = 0.0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sum += database_bytes(&entry.path())?;
        } else if entry.path().extension().is_some_and(|extension| extension == "sqlite") {
            sum += f64::from(u32::try_from(entry.metadata()?.len())?);
        }
    }
    Ok(sum)
}
