//! A file that is only read, beside the process that writes it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::readers::Readers;
use super::session::Connected;
use crate::store::StoreError;
use crate::store::sql::seam::{Access, Backend, Job};

/// A party's file, to be looked at.
pub(in crate::store) struct Inspected {
    readers: Readers,
    path: PathBuf,
}

/// Opens a file to be read alone: it takes no lock, makes nothing and changes nothing.
///
/// # Errors
/// [`StoreError::Open`] where there is no such file.
pub(in crate::store) fn inspect(path: &Path) -> Result<Inspected, StoreError> {
    std::fs::metadata(path).map_err(|source| StoreError::Open { path: path.to_owned(), source: Arc::new(source) })?;
    Ok(Inspected { readers: Readers::open(path)?, path: path.to_owned() })
}

impl Backend for Inspected {
    fn submit(&self, access: Access, mut job: Box<dyn Job>) -> Result<(), StoreError> {
        if access == Access::Write {
            return Err(StoreError::Failed("the database is only read".into()));
        }
        self.readers.read(|connection| {
            // Its end rolls back what has not changed anything.
            let _transaction = connection.unchecked_transaction()?;
            job.run(&mut Connected(connection));
            Ok::<_, StoreError>(())
        })?;
        job.finish(Ok(()));
        Ok(())
    }

    fn check(&self) -> Result<(), String> {
        Ok(())
    }

    fn name(&self) -> String {
        self.path.display().to_string()
    }
}
