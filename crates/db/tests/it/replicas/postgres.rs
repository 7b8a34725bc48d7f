//! What is particular to PostgreSQL, or can be done to its servers alone: a cable that is pulled, poolers, and replicas that end
//! what is in their way.

use std::time::Duration;

use futures_util::TryStreamExt;
use mainstay_db::{DatabaseConfig, Db, sql};
use servers::{Engine, pgbouncer::PgBouncer, programs};

use super::{Rig, add, answered, eventually, notes, open, port, reading, writing};
use crate::postgres::proxy::Proxy;

/// A cable is pulled: nobody says so, and nothing comes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_read_waits_for_a_replica_that_has_fallen_silent() {
    let Some(rig) = Rig::start(Engine::Postgres, 1).await else { return };
    let (primary, replica) = (rig.primary.port(), rig.replicas[0].port());
    let cable = Proxy::plain(&format!("127.0.0.1:{replica}")).await;
    let config = rig.config();
    let through = config.replicas.iter().map(|url| cable.url(url)).collect();
    let db = open(&DatabaseConfig { replicas: through, ..config }).await;
    add(&db, 1).await;
    rig.is_ready(&db).await;
    // Statements, transactions and streams that are under way, and such that begin later.
    let reads = async |db: &Db| {
        let seen = reading(db, None, notes(db)).await;
        let transaction = db.transactions().read_only().run(async |tx| Ok(answered(db, tx).await));
        let server = reading(db, None, transaction).await.unwrap();
        let stream = sql("SELECT id FROM notes").stream(db).try_collect::<Vec<_>>();
        (seen, server, reading(db, None, stream).await.unwrap().len())
    };
    let many: Vec<_> = (0..8)
        .map(|_| {
            let db = db.clone();
            tokio::spawn(async move {
                for _ in 0..20 {
                    assert_eq!(reading(&db, None, notes(&db)).await, [1]);
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            })
        })
        .collect();
    cable.freeze(true);
    for reader in many {
        reader.await.unwrap();
    }
    assert_eq!(reads(&db).await, (vec![1], primary, 1));
    cable.freeze(false);
    eventually(async || reads(&db).await == (vec![1], replica, 1)).await;
    db.close().await;
    cable.stop();
    rig.end().await;
}

/// The position is an ordinary statement, and so is everything else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn poolers_may_stand_before_all_of_them() {
    if let Err(why) = programs::PGBOUNCER.find() {
        return servers::not_run(&format!("behind PgBouncer: {why}"));
    }
    let Some(rig) = Rig::start(Engine::Postgres, 1).await else { return };
    let servers = [rig.primary.port(), rig.replicas[0].port()];
    let poolers =
        tokio::task::spawn_blocking(move || servers.map(|port| (port, PgBouncer::start(port).unwrap())));
    let poolers = poolers.await.unwrap();
    let by_pooler = |url: &String| {
        poolers.iter().fold(url.clone(), |url, (port, pooler)| {
            url.replace(&format!(":{port}/"), &format!(":{}/", pooler.port()))
        })
    };
    let config = rig.config();
    let db = open(&DatabaseConfig {
        url: by_pooler(&config.url),
        replicas: config.replicas.iter().map(by_pooler).collect(),
        pooler: "transaction".to_owned(),
        ..config
    })
    .await;
    rig.is_ready(&db).await;
    rig.pause(0).await;
    let ((), position) = writing(&db, add(&db, 1)).await;
    let looked = async { (port(&db).await, notes(&db).await) };
    assert_eq!(reading(&db, position.as_ref(), looked).await, (rig.primary.port(), vec![1]));
    assert_eq!(reading(&db, None, port(&db)).await, rig.replicas[0].port());
    rig.resume(0).await;
    eventually(async || reading(&db, position.as_ref(), port(&db)).await != rig.primary.port()).await;
    db.close().await;
    tokio::task::spawn_blocking(move || drop(poolers)).await.unwrap();
    rig.end().await;
}

/// What a replica has to apply goes before what it is asked: it ends the statement, and the primary is asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_that_is_in_the_way_of_the_replica_is_asked_of_the_primary() {
    let Some(rig) = Rig::start(Engine::Postgres, 1).await else { return };
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

/// Closing one handle closes all of them, and nobody looks for a replica any more that comes back later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_looks_for_a_replica_after_the_end() {
    let Some(mut rig) = Rig::start(Engine::Postgres, 1).await else { return };
    let before = rig.open().await;
    rig.is_ready(&before).await;
    before.close().await;
    tokio::task::block_in_place(|| rig.replicas[0].kill());
    let db = open(&DatabaseConfig { application_name: Some("left".into()), ..rig.config() }).await;
    db.primary().close().await;
    tokio::task::block_in_place(|| rig.replicas[0].start_again().unwrap());
    let on_replica = rig.on_replica(0).await;
    let question = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'left'";
    // It would be looked for every two seconds.
    for _ in 0..30 {
        assert_eq!(sql(question).fetch_one::<i64>(&on_replica).await.unwrap(), 0);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    on_replica.close().await;
    rig.end().await;
}
