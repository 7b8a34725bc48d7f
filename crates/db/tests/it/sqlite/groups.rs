//! Transactions that are committed together, and what one does to the others.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use mainstay_db::DbError;
use mainstay_db::driver::{Begin, Driver, Ending, Savepoint, Statement, Transaction};
use mainstay_db::sqlite::{Location, Sqlite, SqliteOptions};
use tokio::task::JoinHandle;

async fn open(tables: &str, options: SqliteOptions) -> Arc<dyn Driver> {
    let driver = Sqlite::open(Location::memory(), options).await.unwrap();
    driver.run(Statement::script(tables.to_owned())).await.unwrap();
    Arc::new(driver)
}

async fn notes() -> Arc<dyn Driver> {
    open("CREATE TABLE notes (id INTEGER PRIMARY KEY)", SqliteOptions::default()).await
}

fn add(id: i64) -> Statement {
    Statement::write(format!("INSERT INTO notes VALUES ({id})"), vec![])
}

async fn read(driver: &Arc<dyn Driver>) -> Vec<i64> {
    let rows = driver.run(Statement::read("SELECT id FROM notes ORDER BY id", vec![])).await.unwrap().rows;
    rows.iter().map(|row| row.get(0).unwrap()).collect()
}

async fn begin(driver: &Arc<dyn Driver>) -> Box<dyn Transaction> {
    driver.begin(Begin::default()).await.unwrap()
}

/// A transaction that has added 1 and is about to be committed, and one that begins as soon as the first has ended. The
/// second has added 2 already when it is handed out: both are in one group.
async fn two(driver: &Arc<dyn Driver>) -> (JoinHandle<Result<(), DbError>>, Box<dyn Transaction>) {
    let first = begin(driver).await;
    first.run(add(1)).await.unwrap();
    let copy = Arc::clone(driver);
    let second = tokio::spawn(async move {
        let second = begin(&copy).await;
        second.run(add(2)).await.unwrap();
        second
    });
    while driver.status().waiting == 0 {
        tokio::task::yield_now().await;
    }
    let first = tokio::spawn(first.end(Ending::Commit));
    (first, second.await.unwrap())
}

#[tokio::test]
async fn one_commit_is_for_those_that_follow_at_once() {
    // On a busy machine the second one may look as if it paused.
    let mut shared = false;
    for _ in 0..50 {
        let driver = notes().await;
        let (first, second) = two(&driver).await;
        let unseen = read(&driver).await.is_empty() && !first.is_finished();
        second.end(Ending::Commit).await.unwrap();
        first.await.unwrap().unwrap();
        assert_eq!(read(&driver).await, [1, 2]);
        shared |= unseen;
        if shared {
            return;
        }
    }
    panic!("nobody shares a commit");
}

#[tokio::test]
async fn one_that_is_undone_takes_no_other_with_it() {
    for way in ["rolled back", "dropped", "expired"] {
        let limit = Duration::from_millis(200);
        let options = SqliteOptions { transaction_timeout: limit, ..SqliteOptions::default() };
        let driver = open("CREATE TABLE notes (id INTEGER PRIMARY KEY)", options).await;
        let (first, second) = two(&driver).await;
        match way {
            "rolled back" => second.end(Ending::Rollback).await.unwrap(),
            "dropped" => drop(second),
            _ => {
                tokio::time::sleep(2 * limit).await;
                assert_eq!(second.run(add(3)).await.unwrap_err(), DbError::TransactionExpired { limit });
            }
        }
        first.await.unwrap().unwrap();
        assert_eq!(read(&driver).await, [1], "{way}");
    }
}

#[tokio::test]
async fn one_that_pauses_keeps_no_commit_waiting_and_goes_on_where_it_was() {
    let driver = notes().await;
    let (first, second) = two(&driver).await;
    second.savepoint(Savepoint::Set(1)).await.unwrap();
    let made = Statement::write("INSERT INTO notes DEFAULT VALUES RETURNING id", vec![]);
    let made = second.run(made).await.unwrap().rows.first().unwrap().get::<i64>(0).unwrap();
    assert!(second.run(add(1)).await.is_err(), "it sees what those before it have written");
    // The second does nothing more before the first is committed, as if it waited for a lock that the first one has.
    tokio::time::timeout(Duration::from_secs(2), first).await.expect("nobody waits").unwrap().unwrap();
    assert_eq!(read(&driver).await, [1]);
    let inside = second.run(Statement::read("SELECT id FROM notes ORDER BY id", vec![])).await.unwrap().rows;
    assert_eq!(inside.iter().map(|row| row.get(0).unwrap()).collect::<Vec<i64>>(), [1, 2, made]);
    second.savepoint(Savepoint::RollBackTo(1)).await.unwrap();
    second.run(add(9)).await.unwrap();
    second.end(Ending::Commit).await.unwrap();
    assert_eq!(read(&driver).await, [1, 2, 9]);
}

#[tokio::test]
async fn one_that_would_not_come_to_the_same_once_more_is_told_to_begin_again() {
    let driver = notes().await;
    let (first, second) = two(&driver).await;
    second.run(Statement::read("SELECT random()", vec![])).await.unwrap();
    first.await.unwrap().unwrap();
    let fault = second.run(add(3)).await.unwrap_err();
    assert!(fault.is_retryable(), "{fault:?}");
    drop(second);
    assert_eq!(read(&driver).await, [1]);
}

