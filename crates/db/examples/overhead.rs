//! What the model layer costs on SQLite, against rusqlite by hand on the same threads:
//! `cargo run --release -p mainstay-db --example overhead`.
//!
//! Processor time for each query, of the whole process, in one run. `cargo xtask bench sqlite` compares whole servers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a program for developers")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use mainstay_db::meta::meta_of;
use mainstay_db::sqlite::{Location, Sqlite, SqliteOptions};
use mainstay_db::{Db, Settings, model, schema};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

const ROWS: i64 = 10_000;
const TASKS: usize = 32;

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

fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

async fn measure<F, Fut>(name: &str, work: F) -> f64
where
    F: Fn(i64) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = ()> + Send,
{
    let (before, started) = (processor_time(), Instant::now());
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let work = work.clone();
            tokio::spawn(async move {
                let mut done = 0_u64;
                let mut id = task as i64 * 313;
                while started.elapsed() < Duration::from_secs(2) {
                    id = (id * 1_103_515_245 + 12_345) % ROWS;
                    work(id.abs() + 1).await;
                    done += 1;
                }
                done
            })
        })
        .collect();
    let mut done = 0;
    for task in tasks {
        done += task.await.unwrap();
    }
    let cost = (processor_time() - before).as_secs_f64() * 1e6 / done as f64;
    println!("{name:28} {:9.0}/s {cost:8.2} µs", done as f64 / started.elapsed().as_secs_f64());
    cost
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
        println!("{:28} {:>21.2}", "", layer / by_hand);

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
        println!("{:28} {:>21.2}", "", layer / by_hand);
    }
    db.close().await;
}
