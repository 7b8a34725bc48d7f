//! Transactions that get in each other's way.

use std::time::Duration;

use mainstay_db::DbError;
use mainstay_db::driver::{Access, Begin, Ending, Isolation, Savepoint, Statement};
use mainstay_db::mysql::MySqlOptions;

use super::{add, ids, on, open};

fn touch(id: i64, text: &str) -> Statement {
    Statement::write(format!("UPDATE notes SET text = '{text}' WHERE id = {id}"), vec![])
}

#[tokio::test]
async fn one_of_two_that_wait_for_each_other_is_told_so_and_leaves_nothing() {
    on(async |url| {
        let driver = open(&url, MySqlOptions::default()).await;
        driver.run(add(1)).await.unwrap();
        driver.run(add(2)).await.unwrap();
        let (one, two) =
            (driver.begin(Begin::default()).await.unwrap(), driver.begin(Begin::default()).await.unwrap());
        one.run(touch(1, "one")).await.unwrap();
        two.run(touch(2, "two")).await.unwrap();
        let (first, second) = tokio::join!(one.run(touch(2, "one")), two.run(touch(1, "two")));
        let (lost, fault, won) = match (first, second) {
            (Err(fault), Ok(_)) => (one, fault, two),
            (Ok(_), Err(fault)) => (two, fault, one),
            both => panic!("{both:?}"),
        };
        assert!(matches!(fault, DbError::Deadlock { .. }) && fault.is_retryable(), "{fault:?}");
        // Nothing that is run in it now may happen outside of it.
        let after = lost.run(add(3)).await.unwrap_err();
        assert!(matches!(after, DbError::TransactionEnded { .. }), "{after:?}");
        assert!(lost.end(Ending::Commit).await.is_err());
        won.end(Ending::Commit).await.unwrap();
        assert_eq!(ids(&driver).await, [1, 2]);
        let reply = driver.run(Statement::read("SELECT DISTINCT text FROM notes", vec![])).await.unwrap();
        assert_eq!(reply.rows.len(), 1, "all of one, nothing of the other");
    })
    .await;
}

#[tokio::test]
async fn a_row_that_stays_locked_is_not_waited_for_for_ever() {
    on(async |url| {
        let patience = Duration::from_secs(1);
        let driver = open(&url, MySqlOptions { acquire_timeout: patience, ..MySqlOptions::default() }).await;
        driver.run(add(1)).await.unwrap();
        let holder = driver.begin(Begin::default()).await.unwrap();
        holder.run(touch(1, "held")).await.unwrap();
        let fault = driver.run(touch(1, "other")).await.unwrap_err();
        assert!(matches!(fault, DbError::Busy { waited, .. } if waited == patience), "{fault:?}");
        holder.end(Ending::Commit).await.unwrap();
        driver.run(touch(1, "other")).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_transaction_sees_what_its_isolation_says() {
    on(async |url| {
        let driver = open(&url, MySqlOptions::default()).await;
        let count = || Statement::read("SELECT COUNT(*) FROM notes", vec![]);
        for (isolation, sees) in
            [(None, 1), (Some(Isolation::ReadCommitted), 1), (Some(Isolation::RepeatableRead), 0)]
        {
            let transaction = driver.begin(Begin { isolation, ..Begin::default() }).await.unwrap();
            transaction.run(count()).await.unwrap();
            driver.run(add(1)).await.unwrap();
            let seen = transaction.run(count()).await.unwrap();
            assert_eq!(seen.rows.first().unwrap().get::<i64>(0), Ok(sees), "{isolation:?}");
            transaction.end(Ending::Rollback).await.unwrap();
            driver.run(Statement::write("DELETE FROM notes", vec![])).await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn a_transaction_that_only_reads_cannot_write() {
    on(async |url| {
        let driver = open(&url, MySqlOptions::default()).await;
        let how = Begin { access: Access::ReadOnly, ..Begin::default() };
        let transaction = driver.begin(how).await.unwrap();
        assert!(transaction.run(add(1)).await.is_err());
        transaction.end(Ending::Commit).await.unwrap();
        assert!(ids(&driver).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_savepoint_undoes_what_came_after_it() {
    on(async |url| {
        let driver = open(&url, MySqlOptions::default()).await;
        let transaction = driver.begin(Begin::default()).await.unwrap();
        transaction.run(add(1)).await.unwrap();
        transaction.savepoint(Savepoint::Set(1)).await.unwrap();
        transaction.run(add(2)).await.unwrap();
        assert!(transaction.run(add(1)).await.is_err());
        transaction.savepoint(Savepoint::RollBackTo(1)).await.unwrap();
        transaction.run(add(3)).await.unwrap();
        transaction.savepoint(Savepoint::Release(1)).await.unwrap();
        transaction.end(Ending::Commit).await.unwrap();
        assert_eq!(ids(&driver).await, [1, 3]);
    })
    .await;
}

#[tokio::test]
async fn a_change_of_the_schema_ends_a_transaction_and_says_so() {
    on(async |url| {
        let driver = open(&url, MySqlOptions { connections: 1, ..MySqlOptions::default() }).await;
        for ending in ["CREATE TABLE more (id INT)", "COMMIT"] {
            let transaction = driver.begin(Begin::default()).await.unwrap();
            let fault = transaction.run(Statement::script(ending)).await.unwrap_err();
            assert!(matches!(fault, DbError::TransactionEnded { .. }), "{ending}: {fault:?}");
            let after = transaction.run(add(1)).await.unwrap_err();
            assert!(matches!(after, DbError::TransactionEnded { .. }), "{ending}: {after:?}");
        }
        assert!(ids(&driver).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_statement_cannot_begin_a_transaction() {
    on(async |url| {
        let driver = open(&url, MySqlOptions { connections: 1, ..MySqlOptions::default() }).await;
        for sql in ["BEGIN", "START TRANSACTION; INSERT INTO notes (id) VALUES (1)"] {
            let fault = driver.run(Statement::script(sql)).await.unwrap_err();
            assert!(matches!(fault, DbError::Statement { .. }), "{sql}: {fault:?}");
        }
        let fault = driver.run(Statement::script("BEGIN; nonsense")).await.unwrap_err();
        assert!(matches!(fault, DbError::Statement { .. }), "{fault:?}");
        driver.run(add(2)).await.unwrap();
        driver.close().await;
        let driver = open(&url, MySqlOptions::default()).await;
        assert_eq!(ids(&driver).await, [2]);
    })
    .await;
}
