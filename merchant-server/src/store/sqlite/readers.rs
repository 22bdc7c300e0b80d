//! Connections that only read.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, TryLockError};

use rusqlite::{Connection, OpenFlags};

use super::connect;
use crate::store::StoreError;

/// Enough for the usual number of workers. A thread holds one only while it reads, and then does nothing else.
const CONNECTIONS: usize = 4;

pub(super) struct Readers {
    connections: Vec<Mutex<Connection>>,
    next: AtomicUsize,
}

impl Readers {
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connections = (0..CONNECTIONS).map(|_| connect(path, flags).map(Mutex::new)).collect::<Result<_, _>>()?;
        Ok(Self { connections, next: AtomicUsize::new(0) })
    }

    pub(super) fn read<T, E>(&self, reader: impl FnOnce(&Connection) -> Result<T, E>) -> Result<T, E> {
        for connection in &self.connections {
            match connection.try_lock() {
                Ok(connection) => return reader(&connection),
                Err(TryLockError::Poisoned(poisoned)) => return reader(&poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => {}
            }
        }
        let next = self.next.fetch_add(1, Ordering::Relaxed) % CONNECTIONS;
        let connection = &self.connections[next];
        reader(&connection.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
