//! A database that a server of this process has had, for tests.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

/// Waits until nobody has the database: a server that has stopped answering lets go of it a little later, when the last of its
/// threads ends.
///
/// # Errors
/// Where its lock cannot be opened.
pub async fn released(database: &Path) -> std::io::Result<()> {
    let lock = File::open(database.with_extension("lock"))?;
    while lock.try_lock().is_err() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}
