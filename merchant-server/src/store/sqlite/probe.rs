//! How fast the disk makes things durable: every storage figure is worth as much as this number beside it.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

/// Appends 4 KiB and calls fdatasync, `samples` times, in a file of its own in `folder`; the times, shortest first.
///
/// # Errors
/// What the system says.
pub fn fdatasync_times(folder: &Path, samples: usize) -> io::Result<Vec<Duration>> {
    let path = folder.join(format!(".fdatasync-probe-{}", std::process::id()));
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).open(&path)?;
    let block = [0_u8; 4096];
    let measured = (0..samples)
        .map(|_| {
            file.write_all(&block)?;
            let started = Instant::now();
            file.sync_data()?;
            Ok(started.elapsed())
        })
        .collect::<io::Result<Vec<_>>>();
    std::fs::remove_file(&path)?;
    let mut times = measured?;
    times.sort_unstable();
    Ok(times)
}
