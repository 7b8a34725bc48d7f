//! Replicas that are behind, gone, in the way, or none.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use mainstay_db::replicas::{Reads, Scope};
use mainstay_db::{DatabaseConfig, Db, sql};

use super::{Rig, add, eventually, notes, on_both, open, port, reading};

on_both!(
    no_read_fails_when_a_replica_is_killed with 1,
    one_that_is_too_far_behind_is_not_asked with 1,
    a_server_that_is_no_replica_is_not_asked with 0,
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
    // Tables that have changed are waited for.
    rig.pause(0).await;
    sql("CREATE TABLE later (id BIGINT PRIMARY KEY)").execute(&db).await.unwrap();
    db.close().await;
    rig.resume(0).await;
    rig.end().await;
}

async fn a_server_that_is_no_replica_is_not_asked(rig: Rig) {
    let itself = rig.config().url.replace("127.0.0.1", "localhost");
    let db = open(&DatabaseConfig { replicas: vec![itself], ..rig.config() }).await;
    let scope = Scope::of(&db, Reads::Replica, None).unwrap();
    // What it wrote is never looked for elsewhere than where it is.
    tokio::time::sleep(Duration::from_secs(1)).await;
    scope.around(async { add(&db, 1).await }).await;
    assert_eq!(reading(&db, None, notes(&db)).await, [1]);
    db.close().await;
    rig.end().await;
}

/// What a replica has to apply goes before what it is asked: it ends the statement, and the primary is asked.
#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_that_is_in_the_way_of_the_replica_is_asked_of_the_primary() {
    let Some(rig) = Rig::start(servers::Engine::Postgres, 1).await else { return };
    let db = rig.open().await;
    add(&db, 1).await;
    rig.is_ready(&db).await;
    let on_replica = rig.on_replica(0).await;
    sql("ALTER SYSTEM SET max_standby_streaming_delay = 0").execute(&on_replica).await.unwrap();
    sql("SELECT pg_reload_conf()").rows(&on_replica).await.unwrap();
    eventually(async || {
        let setting = "SELECT current_setting('max_standby_streaming_delay')";
        sql(setting).fetch_one::<String>(&on_replica).await.unwrap() == "0"
    })
    .await;

    let slow_there = "SELECT CAST(inet_server_port() AS bigint) FROM notes
                      WHERE CASE WHEN pg_is_in_recovery() THEN pg_sleep(25) IS NOT NULL ELSE true END";
    let under_way =
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(25)%' AND state = 'active'
                     AND pid <> pg_backend_pid()";
    let reading_there = {
        let db: Db = db.clone();
        tokio::spawn(async move { db.on_replicas(sql(slow_there).fetch_one::<i64>(&db)).await })
    };
    eventually(async || sql(under_way).fetch_one::<i64>(&on_replica).await.unwrap() > 0).await;
    sql("ALTER TABLE notes ADD COLUMN text TEXT").execute(&db).await.unwrap();
    assert_eq!(reading_there.await.unwrap().unwrap(), i64::from(rig.primary.port()));
    on_replica.close().await;
    db.close().await;
    rig.end().await;
}
