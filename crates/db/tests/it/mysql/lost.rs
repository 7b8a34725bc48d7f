//! Connections that break.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mainstay_db::DbError;
use mainstay_db::driver::{Begin, Driver, Ending, Statement};
use mainstay_db::error::Outcome;
use mainstay_db::mysql::{Location, MySql, MySqlOptions};

use super::{add, ids, on, open};

/// Kills every connection to the database but the one that asks.
async fn kill_others(killer: &Arc<dyn Driver>) {
    let all = "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()";
    let reply = killer.run(Statement::read(all, vec![])).await.unwrap();
    for row in reply.rows.iter() {
        let kill = format!("KILL {}", row.get::<i64>(0).unwrap());
        // It may have gone by itself.
        let _ = killer.run(Statement::script(kill)).await;
    }
}

async fn killer(url: &str) -> Arc<dyn Driver> {
    open(url, MySqlOptions { connections: 1, ..MySqlOptions::default() }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn goes_on_when_connections_are_killed_under_load() {
    on(async |url| {
        let driver = open(&url, MySqlOptions { connections: 4, ..MySqlOptions::default() }).await;
        let killer = killer(&url).await;
        let done = Arc::new(AtomicBool::new(false));
        let workers = (0..8).map(|worker| {
            let (driver, done) = (Arc::clone(&driver), Arc::clone(&done));
            tokio::spawn(async move {
                let (mut acknowledged, mut lost) = (Vec::new(), 0);
                for id in worker * 1_000_000.. {
                    if done.load(Ordering::Relaxed) {
                        break;
                    }
                    match driver.run(add(id + 1)).await {
                        Ok(_) => acknowledged.push(id + 1),
                        Err(DbError::ConnectionLost { .. }) => lost += 1,
                        Err(fault) => panic!("{fault:?}"),
                    }
                }
                (acknowledged, lost)
            })
        });
        let workers: Vec<_> = workers.collect();
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            kill_others(&killer).await;
        }
        done.store(true, Ordering::Relaxed);
        let mut acknowledged = 0;
        let there = {
            let outcomes = futures_util::future::join_all(workers).await;
            let there = ids(&driver).await;
            for outcome in outcomes {
                let (written, lost) = outcome.unwrap();
                assert!(lost <= 20, "every connection is lost five times at most: {lost}");
                acknowledged += written.len();
                assert!(
                    written.iter().all(|id| there.binary_search(id).is_ok()),
                    "an acknowledged write is lost"
                );
            }
            there
        };
        assert!(acknowledged > 0 && there.len() >= acknowledged);
        assert!(driver.status().open <= 4);
    })
    .await;
}

#[tokio::test]
async fn a_read_on_a_connection_that_is_gone_takes_another() {
    on(async |url| {
        let driver = open(&url, MySqlOptions { connections: 2, ..MySqlOptions::default() }).await;
        let (one, two) = tokio::join!(ids(&driver), ids(&driver));
        assert!(one.is_empty() && two.is_empty());
        kill_others(&killer(&url).await).await;
        assert!(ids(&driver).await.is_empty());
        // The other one was found out meanwhile.
        driver.run(add(1)).await.unwrap();
        kill_others(&killer(&url).await).await;
        let transaction = driver.begin(Begin::default()).await.unwrap();
        transaction.end(Ending::Commit).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_transaction_whose_connection_is_lost_has_left_nothing() {
    on(async |url| {
        let driver = open(&url, MySqlOptions::default()).await;
        let transaction = driver.begin(Begin::default()).await.unwrap();
        transaction.run(add(1)).await.unwrap();
        kill_others(&killer(&url).await).await;
        let fault = transaction.run(add(2)).await.unwrap_err();
        assert!(matches!(fault, DbError::ConnectionLost { outcome: Outcome::NotDone, .. }), "{fault:?}");
        let after = transaction.run(add(3)).await.unwrap_err();
        assert!(matches!(after, DbError::TransactionEnded { .. }), "{after:?}");
        assert!(transaction.end(Ending::Commit).await.is_err());
        assert!(ids(&driver).await.is_empty());
        // A commit whose reply is lost may have happened.
        let transaction = driver.begin(Begin::default()).await.unwrap();
        transaction.run(add(1)).await.unwrap();
        kill_others(&killer(&url).await).await;
        let fault = transaction.end(Ending::Commit).await.unwrap_err();
        assert!(matches!(fault, DbError::ConnectionLost { outcome: Outcome::Unknown, .. }), "{fault:?}");
    })
    .await;
}

#[tokio::test]
async fn says_why_it_cannot_connect_and_never_the_password() {
    on(async |url| {
        let options = MySqlOptions { acquire_timeout: Duration::from_millis(800), ..MySqlOptions::default() };
        let (user, rest) = url.split_once('@').unwrap();
        let stranger = format!("{}:s3cret@{rest}", user.rsplit_once(':').unwrap().0);
        let nobody = "mysql://ann:s3cret@127.0.0.1:1/app".to_owned();
        let nowhere = format!("{}/not_there", url.rsplit_once('/').unwrap().0);
        for (url, word) in [(stranger, "denied"), (nobody, "127.0.0.1:1"), (nowhere, "not_there")] {
            let started = Instant::now();
            let location = Location::parse(&url, Path::new(".")).unwrap();
            let fault = MySql::open(location, options.clone()).await.err().unwrap();
            let text = fault.to_string();
            assert!(matches!(fault, DbError::Unavailable { .. }), "{fault:?}");
            assert!(text.contains(word) && !text.contains("s3cret"), "{text}");
            assert!(started.elapsed() < Duration::from_secs(3));
        }
    })
    .await;
}
