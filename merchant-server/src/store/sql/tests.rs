//! What every database behind the layer must do.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::Duration;

use futures_util::future::join_all;

use super::*;
use crate::store::faults::{Fault, Faults};
use crate::store::testing::{Place, on_every_database};

const SCHEMA: Schema = Schema {
    application: 7,
    name: "sample",
    sqlite: &[
        "CREATE TABLE item (id INTEGER PRIMARY KEY, value INTEGER NOT NULL, bytes BLOB, word TEXT) STRICT",
        "CREATE TABLE later (x INTEGER) STRICT",
    ],
    postgres: &[
        "CREATE TABLE item (id BIGINT PRIMARY KEY, value BIGINT NOT NULL, bytes BYTEA, word TEXT)",
        "CREATE TABLE later (x BIGINT)",
    ],
};

async fn open(place: &Place) -> Database {
    Database::open(&place.config, &SCHEMA, None).await.unwrap()
}

async fn insert(database: &Database, id: i64) -> Result<(), StoreError> {
    database.write(move |tx| tx.execute("INSERT INTO item (id, value) VALUES (?1, 0)", values![id]).map(drop)).await
}

async fn count(database: &Database) -> i64 {
    database.read(|tx| tx.value::<i64>("SELECT count(*) FROM item", values![])).await.unwrap_or_else(fail)
}

fn fail<T>(error: StoreError) -> T {
    panic!("{error}")
}

on_every_database!(
    values_come_back_as_they_went_in,
    a_failing_job_is_rolled_back_alone,
    statements_that_fail_leave_nothing,
    a_counter_loses_no_step,
    rows_that_are_held_stay_as_they_were_read,
    equal_inserts_at_once_are_one,
    a_snapshot_stays_at_its_moment,
    readers_cannot_write,
    what_was_answered_is_there_when_it_is_opened_again,
    many_sets_of_values_are_many_statements,
    what_nobody_waits_for_is_done_or_fails_its_own_job,
    a_job_runs_although_its_caller_has_gone,
    faults_do_what_they_say,
    a_newer_or_other_database_is_refused,
);

async fn values_come_back_as_they_went_in(place: Place) {
    let database = open(&place).await;
    let bytes: Vec<u8> = (0..=255).collect();
    let written = bytes.clone();
    let row = "INSERT INTO item (id, value, bytes, word) VALUES (?1, ?2, ?3, ?4)";
    database
        .write(move |tx| {
            tx.execute(row, values![1, i64::MIN, written, "Grüße, 'it''s' \u{1f600}"])?;
            tx.execute(row, values![2, i64::MAX, None::<Vec<u8>>, None::<String>])?;
            tx.execute(row, values![3, true, [7_u8; 33], String::new()])
        })
        .await
        .unwrap_or_else(fail);
    let rows = database.read(|tx| {
        tx.all("SELECT value, bytes, word FROM item ORDER BY id", values![], |row| {
            Ok((row.take::<i64>(0)?, row.take::<Option<Vec<u8>>>(1)?, row.take::<Option<String>>(2)?))
        })
    });
    let rows = rows.await.unwrap_or_else(fail::<Vec<_>>);
    assert_eq!(rows[0], (i64::MIN, Some(bytes), Some("Grüße, 'it''s' \u{1f600}".to_owned())));
    assert_eq!(rows[1], (i64::MAX, None, None));
    assert_eq!(rows[2], (1, Some(vec![7; 33]), Some(String::new())));
    let found = database.read(|tx| {
        let none = tx.one("SELECT id FROM item WHERE id = ?1", values![9], |row| row.take::<i64>(0))?;
        let found = tx.find::<i64>("SELECT id FROM item WHERE bytes = ?1", values![[7_u8; 33]])?;
        let null = tx.find::<Option<i64>>("SELECT CAST(NULL AS BIGINT)", values![])?;
        let wrong = tx.find::<Vec<u8>>("SELECT id FROM item WHERE id = 1", values![]);
        let large = tx.find::<i64>("SELECT id FROM item WHERE id = ?1", values![u64::MAX]);
        Ok::<_, StoreError>((none, found, null, wrong.is_err(), large.is_err()))
    });
    assert_eq!(found.await.unwrap(), (None, Some(3), Some(None), true, true));
}