#[tokio::test]
async fn one_that_begins_and_does_nothing_keeps_no_commit_waiting() {
    let driver = notes().await;
    let first = begin(&driver).await;
    first.run(add(1)).await.unwrap();
    let copy = Arc::clone(&driver);
    let idle = tokio::spawn(async move { begin(&copy).await });
    while driver.status().waiting == 0 {
        tokio::task::yield_now().await;
    }
    first.end(Ending::Commit).await.unwrap();
    let second = idle.await.unwrap();
    assert_eq!(read(&driver).await, [1]);
    second.run(add(2)).await.unwrap();
    second.end(Ending::Commit).await.unwrap();
    assert_eq!(read(&driver).await, [1, 2]);
}

#[tokio::test]
async fn after_a_long_one_none_shares_its_commit() {
    let driver = notes().await;
    let long = begin(&driver).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    long.end(Ending::Commit).await.unwrap();
    // The first of these is short, and the second would join it, if the one before had been.
    let long = begin(&driver).await;
    long.run(add(1)).await.unwrap();
    let copy = Arc::clone(&driver);
    let next = tokio::spawn(async move {
        let next = begin(&copy).await;
        next.run(add(2)).await.unwrap();
        next
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    let started = Instant::now();
    long.end(Ending::Commit).await.unwrap();
    let next = next.await.unwrap();
    assert_eq!(read(&driver).await, [1], "after {:?}", started.elapsed());
    drop(next);
}

#[tokio::test]
async fn a_statement_that_is_stopped_undoes_the_group_and_says_that_it_may_be_run_again() {
    let limit = Duration::from_millis(60);
    let options = SqliteOptions { statement_timeout: limit, ..SqliteOptions::default() };
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
                   INSERT INTO notes SELECT i FROM n WHERE i < 0";
    for _ in 0..50 {
        let driver = open("CREATE TABLE notes (id INTEGER PRIMARY KEY)", options.clone()).await;
        let (first, second) = two(&driver).await;
        let fault = second.run(Statement::write(endless, vec![])).await.unwrap_err();
        assert_eq!(fault, DbError::Timeout { limit });
        assert!(second.end(Ending::Commit).await.is_err());
        match first.await.unwrap() {
            // On a busy machine the second one may look as if it paused, and is alone then.
            Ok(()) => assert_eq!(read(&driver).await, [1]),
            Err(fault) => {
                assert!(fault.is_retryable(), "{fault:?}");
                assert!(read(&driver).await.is_empty());
                return;
            }
        }
    }
    panic!("nobody shares a commit");
}

#[tokio::test]
async fn a_constraint_that_is_looked_at_last_fails_its_own_transaction_alone() {
    let tables = "CREATE TABLE notes (id INTEGER PRIMARY KEY, above INTEGER
                                      REFERENCES notes (id) DEFERRABLE INITIALLY DEFERRED)";
    let driver = open(tables, SqliteOptions::default()).await;
    let transactions = (0..40_i64).map(|id| {
        let driver = Arc::clone(&driver);
        async move {
            let above = if id % 5 == 0 { "999" } else { "NULL" };
            let transaction = begin(&driver).await;
            let sql = format!("INSERT INTO notes VALUES ({id}, {above})");
            transaction.run(Statement::write(sql, vec![])).await.unwrap();
            transaction.end(Ending::Commit).await
        }
    });
    for (id, outcome) in join_all(transactions).await.into_iter().enumerate() {
        assert_eq!(outcome.is_err(), id % 5 == 0, "{id}: {outcome:?}");
    }
    assert_eq!(read(&driver).await.len(), 32);
}

#[tokio::test]
async fn a_script_cannot_end_the_transaction_that_it_is_run_in() {
    let driver = notes().await;
    let (first, second) = two(&driver).await;
    for sql in ["COMMIT", "INSERT INTO notes VALUES (3); ROLLBACK", "BEGIN"] {
        let fault = second.run(Statement::script(sql)).await.unwrap_err();
        assert!(fault.to_string().contains("begun and ended by the driver"), "{sql}: {fault}");
    }
    second.end(Ending::Rollback).await.unwrap();
    first.await.unwrap().unwrap();
    assert_eq!(read(&driver).await, [1]);
    let fault = driver.run(Statement::script("INSERT INTO notes VALUES (4); COMMIT")).await.unwrap_err();
    assert!(fault.to_string().contains("begun and ended by the driver"), "{fault}");
    assert_eq!(read(&driver).await, [1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counts_right_however_they_meet() {
    let driver =
        open("CREATE TABLE notes (id INTEGER); INSERT INTO notes VALUES (0)", SqliteOptions::default()).await;
    let tasks = (0..16_u64).map(|task| {
        let driver = Arc::clone(&driver);
        tokio::spawn(async move {
            let mut kept = 0;
            for round in 0..40 {
                if (task + round) % 4 == 0 {
                    driver.run(Statement::write("UPDATE notes SET id = id + 1", vec![])).await.unwrap();
                    kept += 1;
                    continue;
                }
                let transaction = begin(&driver).await;
                let rows =
                    transaction.run(Statement::read("SELECT id FROM notes", vec![])).await.unwrap().rows;
                let count: i64 = rows.first().unwrap().get(0).unwrap();
                let write = format!("UPDATE notes SET id = {}", count + 1);
                transaction.run(Statement::write(write, vec![])).await.unwrap();
                match (task + round) % 3 {
                    0 => transaction.end(Ending::Rollback).await.unwrap(),
                    1 if round % 2 == 0 => drop(transaction),
                    _ => {
                        transaction.end(Ending::Commit).await.unwrap();
                        kept += 1;
                    }
                }
            }
            kept
        })
    });
    let kept: i64 = join_all(tasks).await.into_iter().map(Result::unwrap).sum();
    assert_eq!(read(&driver).await, [kept]);
}
