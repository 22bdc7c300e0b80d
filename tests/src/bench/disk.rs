//! How long the disk takes to make 4 KiB durable: the figure that every other storage figure depends on.

use std::io::Write;
use std::time::Instant;

use crate::Outcome;

/// The median of 200 appends of 4 KiB, each followed by `fdatasync`.
///
/// # Errors
/// Where the disk refuses.
pub(super) fn fdatasync_p50_ms() -> Outcome<f64> {
    let mut file = tempfile::tempfile()?;
    let mut times = Vec::new();
    for _ in 0..200 {
        let begun = Instant::now();
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}
