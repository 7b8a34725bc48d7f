//! What the model layer costs on SQLite, against rusqlite by hand on the same threads:
//! `cargo run --release -p mainstay-db --example overhead`.
//!
//! Processor time for each query, of the whole process, in one run. `cargo xtask bench db sqlite` compares whole servers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a program for developers")]

mod measure;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mainstay_db::meta::meta_of;
use mainstay_db::sqlite::{Location, Sqlite, SqliteOptions};
use mainstay_db::{Db, Settings, model, schema};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use measure::{ROWS, measure};

/// A row of the benchmark.
#[model]
pub struct World {
    id: i64,
    random_number: i32,
}

/// A row with text.
#[model]
pub struct Fortune {
    id: i64,
    message: String,
}

type Visit = Box<dyn FnOnce(&Connection) + Send>;

/// Threads with a connection each.
#[derive(Clone)]
struct Raw {
    readers: Arc<[mpsc::Sender<Visit>]>,
    next: Arc<AtomicUsize>,
}

impl Raw {
    fn open(path: &std::path::Path) -> Self {
        let readers = (0..SqliteOptions::default().readers).map(|_| {
            let connection = Connection::open(path).unwrap();
            let (sender, mut visits) = mpsc::channel::<Visit>(1024);
            std::thread::spawn(move || {
                while let Some(visit) = visits.blocking_recv() {
                    visit(&connection);
                }
            });
            sender
        });
        Self { readers: readers.collect(), next: Arc::default() }
    }

    async fn visit<T: Send + 'static>(&self, work: impl FnOnce(&Connection) -> T + Send + 'static) -> T {
        let (sender, receiver) = oneshot::channel();
        let reader = self.next.fetch_add(1, Ordering::Relaxed) % self.readers.len();
        let visit: Visit = Box::new(move |connection| drop(sender.send(work(connection))));
        assert!(self.readers[reader].send(visit).await.is_ok());
        receiver.await.unwrap()
    }
}

#[tokio::main(worker_threads = 2)]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bench.db");
    let driver = Sqlite::open(Location::file(&path), SqliteOptions::default()).await.unwrap();
    let db = Db::over(Arc::new(driver), Settings::default());
    schema::create_tables(&[meta_of::<World>(), meta_of::<Fortune>()], &db).await.unwrap();
    World::insert_all((0..ROWS).map(|number| NewWorld { random_number: number as i32 }), &db).await.unwrap();
    let messages =
        (0..12).map(|number| NewFortune { message: format!("A fortune that says {number} things.") });
    Fortune::insert_all(messages, &db).await.unwrap();
    let raw = Raw::open(&path);

    for round in 0..3 {
        println!("round {round}");
        let (one, many) = (raw.clone(), raw.clone());
        let by_hand = measure("one row, by hand", move |id| {
            let raw = one.clone();
            async move {
                raw.visit(move |connection| {
                    let mut statement = connection
                        .prepare_cached("SELECT id, random_number FROM worlds WHERE id = ?")
                        .unwrap();
                    statement
                        .query_row([id], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i32>(1)?)))
                        .unwrap()
                })
                .await;
            }
        })
        .await;
        let handle = db.clone();
        let layer = measure("one row, model", move |id| {
            let db = handle.clone();
            async move {
                World::find(id, &db).await.unwrap();
            }
        })
        .await;
        println!("{:32} {:>21.2}", "", layer / by_hand);

        let by_hand = measure("twelve texts, by hand", move |_| {
            let raw = many.clone();
            async move {
                raw.visit(|connection| {
                    let mut statement =
                        connection.prepare_cached("SELECT id, message FROM fortunes").unwrap();
                    let rows = statement
                        .query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))
                        .unwrap();
                    rows.collect::<Result<Vec<_>, _>>().unwrap()
                })
                .await;
            }
        })
        .await;
        let handle = db.clone();
        let layer = measure("twelve texts, model", move |_| {
            let db = handle.clone();
            async move {
                Fortune::query().all(&db).await.unwrap();
            }
        })
        .await;
        println!("{:32} {:>21.2}", "", layer / by_hand);
    }
    db.close().await;
}
