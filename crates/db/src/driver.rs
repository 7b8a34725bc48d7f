//! The contract between the model layer and an engine.
//!
//! A driver is a folder of its own (`sqlite`, `postgres`, `mysql`) that implements [`Driver`] and [`Transaction`] and adds its
//! row buffer to the closed enum in `row.rs`. The model layer holds an `Arc<dyn Driver>`, writes SQL for its
//! [`Dialect`], and never asks which engine it is. A query costs one boxed future.
//!
//! What a driver promises, and the contract suite (`tests/it/contract/`) checks:
//!
//! - A statement outside of a transaction is atomic, and durable when its future is ready. When it meets a transaction, and is
//!   given up by the engine, it is run again.
//! - The reply of a write is its effect: the rows of `RETURNING`, the number of rows, the generated key.
//! - Dropping a future leaves the driver sound. A statement that has not begun is not begun; a read that has is stopped.
//! - Dropping a [`Transaction`] rolls it back, as does its deadline.
//! - After [`Driver::close`] every call fails with [`DbError::Closed`].
//! - A stream holds few rows at a time, whatever the size of the result, and dropping it stops the query.
//! - Two transactions that cannot both happen end in [`DbError::SerializationFailure`] or [`DbError::Deadlock`], and the
//!   one that fails has then left nothing: it may be run again. So ends on SQLite, too, who was to be committed together with
//!   a transaction of which a statement was stopped while it wrote.
//! - A lost connection says whether what was asked may have happened: [`DbError::ConnectionLost`].

mod conflict;
mod dialect;
mod stream;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::error::DbError;
use crate::replicas::Replicas;
use crate::row::Rows;
use crate::value::Value;

pub(crate) use conflict::{ATTEMPTS, Conflicts};
pub use dialect::{Dialect, ListBinding};
pub use stream::RowStream;

/// An engine.
pub trait Driver: Send + Sync + 'static {
    /// How its SQL is written.
    fn dialect(&self) -> Dialect;

    /// Runs one statement by itself.
    fn run(&self, statement: Statement) -> BoxFuture<'_, Result<Reply, DbError>>;

    /// Begins a transaction.
    fn begin(&self, how: Begin) -> BoxFuture<'_, Result<Box<dyn Transaction>, DbError>>;

    /// Runs one statement that reads, and hands its rows out in batches. The future is ready when the engine has accepted
    /// the statement. A stream has a connection to itself.
    fn stream(&self, statement: Statement) -> BoxFuture<'_, Result<RowStream, DbError>>;

    /// Ends what is under way and frees files, sockets and threads. Later calls fail with [`DbError::Closed`].
    fn close(&self) -> BoxFuture<'_, ()>;

    /// How much of it is in use at the moment.
    fn status(&self) -> PoolStatus {
        PoolStatus::default()
    }

    /// Itself, if it is a primary with replicas.
    fn replicas(&self) -> Option<&Replicas> {
        None
    }

    /// What hears the messages that are sent by [`Dialect::notification`], of all processes, over a connection of its own, until
    /// that is lost ([`Ok`], or why it was not to be had) or the driver is closed or dropped ([`DbError::Closed`]). `None` where
    /// messages cannot be heard.
    fn listen(&self, ear: Arc<dyn Ear>) -> Option<BoxFuture<'static, Result<(), DbError>>> {
        let _nothing = ear;
        None
    }
}

/// Who hears messages. Its functions are called where the socket is read, so they return at once.
pub trait Ear: Send + Sync + 'static {
    /// From now on messages are heard.
    fn begins(&self);

    /// One has come.
    fn hears(&self, message: &str);
}

/// A transaction under way. It has its connection to itself. Dropping it rolls back.
pub trait Transaction: Send + Sync {
    /// Runs one statement inside.
    fn run(&self, statement: Statement) -> BoxFuture<'_, Result<Reply, DbError>>;

    /// Runs one statement that reads, and hands its rows out in batches. Meanwhile other statements may be run where the
    /// engine can (SQLite, PostgreSQL); where it cannot, and for a second stream, the answer is [`DbError::Model`].
    fn stream(&self, statement: Statement) -> BoxFuture<'_, Result<RowStream, DbError>>;

    /// Sets a savepoint, or does with it what is told.
    fn savepoint(&self, step: Savepoint) -> BoxFuture<'_, Result<(), DbError>>;

    /// Commits or rolls back. A commit is durable when the future is ready.
    fn end(self: Box<Self>, ending: Ending) -> BoxFuture<'static, Result<(), DbError>>;
}

