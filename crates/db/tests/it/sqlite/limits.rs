//! Deadlines of statements and transactions.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mainstay_db::DbError;
use mainstay_db::driver::{Begin, Driver, Ending, Statement};
use mainstay_db::sqlite::{Location, Sqlite, SqliteOptions};

/// Counts for minutes unless it is stopped.
const ENDLESS: &str =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n WHERE i < 0";

async fn open(options: SqliteOptions) -> Arc<dyn Driver> {
    let driver = Sqlite::open(Location::memory(), options).await.unwrap();
    driver.run(Statement::script("CREATE TABLE notes (id INTEGER PRIMARY KEY)")).await.unwrap();
    Arc::new(driver)
}

fn add(id: i64) -> Statement {
    Statement::write(format!("INSERT INTO notes VALUES ({id})"), vec![])
}

#[tokio::test]
async fn rolls_a_transaction_back_at_its_deadline() {
    let limit = Duration::from_millis(80);
    let driver = open(SqliteOptions { transaction_timeout: limit, ..SqliteOptions::default() }).await;
    let transaction = driver.begin(Begin::default()).await.unwrap();
    transaction.run(add(1)).await.unwrap();
    // Somebody else's write waits for the deadline, and no longer.
    let started = Instant::now();
    driver.run(add(2)).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert_eq!(transaction.run(add(3)).await.unwrap_err(), DbError::TransactionExpired { limit });
    assert_eq!(transaction.end(Ending::Commit).await, Err(DbError::TransactionExpired { limit }));
    let rows = driver.run(Statement::read("SELECT id FROM notes", vec![])).await.unwrap().rows;
    assert_eq!(rows.iter().map(|row| row.get(0).unwrap()).collect::<Vec<i64>>(), [2]);
}

#[tokio::test]
async fn stops_a_statement_that_would_outlive_its_transaction() {
    let limit = Duration::from_millis(80);
    let driver = open(SqliteOptions { transaction_timeout: limit, ..SqliteOptions::default() }).await;
    let transaction = driver.begin(Begin::default()).await.unwrap();
    let fault = transaction.run(Statement::read(ENDLESS, vec![])).await.unwrap_err();
    assert_eq!(fault, DbError::TransactionExpired { limit });
    drop(transaction);
    driver.run(add(1)).await.unwrap();
}

#[tokio::test]
async fn stops_a_statement_that_runs_too_long() {
    let limit = Duration::from_millis(50);
    let driver =
        open(SqliteOptions { statement_timeout: limit, readers: 1, ..SqliteOptions::default() }).await;
    let fault = driver.run(Statement::read(ENDLESS, vec![])).await.unwrap_err();
    assert_eq!(fault, DbError::Timeout { limit });
    // The one reader is free again.
    driver.run(Statement::read("SELECT 1", vec![])).await.unwrap();
}

#[tokio::test]
async fn does_not_wait_for_the_writer_for_ever() {
    let patience = Duration::from_millis(50);
    let driver = open(SqliteOptions { acquire_timeout: patience, ..SqliteOptions::default() }).await;
    let first = driver.begin(Begin::default()).await.unwrap();
    let fault = driver.begin(Begin::default()).await.err().unwrap();
    assert_eq!(fault, DbError::Busy { what: "the writer".into(), waited: patience });
    first.end(Ending::Commit).await.unwrap();
    // The one that gave up must not be begun now.
    driver.run(add(1)).await.unwrap();
}

#[tokio::test]
async fn a_full_queue_makes_callers_wait_their_turn() {
    let driver = open(SqliteOptions { queue: 2, readers: 1, ..SqliteOptions::default() }).await;
    let reads = (0..100).map(|_| driver.run(Statement::read("SELECT 1", vec![])));
    for read in futures_util::future::join_all(reads).await {
        read.unwrap();
    }
}

