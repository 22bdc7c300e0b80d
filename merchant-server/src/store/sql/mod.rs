//! One SQL text for SQLite and PostgreSQL.
//!
//! A party's store is written once, on [`Database`] and [`Tx`]. What differs between databases is in the schema's scripts
//! ([`Schema`]) and behind [`seam`]. What a statement must keep to:
//!
//! - Placeholders are `?1`, `?2` …; every column is `INTEGER`/`BIGINT`, `BLOB`/`BYTEA` or `TEXT`.
//! - PostgreSQL has several writers, also in other processes, each of which sees what was committed when the statement began
//!   (READ COMMITTED). So decide by one statement (`INSERT … ON CONFLICT … RETURNING`, `UPDATE … WHERE … RETURNING`), or
//!   lock the row that you decide on: `/*FOR UPDATE*/` at the end of a `SELECT` is a comment to SQLite alone.
//! - A job may run twice, where PostgreSQL rolled it back because of another: it borrows what it captured.
//! - Sums are `CAST(coalesce(sum(x), 0) AS BIGINT)`; no `INSERT OR REPLACE`, no `max(a, b)` of two values.
//!
//! ```
//! use semper_server::store::StoreError;
//! use semper_server::store::sql::{Database, Schema, StoreConfig, values};
//!
//! const SCHEMA: Schema = Schema {
//!     application: u32::from_be_bytes(*b"demo"),
//!     name: "demo",
//!     sqlite: &["CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT"],
//!     postgres: &["CREATE TABLE counter (name TEXT PRIMARY KEY, value BIGINT NOT NULL)"],
//! };
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), StoreError> {
//! # let folder = tempfile::tempdir().expect("a folder");
//! let config = StoreConfig::file(&folder.path().join("demo.sqlite"));
//! let database = Database::open(&config, &SCHEMA, None).await?;
//! let value: i64 = database.write(|tx| {
//!     tx.value(
//!         "INSERT INTO counter VALUES (?1, 1) ON CONFLICT (name) DO UPDATE SET value = counter.value + 1 RETURNING value",
//!         values!["a"],
//!     )
//! }).await?;
//! let read: Option<i64> = database.read(|tx| {
//!     tx.one("SELECT value FROM counter WHERE name = ?1", values!["a"], |row| row.take(0))
//! }).await?;
//! assert_eq!((value, read), (1, Some(1)));
//! # Ok::<_, StoreError>(()) }
//! ```

mod call;
mod config;
pub mod seam;
mod tx;
mod value;

use std::fmt;
use std::sync::Arc;

use tokio::sync::oneshot;

pub use crate::values;

pub use self::config::{StoreConfig, StoreUrl};
pub use self::tx::{Row, Tx};
pub use self::value::{FromValue, ToValue, Value};

use self::call::Call;
use self::seam::{Access, Backend};
use super::sqlite::Sqlite;
use super::{StoreError, postgres};

/// A party's tables: which party's they are, and how they came to be.
#[derive(Debug, Clone, Copy)]
pub struct Schema {
    /// Marks a SQLite file as this party's, so that one party's database is never taken for another's.
    pub application: u32,
    /// The party's name: that of its schema in PostgreSQL, where parties may share a database.
    pub name: &'static str,
    /// One script a version for SQLite, each run once and never changed afterwards. The version is their number.
    pub sqlite: &'static [&'static str],
    /// The same versions for PostgreSQL.
    pub postgres: &'static [&'static str],
}

/// A database of one party. Cheap to clone; the last clone that goes finishes the waiting writes and closes it.
#[derive(Clone)]
pub struct Database(Arc<dyn Backend>);

