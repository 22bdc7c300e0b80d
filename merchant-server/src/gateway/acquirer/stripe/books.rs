//! What was asked, kept before it is asked: after a crash this says what must be looked for.

use std::path::Path;

use semper_shared::foundation::{Digest, UnixSeconds};

use crate::store::StoreError;
use crate::store::sql::{Database, Schema, StoreConfig, values};

const SCHEMA: Schema = Schema {
    application: u32::from_be_bytes(*b"SStr"),
    name: "stripe",
    sqlite: &[include_str!("books.sql")],
    postgres: &[],
};

pub(super) struct Books(Database);

/// A call as it was found when it was begun.
pub(super) struct Asked {
    /// Nobody has begun it before.
    pub(super) first: bool,
    /// When it was begun first.
    pub(super) at: UnixSeconds,
    /// What it led to, as far as is known: of a hold.
    pub(super) reference: Option<String>,
    /// Whether it is known to be carried out: of a movement.
    pub(super) done: bool,
}

impl Books {
    pub(super) async fn open(data: &Path) -> Result<Self, StoreError> {
        Ok(Self(Database::open(&StoreConfig::file(&data.join("stripe.sqlite")), &SCHEMA, None).await?))
    }

    pub(super) async fn begin_hold(&self, key: Digest, now: UnixSeconds) -> Result<Asked, StoreError> {
        self.0
            .write(move |tx| {
                let new = tx.execute(
                    "INSERT INTO intent (key, asked_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                    values![key, now.0],
                )?;
                let asked = tx.one("SELECT asked_at, reference FROM intent WHERE key = ?1", values![key], |row| {
                    let (at, reference) = (UnixSeconds(row.take(0)?), row.take(1)?);
                    Ok(Asked { first: new == 1, at, reference, done: false })
                })?;
                asked.ok_or_else(|| StoreError::Failed("a hold that was just kept is gone".into()))
            })
            .await
    }

    /// A hold that was begun before.
    pub(super) async fn find_hold(&self, key: Digest) -> Result<Option<Asked>, StoreError> {
        self.0
            .read(move |tx| {
                tx.one("SELECT asked_at, reference FROM intent WHERE key = ?1", values![key], |row| {
                    let (at, reference) = (UnixSeconds(row.take(0)?), row.take(1)?);
                    Ok(Asked { first: false, at, reference, done: false })
                })
            })
            .await
    }

    pub(super) async fn learn_reference(&self, key: Digest, reference: String) -> Result<(), StoreError> {
        self.0
            .write(move |tx| {
                let sql = "UPDATE intent SET reference = ?2 WHERE key = ?1 AND reference IS NULL";
                tx.execute(sql, values![key, reference]).map(drop)
            })
            .await
    }

    pub(super) async fn begin_movement(&self, key: Digest, now: UnixSeconds) -> Result<Asked, StoreError> {
        self.0
            .write(move |tx| {
                let new = tx.execute(
                    "INSERT INTO movement (key, asked_at, done) VALUES (?1, ?2, 0) ON CONFLICT DO NOTHING",
                    values![key, now.0],
                )?;
                let asked = tx.one("SELECT asked_at, done FROM movement WHERE key = ?1", values![key], |row| {
                    let (at, done) = (UnixSeconds(row.take(0)?), row.take::<i64>(1)? == 1);
                    Ok(Asked { first: new == 1, at, reference: None, done })
                })?;
                asked.ok_or_else(|| StoreError::Failed("a movement that was just kept is gone".into()))
            })
            .await
    }

    pub(super) async fn end_movement(&self, key: Digest) -> Result<(), StoreError> {
        self.0.write(move |tx| tx.execute("UPDATE movement SET done = 1 WHERE key = ?1", values![key]).map(drop)).await
    }
}