async fn a_failing_job_is_rolled_back_alone(place: Place) {
    let database = open(&place).await;
    let failing = database.write(|tx| {
        tx.execute("INSERT INTO item (id, value) VALUES (2, 0)", values![])?;
        Err::<(), _>(StoreError::Busy)
    });
    let panicking = database.write(|tx| -> Result<(), StoreError> {
        tx.execute("INSERT INTO item (id, value) VALUES (3, 0)", values![])?;
        panic!("on purpose")
    });
    let (first, failed, panicked, second) =
        tokio::join!(insert(&database, 1), failing, panicking, insert(&database, 4));
    assert!(first.is_ok() && second.is_ok());
    assert!(matches!(failed, Err(StoreError::Busy)), "{failed:?}");
    assert!(matches!(panicked, Err(StoreError::Panicked)), "{panicked:?}");
    assert_eq!(count(&database).await, 2, "only the good jobs' rows are kept");
    insert(&database, 5).await.unwrap();
    assert_eq!(count(&database).await, 3, "it goes on after the panic");
}

async fn statements_that_fail_leave_nothing(place: Place) {
    let database = open(&place).await;
    insert(&database, 1).await.unwrap();
    let doubled = database.write(|tx| {
        tx.execute("INSERT INTO item (id, value) VALUES (2, 0)", values![])?;
        tx.execute("INSERT INTO item (id, value) VALUES (1, 0)", values![])
    });
    assert!(matches!(doubled.await, Err(StoreError::Failed(_))));
    let nonsense = database.write(|tx| tx.execute("INSERT INTO nothing VALUES (1)", values![]));
    assert!(matches!(nonsense.await, Err(StoreError::Failed(_))));
    // A job that takes the error for nothing: either way, not half of it is kept.
    let ignoring = database.write(|tx| {
        tx.execute("INSERT INTO item (id, value) VALUES (7, 0)", values![])?;
        let _ignored = tx.execute("INSERT INTO item (id, value) VALUES (1, 0)", values![]);
        tx.execute("INSERT INTO item (id, value) VALUES (8, 0)", values![])
    });
    let kept = if ignoring.await.is_ok() { 3 } else { 1 };
    assert_eq!(count(&database).await, kept);
}

async fn a_counter_loses_no_step(place: Place) {
    let database = open(&place).await;
    insert(&database, 1).await.unwrap();
    let tasks = (0..16).map(|_| {
        let database = database.clone();
        tokio::spawn(async move {
            for _ in 0..25 {
                let step = "UPDATE item SET value = value + 1 WHERE id = 1 RETURNING value";
                database.write(|tx| tx.value::<i64>(step, values![])).await.unwrap_or_else(fail);
            }
        })
    });
    join_all(tasks).await.into_iter().for_each(Result::unwrap);
    let value = database.read(|tx| tx.value::<i64>("SELECT value FROM item WHERE id = 1", values![])).await;
    assert_eq!(value.unwrap_or_else(fail), 400);
}

