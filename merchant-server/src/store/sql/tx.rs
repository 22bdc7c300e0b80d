//! A transaction as jobs see it.

use std::ops::ControlFlow;

use super::seam::{Columns, Session};
use super::{FromValue, Value};
use crate::store::StoreError;

/// A transaction.
pub struct Tx<'a>(&'a mut dyn Session);

impl<'a> Tx<'a> {
    pub(super) fn new(session: &'a mut dyn Session) -> Self {
        Self(session)
    }

    /// Runs a statement; how many rows it changed.
    ///
    /// # Errors
    /// What the database says.
    pub fn execute(&mut self, sql: &str, values: &[Value<'_>]) -> Result<u64, StoreError> {
        self.0.execute(sql, values)
    }

    /// Runs a statement that changes what it must: it may travel with later ones. Where it fails, the job is rolled back and
    /// answered with that, whatever it says itself.
    ///
    /// # Errors
    /// What the database says, where that is known already.
    pub fn execute_later(&mut self, sql: &str, values: &[Value<'_>]) -> Result<(), StoreError> {
        self.0.execute_later(sql, values)
    }

    /// Runs one statement for many sets of values, which travel together; how many rows it changed each time.
    ///
    /// # Errors
    /// What the database says of the first that failed.
    pub fn execute_each(&mut self, sql: &str, sets: &[&[Value<'_>]]) -> Result<Vec<u64>, StoreError> {
        if sets.is_empty() { Ok(Vec::new()) } else { self.0.execute_each(sql, sets) }
    }

    /// The first row of a statement, if it has any.
    ///
    /// # Errors
    /// What the database says, or `read`.
    pub fn one<T>(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
        read: impl FnOnce(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let (mut read, mut found) = (Some(read), None);
        self.0.query(sql, values, &mut |row| {
            if let Some(read) = read.take() {
                found = Some(read(row)?);
            }
            Ok(ControlFlow::Break(()))
        })?;
        Ok(found)
    }

    /// All rows of a statement.
    ///
    /// # Errors
    /// What the database says, or `read`.
    pub fn all<T>(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut found = Vec::new();
        self.0.query(sql, values, &mut |row| {
            found.push(read(row)?);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(found)
    }

    /// The first column of the first row, which must be there: a count, a sum, or what `RETURNING` gives.
    ///
    /// # Errors
    /// What the database says; [`StoreError::Failed`] where there is no row.
    pub fn value<T: FromValue>(&mut self, sql: &str, values: &[Value<'_>]) -> Result<T, StoreError> {
        self.one(sql, values, |row| row.take(0))?.ok_or_else(|| StoreError::Failed("a row is missing".into()))
    }

    /// The first column of the first row, if there is any.
    ///
    /// # Errors
    /// What the database says.
    pub fn find<T: FromValue>(&mut self, sql: &str, values: &[Value<'_>]) -> Result<Option<T>, StoreError> {
        self.one(sql, values, |row| row.take(0))
    }
}

/// A row that was read.
pub struct Row<'a>(&'a dyn Columns);

impl<'a> Row<'a> {
    /// For backends.
    pub fn new(columns: &'a dyn Columns) -> Self {
        Self(columns)
    }

    /// The value in a column, counted from zero.
    ///
    /// # Errors
    /// [`StoreError::Failed`] where it is of another type.
    pub fn take<T: FromValue>(&self, column: usize) -> Result<T, StoreError> {
        let value = self.0.value(column)?;
        T::from_value(value).ok_or_else(|| StoreError::Failed(format!("column {column} has another type").into()))
    }
}
