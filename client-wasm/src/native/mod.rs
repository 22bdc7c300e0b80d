//! The wallet's ports on a computer.

mod download;
mod http;
mod journal;
mod memory;

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use semper_shared::foundation::UnixSeconds;

use crate::core::ports::{Clock, NoSession, Ports, Store, StoreError};

pub use download::{Download, download};
pub use http::NativeHttp;
pub use journal::Journal;
pub(crate) use journal::private;
pub use memory::MemoryStore;

/// The time of this computer.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UnixSeconds {
        UnixSeconds(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
    }

    async fn sleep(&self, ms: u32) {
        tokio::time::sleep(Duration::from_millis(u64::from(ms))).await;
    }
}

/// A computer: HTTP, its clock and its randomness, and a store.
#[derive(Debug)]
pub struct Computer<S> {
    http: NativeHttp,
    store: S,
}

impl Computer<Journal> {
    /// A wallet's home on disk.
    ///
    /// # Errors
    /// Where it cannot be read, or another process has it.
    pub fn open(home: &Path) -> Result<Self, StoreError> {
        Self::with_store(Journal::open(home)?)
    }
}

impl<S: Store> Computer<S> {
    /// A wallet in this store.
    ///
    /// # Errors
    /// Where no HTTP client can be made.
    pub fn with_store(store: S) -> Result<Self, StoreError> {
        Ok(Self { http: NativeHttp::new().map_err(StoreError::Failed)?, store })
    }

    /// A wallet in this store that shares its connections with others.
    pub const fn with_http(http: NativeHttp, store: S) -> Self {
        Self { http, store }
    }
}

impl<S: Store> Ports for Computer<S> {
    type Http = NativeHttp;
    type Store = S;
    type Clock = SystemClock;
    type Session = NoSession;
    type Rng = UnwrapErr<SysRng>;

    fn http(&self) -> &NativeHttp {
        &self.http
    }

    fn store(&self) -> &S {
        &self.store
    }

    fn clock(&self) -> &SystemClock {
        &SystemClock
    }

    fn session(&self) -> &NoSession {
        &NoSession
    }

    fn rng(&self) -> UnwrapErr<SysRng> {
        UnwrapErr(SysRng)
    }
}