/// Read, then written: right only where the row is held.
async fn rows_that_are_held_stay_as_they_were_read(place: Place) {
    let database = open(&place).await;
    insert(&database, 1).await.unwrap();
    insert(&database, 2).await.unwrap();
    let tasks = (0..8).map(|task| {
        let database = database.clone();
        tokio::spawn(async move {
            for _ in 0..10 {
                // Half of them hold the rows in the other order: what deadlocks is run again.
                let (first, second) = if task % 2 == 0 { (1, 2) } else { (2, 1) };
                let job = move |tx: &mut Tx<'_>| {
                    for id in [first, second] {
                        let held = "SELECT value FROM item WHERE id = ?1 /*FOR UPDATE*/";
                        let value: i64 = tx.value(held, values![id])?;
                        tx.execute("UPDATE item SET value = ?2 WHERE id = ?1", values![id, value + 1])?;
                    }
                    Ok::<_, StoreError>(())
                };
                while let Err(error) = database.write(job).await {
                    assert!(matches!(error, StoreError::Busy), "{error}");
                }
            }
        })
    });
    join_all(tasks).await.into_iter().for_each(Result::unwrap);
    let sum = "SELECT CAST(coalesce(sum(value), 0) AS BIGINT) FROM item";
    assert_eq!(database.read(|tx| tx.value::<i64>(sum, values![])).await.unwrap_or_else(fail), 160);
}

async fn equal_inserts_at_once_are_one(place: Place) {
    let database = open(&place).await;
    for id in 0..20_i64 {
        let inserted = (0..8).map(|_| {
            let insert = "INSERT INTO item (id, value) VALUES (?1, 0) ON CONFLICT (id) DO NOTHING";
            let database = database.clone();
            tokio::spawn(async move { database.write(move |tx| tx.execute(insert, values![id])).await })
        });
        let inserted = join_all(inserted).await.into_iter().map(|rows| rows.unwrap().unwrap_or_else(fail));
        assert_eq!(inserted.sum::<u64>(), 1);
    }
}

async fn a_snapshot_stays_at_its_moment(place: Place) {
    let database = open(&place).await;
    insert(&database, 1).await.unwrap();
    let (reading, read) = std::sync::mpsc::channel::<()>();
    let (written, writing) = std::sync::mpsc::channel::<()>();
    let writing = std::sync::Mutex::new(writing);
    let snapshot = database.scan(move |tx| {
        let before: i64 = tx.value("SELECT count(*) FROM item", values![])?;
        let _told = reading.send(());
        let _waited = writing.lock().unwrap().recv_timeout(Duration::from_secs(10));
        Ok::<_, StoreError>((before, tx.value::<i64>("SELECT count(*) FROM item", values![])?))
    });
    let writer = database.clone();
    let write = tokio::task::spawn_blocking(move || read.recv_timeout(Duration::from_secs(10)).unwrap());
    let write = async move {
        write.await.unwrap();
        insert(&writer, 2).await.unwrap();
        written.send(()).unwrap();
    };
    let (moments, ()) = tokio::join!(snapshot, write);
    assert_eq!(moments.unwrap(), (1, 1));
    assert_eq!(count(&database).await, 2);
    let empty = database.snapshot(|tx| tx.all("SELECT x FROM later", values![], |row| row.take::<i64>(0))).await;
    assert!(empty.unwrap_or_else(fail).is_empty());
}

async fn readers_cannot_write(place: Place) {
    let database = open(&place).await;
    insert(&database, 1).await.unwrap();
    let delete = |tx: &mut Tx<'_>| tx.execute("DELETE FROM item", values![]);
    assert!(database.read(delete).await.is_err());
    assert!(database.snapshot(delete).await.is_err());
    assert_eq!(count(&database).await, 1);
}

async fn what_was_answered_is_there_when_it_is_opened_again(place: Place) {
    let database = open(&place).await;
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
    assert_eq!(count(&open(&place).await).await, 20);
}

async fn many_sets_of_values_are_many_statements(place: Place) {
    let database = open(&place).await;
    let rows = database.write(|tx| {
        let insert = "INSERT INTO item (id, value) VALUES (?1, ?2) ON CONFLICT (id) DO NOTHING";
        assert!(tx.execute_each(insert, &[])?.is_empty());
        tx.execute_each(insert, &[values![1, 10], values![2, 20], values![1, 30]])
    });
    assert_eq!(rows.await.unwrap_or_else(fail), [1, 1, 0]);
    let failing = database.write(|tx| {
        tx.execute_each("INSERT INTO item (id, value) VALUES (?1, 0)", &[values![5], values![1], values![6]])
    });
    assert!(matches!(failing.await, Err(StoreError::Failed(_))));
    assert_eq!(count(&database).await, 2);
}

