//! What this backend alone must do: several writers and processes, lost connections, conflicts, migrations.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;

use super::*;
use crate::store::sql::{Database, StoreConfig, values};
use crate::store::test_server::TestDatabase;

const SCHEMA: Schema = Schema {
    application: 7,
    name: "test",
    sqlite: &[],
    postgres: &[
        "CREATE TABLE item (id BIGINT PRIMARY KEY, value BIGINT NOT NULL); INSERT INTO item VALUES (1, 0), (2, 0)",
        "CREATE TABLE later (x BIGINT)",
    ],
};

fn database() -> TestDatabase {
    TestDatabase::make().unwrap()
}

async fn open_with(place: &TestDatabase, options: &str) -> Database {
    open_schema(place, options, &SCHEMA).await.unwrap()
}

async fn open_schema(place: &TestDatabase, options: &str, schema: &Schema) -> Result<Database, StoreError> {
    let url = StoreUrl::new(format!("{}?{options}", place.url().expose()));
    Database::open(&StoreConfig::new("unused".into(), Some(&url)), schema, None).await
}

async fn add(database: &Database, id: i64) -> Result<(), StoreError> {
    database
        .write(move |tx| tx.execute("UPDATE item SET value = value + 1 WHERE id = ?1", values![id]).map(|_| ()))
        .await
}

async fn value(database: &Database, id: i64) -> i64 {
    database.read(move |tx| tx.value::<i64>("SELECT value FROM item WHERE id = ?1", values![id])).await.unwrap()
}

#[tokio::test]
async fn replicas_may_start_at_once_on_an_empty_database() {
    let place = database();
    let all = futures_util::future::join_all((0..6).map(|_| open_with(&place, "writers=1&readers=1"))).await;
    for database in &all {
        add(database, 1).await.unwrap();
        database.check().unwrap();
    }
    assert_eq!(value(&all[0], 1).await, 6);
}

#[tokio::test]
async fn another_party_s_or_a_newer_database_is_refused() {
    let place = database();
    drop(open_with(&place, "writers=1").await);
    let newer = Schema { postgres: &SCHEMA.postgres[..1], ..SCHEMA };
    let other = Schema { application: 8, ..SCHEMA };
    for schema in [newer, other] {
        let refused = open_schema(&place, "writers=1", &schema).await;
        assert!(matches!(refused, Err(StoreError::Foreign { .. })), "{refused:?}");
    }
    // Another party has a schema of its own in the same database.
    let beside = Schema { application: 8, name: "beside", ..SCHEMA };
    assert!(open_schema(&place, "writers=1", &beside).await.is_ok());
    let mended =
        Schema { postgres: &["CREATE TABLE one (x BIGINT)", "CREATE TABLE two (x BIGINT)"], name: "broken", ..SCHEMA };
    let broken =
        Schema { postgres: &["CREATE TABLE one (x BIGINT)", "CREATE TABLE two (x BIGINT); NONSENSE"], ..mended };
    assert!(open_schema(&place, "writers=1", &broken).await.is_err());
    assert!(open_schema(&place, "writers=1", &mended).await.is_ok(), "the old version was left");
}

