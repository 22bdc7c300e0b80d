//! SQLite behind the layer ([`super::sql`]): one writer with group commit, and connections that only read.

pub(super) mod inspect;
mod migrate;
pub mod probe;
mod readers;
#[cfg(any(test, feature = "testing"))]
mod released;
mod session;
mod writer;

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags};

use self::readers::Readers;
#[cfg(any(test, feature = "testing"))]
pub use self::released::released;
use self::session::Connected;
use self::writer::Writer;
use super::StoreError;
use super::sql::Schema;
use super::sql::seam::{Access, Backend, Job};

/// Writes that may wait before further ones are refused as busy.
const QUEUE: usize = 4_096;

/// Prepared statements a connection keeps.
const STATEMENTS: usize = 256;

/// A database in a file. When it is dropped, it finishes the waiting writes.
pub(super) struct Sqlite {
    // Dropped in this order: the writer ends before the lock goes.
    writer: Writer,
    readers: Readers,
    path: PathBuf,
    _lock: File,
}

impl Sqlite {
    /// Opens the database, makes it where there is none, and brings its tables to this version. The folder is made too.
    ///
    /// # Errors
    /// [`StoreError::InUse`] where another process has it, [`StoreError::Foreign`] where it belongs to another version or party.
    pub(super) fn open(
        path: &Path,
        schema: &Schema,
        metrics: Option<&prometheus::Registry>,
    ) -> Result<Self, StoreError> {
        let cannot_open = |source: std::io::Error| StoreError::Open { path: path.to_owned(), source: Arc::new(source) };
        let folder = path.parent().unwrap_or(Path::new("."));
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(cannot_open)?;
        let lock = File::create(path.with_extension("lock")).map_err(cannot_open)?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => StoreError::InUse(path.to_owned()),
            TryLockError::Error(source) => cannot_open(source),
        })?;
        // It is its owner's alone. SQLite gives its side files the mode of the database, which therefore must be there first.
        OpenOptions::new().create(true).append(true).mode(0o600).open(path).map_err(cannot_open)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = connect(path, flags)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        // FULL makes every commit durable before it is answered: money must not depend on the power supply.
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "wal_autocheckpoint", 4_000)?;
        connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
        migrate::migrate(&mut connection, path, schema)?;
        let readers = Readers::open(path)?;
        let writer = Writer::start(connection, QUEUE, metrics)?;
        Ok(Self { writer, readers, path: path.to_owned(), _lock: lock })
    }
}

impl Backend for Sqlite {
    fn submit(&self, access: Access, mut job: Box<dyn Job>) -> Result<(), StoreError> {
        match access {
            Access::Write => return self.writer.submit(job),
            Access::Read => self.readers.read(|connection| {
                job.run(&mut Connected(connection));
                Ok::<_, StoreError>(())
            })?,
            Access::Snapshot => self.readers.read(|connection| {
                // Its end rolls back what has not changed anything.
                let _transaction = connection.unchecked_transaction()?;
                job.run(&mut Connected(connection));
                Ok::<_, StoreError>(())
            })?,
        }
        job.finish(Ok(()));
        Ok(())
    }

    fn check(&self) -> Result<(), String> {
        self.writer.check()?;
        let read = self.readers.read(|connection| connection.query_row("SELECT 1", (), |_| Ok(())));
        read.map_err(|error: rusqlite::Error| error.to_string())
    }

    fn name(&self) -> String {
        self.path.display().to_string()
    }
}

/// Opens a connection with the settings that readers and the writer share.
fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", -32_768)?;
    Ok(connection)
}

#[cfg(test)]
mod tests;
