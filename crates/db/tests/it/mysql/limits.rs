//! Deadlines of statements and transactions, and the number of connections.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mainstay_db::DbError;
use mainstay_db::driver::{Begin, Ending, Statement};
use mainstay_db::mysql::MySqlOptions;

use super::{ENDLESS, add, ids, on, open, value};

fn read(sql: &str) -> Statement {
    Statement::read(sql, vec![])
}

#[tokio::test]
async fn rolls_a_transaction_back_at_its_deadline() {
    on(async |url| {
        let limit = Duration::from_millis(200);
        let driver = open(&url, MySqlOptions { transaction_timeout: limit, ..MySqlOptions::default() }).await;
        let transaction = driver.begin(Begin::default()).await.unwrap();
        transaction.run(add(1)).await.unwrap();
        // Somebody else who wants the same key waits for the deadline, and no longer.
        let started = Instant::now();
        driver.run(add(1)).await.unwrap();
        assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
        assert_eq!(transaction.run(add(3)).await.unwrap_err(), DbError::TransactionExpired { limit });
        assert_eq!(transaction.end(Ending::Commit).await, Err(DbError::TransactionExpired { limit }));
        assert_eq!(ids(&driver).await, [1]);
    })
    .await;
}

#[tokio::test]
async fn stops_a_statement_that_would_outlive_its_transaction() {
    on(async |url| {
        let limit = Duration::from_millis(200);
        let driver = open(
            &url,
            MySqlOptions { transaction_timeout: limit, connections: 1, ..MySqlOptions::default() },
        )
        .await;
        let transaction = driver.begin(Begin::default()).await.unwrap();
        let fault = transaction.run(read(ENDLESS)).await.unwrap_err();
        assert_eq!(fault, DbError::TransactionExpired { limit });
        drop(transaction);
        driver.run(add(1)).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn stops_a_statement_that_runs_too_long() {
    on(async |url| {
        let limit = Duration::from_millis(300);
        let driver =
            open(&url, MySqlOptions { statement_timeout: limit, connections: 1, ..MySqlOptions::default() })
                .await;
        let started = Instant::now();
        assert_eq!(driver.run(read(ENDLESS)).await.unwrap_err(), DbError::Timeout { limit });
        assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
        // A write too, which MySQL's own limit does not know.
        let write = format!("INSERT INTO notes (id) {ENDLESS}");
        let fault = driver.run(Statement::write(write, vec![])).await.unwrap_err();
        assert_eq!(fault, DbError::Timeout { limit });
        // The one connection is free again, and in a transaction such a statement is only itself undone.
        let transaction = driver.begin(Begin::default()).await.unwrap();
        transaction.run(add(1)).await.unwrap();
        assert_eq!(transaction.run(read(ENDLESS)).await.unwrap_err(), DbError::Timeout { limit });
        transaction.end(Ending::Commit).await.unwrap();
        assert_eq!(ids(&driver).await, [1]);
    })
    .await;
}

#[tokio::test]
async fn a_statement_that_nobody_waits_for_is_stopped() {
    on(async |url| {
        let driver = open(&url, MySqlOptions { connections: 1, ..MySqlOptions::default() }).await;
        let endless = driver.run(read(ENDLESS));
        assert!(tokio::time::timeout(Duration::from_millis(50), endless).await.is_err());
        // The one connection is free again long before the statement's own limit of 30 seconds.
        let next = tokio::time::timeout(Duration::from_secs(5), ids(&driver)).await;
        assert!(next.unwrap().is_empty());
        let running = "SELECT COUNT(*) FROM information_schema.processlist \
                       WHERE info LIKE 'SELECT COUNT(*) FROM information_schema.collations%' AND db = DATABASE()";
        // A server that is busy takes a moment to stop what it was told to.
        for _ in 0..100 {
            if value::<i64>(&driver, running).await == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(value::<i64>(&driver, running).await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_stream_that_nobody_reads_is_stopped() {
    on(async |url| {
        let driver = open(&url, MySqlOptions { connections: 1, ..MySqlOptions::default() }).await;
        let many = "SELECT a.id, b.id FROM information_schema.collations a, information_schema.collations b";
        let mut stream = driver.stream(read(many)).await.unwrap();
        assert_eq!(stream.next().await.unwrap().unwrap().len(), 256);
        drop(stream);
        let next = tokio::time::timeout(Duration::from_secs(5), ids(&driver)).await;
        assert!(next.unwrap().is_empty());
        // In a transaction, the rest is read over, and the transaction goes on.
        let transaction = driver.begin(Begin::default()).await.unwrap();
        transaction.run(add(1)).await.unwrap();
        let mut stream = transaction.stream(read(&format!("{many} LIMIT 2000"))).await.unwrap();
        stream.next().await.unwrap().unwrap();
        let fault = transaction.run(add(2)).await.unwrap_err();
        assert!(matches!(&fault, DbError::Model { detail } if detail.contains("stream")), "{fault:?}");
        drop(stream);
        transaction.run(add(3)).await.unwrap();
        transaction.end(Ending::Commit).await.unwrap();
        assert_eq!(ids(&driver).await, [1, 3]);
    })
    .await;
}

#[tokio::test]
async fn does_not_wait_for_a_connection_for_ever() {
    on(async |url| {
        let patience = Duration::from_millis(300);
        let options = MySqlOptions { acquire_timeout: patience, connections: 2, ..MySqlOptions::default() };
        let driver = open(&url, options).await;
        let (one, two) =
            (driver.begin(Begin::default()).await.unwrap(), driver.begin(Begin::default()).await.unwrap());
        let waiting = {
            let driver = Arc::clone(&driver);
            tokio::spawn(async move { driver.run(read("SELECT 1")).await.map(|_| ()) })
        };
        tokio::time::sleep(patience / 3).await;
        let status = driver.status();
        assert_eq!((status.open, status.idle, status.waiting, status.limit), (2, 0, 1, 2));
        let busy = DbError::Busy { what: "one of the 2 connections".into(), waited: patience };
        assert_eq!(waiting.await.unwrap(), Err(busy));
        drop((one, two));
        assert_eq!(value::<i64>(&driver, "SELECT 1").await, 1);
    })
    .await;
}

#[tokio::test]
async fn many_callers_share_few_connections() {
    on(async |url| {
        let driver = open(&url, MySqlOptions { connections: 3, ..MySqlOptions::default() }).await;
        futures_util::future::join_all((1..=200).map(|id| {
            let driver = &driver;
            async move { driver.run(add(id)).await.unwrap() }
        }))
        .await;
        assert_eq!(ids(&driver).await.len(), 200);
        assert!(driver.status().open <= 3);
        driver.close().await;
        assert_eq!(driver.status().open, 0);
    })
    .await;
}

#[tokio::test]
async fn replaces_a_connection_that_is_old() {
    on(async |url| {
        let driver = open(&url, MySqlOptions { lifetime: Duration::ZERO, ..MySqlOptions::default() }).await;
        let first: i64 = value(&driver, "SELECT CONNECTION_ID()").await;
        assert_ne!(value::<i64>(&driver, "SELECT CONNECTION_ID()").await, first);
        assert_eq!(driver.status().open, 1);
    })
    .await;
}
