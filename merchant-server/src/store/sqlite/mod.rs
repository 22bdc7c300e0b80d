//! SQLite: one writer with group commit, and connections that only read.
//!
//! ```
//! use semper_server::store::{StoreError, sqlite::{Database, Schema}};
//!
//! const SCHEMA: Schema = Schema {
//!     application: u32::from_be_bytes(*b"demo"),
//!     migrations: &["CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT"],
//! };
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), StoreError> {
//! # let folder = tempfile::tempdir().expect("a folder");
//! let database = Database::open(&folder.path().join("demo.sqlite"), &SCHEMA, None)?;
//! let value: i64 = database.write(|tx| {
//!     tx.prepare_cached("INSERT INTO counter VALUES ('a', 1) ON CONFLICT DO UPDATE SET value = value + 1 RETURNING value")?
//!         .query_row((), |row| row.get(0))
//!         .map_err(StoreError::from)
//! }).await?;
//! let read: i64 = database.read(|connection| {
//!     Ok::<_, StoreError>(connection.prepare_cached("SELECT value FROM counter")?.query_row((), |row| row.get(0))?)
//! })?;
//! assert_eq!((value, read), (1, 1));
//! # Ok(()) }
//! ```

mod migrate;
pub mod probe;
mod readers;
mod session;
mod writer;

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags};

pub use migrate::Schema;
pub(super) use session::open;

use self::readers::Readers;
use self::writer::Writer;
use super::StoreError;

/// Writes that may wait before further ones are refused as busy.
const QUEUE: usize = 4_096;

/// Prepared statements a connection keeps.
const STATEMENTS: usize = 256;

/// A database of one party. Cheap to clone; the last clone that goes finishes the waiting writes and closes it.
#[derive(Clone)]
pub struct Database(Arc<Inner>);

struct Inner {
    // Dropped in this order: the writer ends before the lock goes.
    writer: Writer,
    readers: Readers,
    path: PathBuf,
    _lock: File,
}

impl Database {
    /// Opens the database, makes it where there is none, and brings its tables to this version. The folder is made too.
    ///
    /// # Errors
    /// [`StoreError::InUse`] where another process has it, [`StoreError::Foreign`] where it belongs to another version or party.
    pub fn open(path: &Path, schema: &Schema, metrics: Option<&prometheus::Registry>) -> Result<Self, StoreError> {
        let cannot_open = |source: std::io::Error| StoreError::Open { path: path.to_owned(), source: Arc::new(source) };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(cannot_open)?;
        }
        let lock = File::create(path.with_extension("lock")).map_err(cannot_open)?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => StoreError::InUse(path.to_owned()),
            TryLockError::Error(source) => cannot_open(source),
        })?;
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
        Ok(Self(Arc::new(Inner { writer, readers, path: path.to_owned(), _lock: lock })))
    }

    /// Runs `job` in a transaction and answers once that is durable. Jobs run one after the other, many to a commit; each
    /// is rolled back alone where it answers with an error. A job that was queued runs even if its caller goes away.
    ///
    /// Keep what takes long out of the job (signatures, hashing, parsing), since all others wait for it.
    ///
    /// # Errors
    /// The job's own, or a [`StoreError`] as one: [`StoreError::Busy`] where too many wait.
    pub async fn write<T, E, F>(&self, job: F) -> Result<T, E>
    where
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.0.writer.write(job).await
    }

    /// Reads what is committed. Runs on the caller's thread, since a lookup takes microseconds: no scans on a hot path.
    ///
    /// # Errors
    /// The reader's own.
    pub fn read<T, E>(&self, reader: impl FnOnce(&Connection) -> Result<T, E>) -> Result<T, E> {
        self.0.readers.read(reader)
    }

    /// Reads several things as they stood at one moment.
    ///
    /// # Errors
    /// The reader's own, or a [`StoreError`] as one.
    pub fn snapshot<T, E: From<StoreError>>(&self, reader: impl FnOnce(&Connection) -> Result<T, E>) -> Result<T, E> {
        self.0.readers.read(|connection| {
            let transaction = connection.unchecked_transaction().map_err(StoreError::from)?;
            reader(&transaction)
        })
    }

    /// Whether a read works and writes are taken: for `/ready`.
    ///
    /// # Errors
    /// Says what does not work.
    pub fn check(&self) -> Result<(), String> {
        self.0.writer.check()?;
        self.read(|connection| connection.query_row("SELECT 1", (), |_| Ok(()))).map_err(|error| error.to_string())
    }

    /// The database's file.
    pub fn path(&self) -> &Path {
        &self.0.path
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Database({})", self.0.path.display())
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
