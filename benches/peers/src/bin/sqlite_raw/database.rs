//! SQLite by hand: reader threads, one writer that commits in groups, prepared statements cached by each connection.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use rusqlite::{Connection, params};
use tokio::sync::{mpsc, oneshot};

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;
type Outcome<T> = Result<T, Failure>;
type Read = Box<dyn FnOnce(&Connection) + Send>;

/// How many statements may wait for a thread.
const WAITING: usize = 1024;
/// How many writes are committed together at most.
const GROUP: usize = 256;

const FORTUNES: [&str; 12] = [
    "fortune: No such file or directory",
    "A computer scientist is someone who fixes things that aren't broken.",
    "After enough decimal places, nobody gives a damn.",
    "A bad random number generator: 1, 1, 1, 1, 1, 4.33e+67, 1, 1, 1",
    "A computer program does what you tell it to do, not what you want it to do.",
    "Emacs is a nice operating system, but I prefer UNIX. — Tom Christaensen",
    "Any program that runs right is obsolete.",
    "A list is only as strong as its weakest link. — Donald Knuth",
    "Feature: A bug with seniority.",
    "Computers make very fast, very accurate mistakes.",
    "<script>alert(\"This should not be displayed in a browser alert box.\");</script>",
    "フレームワークのベンチマーク",
];

#[derive(Clone, Copy)]
pub(crate) struct World {
    pub(crate) id: i64,
    pub(crate) random_number: i64,
}

struct Write {
    worlds: Vec<World>,
    done: oneshot::Sender<Outcome<()>>,
}

#[derive(Clone)]
pub(crate) struct Database {
    readers: Arc<[mpsc::Sender<Read>]>,
    next: Arc<AtomicUsize>,
    writer: mpsc::Sender<Write>,
    one_visit: bool,
}

impl Database {
    /// Opens `sqlite:path`, creating and filling the tables when they are missing.
    pub(crate) fn open(url: &str) -> Outcome<Self> {
        let path = url.strip_prefix("sqlite:").unwrap_or(url).trim_start_matches("//").to_owned();
        let mut writer = connect(&path)?;
        fill(&mut writer)?;
        let (send_writes, writes) = mpsc::channel(WAITING);
        thread::spawn(move || write(&writer, writes));
        // The number of readers of the model layer's default configuration.
        let count = thread::available_parallelism().map_or(1, usize::from).clamp(2, 8);
        let readers = (0..count).map(|_| {
            let connection = connect(&path)?;
            let (send, mut reads) = mpsc::channel::<Read>(WAITING);
            thread::spawn(move || {
                while let Some(read) = reads.blocking_recv() {
                    read(&connection);
                }
            });
            Ok(send)
        });
        Ok(Self {
            readers: readers.collect::<Outcome<_>>()?,
            next: Arc::default(),
            writer: send_writes,
            one_visit: std::env::var("VISITS").is_ok_and(|visits| visits == "request"),
        })
    }

    pub(crate) async fn world(&self, id: i64) -> Outcome<World> {
        self.read(move |connection| one(connection, id)).await
    }

    pub(crate) async fn worlds(&self, ids: Vec<i64>) -> Outcome<Vec<World>> {
        if self.one_visit {
            return self.read(move |db| ids.into_iter().map(|id| one(db, id)).collect()).await;
        }
        let mut worlds = Vec::with_capacity(ids.len());
        for id in ids {
            worlds.push(self.world(id).await?);
        }
        Ok(worlds)
    }

    pub(crate) async fn fortunes(&self) -> Outcome<Vec<(i64, String)>> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT id, message FROM fortune")?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect()
        })
        .await
    }

    /// Writes all of them. Durable when it returns.
    pub(crate) async fn update(&self, mut worlds: Vec<World>) -> Outcome<()> {
        worlds.sort_by_key(|world| world.id);
        let writes =
            if self.one_visit { vec![worlds] } else { worlds.into_iter().map(|one| vec![one]).collect() };
        let mut waits = Vec::with_capacity(writes.len());
        for worlds in writes {
            let (done, wait) = oneshot::channel();
            self.writer.send(Write { worlds, done }).await.map_err(|_| "the writer is gone")?;
            waits.push(wait);
        }
        for wait in waits {
            wait.await??;
        }
        Ok(())
    }

    async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Outcome<T> {
        let (send, wait) = oneshot::channel();
        let at = self.next.fetch_add(1, Ordering::Relaxed) % self.readers.len();
        let read: Read = Box::new(move |connection| {
            let _nobody_waits = send.send(query(connection));
        });
        self.readers[at].send(read).await.map_err(|_| "the readers are gone")?;
        Ok(wait.await??)
    }
}

fn one(connection: &Connection, id: i64) -> rusqlite::Result<World> {
    let mut statement = connection.prepare_cached("SELECT id, random_number FROM world WHERE id = ?1")?;
    statement.query_row([id], |row| Ok(World { id: row.get(0)?, random_number: row.get(1)? }))
}

/// The writer: whatever waits becomes one transaction, with a savepoint for each write; all are told after the commit.
fn write(connection: &Connection, mut writes: mpsc::Receiver<Write>) {
    let mut group = Vec::with_capacity(GROUP);
    while writes.blocking_recv_many(&mut group, GROUP) > 0 {
        let result = commit(connection, &group).map_err(|error| error.to_string());
        if result.is_err() && !connection.is_autocommit() {
            let _nothing_left_to_do = connection.execute_batch("ROLLBACK");
        }
        for write in group.drain(..) {
            let _nobody_waits = write.done.send(result.clone().map_err(Failure::from));
        }
    }
}

fn commit(connection: &Connection, group: &[Write]) -> rusqlite::Result<()> {
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    for write in group {
        connection.prepare_cached("SAVEPOINT one")?.execute([])?;
        let mut update = connection.prepare_cached("UPDATE world SET random_number = ?1 WHERE id = ?2")?;
        for world in &write.worlds {
            update.execute(params![world.random_number, world.id])?;
        }
        connection.prepare_cached("RELEASE one")?.execute([])?;
    }
    connection.prepare_cached("COMMIT")?.execute([])?;
    Ok(())
}

fn connect(path: &str) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.set_prepared_statement_cache_capacity(256);
    connection
        .execute_batch("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=5000;")?;
    Ok(connection)
}

fn fill(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(
        "CREATE TABLE IF NOT EXISTS world (id INTEGER PRIMARY KEY, random_number INTEGER NOT NULL);
         CREATE TABLE IF NOT EXISTS fortune (id INTEGER PRIMARY KEY, message TEXT NOT NULL);",
    )?;
    let filled: bool = transaction.query_row("SELECT EXISTS (SELECT 1 FROM world)", [], |row| row.get(0))?;
    if !filled {
        for id in 1..=10_000 {
            let mut insert = transaction.prepare_cached("INSERT INTO world VALUES (?1, ?2)")?;
            insert.execute(params![id, peers::random(10_000) + 1])?;
        }
        for (at, message) in FORTUNES.iter().enumerate() {
            let mut insert = transaction.prepare_cached("INSERT INTO fortune VALUES (?1, ?2)")?;
            insert.execute(params![i64::try_from(at).unwrap_or(0) + 1, message])?;
        }
    }
    transaction.commit()
}
