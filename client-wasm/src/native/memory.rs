//! A store in memory, for tests and load.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::core::ports::{Change, Store, StoreError, Stored};

/// Records in memory.
#[derive(Debug, Default)]
pub struct MemoryStore(RefCell<Contents>);

#[derive(Debug, Default)]
struct Contents {
    generation: u64,
    meta: Option<Vec<u8>>,
    records: BTreeMap<String, Vec<u8>>,
}

impl Store for MemoryStore {
    async fn load(&self, known: Option<u64>) -> Result<Option<Stored>, StoreError> {
        let contents = self.0.borrow();
        if known == Some(contents.generation) {
            return Ok(None);
        }
        Ok(Some(Stored {
            generation: contents.generation,
            meta: contents.meta.clone(),
            records: contents.records.clone().into_iter().collect(),
        }))
    }

    async fn commit(&self, change: Change) -> Result<u64, StoreError> {
        let mut contents = self.0.borrow_mut();
        if change.expected_generation != contents.generation {
            return Err(StoreError::Conflict);
        }
        if change.meta.is_some() {
            contents.meta = change.meta;
        }
        for key in &change.deletes {
            contents.records.remove(key);
        }
        contents.records.extend(change.puts);
        contents.generation += 1;
        Ok(contents.generation)
    }
}
