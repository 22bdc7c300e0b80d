//! SQLite behind the layer.

use std::fs::{DirBuilder, OpenOptions};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, Row as SqliteRow, ToSql};

use super::writer;
use super::{Database, Schema as Scripts};
use crate::store::StoreError;
use crate::store::sql::seam::{Access, Backend, Columns, Each, Job, Session};
use crate::store::sql::{Row, Schema, Value};

/// Opens a file as a database behind the layer.
///
/// # Errors
/// As [`Database::open`].
pub(in crate::store) fn open(
    path: &Path,
    schema: &Schema,
    metrics: Option<&prometheus::Registry>,
) -> Result<Database, StoreError> {
    // It is its owner's alone. SQLite gives its side files the mode of the database, which therefore must be there first.
    let folder = path.parent().unwrap_or(Path::new("."));
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    let made = made.and_then(|()| OpenOptions::new().create(true).append(true).mode(0o600).open(path));
    made.map_err(|source| StoreError::Open { path: path.to_owned(), source: source.into() })?;
    Database::open(path, &Scripts { application: schema.application, migrations: schema.sqlite }, metrics)
}

impl Backend for Database {
    fn submit(&self, access: Access, mut job: Box<dyn Job>) -> Result<(), StoreError> {
        match access {
            Access::Write => return self.0.writer.submit(Box::new(Write(job))),
            Access::Read => self.0.readers.read(|connection| {
                job.run(&mut Connected(connection));
                Ok::<_, StoreError>(())
            })?,
            Access::Snapshot => self.0.readers.read(|connection| {
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
        Self::check(self)
    }

    fn name(&self) -> String {
        self.path().display().to_string()
    }
}

/// A job in the writer's queue.
struct Write(Box<dyn Job>);

impl writer::Job for Write {
    fn run(&mut self, connection: &Connection) -> bool {
        self.0.run(&mut Connected(connection))
    }

    fn finish(self: Box<Self>, batch: Result<(), StoreError>) {
        self.0.finish(batch);
    }
}

struct Connected<'a>(&'a Connection);

impl Connected<'_> {
    fn prepare(&self, sql: &str, values: &[Value<'_>]) -> Result<CachedStatement<'_>, StoreError> {
        let mut statement = self.0.prepare_cached(sql)?;
        for (index, value) in (1..).zip(values) {
            statement.raw_bind_parameter(index, Bound(*value))?;
        }
        Ok(statement)
    }
}

impl Session for Connected<'_> {
    fn execute(&mut self, sql: &str, values: &[Value<'_>]) -> Result<u64, StoreError> {
        let changed = self.prepare(sql, values)?.raw_execute()?;
        Ok(u64::try_from(changed).unwrap_or(u64::MAX))
    }

    fn query(&mut self, sql: &str, values: &[Value<'_>], each: &mut Each<'_>) -> Result<(), StoreError> {
        let mut statement = self.prepare(sql, values)?;
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next()? {
            if each(&Row::new(row))?.is_break() {
                break;
            }
        }
        Ok(())
    }
}

struct Bound<'a>(Value<'a>);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null => ValueRef::Null,
            Value::Integer(number) => ValueRef::Integer(number),
            Value::Bytes(bytes) => ValueRef::Blob(bytes),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::TooLarge => return Err(rusqlite::Error::IntegralValueOutOfRange(0, i64::MAX)),
        }))
    }
}

impl Columns for SqliteRow<'_> {
    fn value(&self, column: usize) -> Result<Value<'_>, StoreError> {
        Ok(match self.get_ref(column)? {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(number) => Value::Integer(number),
            ValueRef::Blob(bytes) => Value::Bytes(bytes),
            ValueRef::Text(text) => {
                Value::Text(std::str::from_utf8(text).map_err(|_| StoreError::Failed("a text is not UTF-8".into()))?)
            }
            ValueRef::Real(_) => return Err(StoreError::Failed("a column has a fraction".into())),
        })
    }
}
