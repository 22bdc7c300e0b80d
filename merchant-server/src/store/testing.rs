//! Databases for tests, and one set of tests over all of them.
#![allow(clippy::unwrap_used, clippy::panic)]

use tempfile::TempDir;

use super::sql::StoreConfig;
use super::test_server::TestDatabase;

/// Where a test's database is. It can be opened, closed and opened again; it goes with this.
pub(crate) struct Place {
    pub(crate) config: StoreConfig,
    /// A folder of the test's own.
    pub(crate) folder: TempDir,
    /// PostgreSQL's, where it is one.
    pub(crate) database: Option<TestDatabase>,
}

/// A SQLite file.
pub(crate) async fn sqlite() -> Place {
    let folder = TempDir::new().unwrap();
    Place { config: StoreConfig::file(&folder.path().join("store.sqlite")), folder, database: None }
}

/// A database on the tests' PostgreSQL server.
pub(crate) async fn postgres() -> Place {
    let folder = TempDir::new().unwrap();
    let database = TestDatabase::make().unwrap_or_else(|error| panic!("{error}"));
    let url = database.url();
    let config = StoreConfig::new(folder.path().join("unused.sqlite"), Some(&url));
    Place { config, folder, database: Some(database) }
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
        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    super::$test($crate::store::testing::postgres().await).await;
                }
            )*
        }
    };
}

pub(crate) use on_every_database;