/// How a transaction begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Begin {
    /// What it sees of others; the engine's own habit when it is not said.
    pub isolation: Option<Isolation>,
    /// Whether it may write.
    pub access: Access,
    /// How long it may be open; the driver's `transaction_timeout` when it is not said.
    pub limit: Option<Duration>,
}

/// What a transaction sees of others. An engine may give more than it is asked for: SQLite is always serializable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Isolation {
    /// What others have committed before each statement.
    ReadCommitted,
    /// What others had committed before its first statement.
    RepeatableRead,
    /// As if it were alone. It may fail with [`DbError::SerializationFailure`].
    Serializable,
}

impl Isolation {
    /// As SQL names it.
    pub fn sql(self) -> &'static str {
        match self {
            Self::ReadCommitted => "READ COMMITTED",
            Self::RepeatableRead => "REPEATABLE READ",
            Self::Serializable => "SERIALIZABLE",
        }
    }
}

/// Whether a transaction may write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Access {
    /// It may.
    #[default]
    ReadWrite,
    /// It may not. It then never waits for a writer, and no writer waits for it.
    ReadOnly,
    /// It may, and it changes tables. On SQLite foreign keys are not enforced meanwhile, since a table that is rebuilt goes
    /// and comes back: whoever begins it has them checked before the end. Each statement may take as long as the whole.
    Schema,
}

/// A point inside of a transaction to which it can be rolled back. Points are numbered from the outside to the inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Savepoint {
    /// Sets it.
    Set(u32),
    /// Forgets it, and keeps what was done since.
    Release(u32),
    /// Undoes what was done since. It stays set.
    RollBackTo(u32),
}

impl Savepoint {
    /// The statement, which every engine understands.
    pub fn sql(self) -> String {
        match self {
            Self::Set(number) => format!("SAVEPOINT mainstay_{number}"),
            Self::Release(number) => format!("RELEASE SAVEPOINT mainstay_{number}"),
            Self::RollBackTo(number) => format!("ROLLBACK TO SAVEPOINT mainstay_{number}"),
        }
    }
}

/// How much of a driver is in use: for metrics and for the readiness probe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolStatus {
    /// Connections that are open.
    pub open: usize,
    /// Those of them that have nothing to do.
    pub idle: usize,
    /// Callers that wait for a connection.
    pub waiting: usize,
    /// The most connections that may be open.
    pub limit: usize,
    /// Connections to a server that have been opened so far.
    pub opened: u64,
}

/// How a transaction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// What was written stays.
    Commit,
    /// Nothing of it stays.
    Rollback,
}

/// SQL and the values bound to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The text. Drivers cache what they prepare by it, so it should come from a small set of texts.
    pub sql: Arc<str>,
    /// The values, in the order of the placeholders; for several [`sets`](Self::sets), one set after the other.
    pub values: Vec<Value>,
    /// How many times it is run, each time with the next set of values, all together or not at all. It then returns no
    /// rows, and the reply counts the rows of all.
    pub sets: usize,
    /// What it does.
    pub kind: StatementKind,
    /// Whether the reply has to know the names of its columns.
    pub names: bool,
}

/// What a statement does, which decides where a driver runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StatementKind {
    /// It only reads.
    Read,
    /// It writes, and may return rows.
    Write,
    /// Several statements that change the schema, without values. They happen together where the engine can.
    Script,
}

impl Statement {
    /// A statement that only reads.
    pub fn read(sql: impl Into<Arc<str>>, values: Vec<Value>) -> Self {
        Self { sql: sql.into(), values, sets: 1, kind: StatementKind::Read, names: false }
    }

    /// A statement that writes.
    pub fn write(sql: impl Into<Arc<str>>, values: Vec<Value>) -> Self {
        Self { sql: sql.into(), values, sets: 1, kind: StatementKind::Write, names: false }
    }

    /// A statement that writes once for each of `sets` sets of values.
    pub fn write_many(sql: impl Into<Arc<str>>, values: Vec<Value>, sets: usize) -> Self {
        Self { sql: sql.into(), values, sets, kind: StatementKind::Write, names: false }
    }

    /// Statements that change the schema, separated by semicolons.
    pub fn script(sql: impl Into<Arc<str>>) -> Self {
        Self { sql: sql.into(), values: Vec::new(), sets: 1, kind: StatementKind::Script, names: false }
    }
}

/// What a statement did.
#[derive(Debug, Default)]
pub struct Reply {
    /// The rows that it returned.
    pub rows: Rows,
    /// How many rows it inserted, updated or deleted.
    pub affected: u64,
    /// The key that the engine made, for engines that cannot return rows from an insert.
    pub generated_key: Option<i64>,
}