#[tokio::test]
async fn a_failing_job_spoils_nobody_else_s_commit() {
    let place = database();
    let database = open_with(&place, "writers=1").await;
    let (release, held) = mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let blocker = database.write(move |tx| {
        let _ = held.lock().unwrap().recv();
        tx.execute("UPDATE item SET value = 10 WHERE id = 1", values![]).map(|_| ())
    });
    let refused = database.write(|tx| {
        tx.execute("UPDATE item SET value = 99 WHERE id = 2", values![])?;
        Err::<(), _>(StoreError::Busy)
    });
    let wrong = database.write(|tx| tx.execute("INSERT INTO item VALUES (1, 1)", values![]).map(|_| ()));
    let swallowed = database.write(|tx| {
        let _ = tx.execute("INSERT INTO item VALUES (1, 1)", values![]);
        Ok::<_, StoreError>(())
    });
    let panicking = database.write(|tx| -> Result<(), StoreError> {
        tx.execute("UPDATE item SET value = 99 WHERE id = 2", values![])?;
        panic!("on purpose")
    });
    let (first, refused, wrong, swallowed, panicked, last, ()) =
        tokio::join!(blocker, refused, wrong, swallowed, panicking, add(&database, 2), async move {
            release.send(()).unwrap();
        });
    first.unwrap();
    last.unwrap();
    assert!(matches!(refused, Err(StoreError::Busy)));
    assert!(matches!(wrong, Err(StoreError::Failed(what)) if what.contains("23505") && !what.contains("(1)")));
    assert!(matches!(swallowed, Err(StoreError::Failed(_))), "a failed statement cannot be overlooked");
    assert!(matches!(panicked, Err(StoreError::Panicked)));
    assert_eq!((value(&database, 1).await, value(&database, 2).await), (10, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_writers_of_two_processes_on_one_row() {
    let place = database();
    let replicas = [open_with(&place, "writers=4").await, open_with(&place, "writers=4").await];
    let tasks: Vec<_> = (0..16)
        .map(|task| {
            let database = replicas[task % 2].clone();
            // Half of them take the two rows crosswise, which no locking order could forgive.
            let (first, second) = if task % 4 < 2 { (1_i64, 2_i64) } else { (2, 1) };
            tokio::spawn(async move {
                for _ in 0..25 {
                    let both = database.write(move |tx| {
                        tx.execute("UPDATE item SET value = value + 1 WHERE id = ?1", values![first])?;
                        tx.execute("UPDATE item SET value = value + 1 WHERE id = ?1", values![second])
                    });
                    both.await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!((value(&replicas[0], 1).await, value(&replicas[1], 2).await), (400, 400));
}

#[tokio::test]
async fn a_full_queue_is_busy_and_never_a_lock_error() {
    let place = database();
    let database = open_with(&place, "writers=1&queue=5").await;
    let (release, held) = mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let (started, running) = mpsc::channel::<()>();
    let blocker = tokio::spawn({
        let database = database.clone();
        async move {
            database
                .write(move |_| {
                    let _ = started.send(());
                    let _ = held.lock().unwrap().recv();
                    Ok::<_, StoreError>(())
                })
                .await
        }
    });
    tokio::task::spawn_blocking(move || running.recv().unwrap()).await.unwrap();
    let (answers, ()) = tokio::join!(futures_util::future::join_all((0..8).map(|_| add(&database, 1))), async {
        release.send(()).unwrap()
    });
    let busy = answers.iter().filter(|answer| matches!(answer, Err(StoreError::Busy))).count();
    assert_eq!((busy, answers.iter().filter(|answer| answer.is_ok()).count()), (3, 5));
    blocker.await.unwrap().unwrap();
    assert_eq!(value(&database, 1).await, 5);
}

#[tokio::test]
async fn a_connection_that_is_lost_before_the_commit_is_made_again() {
    let place = Arc::new(database());
    let database = open_with(&place, "writers=2&readers=2").await;
    add(&database, 1).await.unwrap();
    // While it idles.
    place.disconnect_all().unwrap();
    add(&database, 1).await.unwrap();
    assert_eq!(value(&database, 1).await, 2);
    // In the middle of a job, once.
    let (runs, killer) = (Arc::new(AtomicU32::new(0)), Arc::clone(&place));
    let counted = Arc::clone(&runs);
    let done = database.write(move |tx| {
        tx.execute("UPDATE item SET value = value + 1 WHERE id = 1", values![])?;
        if counted.fetch_add(1, Ordering::Relaxed) == 0 {
            killer.disconnect_all().unwrap();
        }
        tx.execute("UPDATE item SET value = value + 1 WHERE id = 2", values![])
    });
    done.await.unwrap();
    assert_eq!((runs.load(Ordering::Relaxed), value(&database, 1).await, value(&database, 2).await), (2, 3, 1));
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_has_an_unknown_outcome() {
    let place = Arc::new(database());
    let database = open_with(&place, "writers=1").await;
    let killer = Arc::clone(&place);
    let unknown = database
        .write(move |tx| {
            tx.execute("UPDATE item SET value = value + 1 WHERE id = 1", values![])?;
            killer.disconnect_all().unwrap();
            Ok::<_, StoreError>(())
        })
        .await;
    assert!(matches!(unknown, Err(StoreError::Commit(_))), "{unknown:?}");
    assert_eq!(value(&database, 1).await, 0);
    add(&database, 1).await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_away_is_said_to_be() {
    let place = database();
    let database = open_with(&place, "writers=1&readers=1").await;
    add(&database, 1).await.unwrap();
    drop(place);
    let refused = add(&database, 1).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    assert!(database.check().is_err());
    let nobody = StoreUrl::new("postgres://me:hunter2@127.0.0.1:9/none?connect_timeout=1");
    let address = Address::read(&nobody).unwrap();
    let said = link::connect(&address, "test", Use::Write, &Arc::default()).await.map(|_| ()).unwrap_err();
    assert!(!said.contains("hunter2"), "{said}");
}

#[tokio::test]
async fn a_snapshot_is_of_one_moment_and_readers_cannot_write_there() {
    let place = database();
    let database = open_with(&place, "writers=2&readers=2").await;
    let other = database.clone();
    let (ask, asked) = mpsc::channel::<()>();
    let (answer, answered) = mpsc::channel::<()>();
    let (asked, answered) = (asked, std::sync::Mutex::new(answered));
    let writer = std::thread::spawn(move || {
        asked.recv().unwrap();
        runtime().unwrap().block_on(add(&other, 1)).unwrap();
        answer.send(()).unwrap();
    });
    let seen: (i64, i64) = database
        .snapshot(move |tx| {
            let before = tx.value("SELECT value FROM item WHERE id = 1", values![])?;
            ask.send(()).unwrap();
            answered.lock().unwrap().recv().unwrap();
            Ok::<_, StoreError>((before, tx.value("SELECT value FROM item WHERE id = 1", values![])?))
        })
        .await
        .unwrap();
    writer.join().unwrap();
    assert_eq!((seen, value(&database, 1).await), ((0, 0), 1));
    let written = database.snapshot(|tx| tx.execute("UPDATE item SET value = 9 WHERE id = 1", values![])).await;
    assert!(written.is_err());
}

#[tokio::test]
async fn statements_for_many_values_travel_together() {
    let place = database();
    let database = open_with(&place, "writers=1").await;
    let counts = database
        .write(|tx| {
            let ids: Vec<i64> = (3..103).collect();
            let sets: Vec<_> = ids.iter().map(|id| [crate::store::sql::ToValue::to_value(id)]).collect();
            let sets: Vec<&[_]> = sets.iter().map(<[_; 1]>::as_slice).collect();
            tx.execute_each("INSERT INTO item VALUES (?1, 0) ON CONFLICT (id) DO NOTHING", &sets)
        })
        .await;
    assert_eq!(counts.unwrap(), vec![1; 100]);
    let all: Vec<i64> =
        database.read(|tx| tx.all("SELECT id FROM item ORDER BY id", values![], |row| row.take(0))).await.unwrap();
    assert!(all.iter().copied().eq(1..103));
}

/// Prints what writes and reads cost: `cargo nextest run -p semper-server postgres::tests::costs --run-ignored all --no-capture`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
#[allow(clippy::print_stderr)]
async fn costs() {
    for writers in [1, 2, 4] {
        let place = database();
        let database = open_with(&place, &format!("writers={writers}")).await;
        for callers in [1_i64, 8, 32, 128, 256] {
            let rounds = 8_000 / (callers + 20);
            let started = std::time::Instant::now();
            let tasks: Vec<_> = (0..callers)
                .map(|caller| {
                    let (database, first) = (database.clone(), 10_000 * (caller + 1) + 3_000_000 * callers);
                    tokio::spawn(async move {
                        for id in first..first + rounds {
                            database
                                .write(move |tx| tx.execute("INSERT INTO item VALUES (?1, 1)", values![id]))
                                .await
                                .unwrap();
                        }
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
            let each = started.elapsed() / u32::try_from(callers * rounds).unwrap();
            eprintln!("{writers} writers, {callers} callers: {:.0} writes/s", 1.0 / each.as_secs_f64());
        }
        let started = std::time::Instant::now();
        for _ in 0..2_000 {
            value(&database, 1).await;
        }
        eprintln!("read: {:?}", started.elapsed() / 2_000);
    }
}
