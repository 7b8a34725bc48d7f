//! Streams, savepoints, and transactions that only read: what a driver makes of them.

use std::sync::Arc;
use std::time::Duration;

use mainstay_db::DbError;
use mainstay_db::driver::{
    Access, Begin, Dialect, Driver, Ending, RowStream, Savepoint, Statement, Transaction,
};

use super::{Engine, add, ids, insert, notes, suite};

suite!(
    streams_every_row_in_order,
    streams_nothing_of_nothing,
    says_at_once_what_is_wrong_with_a_stream,
    dropping_a_stream_frees_its_connection,
    a_slow_reader_keeps_nobody_waiting,
    streams_within_a_transaction,
    a_stream_does_not_keep_a_transaction_alive,
    a_savepoint_undoes_what_came_after_it,
    a_failing_statement_is_undone_by_a_savepoint,
    a_transaction_that_only_reads_sees_one_state,
    a_transaction_that_only_reads_waits_for_no_writer,
    a_transaction_ends_at_its_own_limit,
    tells_how_much_is_in_use,
);

/// Notes with the numbers from 0.
async fn many(engine: Engine, rows: i64) -> Arc<dyn Driver> {
    let driver = notes(engine).await;
    let transaction = driver.begin(Begin::default()).await.unwrap();
    for id in 0..rows {
        transaction.run(insert(&driver, id, &format!("note {id}"))).await.unwrap();
    }
    transaction.end(Ending::Commit).await.unwrap();
    driver
}

fn all() -> Statement {
    Statement::read("SELECT id FROM notes ORDER BY id", vec![])
}

async fn rest(mut stream: RowStream) -> Vec<i64> {
    let mut ids = Vec::new();
    while let Some(batch) = stream.next().await {
        let rows = batch.unwrap();
        assert!(!rows.is_empty(), "a batch has rows");
        ids.extend(rows.iter().map(|row| row.get::<i64>(0).unwrap()));
    }
    ids
}

async fn count(transaction: &dyn Transaction) -> i64 {
    let reply = transaction.run(Statement::read("SELECT COUNT(*) FROM notes", vec![])).await.unwrap();
    reply.rows.first().unwrap().get(0).unwrap()
}

async fn streams_every_row_in_order(engine: Engine) {
    let driver = many(engine, 3_000).await;
    let stream = driver.stream(all()).await.unwrap();
    assert_eq!(rest(stream).await, (0..3_000).collect::<Vec<_>>());
}

async fn streams_nothing_of_nothing(engine: Engine) {
    let driver = notes(engine).await;
    assert_eq!(rest(driver.stream(all()).await.unwrap()).await, [0_i64; 0]);
}

async fn says_at_once_what_is_wrong_with_a_stream(engine: Engine) {
    let driver = notes(engine).await;
    let fault = driver.stream(Statement::read("SELECT wrong FROM notes", vec![])).await.unwrap_err();
    assert!(matches!(fault, DbError::Statement { .. }), "{fault:?}");
}

async fn dropping_a_stream_frees_its_connection(engine: Engine) {
    let driver = many(engine, 3_000).await;
    for _ in 0..60 {
        let mut stream = driver.stream(all()).await.unwrap();
        assert!(stream.next().await.unwrap().is_ok());
    }
    assert_eq!(ids(&driver).await.len(), 3_000);
}

async fn a_slow_reader_keeps_nobody_waiting(engine: Engine) {
    let driver = many(engine, 3_000).await;
    let mut stream = driver.stream(all()).await.unwrap();
    let mut seen = stream.next().await.unwrap().unwrap().len();
    add(&driver, 10_000, "meanwhile").await.unwrap();
    assert_eq!(ids(&driver).await.len(), 3_001);
    while let Some(batch) = stream.next().await {
        seen += batch.unwrap().len();
    }
    assert_eq!(seen, 3_000, "it goes on as it began");
}

async fn streams_within_a_transaction(engine: Engine) {
    let driver = many(engine, 2_000).await;
    let transaction = driver.begin(Begin::default()).await.unwrap();
    transaction.run(insert(&driver, 2_000, "of its own")).await.unwrap();
    let mut stream = transaction.stream(all()).await.unwrap();
    assert!(stream.next().await.unwrap().is_ok());
    let second = transaction.stream(all()).await;
    assert!(matches!(second, Err(DbError::Model { .. })), "{second:?}");
    if matches!(driver.dialect(), Dialect::Sqlite | Dialect::Postgres) {
        transaction.run(insert(&driver, 10_000, "between two batches")).await.unwrap();
    }
    drop(stream);
    assert_eq!(
        rest(transaction.stream(all()).await.unwrap()).await[..=2_000],
        (0..=2_000).collect::<Vec<_>>()
    );
    transaction.run(insert(&driver, 10_001, "after the stream")).await.unwrap();
    transaction.end(Ending::Commit).await.unwrap();
    assert!(ids(&driver).await.ends_with(&[10_001]));
}

