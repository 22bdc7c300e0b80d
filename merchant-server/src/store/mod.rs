//! Stores: each party keeps its truth in a database of its own.
//!
//! A party defines a trait with the operations of its domain (`bank/store.rs`) and implements it on a database
//! (`bank/sqlite.rs`), so that another database needs no change in the party's logic. This module has what those
//! implementations share: [`sqlite`], and the errors.

#[cfg(any(test, feature = "faults"))]
pub mod faults;
mod postgres;
pub mod sql;
pub mod sqlite;
#[cfg(any(test, feature = "testing"))]
pub mod test_server;
#[cfg(test)]
pub(crate) mod testing;

use std::path::PathBuf;
use std::sync::Arc;

use crate::http::Problem;

/// Why a store could not do its work.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// More writes wait than are accepted. Nothing was done.
    #[error("too many writes are waiting")]
    Busy,
    /// The store is closing. Nothing was done.
    #[error("the store is closed")]
    Closed,
    /// The work was done but could not be made durable; whether it was is not known.
    #[error("a commit failed: {0}")]
    Commit(Arc<str>),
    /// The database refused, which is a defect or a broken disk. Nothing of this job was kept.
    #[error("the database failed: {0}")]
    Failed(Arc<str>),
    /// The work panicked, which is a defect. Nothing of it was kept.
    #[error("a store job panicked")]
    Panicked,
    /// The database was written by a newer version, or is not this party's.
    #[error("{path} is {what}")]
    Foreign {
        /// The database.
        path: PathBuf,
        /// What it is instead.
        what: &'static str,
    },
    /// Another process has the database open.
    #[error("{0} is in use by another process")]
    InUse(PathBuf),
    /// The database cannot be reached. Nothing was done.
    #[error("the database cannot be reached: {0}")]
    Unavailable(Arc<str>),
    /// The store's settings are wrong.
    #[error("the store's settings: {0}")]
    Settings(Arc<str>),
    /// The database's file cannot be opened or made.
    #[error("{path} cannot be opened: {source}")]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: Arc<std::io::Error>,
    },
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy | StoreError::Closed => Self::busy(),
            StoreError::Unavailable(_) => {
                tracing::error!(cause = %error, "store");
                Self::busy()
            }
            StoreError::Commit(_) => {
                tracing::error!(cause = %error, "store");
                Self::outcome_unknown()
            }
            _ => Self::internal(error),
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Failed(error.to_string().into())
    }
}