async fn what_nobody_waits_for_is_done_or_fails_its_own_job(place: Place) {
    const INSERT: &str = "INSERT INTO item (id, value) VALUES (?1, ?2)";
    let database = open(&place).await;
    // More than travel together, and seen by the job's own later statements.
    let seen = database.write(|tx| {
        (0..60).try_for_each(|id| tx.execute_later(INSERT, values![id, id]))?;
        tx.value::<i64>("SELECT count(*) FROM item", values![])
    });
    assert_eq!(seen.await.unwrap_or_else(fail), 60);
    let pair = |first: i64, second: i64| {
        database.write(move |tx| {
            tx.execute_later(INSERT, values![first, 0])?;
            tx.execute_later(INSERT, values![second, 0])
        })
    };
    for round in 0..20 {
        let at = 100 + 10 * round;
        let (good, bad, last) = tokio::join!(pair(at, at + 1), pair(at + 2, 7), pair(at + 4, at + 5));
        assert!(good.is_ok() && last.is_ok(), "{good:?} {last:?}");
        assert!(matches!(bad, Err(StoreError::Failed(_))), "{bad:?}");
    }
    assert_eq!(count(&database).await, 60 + 20 * 4, "of a failed job nothing is kept");
}

async fn a_job_runs_although_its_caller_has_gone(place: Place) {
    let database = open(&place).await;
    let mut write = Box::pin(insert(&database, 1));
    // Polled once, it is taken.
    let _answered = futures_util::FutureExt::now_or_never(write.as_mut());
    drop(write);
    insert(&database, 2).await.unwrap();
    for _ in 0..100 {
        if count(&database).await == 2 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the first write is missing");
}

async fn faults_do_what_they_say(place: Place) {
    let plain = open(&place).await;
    let faults = Faults::new(|write| match write {
        1 => Some(Fault::Busy),
        2 => Some(Fault::Lost),
        3 => Some(Fault::Unanswered),
        4 => Some(Fault::Slow(Duration::from_millis(50))),
        _ => None,
    });
    let database = Database::new(faults.before(Arc::clone(&plain.0)));
    insert(&database, 0).await.unwrap();
    assert!(matches!(insert(&database, 1).await, Err(StoreError::Busy)));
    assert!(matches!(insert(&database, 2).await, Err(StoreError::Commit(_))));
    assert!(matches!(insert(&database, 3).await, Err(StoreError::Commit(_))));
    let started = std::time::Instant::now();
    insert(&database, 4).await.unwrap();
    assert!(started.elapsed() >= Duration::from_millis(50));
    let kept = plain.read(|tx| tx.all("SELECT id FROM item ORDER BY id", values![], |row| row.take::<i64>(0))).await;
    assert_eq!(kept.unwrap_or_else(fail), [0, 3, 4]);
    assert_eq!(faults.writes(), 5);
}

async fn a_newer_or_other_database_is_refused(place: Place) {
    let older = Schema { sqlite: &SCHEMA.sqlite[..1], postgres: &SCHEMA.postgres[..1], ..SCHEMA };
    drop(Database::open(&place.config, &older, None).await.unwrap());
    let database = open(&place).await;
    insert(&database, 1).await.unwrap();
    drop(database);
    assert!(matches!(Database::open(&place.config, &older, None).await, Err(StoreError::Foreign { .. })));
    assert_eq!(count(&open(&place).await).await, 1);
}

#[test]
fn the_same_seed_fails_the_same_writes() {
    let slow = Duration::from_millis(1);
    let faults = |seed| (0..400).map(|write| (Faults::seeded(seed, 8, slow).0.fault)(write)).collect::<Vec<_>>();
    assert_eq!(faults(1), faults(1));
    assert_ne!(faults(1), faults(2));
    assert!((25..100).contains(&faults(3).into_iter().flatten().count()));
}