impl Database {
    /// Opens the database, makes what is missing, and brings its tables to this version.
    ///
    /// # Errors
    /// [`StoreError::InUse`] where another process has the file, [`StoreError::Foreign`] where the database belongs to another
    /// version or party, [`StoreError::Settings`] where the URL is wrong.
    pub async fn open(
        config: &StoreConfig,
        schema: &Schema,
        metrics: Option<&prometheus::Registry>,
    ) -> Result<Self, StoreError> {
        let backend: Arc<dyn Backend> = match &config.url {
            None => Arc::new(Sqlite::open(&config.file, schema, metrics)?),
            Some(url) => Arc::new(postgres::open(url, schema, metrics).await?),
        };
        #[cfg(any(test, feature = "faults"))]
        if let Some(faults) = super::faults::Faults::of(&config.file) {
            return Ok(Self::new(faults.before(backend)));
        }
        Ok(Self::new(backend))
    }

    /// Opens the database of the party of this name to be looked at: it is only read, and may be in use.
    ///
    /// # Errors
    /// [`StoreError::Open`] where it is not there, [`StoreError::Settings`] where the URL is wrong.
    pub async fn inspect(config: &StoreConfig, party: &'static str) -> Result<Self, StoreError> {
        match &config.url {
            None => Ok(Self::new(Arc::new(super::sqlite::inspect::inspect(&config.file)?))),
            Some(url) => Ok(Self::new(Arc::new(super::postgres::inspect(url, party)?))),
        }
    }

    /// A database behind the layer.
    pub fn new(backend: Arc<dyn Backend>) -> Self {
        Self(backend)
    }

    /// Runs `job` in a transaction and answers once that is durable. It is rolled back where it answers with an error, and is
    /// run anew where the database rolled it back because of another. A job that was taken runs even if its caller goes away.
    ///
    /// Keep what takes long out of the job (signatures, hashing, parsing): others may wait for it.
    ///
    /// # Errors
    /// The job's own, or a [`StoreError`] as one: [`StoreError::Busy`] where too many wait, [`StoreError::Commit`] where it is
    /// not known whether it was done.
    pub async fn write<T, E, F>(&self, job: F) -> Result<T, E>
    where
        F: Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.call(Access::Write, job).await
    }

    /// Reads what is committed. SQLite does it on the caller's thread, since a lookup takes microseconds: no scans on a hot path.
    ///
    /// # Errors
    /// The reader's own, or a [`StoreError`] as one.
    pub async fn read<T, E, F>(&self, reader: F) -> Result<T, E>
    where
        F: Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.call(Access::Read, reader).await
    }

    /// Reads several things as they stood at one moment.
    ///
    /// # Errors
    /// The reader's own, or a [`StoreError`] as one.
    pub async fn snapshot<T, E, F>(&self, reader: F) -> Result<T, E>
    where
        F: Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.call(Access::Snapshot, reader).await
    }

    /// Reads very much, as it stood at one moment, where it holds up nobody else.
    ///
    /// # Errors
    /// The reader's own, or a [`StoreError`] as one.
    pub async fn scan<T, E, F>(&self, reader: F) -> Result<T, E>
    where
        F: Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let (backend, job) = (Arc::clone(&self.0), Box::new(Call::new(reader, reply)));
        let submitted = tokio::task::spawn_blocking(move || backend.submit(Access::Snapshot, job));
        submitted.await.map_err(|_| StoreError::Closed)??;
        answer.await.unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }

    async fn call<T, E, F>(&self, access: Access, job: F) -> Result<T, E>
    where
        F: Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.0.submit(access, Box::new(Call::new(job, reply)))?;
        answer.await.unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }

    /// The same database, some of whose writes fail on purpose.
    #[cfg(any(test, feature = "faults"))]
    #[must_use]
    pub fn with_faults(&self, faults: &super::faults::Faults) -> Self {
        Self(faults.before(Arc::clone(&self.0)))
    }

    /// Whether it works: for `/ready`.
    ///
    /// # Errors
    /// Says what does not work.
    pub fn check(&self) -> Result<(), String> {
        self.0.check()
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Database({})", self.0.name())
    }
}

#[cfg(test)]
mod tests;
