//! Databases for tests, and one set of tests over all of them.
#![allow(clippy::unwrap_used, clippy::panic)]

use tempfile::TempDir;

use super::sql::StoreConfig;

/// Where a test's database is. It can be opened, closed and opened again; it goes with this.
pub(crate) struct Place {
    pub(crate) config: StoreConfig,
    /// A folder of the test's own.
    pub(crate) folder: TempDir,
}

/// A SQLite file.
pub(crate) async fn sqlite() -> Place {
    let folder = TempDir::new().unwrap();
    Place { config: StoreConfig::file(&folder.path().join("store.sqlite")), folder }
}

/// Runs each test, an `async fn(Place)`, over every database.
macro_rules! on_every_database {
    ($($test:ident),* $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    super::$test($crate::store::testing::sqlite().await).await;
                }
            )*
        }
    };
}

pub(crate) use on_every_database;
