//! The versions of a database's tables.
//!
//! A party has a schema of its name in the database, in which a table says which party's it is and which version. Who brings
//! it up to date holds an advisory lock, so that replicas may be started at once.

use std::path::PathBuf;

use tokio_postgres::{Client, Error};

use super::trouble;
use crate::store::StoreError;
use crate::store::sql::Schema;

/// The first half of the advisory lock's number; the other is the party's own.
const LOCK: i32 = i32::from_be_bytes(*b"SEMP");

/// Runs the scripts that the database has not seen, each in a transaction.
pub(super) async fn migrate(client: &Client, shown: &str, schema: &Schema) -> Result<(), StoreError> {
    let party = i32::from_ne_bytes(schema.application.to_ne_bytes());
    // Another replica may be at work for longer than a statement usually may take.
    client.batch_execute("SET statement_timeout = 0; SET lock_timeout = 0").await.map_err(failed)?;
    client.query_one(&format!("SELECT 1 FROM pg_advisory_lock({LOCK}, {party})"), &[]).await.map_err(failed)?;
    // Where it fails the connection ends, and the lock with it.
    locked(client, shown, schema).await?;
    client.batch_execute(&format!("SELECT pg_advisory_unlock({LOCK}, {party})")).await.map_err(failed)
}

async fn locked(client: &Client, shown: &str, schema: &Schema) -> Result<(), StoreError> {
    let name = schema.name;
    let foreign = |what| StoreError::Foreign { path: PathBuf::from(format!("{shown}, schema {name},")), what };
    let exists = "SELECT count(*) FROM pg_namespace WHERE nspname = $1";
    if client.query_one(exists, &[&name]).await.and_then(|row| row.try_get::<_, i64>(0)).map_err(failed)? == 0 {
        client.batch_execute(&format!("CREATE SCHEMA \"{name}\"")).await.map_err(failed)?;
    }
    let tables = "SELECT coalesce(sum(CASE WHEN tablename = 'semper_schema' THEN 1 ELSE 0 END), 0), count(*)
        FROM pg_tables WHERE schemaname = $1";
    let row = client.query_one(tables, &[&name]).await.map_err(failed)?;
    let (marks, tables): (i64, i64) = (row.try_get(0).map_err(failed)?, row.try_get(1).map_err(failed)?);
    if marks == 0 && tables > 0 {
        return Err(foreign("the database of something else"));
    }
    let mark = i64::from(schema.application);
    client
        .batch_execute(&format!(
            "CREATE TABLE IF NOT EXISTS semper_schema (application BIGINT PRIMARY KEY, version BIGINT NOT NULL);
             INSERT INTO semper_schema SELECT {mark}, 0 WHERE NOT EXISTS (SELECT 1 FROM semper_schema)"
        ))
        .await
        .map_err(failed)?;
    let row = client.query_one("SELECT application, version FROM semper_schema", &[]).await.map_err(failed)?;
    let (found, version): (i64, i64) = (row.try_get(0).map_err(failed)?, row.try_get(1).map_err(failed)?);
    if found != mark {
        return Err(foreign("the database of something else"));
    }
    let scripts = (1_i64..).zip(schema.postgres);
    if scripts.clone().last().map_or(0, |(number, _)| number) < version {
        return Err(foreign("from a newer version of this program"));
    }
    for (number, script) in scripts.filter(|(number, _)| *number > version) {
        let script = format!("BEGIN; {script}\n; UPDATE semper_schema SET version = {number}; COMMIT");
        client.batch_execute(&script).await.map_err(failed)?;
        tracing::info!(database = shown, party = name, version = number, "migrated");
    }
    Ok(())
}

fn failed(error: Error) -> StoreError {
    StoreError::Failed(trouble::say(&error).into())
}
