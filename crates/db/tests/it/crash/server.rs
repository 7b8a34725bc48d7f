//! `kill -9` and restart of the server, while it is written to.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use mainstay_db::Db;
use mainstay_db::scratch::Scratch;
use servers::{Durability, Engine, Server};

use super::{kills, writers};

/// How long it may take after a restart until writes are acknowledged again.
const PATIENCE: Duration = Duration::from_secs(60);

#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_loses_no_acknowledged_commit_when_it_is_killed() {
    loses_nothing(Engine::Postgres, servers::programs::POSTGRES).await;
}

#[cfg(feature = "mysql")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mariadb_loses_no_acknowledged_commit_when_it_is_killed() {
    loses_nothing(Engine::MariaDb, servers::programs::MARIADB).await;
}

async fn loses_nothing(engine: Engine, program: servers::programs::Program) {
    if let Err(why) = program.find() {
        return servers::not_run(&format!("on {}: {why}", engine.name()));
    }
    let server = tokio::task::spawn_blocking(move || Server::start(engine, Durability::Durable));
    let mut server = server.await.unwrap().unwrap();
    let scratch = Scratch::new(&server.url()).await.unwrap();
    let db = Db::open(scratch.url()).await.unwrap();
    writers::prepare(&db).await;

    let kept: Arc<Mutex<Vec<String>>> = Arc::default();
    let keep = {
        let kept = Arc::clone(&kept);
        move |name: &str| kept.lock().unwrap().push(name.to_owned())
    };
    let writing = tokio::spawn(writers::write(db.clone(), keep));
    for round in 0..kills() {
        let enough = kept.lock().unwrap().len() + 150 + 40 * (round % 5);
        let start = Instant::now();
        while kept.lock().unwrap().len() < enough {
            assert!(!writing.is_finished(), "a writer has failed");
            assert!(start.elapsed() < PATIENCE, "round {round}: nothing is acknowledged any more");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::task::block_in_place(|| {
            // Every third time in an orderly way: then clients are told.
            if round % 3 == 2 {
                server.stop().unwrap()
            } else {
                server.kill()
            }
            std::thread::sleep(Duration::from_millis(70 * (round as u64 % 4)));
            server.start_again().unwrap();
        });
    }
    writing.abort();
    let _aborted = writing.await;
    let acknowledged = kept.lock().unwrap().clone();
    writers::verify(&db, &acknowledged).await;
    db.close().await;
    scratch.remove().await.unwrap();
    tokio::task::block_in_place(|| drop(server));
}
