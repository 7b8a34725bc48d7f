//! Connections that break, and servers that go away.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mainstay_db::DbError;
use mainstay_db::driver::{Begin, Driver, Ending};
use mainstay_db::error::Outcome;
use mainstay_db::postgres::{Location, Postgres, PostgresOptions};

use super::proxy::{Proxy, split};
use super::{ask, insert, notes, on, one, open, read, write};

const TERMINATE: &str = "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity \
                         WHERE datname = current_database() AND pid <> pg_backend_pid() \
                         AND application_name = 'victim'";

fn victim() -> PostgresOptions {
    PostgresOptions { connections: 4, application_name: "victim".into(), ..PostgresOptions::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_write_is_lost_when_backends_are_ended_under_load() {
    on(async |url: String| {
        let (driver, other) = (open(&url, victim()).await, open(&url, PostgresOptions::default()).await);
        notes(&*driver).await;
        let ended = Arc::new(AtomicBool::new(false));
        let writers: Vec<_> = (0..8_i64)
            .map(|writer| {
                let (driver, ended) = (driver.clone(), ended.clone());
                tokio::spawn(async move {
                    let (mut kept, mut not_done) = (Vec::new(), Vec::new());
                    for number in 0.. {
                        if ended.load(Ordering::SeqCst) {
                            break;
                        }
                        let id = writer * 1_000_000 + number;
                        match insert(&*driver, id).await {
                            Ok(_) => kept.push(id),
                            Err(DbError::ConnectionLost { outcome: Outcome::NotDone, .. }) => {
                                not_done.push(id)
                            }
                            Err(DbError::ConnectionLost { outcome: Outcome::Unknown, .. }) => {}
                            Err(other) => panic!("{other:?}"),
                        }
                        match driver.run(read("SELECT COUNT(*) FROM notes")).await {
                            Ok(_) | Err(DbError::ConnectionLost { outcome: Outcome::NotDone, .. }) => {}
                            Err(other) => panic!("{other:?}"),
                        }
                    }
                    (kept, not_done)
                })
            })
            .collect();
        let mut terminated = 0;
        for _ in 0..15 {
            tokio::time::sleep(Duration::from_millis(60)).await;
            terminated += ask::<i64>(&*other, TERMINATE).await;
        }
        ended.store(true, Ordering::SeqCst);
        assert!(terminated > 10, "{terminated}");
        let reply = other.run(read("SELECT id FROM notes")).await.unwrap();
        let stored: std::collections::HashSet<i64> =
            reply.rows.iter().map(|row| row.get(0).unwrap()).collect();
        let mut all = 0;
        for writer in writers {
            let (kept, not_done) = writer.await.unwrap();
            all += kept.len();
            let reply = other.run(read("SELECT id FROM notes")).await.unwrap();
            let now: std::collections::HashSet<i64> =
                reply.rows.iter().map(|row| row.get(0).unwrap()).collect();
            assert!(kept.iter().all(|id| now.contains(id)), "an acknowledged write is gone");
            assert!(not_done.iter().all(|id| !now.contains(id)), "what is said not to be done is there");
        }
        assert!(all > 50 && stored.len() > 50, "{all}");
        driver.close().await;
        other.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn says_that_a_transaction_was_lost_and_nothing_written() {
    on(async |url: String| {
        let (driver, other) = (open(&url, victim()).await, open(&url, PostgresOptions::default()).await);
        notes(&*driver).await;
        let transaction = driver.begin(Begin::default()).await.unwrap();
        transaction.run(write("INSERT INTO notes VALUES (1)")).await.unwrap();
        assert!(ask::<i64>(&*other, TERMINATE).await > 0);
        let fault = transaction.run(read("SELECT 1")).await.unwrap_err();
        assert!(matches!(fault, DbError::ConnectionLost { outcome: Outcome::NotDone, .. }), "{fault:?}");
        assert!(transaction.end(Ending::Commit).await.is_err());
        assert_eq!(ask::<i64>(&*driver, "SELECT COUNT(*) FROM notes").await, 0);
        driver.close().await;
        other.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_connections_that_were_ended_are_replaced_unnoticed() {
    on(async |url: String| {
        let (driver, other) = (open(&url, victim()).await, open(&url, PostgresOptions::default()).await);
        notes(&*driver).await;
        for id in 0..10 {
            insert(&*driver, id).await.unwrap();
            ask::<i64>(&*other, TERMINATE).await;
            driver.run(read("SELECT 1")).await.unwrap();
            ask::<i64>(&*other, TERMINATE).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
            let transaction = driver.begin(Begin::default()).await.unwrap();
            transaction.end(Ending::Commit).await.unwrap();
        }
        driver.close().await;
        other.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_to_answer_is_given_up() {
    on(async |url: String| {
        let (_, server, _) = split(&url);
        let proxy = Proxy::plain(&server).await;
        let limit = Duration::from_millis(200);
        let options =
            PostgresOptions { statement_timeout: limit, transaction_timeout: limit * 5, ..victim() };
        let driver = open(&proxy.url(&url), options).await;
        notes(&*driver).await;
        let transaction = driver.begin(Begin::default()).await.unwrap();
        driver.run(read("SELECT 1")).await.unwrap();
        proxy.freeze(true);
        let started = Instant::now();
        let (reading, inside) = tokio::join!(driver.run(read("SELECT 1")), transaction.run(read("SELECT 1")));
        assert_eq!(reading.unwrap_err(), DbError::Timeout { limit });
        assert_eq!(inside.unwrap_err(), DbError::TransactionExpired { limit: limit * 5 });
        assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
        proxy.freeze(false);
        drop(transaction);
        assert_eq!(ask::<i32>(&*driver, "SELECT 1").await, 1);
        driver.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waits_for_a_server_that_comes_back() {
    on(async |url: String| {
        let (_, server, _) = split(&url);
        let proxy = Proxy::plain(&server).await;
        let patience = Duration::from_millis(1_500);
        let driver = open(&proxy.url(&url), PostgresOptions { acquire_timeout: patience, ..victim() }).await;
        assert_eq!(ask::<i32>(&*driver, "SELECT 1").await, 1);
        proxy.stop();
        tokio::time::sleep(Duration::from_millis(50)).await;
        let fault = driver.run(read("SELECT 1")).await.unwrap_err();
        assert!(
            matches!(&fault, DbError::Unavailable { detail } if detail.contains("cannot be reached")),
            "{fault:?}"
        );
        let address = proxy.address;
        let returning = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(400)).await;
            Proxy::again(address, &server).await
        });
        // Asked while it is away, answered once it is back.
        let reply = driver.run(read("SELECT 2")).await.unwrap();
        assert_eq!(one::<i32>(&reply), 2);
        drop(returning.await.unwrap());
        driver.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn says_at_once_what_time_does_not_mend() {
    on(async |url: String| {
        let started = Instant::now();
        let missing = format!("{url}_missing");
        let fault =
            Postgres::open(Location::parse(&missing, Path::new(".")).unwrap(), victim()).await.err().unwrap();
        assert!(
            matches!(&fault, DbError::Unavailable { detail } if detail.contains("CREATE DATABASE")),
            "{fault:?}"
        );
        assert!(started.elapsed() < Duration::from_secs(2));
    })
    .await;
}
