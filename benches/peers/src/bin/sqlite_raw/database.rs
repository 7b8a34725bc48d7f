//! SQLite by hand: reader threads, one writer that commits in groups, prepared statements cached by each connection.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use peers::contest::{Failure, Outcome};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

type Read = Box<dyn FnOnce(&Connection) + Send>;
type Run = Box<dyn FnOnce(&Connection) -> rusqlite::Result<()> + Send>;

/// How many statements may wait for a thread.
const WAITING: usize = 1024;
/// How many writes are committed together at most.
const GROUP: usize = 256;

/// A write, and who waits for it.
struct Write {
    run: Run,
    done: oneshot::Sender<Outcome<()>>,
}

#[derive(Clone)]
pub(crate) struct Database {
    readers: Arc<[mpsc::Sender<Read>]>,
    next: Arc<AtomicUsize>,
    writer: mpsc::Sender<Write>,
    /// The statements of a request share one visit to a thread.
    pub(crate) one_visit: bool,
}

impl Database {
    /// Opens `sqlite:path`.
    pub(crate) fn open(url: &str) -> Outcome<Self> {
        let path = url.strip_prefix("sqlite:").unwrap_or(url).trim_start_matches("//").to_owned();
        let writer = connect(&path)?;
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

    pub(crate) async fn read<T: Send + 'static>(
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

    /// Hands a write to the writer. It is durable when the answer comes.
    pub(crate) async fn write(
        &self,
        run: impl FnOnce(&Connection) -> rusqlite::Result<()> + Send + 'static,
    ) -> Outcome<oneshot::Receiver<Outcome<()>>> {
        let (done, wait) = oneshot::channel();
        let write = Write { run: Box::new(run), done };
        self.writer.send(write).await.map_err(|_| "the writer is gone")?;
        Ok(wait)
    }
}

/// The writer: whatever waits becomes one transaction, with a savepoint for each write; all are told after the commit.
fn write(connection: &Connection, mut writes: mpsc::Receiver<Write>) {
    let mut group = Vec::with_capacity(GROUP);
    while writes.blocking_recv_many(&mut group, GROUP) > 0 {
        let (runs, waiting): (Vec<_>, Vec<_>) = group.drain(..).map(|write| (write.run, write.done)).unzip();
        let result = commit(connection, runs).map_err(|error| error.to_string());
        if result.is_err() && !connection.is_autocommit() {
            let _nothing_left_to_do = connection.execute_batch("ROLLBACK");
        }
        for done in waiting {
            let _nobody_waits = done.send(result.clone().map_err(Failure::from));
        }
    }
}

fn commit(connection: &Connection, runs: Vec<Run>) -> rusqlite::Result<()> {
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    for run in runs {
        connection.prepare_cached("SAVEPOINT one")?.execute([])?;
        run(connection)?;
        connection.prepare_cached("RELEASE one")?.execute([])?;
    }
    connection.prepare_cached("COMMIT")?.execute([])?;
    Ok(())
}

fn connect(path: &str) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.set_prepared_statement_cache_capacity(256);
    connection.execute_batch(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=5000; PRAGMA foreign_keys=ON;",
    )?;
    Ok(connection)
}
