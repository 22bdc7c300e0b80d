//! What SQLite does in its own way; what every database does is tested beside the layer.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Mutex, mpsc};

use tempfile::TempDir;

use super::*;
use crate::store::sql::{Database, StoreConfig, values};

const SCHEMA: Schema = Schema {
    application: 7,
    name: "sample",
    sqlite: &[
        "CREATE TABLE item (id INTEGER PRIMARY KEY, value TEXT NOT NULL) STRICT",
        "CREATE TABLE later (x INTEGER)",
    ],
    postgres: &[],
};

async fn try_open(folder: &TempDir, schema: &Schema) -> Result<Database, StoreError> {
    Database::open(&StoreConfig::file(&folder.path().join("a.sqlite")), schema, None).await
}

async fn open(folder: &TempDir) -> Database {
    try_open(folder, &SCHEMA).await.unwrap()
}

async fn insert(database: &Database, id: i64) -> Result<(), StoreError> {
    database.write(move |tx| tx.execute("INSERT INTO item (id, value) VALUES (?1, 'x')", values![id]).map(drop)).await
}

async fn count(database: &Database, table: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table}");
    database
        .read(move |tx| tx.value::<i64>(&sql, values![]))
        .await
        .unwrap_or_else(|error: StoreError| panic!("{error}"))
}

#[tokio::test]
async fn a_full_queue_is_busy_and_never_a_lock_error() {
    let folder = TempDir::new().unwrap();
    let database = open(&folder).await;
    let (release, held) = mpsc::channel::<()>();
    let held = Mutex::new(held);
    let (started, running) = mpsc::channel();
    let blocker = database.clone();
    let blocked = tokio::spawn(async move {
        blocker
            .write(move |_| {
                let _ = started.send(());
                let _ = held.lock().unwrap().recv();
                Ok::<_, StoreError>(())
            })
            .await
    });
    // From here on the writer has one job in hand and takes no other.
    tokio::task::spawn_blocking(move || running.recv().unwrap()).await.unwrap();
    let writes = (0..i64::try_from(QUEUE).unwrap() + 10).map(|id| insert(&database, id));
    // The first poll of each write queues it or is refused; only then does the writer go on.
    let (answers, ()) = tokio::join!(futures_util::future::join_all(writes), async { release.send(()).unwrap() });
    let mut busy = 0;
    for answer in answers {
        match answer {
            Ok(()) => {}
            Err(StoreError::Busy) => busy += 1,
            Err(other) => panic!("{other}"),
        }
    }
    blocked.await.unwrap().unwrap();
    assert_eq!(busy, 10);
    assert_eq!(count(&database, "item").await, i64::try_from(QUEUE).unwrap() + 10 - busy);
}

#[tokio::test]
async fn one_process_one_party_and_no_newer_version() {
    let folder = TempDir::new().unwrap();
    let database = open(&folder).await;
    assert!(matches!(try_open(&folder, &SCHEMA).await, Err(StoreError::InUse(_))));
    drop(database);
    let other = Schema { application: 8, ..SCHEMA };
    assert!(matches!(try_open(&folder, &other).await, Err(StoreError::Foreign { .. })));
    let older = Schema { sqlite: &SCHEMA.sqlite[..1], ..SCHEMA };
    assert!(matches!(try_open(&folder, &older).await, Err(StoreError::Foreign { .. })));
    assert_eq!(count(&open(&folder).await, "item").await, 0);
}

#[tokio::test]
async fn migrates_an_older_database() {
    let folder = TempDir::new().unwrap();
    let older = Schema { sqlite: &SCHEMA.sqlite[..1], ..SCHEMA };
    drop(try_open(&folder, &older).await.unwrap());
    assert_eq!(count(&open(&folder).await, "later").await, 0);
}

#[tokio::test]
async fn a_broken_script_leaves_the_old_version() {
    let folder = TempDir::new().unwrap();
    let broken = Schema { sqlite: &["CREATE TABLE one (x)", "CREATE TABLE two (x); NONSENSE"], ..SCHEMA };
    assert!(try_open(&folder, &broken).await.is_err());
    let mended = Schema { sqlite: &["CREATE TABLE one (x)", "CREATE TABLE two (x)"], ..SCHEMA };
    assert!(try_open(&folder, &mended).await.is_ok());
}

#[tokio::test]
async fn its_files_are_its_owners_alone() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    let config = StoreConfig::file(&data.join("a.sqlite"));
    let database = Database::open(&config, &SCHEMA, None).await.unwrap();
    insert(&database, 1).await.unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    for file in ["a.sqlite", "a.sqlite-wal", "a.sqlite-shm"] {
        assert_eq!(mode(&data.join(file)), 0o600, "{file}");
    }
}

#[tokio::test]
async fn a_statement_has_as_many_values_as_it_names() {
    let folder = TempDir::new().unwrap();
    let database = open(&folder).await;
    let insert = "INSERT INTO item (id, value) VALUES (?1, ?2)";
    assert!(database.write(move |tx| tx.execute(insert, values![1])).await.is_err());
    assert!(database.write(move |tx| tx.execute(insert, values![1, "x", "y"])).await.is_err());
    assert_eq!(count(&database, "item").await, 0);
}

#[test]
fn the_probe_answers_in_order() {
    let folder = TempDir::new().unwrap();
    let times = probe::fdatasync_times(folder.path(), 5).unwrap();
    assert!(times.len() == 5 && times.is_sorted());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// Prints what writes and reads cost: `cargo nextest run -p semper-server costs --run-ignored all --no-capture`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
#[allow(clippy::print_stderr)]
async fn costs() {
    let folder = tempfile::tempdir_in(".").unwrap();
    let sync = probe::fdatasync_times(folder.path(), 201).unwrap()[100];
    eprintln!("fdatasync p50: {sync:?}");
    let database = open(&folder).await;
    let mut next = 0;
    for callers in [1, 8, 32, 64, 128, 256] {
        let rounds = 20_000 / (callers + 20);
        let started = std::time::Instant::now();
        let tasks: Vec<_> = (0..callers)
            .map(|_| {
                let (database, first) = (database.clone(), next);
                next += rounds;
                tokio::spawn(async move {
                    for id in first..first + rounds {
                        insert(&database, id).await.unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        let each = started.elapsed() / u32::try_from(callers * rounds).unwrap();
        eprintln!("{callers} writers: {each:?} a write, {:.0} /s", 1.0 / each.as_secs_f64());
    }
    let rounds = 20_000_u32;
    let started = std::time::Instant::now();
    for id in 0..i64::from(rounds) {
        let read = move |tx: &mut crate::store::sql::Tx<'_>| {
            tx.find::<String>("SELECT value FROM item WHERE id = ?1", values![id % next])
        };
        assert_eq!(database.read(read).await.unwrap().unwrap(), "x");
    }
    eprintln!("read inline: {:?}", started.elapsed() / rounds);
}