async fn a_stream_does_not_keep_a_transaction_alive(engine: Engine) {
    let driver = many(engine, 2_000).await;
    let transaction = driver.begin(Begin::default()).await.unwrap();
    transaction.run(insert(&driver, 2_000, "gone")).await.unwrap();
    let mut stream = transaction.stream(all()).await.unwrap();
    assert!(stream.next().await.unwrap().is_ok());
    drop(transaction);
    // The next write waits for the roll-back, not for the deadline.
    tokio::time::timeout(Duration::from_secs(3), add(&driver, 3_000, "next")).await.unwrap().unwrap();
    assert_eq!(ids(&driver).await.last(), Some(&3_000));
    while let Some(batch) = stream.next().await {
        if batch.is_err() {
            break;
        }
    }
}

async fn a_savepoint_undoes_what_came_after_it(engine: Engine) {
    let driver = notes(engine).await;
    let transaction = driver.begin(Begin::default()).await.unwrap();
    transaction.run(insert(&driver, 1, "one")).await.unwrap();
    transaction.savepoint(Savepoint::Set(1)).await.unwrap();
    transaction.run(insert(&driver, 2, "two")).await.unwrap();
    transaction.savepoint(Savepoint::Set(2)).await.unwrap();
    transaction.run(insert(&driver, 3, "three")).await.unwrap();
    transaction.savepoint(Savepoint::Release(2)).await.unwrap();
    assert_eq!(count(&*transaction).await, 3);
    transaction.savepoint(Savepoint::RollBackTo(1)).await.unwrap();
    transaction.savepoint(Savepoint::Release(1)).await.unwrap();
    transaction.run(insert(&driver, 4, "four")).await.unwrap();
    transaction.end(Ending::Commit).await.unwrap();
    assert_eq!(ids(&driver).await, [1, 4]);
}

async fn a_failing_statement_is_undone_by_a_savepoint(engine: Engine) {
    let driver = notes(engine).await;
    let transaction = driver.begin(Begin::default()).await.unwrap();
    transaction.run(insert(&driver, 1, "one")).await.unwrap();
    transaction.savepoint(Savepoint::Set(1)).await.unwrap();
    assert!(transaction.run(insert(&driver, 1, "again")).await.is_err());
    transaction.savepoint(Savepoint::RollBackTo(1)).await.unwrap();
    transaction.savepoint(Savepoint::Release(1)).await.unwrap();
    transaction.run(insert(&driver, 2, "two")).await.unwrap();
    transaction.end(Ending::Commit).await.unwrap();
    assert_eq!(ids(&driver).await, [1, 2]);
}

/// Sees what was there at the beginning, on every engine.
fn snapshot() -> Begin {
    Begin {
        isolation: Some(mainstay_db::driver::Isolation::RepeatableRead),
        access: Access::ReadOnly,
        ..Begin::default()
    }
}

async fn a_transaction_that_only_reads_sees_one_state(engine: Engine) {
    let driver = many(engine, 5).await;
    let transaction = driver.begin(snapshot()).await.unwrap();
    assert_eq!(count(&*transaction).await, 5);
    add(&driver, 5, "meanwhile").await.unwrap();
    assert_eq!(count(&*transaction).await, 5);
    let fault = transaction.run(insert(&driver, 6, "six")).await.unwrap_err();
    assert!(matches!(fault, DbError::ReadOnly { .. }), "{fault:?}");
    transaction.end(Ending::Rollback).await.unwrap();
    assert_eq!(ids(&driver).await.len(), 6);
}

async fn a_transaction_that_only_reads_waits_for_no_writer(engine: Engine) {
    let driver = many(engine, 5).await;
    let writing = driver.begin(Begin::default()).await.unwrap();
    writing.run(insert(&driver, 5, "five")).await.unwrap();
    let reading = driver.begin(snapshot()).await.unwrap();
    assert_eq!(count(&*reading).await, 5);
    writing.end(Ending::Commit).await.unwrap();
    reading.end(Ending::Commit).await.unwrap();
}

async fn a_transaction_ends_at_its_own_limit(engine: Engine) {
    let driver = notes(engine).await;
    let begin = Begin { limit: Some(Duration::from_millis(100)), ..Begin::default() };
    let transaction = driver.begin(begin).await.unwrap();
    transaction.run(insert(&driver, 1, "one")).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let fault = transaction.run(insert(&driver, 2, "two")).await.unwrap_err();
    assert_eq!(fault, DbError::TransactionExpired { limit: Duration::from_millis(100) });
    assert!(transaction.end(Ending::Commit).await.is_err());
    add(&driver, 3, "three").await.unwrap();
    assert_eq!(ids(&driver).await, [3]);
}

async fn tells_how_much_is_in_use(engine: Engine) {
    let driver = many(engine, 5).await;
    let transaction = driver.begin(Begin::default()).await.unwrap();
    transaction.run(insert(&driver, 5, "five")).await.unwrap();
    let status = driver.status();
    assert!(status.open >= 1 && status.open <= status.limit, "{status:?}");
    assert!(status.idle < status.open, "one is in use: {status:?}");
    transaction.end(Ending::Commit).await.unwrap();
}
