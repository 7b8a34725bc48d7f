//! What the model layer costs on PostgreSQL, against tokio-postgres by hand:
//! `MAINSTAY_POSTGRES_URL=… cargo run --release -p mainstay-db --features postgres --example overhead_postgres`.
//!
//! Processor time of this process for each unit of work, in one run. By hand there are two ways: a connection of one's own
//! for each unit, as from an ordinary pool, and shared connections on which statements follow each other.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a program for developers")]

mod measure;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::future::{join_all, try_join_all};
use mainstay_db::meta::meta_of;
use mainstay_db::scratch::{Engine, Scratch};
use mainstay_db::{Db, model, schema};
use tokio::sync::Semaphore;
use tokio_postgres::{Client, NoTls, Statement};

use measure::{ROWS, measure};

const CONNECTIONS: usize = 10;
const MANY: i64 = 20;

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

struct Connection {
    client: Client,
    one: Statement,
    update: Statement,
    fortunes: Statement,
}

impl Connection {
    async fn open(url: &str) -> Self {
        let (client, driven) = tokio_postgres::connect(url, NoTls).await.unwrap();
        tokio::spawn(driven);
        Self {
            one: client.prepare("SELECT id, random_number FROM worlds WHERE id = $1").await.unwrap(),
            update: client.prepare("UPDATE worlds SET random_number = $1 WHERE id = $2").await.unwrap(),
            fortunes: client.prepare("SELECT id, message FROM fortunes").await.unwrap(),
            client,
        }
    }

    async fn one(&self, id: i64) -> (i64, i32) {
        let row = self.client.query_one(&self.one, &[&id]).await.unwrap();
        (row.get(0), row.get(1))
    }

    async fn update(&self, id: i64, number: i32) {
        assert_eq!(self.client.execute(&self.update, &[&number, &id]).await.unwrap(), 1);
    }

    async fn fortunes(&self) -> Vec<(i64, String)> {
        let rows = self.client.query(&self.fortunes, &[]).await.unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    }
}

/// Connections by hand.
struct Raw {
    all: Vec<Connection>,
    free: Mutex<Vec<usize>>,
    places: Semaphore,
    next: AtomicUsize,
}

impl Raw {
    async fn open(url: &str) -> Arc<Self> {
        let all = join_all((0..CONNECTIONS).map(|_| Connection::open(url))).await;
        let free = Mutex::new((0..CONNECTIONS).collect());
        Arc::new(Self { all, free, places: Semaphore::new(CONNECTIONS), next: AtomicUsize::new(0) })
    }

    /// One that nobody else has meanwhile.
    async fn own<T>(&self, work: impl AsyncFnOnce(&Connection) -> T) -> T {
        let _place = self.places.acquire().await.unwrap();
        let free = self.free.lock().unwrap().pop().unwrap();
        let done = work(&self.all[free]).await;
        self.free.lock().unwrap().push(free);
        done
    }

    /// The next one, whoever else uses it.
    fn shared(&self) -> &Connection {
        &self.all[self.next.fetch_add(1, Ordering::Relaxed) % CONNECTIONS]
    }
}

/// Three ways of the same work, and the ratios.
macro_rules! compare {
    ($name:literal, $raw:expr, $db:expr, |$connection:ident, $id:ident| $by_hand:expr, |$handle:ident, $key:ident| $layer:expr) => {{
        let raw = $raw.clone();
        let own = measure(concat!($name, ", own connection"), move |$id| {
            let raw = raw.clone();
            async move { raw.own(async |$connection: &Connection| $by_hand).await }
        })
        .await;
        let raw = $raw.clone();
        let shared = measure(concat!($name, ", shared by hand"), move |$id| {
            let raw = raw.clone();
            async move {
                let $connection = raw.shared();
                $by_hand
            }
        })
        .await;
        let db = $db.clone();
        let layer = measure(concat!($name, ", model"), move |$key| {
            let $handle = db.clone();
            async move { $layer }
        })
        .await;
        println!("{:32} {:.2} of own, {:.2} of shared", "", layer / own, layer / shared);
    }};
}

fn spread(id: i64) -> impl Iterator<Item = i64> {
    (0..MANY).map(move |number| (id + number * 37) % ROWS + 1)
}

#[tokio::main(worker_threads = 2)]
async fn main() {
    let scratch = Scratch::new(&Engine::Postgres.server().unwrap()).await.unwrap();
    let url = format!("{}?sslmode=disable", scratch.url());
    let db = Db::open(&url).await.unwrap();
    schema::create_tables(&[meta_of::<World>(), meta_of::<Fortune>()], &db).await.unwrap();
    World::insert_all((0..ROWS).map(|number| NewWorld { random_number: number as i32 }), &db).await.unwrap();
    let messages =
        (0..12).map(|number| NewFortune { message: format!("A fortune that says {number} things.") });
    Fortune::insert_all(messages, &db).await.unwrap();
    let raw = Raw::open(&url).await;
    for round in 0..2 {
        println!("round {round}");
        compare!(
            "one row",
            raw,
            db,
            |connection, id| {
                connection.one(id).await;
            },
            |db, id| {
                World::find(id, &db).await.unwrap();
            }
        );
        compare!(
            "20 rows together",
            raw,
            db,
            |connection, id| {
                join_all(spread(id).map(|id| connection.one(id))).await;
            },
            |db, id| {
                try_join_all(spread(id).map(|id| World::find(id, &db))).await.unwrap();
            }
        );
        compare!(
            "20 updates together",
            raw,
            db,
            |connection, id| {
                join_all(spread(id).map(|row| connection.update(row, id as i32))).await;
            },
            |db, id| {
                let number = id as i32;
                let update =
                    |row| World::filter(|w| w.id.eq(row)).update(move |w| w.random_number(number), &db);
                try_join_all(spread(id).map(update)).await.unwrap();
            }
        );
        compare!(
            "12 texts",
            raw,
            db,
            |connection, id| {
                let _unused = id;
                connection.fortunes().await;
            },
            |db, id| {
                let _unused = id;
                Fortune::query().all(&db).await.unwrap();
            }
        );
    }
    drop(raw);
    db.close().await;
    scratch.remove().await.unwrap();
}
