#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;
use std::sync::mpsc;

use tempfile::TempDir;

use super::*;

const SCHEMA: Schema = Schema {
    application: 7,
    migrations: &[
        "CREATE TABLE item (id INTEGER PRIMARY KEY, value TEXT NOT NULL) STRICT",
        "CREATE TABLE later (x INTEGER)",
    ],
};

fn open(folder: &TempDir) -> Database {
    Database::open(&folder.path().join("a.sqlite"), &SCHEMA, None).unwrap()
}

async fn insert(database: &Database, id: i64) -> Result<(), StoreError> {
    database
        .write(move |tx| {
            tx.prepare_cached("INSERT INTO item VALUES (?1, 'x')")?.execute([id])?;
            Ok(())
        })
        .await
}

fn count(database: &Database) -> i64 {
    database.read(|c| c.query_row("SELECT count(*) FROM item", (), |row| row.get(0))).unwrap_or(-1)
}

#[tokio::test]
async fn a_failing_job_is_rolled_back_alone() {
    let folder = TempDir::new().unwrap();
    let database = open(&folder);
    // Holds the writer, so that the next three jobs meet in one batch.
    let (release, held) = mpsc::channel::<()>();
    let blocker = database.write(move |_| {
        let _ = held.recv();
        Ok::<_, StoreError>(())
    });
    let failing = database.write(|tx| {
        tx.execute("INSERT INTO item VALUES (2, 'y')", ())?;
        Err::<(), _>(StoreError::Busy)
    });
    let panicking = database.write(|tx| -> Result<(), StoreError> {
        tx.execute("INSERT INTO item VALUES (3, 'z')", ())?;
        panic!("on purpose")
    });
    let (first, failed, panicked, second, ()) =
        tokio::join!(blocker, failing, panicking, insert(&database, 4), async move {
            release.send(()).unwrap();
        });
    assert!(first.is_ok() && second.is_ok());
    assert!(matches!(failed, Err(StoreError::Busy)));
    assert!(matches!(panicked, Err(StoreError::Panicked)));
    assert_eq!(count(&database), 1, "only the good job's row is kept");
    insert(&database, 5).await.unwrap();
    assert_eq!(count(&database), 2, "the writer has survived the panic");
}

#[tokio::test]
async fn a_full_queue_is_busy_and_never_a_lock_error() {
    let folder = TempDir::new().unwrap();
    let database = open(&folder);
    let (release, held) = mpsc::channel::<()>();
    let (started, running) = tokio::sync::oneshot::channel();
    let blocker = database.clone();
    let blocked = tokio::spawn(async move {
        blocker
            .write(move |_| {
                let _ = started.send(());
                let _ = held.recv();
                Ok::<_, StoreError>(())
            })
            .await
    });
    // From here on the writer has one job in hand and takes no other.
    running.await.unwrap();
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
    assert_eq!(count(&database), i64::try_from(QUEUE).unwrap() + 10 - busy);
}

#[tokio::test]
async fn reads_see_what_was_answered() {
    let folder = TempDir::new().unwrap();
    let database = open(&folder);
    for id in 0..50 {
        insert(&database, id).await.unwrap();
        assert_eq!(count(&database), id + 1);
    }
    assert!(database.read(|c| c.execute("DELETE FROM item", ())).is_err(), "a reader cannot write");
}

#[tokio::test]
async fn waiting_writes_are_done_before_it_closes() {
    let folder = TempDir::new().unwrap();
    let database = open(&folder);
    let writes: Vec<_> = (0..20)
        .map(|id| {
            let database = database.clone();
            tokio::spawn(async move { insert(&database, id).await })
        })
        .collect();
    tokio::task::yield_now().await;
    drop(database);
    for write in writes {
        write.await.unwrap().unwrap();
    }
    assert_eq!(count(&open(&folder)), 20);
}

#[test]
fn one_process_one_party_and_no_newer_version() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.sqlite");
    let database = open(&folder);
    assert!(matches!(Database::open(&path, &SCHEMA, None), Err(StoreError::InUse(_))));
    drop(database);
    let other = Schema { application: 8, ..SCHEMA };
    assert!(matches!(Database::open(&path, &other, None), Err(StoreError::Foreign { .. })));
    let older = Schema { migrations: &SCHEMA.migrations[..1], ..SCHEMA };
    assert!(matches!(Database::open(&path, &older, None), Err(StoreError::Foreign { .. })));
    assert_eq!(count(&open(&folder)), 0);
}

#[test]
fn migrates_an_older_database() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.sqlite");
    let older = Schema { migrations: &SCHEMA.migrations[..1], ..SCHEMA };
    drop(Database::open(&path, &older, None).unwrap());
    let database = open(&folder);
    let later: i64 = database.read(|c| c.query_row("SELECT count(*) FROM later", (), |row| row.get(0))).unwrap();
    assert_eq!(later, 0);
}

#[test]
fn a_broken_script_leaves_the_old_version() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.sqlite");
    let broken = Schema { migrations: &["CREATE TABLE one (x)", "CREATE TABLE two (x); NONSENSE"], ..SCHEMA };
    assert!(Database::open(&path, &broken, None).is_err());
    let mended = Schema { migrations: &["CREATE TABLE one (x)", "CREATE TABLE two (x)"], ..SCHEMA };
    assert!(Database::open(&path, &mended, None).is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_writers_at_once() {
    let folder = TempDir::new().unwrap();
    let database = Arc::new(open(&folder));
    let tasks: Vec<_> = (0..16)
        .map(|task| {
            let database = Arc::clone(&database);
            tokio::spawn(async move {
                for id in 0..100 {
                    insert(&database, task * 100 + id).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(count(&database), 1_600);
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
    let database = open(&folder);
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
    let lookup = |database: &Database, id: i64| -> String {
        database
            .read(|c| c.prepare_cached("SELECT value FROM item WHERE id = ?1")?.query_row([id], |row| row.get(0)))
            .unwrap()
    };
    let started = std::time::Instant::now();
    (0..i64::from(rounds)).for_each(|id| assert_eq!(lookup(&database, id % next), "x"));
    eprintln!("read inline: {:?}", started.elapsed() / rounds);
    let started = std::time::Instant::now();
    for id in 0..i64::from(rounds) {
        let database = database.clone();
        let value = tokio::task::spawn_blocking(move || lookup(&database, id % next)).await.unwrap();
        assert_eq!(value, "x");
    }
    eprintln!("read on another thread: {:?}", started.elapsed() / rounds);
}
