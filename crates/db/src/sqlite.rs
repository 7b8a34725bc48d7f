//! SQLite: reader threads, and one writer that commits in groups.
//!
//! - `location`: what a `sqlite:` URL means.
//! - `connection`: opening a connection with the settings that durability asks for, and running one statement on it.
//! - `buffer`: the rows of a result, in one arena.
//! - `decimal`: exact numbers, which SQLite does not have.
//! - `failure`: what SQLite's result codes mean.
//! - `queue`: the bounded queue between tasks and threads.
//! - `crew`: threads that each own a read-only connection, started as they are needed; `readers` are those for statements,
//!   `lease` those for streams and for transactions that only read.
//! - `stream`: the batches of a stream, from a thread to a task; `stop`: what ends a running statement.
//! - `writer`: the one thread that writes; `group` is how it commits the writes of many tasks with one sync to disk,
//!   `session` how a transaction owns it for a while.
//! - `backup`: a copy of a database that is in use, and back.
//!
//! In WAL mode readers never wait for the writer. Every write goes through one connection, so that `SQLITE_BUSY` can only
//! come from another process.

mod backup;
mod buffer;
mod connection;
mod crew;
mod decimal;
mod failure;
mod group;
mod lease;
mod location;
mod queue;
mod readers;
mod session;
mod stop;
mod stream;
mod writer;

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::driver::{
    Access, Begin, Dialect, Driver, PoolStatus, Reply, RowStream, Statement, StatementKind, Transaction,
};
use crate::error::DbError;

pub use backup::{Existing, backup, restore};
pub(crate) use buffer::Buffer;
pub use location::Location;

use connection::Limits;
use lease::Leases;
use readers::Readers;
use writer::Writer;

/// How a database is opened.
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    /// The most reader threads for statements, and the most for streams and for transactions that only read. They are
    /// started as they are needed.
    pub readers: usize,
    /// The most statements that wait for the readers, and for the writer. Further ones wait to be queued.
    pub queue: usize,
    /// How long to wait for a place in the queue, for a transaction to begin, or for a lock that another process holds.
    pub acquire_timeout: Duration,
    /// How long one statement may run.
    pub statement_timeout: Duration,
    /// How long a transaction may be open. It owns the writer, so everybody else's writes wait for it.
    pub transaction_timeout: Duration,
    /// How long a transaction may be open before a warning is logged.
    pub transaction_warning: Duration,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            readers: cores.clamp(2, 8),
            queue: 1024,
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(30),
            transaction_timeout: Duration::from_secs(5),
            transaction_warning: Duration::from_millis(100),
        }
    }
}

/// The driver.
pub struct Sqlite {
    readers: Readers,
    leases: Leases,
    writer: Writer,
    /// The most connections.
    most: usize,
    /// How long a transaction may be open that does not say it.
    transaction_timeout: Duration,
}

impl Sqlite {
    /// Opens the database that `location` names, and makes the file (and its folder) if it does not exist.
    pub async fn open(location: Location, options: SqliteOptions) -> Result<Self, DbError> {
        let limits = Limits::new(&options);
        // The writer opens first: it makes the file and switches it to WAL, which readers need.
        let writer = Writer::start(location.clone(), &options, limits.clone()).await?;
        let readers = Readers::new(location.clone(), &options, limits.clone());
        let leases = Leases::new(location, &options, limits);
        let most = 2 * options.readers.max(1) + 1;
        Ok(Self { readers, leases, writer, most, transaction_timeout: options.transaction_timeout })
    }
}

impl Driver for Sqlite {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn run(&self, statement: Statement) -> BoxFuture<'_, Result<Reply, DbError>> {
        match statement.kind {
            StatementKind::Read => self.readers.run(statement).boxed(),
            StatementKind::Write | StatementKind::Script => self.writer.run(statement).boxed(),
        }
    }

    fn begin(&self, how: Begin) -> BoxFuture<'_, Result<Box<dyn Transaction>, DbError>> {
        // Every isolation is there: transactions that write come one after the other.
        let limit = how.limit.unwrap_or(self.transaction_timeout);
        match how.access {
            Access::ReadWrite | Access::Schema => self.writer.begin(how.access, limit).boxed(),
            Access::ReadOnly => self.leases.begin(limit).boxed(),
        }
    }

    fn stream(&self, statement: Statement) -> BoxFuture<'_, Result<RowStream, DbError>> {
        self.leases.stream(statement).boxed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        async {
            self.readers.close().await;
            self.leases.close().await;
            self.writer.close().await;
        }
        .boxed()
    }

    fn status(&self) -> PoolStatus {
        let (readers, leases, writer) = (self.readers.counts(), self.leases.counts(), self.writer.counts());
        PoolStatus {
            open: readers.0 + leases.0 + writer.0,
            idle: readers.1 + leases.1 + writer.1,
            waiting: readers.2 + leases.2 + writer.2,
            limit: self.most,
            opened: 0,
        }
    }
}
