//! Deadlines, the pool, and what becomes of futures that are dropped.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::join_all;
use mainstay_db::DbError;
use mainstay_db::driver::{Access, Begin, Driver, Ending, Isolation, Statement};
use mainstay_db::postgres::PostgresOptions;
use mainstay_db::value::Value;

use super::{ask, insert, notes, on, one, open, read, until, write};

const RUNNING: &str = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() \
                       AND state = 'active' AND query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()";

fn options() -> PostgresOptions {
    PostgresOptions { connections: 4, ..PostgresOptions::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stops_a_statement_that_runs_too_long() {
    on(async |url: String| {
        let limit = Duration::from_millis(100);
        let driver = open(&url, PostgresOptions { statement_timeout: limit, ..options() }).await;
        let started = Instant::now();
        let fault = driver.run(read("SELECT pg_sleep(20)")).await.unwrap_err();
        assert_eq!(fault, DbError::Timeout { limit });
        assert!(started.elapsed() < Duration::from_secs(3));
        assert_eq!(ask::<i32>(&*driver, "SELECT 1").await, 1);
        driver.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn does_not_wait_for_a_connection_for_ever() {
    on(async |url: String| {
        let patience = Duration::from_millis(100);
        let driver =
            open(&url, PostgresOptions { connections: 1, acquire_timeout: patience, ..options() }).await;
        let first = driver.begin(Begin::default()).await.unwrap();
        let busy = DbError::Busy { what: "a connection".into(), waited: patience };
        assert_eq!(driver.begin(Begin::default()).await.err(), Some(busy.clone()));
        assert_eq!(driver.run(read("SELECT 1")).await.err(), Some(busy));
        first.end(Ending::Commit).await.unwrap();
        // Those that gave up must not get it now.
        assert_eq!(ask::<i32>(&*driver, "SELECT 1").await, 1);
        assert_eq!(driver.status().waiting, 0);
        driver.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serves_those_who_wait_in_their_order() {
    on(async |url: String| {
        let driver = open(&url, PostgresOptions { connections: 1, ..options() }).await;
        notes(&*driver).await;
        // A transaction that waits is not overtaken for ever by statements that could share the connection.
        let tasks = (0..20).map(|task| {
            let driver = driver.clone();
            tokio::spawn(async move {
                for id in 0..10 {
                    insert(&*driver, task * 100 + id).await.unwrap();
                    driver.run(read("SELECT COUNT(*) FROM notes")).await.unwrap();
                }
            })
        });
        let tasks: Vec<_> = tasks.collect();
        let transaction = driver.begin(Begin::default()).await.unwrap();
        transaction.run(read("SELECT 1")).await.unwrap();
        transaction.end(Ending::Commit).await.unwrap();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(ask::<i64>(&*driver, "SELECT COUNT(*) FROM notes").await, 200);
        driver.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sends_the_statements_of_one_task_over_one_connection() {
    on(async |url: String| {
        let driver = open(&url, options()).await;
        let asking = driver.clone();
        let task = tokio::spawn(async move {
            let statements = (0..20).map(|_| asking.run(read("SELECT pg_backend_pid()")));
            join_all(statements).await.iter().map(|reply| one(reply.as_ref().unwrap())).collect()
        });
        let pids: HashSet<i32> = task.await.unwrap();
        assert_eq!(pids.len(), 1);
        let shared = *pids.iter().next().unwrap();
        let transaction = driver.begin(Begin::default()).await.unwrap();
        let pid: i32 = one(&transaction.run(read("SELECT pg_backend_pid()")).await.unwrap());
        let beside: i32 = ask(&*driver, "SELECT pg_backend_pid()").await;
        assert_eq!(pid, shared, "what is idle is taken");
        assert_ne!(beside, pid, "nobody else gets a place on it");
        driver.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_behind_what_has_turned_out_slow() {
    on(async |url: String| {
        const SLEEP: &str = "SELECT pg_sleep($1)::text";
        let driver = open(&url, PostgresOptions { connections: 4, ..options() }).await;
        notes(&*driver).await;
        insert(&*driver, 1).await.unwrap();
        let sleep = |seconds: f64| driver.run(Statement::read(SLEEP, vec![Value::Float(seconds)]));
        for _ in 0..10 {
            sleep(0.0).await.unwrap();
        }
        // One that was quick so far, and a write that waits for somebody's lock.
        let lock = driver.begin(Begin::default()).await.unwrap();
        lock.run(write("DELETE FROM notes")).await.unwrap();
        let blocked = tokio::spawn({
            let driver = driver.clone();
            async move { driver.run(write("UPDATE notes SET id = 2")).await }
        });
        let slow = tokio::spawn({
            let driver = driver.clone();
            async move { driver.run(Statement::read(SLEEP, vec![Value::Float(30.0)])).await }
        });
        tokio::time::sleep(Duration::from_millis(100)).await;
        for _ in 0..100 {
            sleep(0.0).await.unwrap();
        }
        assert!(!slow.is_finished() && !blocked.is_finished());
        slow.abort();
        lock.end(Ending::Commit).await.unwrap();
        blocked.await.unwrap().unwrap();
        driver.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_dropped_futures_leave_every_connection_usable() {
    on(async |url: String| {
        let driver = open(&url, options()).await;
        notes(&*driver).await;
        let tasks = (0..1_000_i64).map(|number| {
            let driver = driver.clone();
            tokio::spawn(async move {
                let wait = Duration::from_micros((number as u64 % 40) * 100);
                let _ = match number % 4 {
                    0 => tokio::time::timeout(wait, insert(&*driver, number)).await.is_ok(),
                    1 => tokio::time::timeout(wait, driver.run(read("SELECT pg_sleep(0.01)"))).await.is_ok(),
                    2 => tokio::time::timeout(wait, async {
                        let transaction = driver.begin(Begin::default()).await.unwrap();
                        transaction.run(read("SELECT pg_sleep(0.01)")).await.unwrap();
                    })
                    .await
                    .is_ok(),
                    _ => tokio::time::timeout(wait, driver.stream(read("SELECT 1"))).await.is_ok(),
                };
            })
        });
        for task in join_all(tasks).await {
            task.unwrap();
        }
        until(async || driver.status().idle == driver.status().open).await;
        let status = driver.status();
        assert!(status.open <= 4 && status.waiting == 0, "{status:?}");
        let all = join_all((0..4).map(|_| driver.begin(Begin::default()))).await;
        assert!(all.iter().all(Result::is_ok));
        drop(all);
        insert(&*driver, 5_000).await.unwrap();
        driver.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_that_nobody_waits_for_is_stopped() {
    on(async |url: String| {
        let driver = open(&url, options()).await;
        let endless = driver.run(read("SELECT pg_sleep(25)"));
        assert!(tokio::time::timeout(Duration::from_millis(50), endless).await.is_err());
        until(async || ask::<i64>(&*driver, RUNNING).await == 0).await;
        driver.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropping_a_transaction_stops_what_it_runs() {
    on(async |url: String| {
        let driver = open(&url, options()).await;
        notes(&*driver).await;
        let transaction = driver.begin(Begin::default()).await.unwrap();
        transaction.run(write("INSERT INTO notes VALUES (1)")).await.unwrap();
        let endless = transaction.run(read("SELECT pg_sleep(25)"));
        assert!(tokio::time::timeout(Duration::from_millis(50), endless).await.is_err());
        drop(transaction);
        until(async || ask::<i64>(&*driver, RUNNING).await == 0).await;
        until(async || driver.status().idle == driver.status().open).await;
        assert_eq!(ask::<i64>(&*driver, "SELECT COUNT(*) FROM notes").await, 0);
        driver.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_that_would_outlive_its_transaction_is_stopped() {
    on(async |url: String| {
        let limit = Duration::from_millis(150);
        let driver = open(&url, PostgresOptions { transaction_timeout: limit, ..options() }).await;
        let transaction = driver.begin(Begin::default()).await.unwrap();
        let fault = transaction.run(read("SELECT pg_sleep(25)")).await.unwrap_err();
        assert_eq!(fault, DbError::TransactionExpired { limit });
        assert_eq!(transaction.end(Ending::Commit).await, Err(DbError::TransactionExpired { limit }));
        driver.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_that_nobody_has_seen_still_prevents_the_commit() {
    on(async |url: String| {
        let driver = open(&url, options()).await;
        notes(&*driver).await;
        let transaction = driver.begin(Begin::default()).await.unwrap();
        transaction.run(write("INSERT INTO notes VALUES (1)")).await.unwrap();
        let failing = transaction.run(read("SELECT pg_sleep(0.2), 1 / (SELECT 0)"));
        assert!(tokio::time::timeout(Duration::from_millis(20), failing).await.is_err());
        let fault = transaction.end(Ending::Commit).await.unwrap_err();
        assert!(matches!(fault, DbError::TransactionEnded { .. }), "{fault:?}");
        assert_eq!(ask::<i64>(&*driver, "SELECT COUNT(*) FROM notes").await, 0);
        driver.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_cannot_change_what_others_run_on() {
    on(async |url: String| {
        let driver = open(&url, options()).await;
        notes(&*driver).await;
        for sql in [
            "BEGIN",
            "/* sly */ COMMIT",
            "ROLLBACK",
            "SAVEPOINT one",
            "SET search_path = pg_catalog",
            "LISTEN news",
            "COPY notes FROM STDIN",
        ] {
            let fault = driver.run(write(sql)).await.unwrap_err();
            assert!(matches!(fault, DbError::Statement { .. }), "{sql}: {fault:?}");
        }
        let transaction = driver.begin(Begin::default()).await.unwrap();
        transaction.run(write("SET LOCAL search_path = pg_catalog")).await.unwrap();
        assert!(transaction.run(write("COMMIT")).await.is_err());
        transaction.end(Ending::Commit).await.unwrap();
        let fault = driver.run(read("DELETE FROM notes")).await.unwrap_err();
        assert!(fault.to_string().contains("must not be run as a read"), "{fault}");
        // A script may; its connection is not used again.
        driver.run(Statement::script("SET search_path = pg_catalog; SELECT 1")).await.unwrap();
        driver.run(read("SELECT id FROM notes")).await.unwrap();
        driver.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_that_commits_ends_the_transaction_that_it_is_in() {
    on(async |url: String| {
        let driver = open(&url, options()).await;
        notes(&*driver).await;
        let transaction = driver.begin(Begin::default()).await.unwrap();
        let fault = transaction.run(Statement::script("SELECT 1; COMMIT")).await.unwrap_err();
        assert!(matches!(fault, DbError::TransactionEnded { .. }), "{fault:?}");
        assert!(transaction.end(Ending::Commit).await.is_err());
        let transaction = driver.begin(Begin::default()).await.unwrap();
        transaction.run(Statement::script("INSERT INTO notes VALUES (1); SELECT 1")).await.unwrap();
        transaction.end(Ending::Commit).await.unwrap();
        driver.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn begins_as_it_is_told() {
    on(async |url: String| {
        let driver = open(&url, options()).await;
        let shown = async |how: Begin, setting: &str| -> String {
            let transaction = driver.begin(how).await.unwrap();
            let reply = transaction.run(read(&format!("SHOW {setting}"))).await.unwrap();
            transaction.end(Ending::Rollback).await.unwrap();
            one(&reply)
        };
        let isolated = |isolation| Begin { isolation: Some(isolation), ..Begin::default() };
        assert_eq!(shown(isolated(Isolation::Serializable), "transaction_isolation").await, "serializable");
        assert_eq!(
            shown(isolated(Isolation::RepeatableRead), "transaction_isolation").await,
            "repeatable read"
        );
        let reading = Begin { access: Access::ReadOnly, ..Begin::default() };
        assert_eq!(shown(reading, "transaction_read_only").await, "on");
        let long = Begin { limit: Some(Duration::from_secs(60)), ..Begin::default() };
        assert_eq!(shown(long, "idle_in_transaction_session_timeout").await, "62s");
        driver.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prepares_again_when_the_tables_have_changed() {
    on(async |url: String| {
        let driver = open(&url, PostgresOptions { connections: 2, ..options() }).await;
        notes(&*driver).await;
        insert(&*driver, 7).await.unwrap();
        let all = "SELECT * FROM notes";
        assert_eq!(ask::<i64>(&*driver, all).await, 7);
        driver.run(write("ALTER TABLE notes ALTER COLUMN id TYPE text")).await.unwrap();
        assert_eq!(ask::<String>(&*driver, all).await, "7");
        driver.run(write("DROP TABLE notes")).await.unwrap();
        assert!(driver.run(read(all)).await.is_err());
        notes(&*driver).await;
        driver.run(read(all)).await.unwrap();
        driver.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keeps_few_statements_prepared() {
    on(async |url: String| {
        let driver = open(&url, PostgresOptions { connections: 1, ..options() }).await;
        for number in 0..400 {
            driver.run(read(&format!("SELECT {number}"))).await.unwrap();
        }
        let kept: i64 = ask(&*driver, "SELECT COUNT(*) FROM pg_prepared_statements").await;
        assert!((200..=256).contains(&kept), "{kept}");
        driver.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closes_what_is_idle_or_old() {
    on(async |url: String| {
        let idle = Duration::from_millis(300);
        let driver = open(&url, PostgresOptions { idle_timeout: idle, ..options() }).await;
        until(async || driver.status().open == 0).await;
        assert_eq!(ask::<i32>(&*driver, "SELECT 1").await, 1);
        driver.close().await;
        let driver = open(&url, PostgresOptions { max_lifetime: idle, ..options() }).await;
        let first: i32 = ask(&*driver, "SELECT pg_backend_pid()").await;
        until(async || ask::<i32>(&*driver, "SELECT pg_backend_pid()").await != first).await;
        driver.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn says_its_name_and_keeps_to_utc() {
    on(async |url: String| {
        let named = PostgresOptions { application_name: "shop".into(), ..options() };
        let driver = open(&url, named.clone()).await;
        assert_eq!(ask::<String>(&*driver, "SHOW application_name").await, "shop");
        assert_eq!(ask::<String>(&*driver, "SHOW timezone").await, "UTC");
        driver.close().await;
        let url = format!("{url}?application_name=other&options=-c%20work_mem%3D5MB");
        let driver = open(&url, named).await;
        assert_eq!(ask::<String>(&*driver, "SHOW application_name").await, "other");
        assert_eq!(ask::<String>(&*driver, "SHOW work_mem").await, "5MB");
        driver.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_future_that_is_not_polled_keeps_nobody_waiting() {
    on(async |url: String| {
        let driver = open(&url, options()).await;
        let task = tokio::spawn(async move {
            let large = "SELECT repeat('x', 10000) FROM generate_series(1, 2000)";
            let mut started = driver.run(read(large));
            // Sent, and left alone: as in a list of futures while one of them is worked on.
            assert!((&mut started).now_or_never().is_none());
            tokio::time::sleep(Duration::from_millis(30)).await;
            let behind = driver.run(read("SELECT 1"));
            let reply = tokio::time::timeout(Duration::from_secs(5), behind).await.unwrap().unwrap();
            assert_eq!(one::<i32>(&reply), 1);
            assert_eq!(started.await.unwrap().rows.len(), 2_000);
            driver.close().await;
        });
        task.await.unwrap();
    })
    .await;
}
