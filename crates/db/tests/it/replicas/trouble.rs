//! Replicas that are behind, gone, in the way, or none.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use mainstay_core::metrics::Metrics;
use mainstay_db::driver::{Dialect, Statement};
use mainstay_db::{DatabaseConfig, Db, Settings, sql};

use super::{Rig, add, eventually, notes, on_both, open, port, reading};

on_both!(
    no_read_fails_when_a_replica_is_killed with 1,
    one_that_has_much_to_do_is_not_given_up with 1,
    one_that_is_too_far_behind_is_not_asked with 1,
    one_that_has_not_the_tables_yet_is_not_asked with 1,
    a_server_that_is_no_replica_is_not_asked with 0,
    the_metrics_show_it_and_reads_go_on_without_the_primary with 1,
);

async fn no_read_fails_when_a_replica_is_killed(mut rig: Rig) {
    let db = rig.open().await;
    add(&db, 1).await;
    rig.is_ready(&db).await;
    let (primary, replica) = (rig.primary.port(), rig.replicas[0].port());
    let (done, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let (db, done, stop) = (db.clone(), Arc::clone(&done), Arc::clone(&stop));
            tokio::spawn(async move {
                while !stop.load(Ordering::Acquire) {
                    let read = db.on_replicas(sql("SELECT id FROM notes").fetch::<i64>(&db)).await;
                    assert_eq!(read.unwrap(), [1]);
                    done.fetch_add(1, Ordering::AcqRel);
                }
            })
        })
        .collect();
    let some_more = async || {
        let enough = done.load(Ordering::Acquire) + 50;
        eventually(async || done.load(Ordering::Acquire) >= enough).await;
    };
    for round in 0..3 {
        some_more().await;
        tokio::task::block_in_place(|| match round {
            1 => rig.replicas[0].stop().unwrap(),
            _ => rig.replicas[0].kill(),
        });
        some_more().await;
        eventually(async || reading(&db, None, port(&db)).await == primary).await;
        tokio::task::block_in_place(|| rig.replicas[0].start_again().unwrap());
        eventually(async || reading(&db, None, port(&db)).await == replica).await;
    }
    stop.store(true, Ordering::Release);
    for reader in readers {
        reader.await.unwrap();
    }
    // An application starts without its replica, and finds it later.
    tokio::task::block_in_place(|| rig.replicas[0].kill());
    let late = rig.open().await;
    assert_eq!(reading(&late, None, port(&late)).await, primary);
    tokio::task::block_in_place(|| rig.replicas[0].start_again().unwrap());
    eventually(async || reading(&late, None, port(&late)).await == replica).await;
    late.close().await;
    db.close().await;
    rig.end().await;
}

/// All of its connections are in use for longer than a look may take.
async fn one_that_has_much_to_do_is_not_given_up(rig: Rig) {
    let db = open(&DatabaseConfig { connections: 1, ..rig.config() }).await;
    rig.is_ready(&db).await;
    let slow = match db.dialect() {
        Dialect::Postgres => "SELECT CAST(inet_server_port() AS bigint) FROM pg_sleep(4)",
        _ => "SELECT CAST(@@port AS SIGNED) + SLEEP(4)",
    };
    eventually(async || {
        let server: i64 = reading(&db, None, sql(slow).fetch_one(&db)).await.unwrap();
        server == i64::from(rig.replicas[0].port())
    })
    .await;
    db.close().await;
    rig.end().await;
}

async fn one_that_is_too_far_behind_is_not_asked(rig: Rig) {
    let db = open(&DatabaseConfig { replica_lag: Duration::from_secs(1), ..rig.config() }).await;
    rig.is_ready(&db).await;
    let (primary, replica) = (rig.primary.port(), rig.replicas[0].port());
    rig.pause(0).await;
    add(&db, 1).await;
    eventually(async || reading(&db, None, port(&db)).await == primary).await;
    // It stays so, although nothing is written any more.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(reading(&db, None, notes(&db)).await, [1]);
    assert_eq!(reading(&db, None, port(&db)).await, primary);
    rig.resume(0).await;
    eventually(async || reading(&db, None, port(&db)).await == replica).await;
    db.close().await;
    rig.end().await;
}

