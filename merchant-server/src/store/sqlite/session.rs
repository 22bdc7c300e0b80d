//! A connection as jobs see it.

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, Row as SqliteRow, ToSql};

use crate::store::StoreError;
use crate::store::sql::seam::{Columns, Each, Session};
use crate::store::sql::{Row, Value};

pub(super) struct Connected<'a>(pub(super) &'a Connection);

impl Connected<'_> {
    fn prepare(&self, sql: &str, values: &[Value<'_>]) -> Result<CachedStatement<'_>, StoreError> {
        let mut statement = self.0.prepare_cached(sql)?;
        if statement.parameter_count() != values.len() {
            return Err(StoreError::Failed("a statement has another number of values".into()));
        }
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
