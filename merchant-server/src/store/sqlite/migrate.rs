//! The versions of a database's tables.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use crate::store::StoreError;
use crate::store::sql::Schema;

/// Runs the scripts that the database has not seen, each in a transaction.
pub(super) fn migrate(connection: &mut Connection, path: &Path, schema: &Schema) -> Result<(), StoreError> {
    let foreign = |what| StoreError::Foreign { path: path.to_owned(), what };
    // SQLite keeps the mark as a signed number of the same bits.
    let mark = i32::from_ne_bytes(schema.application.to_ne_bytes());
    let found: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found != mark && (found != 0 || version != 0) {
        return Err(foreign("the database of something else"));
    }
    let scripts = (1_u32..).zip(schema.sqlite);
    if scripts.clone().count() < usize::try_from(version).unwrap_or(usize::MAX) {
        return Err(foreign("from a newer version of this program"));
    }
    for (number, script) in scripts.filter(|(number, _)| *number > version) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Exclusive)?;
        transaction.execute_batch(script)?;
        transaction.pragma_update(None, "application_id", mark)?;
        transaction.pragma_update(None, "user_version", number)?;
        transaction.commit()?;
        tracing::info!(database = %path.display(), version = number, "migrated");
    }
    Ok(())
}