/// Who has changed tables reads them where they have changed.
async fn one_that_has_not_the_tables_yet_is_not_asked(rig: Rig) {
    let driver = rig.config().open(Path::new(".")).await.unwrap();
    let db = Db::over(Arc::clone(&driver), Settings::default());
    rig.is_ready(&db).await;
    let (primary, replica) = (rig.primary.port(), rig.replicas[0].port());
    rig.pause(0).await;
    assert_eq!(reading(&db, None, port(&db)).await, replica);
    driver.run(Statement::script("CREATE TABLE later (id BIGINT PRIMARY KEY)")).await.unwrap();
    let later = async || sql("SELECT id FROM later").fetch::<i64>(&db).await.unwrap().len();
    for _ in 0..10 {
        assert_eq!(reading(&db, None, async { (port(&db).await, later().await) }).await, (primary, 0));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    rig.resume(0).await;
    eventually(async || reading(&db, None, async { (port(&db).await, later().await) }).await == (replica, 0))
        .await;
    db.close().await;
    rig.end().await;
}

/// It may have become the primary itself, and then nobody else's writes arrive there.
async fn a_server_that_is_no_replica_is_not_asked(rig: Rig) {
    let itself = rig.config().url.replace("127.0.0.1", "localhost");
    let driver = DatabaseConfig { replicas: vec![itself], ..rig.config() };
    let driver = driver.open(Path::new(".")).await.unwrap();
    let metrics = Metrics::new();
    driver.replicas().unwrap().watch(&metrics);
    let db = Db::over(driver, Settings::default());
    for _ in 0..10 {
        assert_eq!(reading(&db, None, port(&db)).await, rig.primary.port());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let shown = metrics.render();
    assert_eq!(value(&shown, "db_replica_up"), Some(0.0), "{shown}");
    assert_eq!(value(&shown, "db_replica_reads_total"), Some(0.0), "{shown}");
    db.close().await;
    rig.end().await;
}

/// The value of a metric that there is once.
fn value(shown: &str, name: &str) -> Option<f64> {
    let line = shown.lines().find(|line| line.starts_with(name))?;
    line.rsplit(' ').next()?.parse().ok()
}

async fn the_metrics_show_it_and_reads_go_on_without_the_primary(mut rig: Rig) {
    let driver = rig.config().open(Path::new(".")).await.unwrap();
    let metrics = Metrics::new();
    driver.replicas().unwrap().watch(&metrics);
    let db = Db::over(driver, Settings::default());
    add(&db, 1).await;
    rig.is_ready(&db).await;
    let shown = metrics.render();
    assert_eq!(value(&shown, "db_replica_up"), Some(1.0), "{shown}");
    assert!(value(&shown, "db_replica_reads_total").unwrap() >= 1.0, "{shown}");
    assert!(shown.contains(&format!("replica=\"127.0.0.1:{}/", rig.replicas[0].port())), "{shown}");
    assert!(!shown.contains("mainstay:") && !shown.contains("mainstay@"), "{shown}");

    rig.pause(0).await;
    add(&db, 2).await;
    eventually(async || value(&metrics.render(), "db_replica_lag_seconds").is_some_and(|lag| lag > 0.5))
        .await;
    rig.resume(0).await;
    eventually(async || value(&metrics.render(), "db_replica_lag_seconds") == Some(0.0)).await;
    assert_eq!(reading(&db, None, notes(&db)).await, [1, 2]);

    // What is there can be read for as long as the primary is away, and it comes back.
    tokio::task::block_in_place(|| rig.primary.kill());
    let asked = Instant::now();
    while asked.elapsed() < Duration::from_secs(5) {
        let looked = async { (port(&db).await, notes(&db).await) };
        assert_eq!(reading(&db, None, looked).await, (rig.replicas[0].port(), vec![1, 2]));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    tokio::task::block_in_place(|| rig.primary.start_again().unwrap());
    eventually(async || sql("INSERT INTO notes (id) VALUES (3)").execute(&db).await.is_ok()).await;
    eventually(async || reading(&db, None, notes(&db)).await == [1, 2, 3]).await;
    db.close().await;
    rig.end().await;
}