#[tokio::test]
async fn a_read_cannot_write() {
    let driver = open(SqliteOptions::default()).await;
    let fault = driver.run(Statement::read("DELETE FROM notes", vec![])).await.unwrap_err();
    assert!(
        matches!(&fault, DbError::Statement { detail, .. } if detail.contains("must not be run as a read")),
        "{fault:?}"
    );
}

#[tokio::test]
async fn a_statement_cannot_begin_or_end_a_transaction() {
    let driver = open(SqliteOptions::default()).await;
    for sql in ["BEGIN", "COMMIT", "/* sly */ ROLLBACK", "SAVEPOINT one", "RELEASE one"] {
        let fault = driver.run(Statement::write(sql, vec![])).await.unwrap_err();
        assert!(matches!(fault, DbError::Statement { .. }), "{sql}: {fault:?}");
    }
    // Alone it would begin one that nobody ends.
    driver.run(Statement::write("BEGIN IMMEDIATE", vec![])).await.unwrap();
    driver.run(add(1)).await.unwrap();
    let transaction = driver.begin(Begin::default()).await.unwrap();
    transaction.run(add(2)).await.unwrap();
    assert!(transaction.run(Statement::write("COMMIT", vec![])).await.is_err());
    drop(transaction);
    driver.run(add(2)).await.unwrap();
}

#[tokio::test]
async fn a_write_that_runs_too_long_takes_no_neighbour_with_it() {
    let limit = Duration::from_millis(60);
    let driver = open(SqliteOptions { statement_timeout: limit, ..SqliteOptions::default() }).await;
    let endless = format!("INSERT INTO notes {}", ENDLESS.replace("COUNT(*)", "i"));
    let writes = (0..20)
        .map(|id| driver.run(if id == 9 { Statement::write(endless.clone(), vec![]) } else { add(id) }));
    let outcomes = futures_util::future::join_all(writes).await;
    for (id, outcome) in outcomes.into_iter().enumerate() {
        // SQLite rolls the whole group back with the one that is stopped; the others are run again.
        assert_eq!(outcome.err(), (id == 9).then_some(DbError::Timeout { limit }), "{id}");
    }
    let rows = driver.run(Statement::read("SELECT id FROM notes", vec![])).await.unwrap().rows;
    assert_eq!(rows.len(), 19);
}

#[tokio::test]
async fn a_statement_fails_whole_among_others() {
    let driver = open(SqliteOptions::default()).await;
    driver.run(add(3)).await.unwrap();
    let writes = [
        Statement::write("INSERT INTO notes VALUES (10)", vec![]),
        Statement::write("INSERT INTO notes VALUES (1), (2), (3), (4)", vec![]),
        Statement::write_many(
            "INSERT INTO notes VALUES (?)",
            [5, 6, 3, 7].map(mainstay_db::value::Value::Int).to_vec(),
            4,
        ),
        Statement::write("INSERT INTO notes VALUES (11)", vec![]),
    ];
    let outcomes = futures_util::future::join_all(writes.map(|write| driver.run(write))).await;
    assert_eq!(outcomes.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, false, true]);
    let rows = driver.run(Statement::read("SELECT id FROM notes ORDER BY id", vec![])).await.unwrap().rows;
    assert_eq!(rows.iter().map(|row| row.get(0).unwrap()).collect::<Vec<i64>>(), [3, 10, 11]);
}

#[tokio::test]
async fn a_read_that_nobody_waits_for_is_stopped() {
    let driver = open(SqliteOptions { readers: 1, ..SqliteOptions::default() }).await;
    let endless = driver.run(Statement::read(ENDLESS, vec![]));
    assert!(tokio::time::timeout(Duration::from_millis(30), endless).await.is_err());
    // The one reader is free again long before the statement's own limit of 30 seconds.
    let next = driver.run(Statement::read("SELECT 1", vec![]));
    tokio::time::timeout(Duration::from_secs(5), next).await.unwrap().unwrap();
}
