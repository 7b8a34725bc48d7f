//! The contract between the model layer and an engine.
//!
//! A driver is a folder of its own (`sqlite`; later `postgres`, `mysql`) that implements [`Driver`] and [`Transaction`]
//! and adds its row buffer to the closed enum in `row.rs`. The model layer holds an `Arc<dyn Driver>`, writes SQL for its
//! [`Dialect`], and never asks which engine it is. A query costs one boxed future.
//!
//! What a driver promises, and the contract suite (`tests/it/contract/`) checks:
//!
//! - A statement outside of a transaction is atomic, and durable when its future is ready.
//! - The reply of a write is its effect: the rows of `RETURNING`, the number of rows, the generated key.
//! - Dropping a future leaves the driver sound. A statement that has not begun is not begun; a read that has is stopped.
//! - Dropping a [`Transaction`] rolls it back, as does its deadline.
//! - After [`Driver::close`] every call fails with [`DbError::Closed`].
//!
//! A streaming query will be the fifth method: it hands out buffers of the same [`Rows`], one at a time.

mod dialect;

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::error::DbError;
use crate::row::Rows;
use crate::value::Value;

pub use dialect::{Dialect, ListBinding};

/// An engine.
pub trait Driver: Send + Sync + 'static {
    /// How its SQL is written.
    fn dialect(&self) -> Dialect;

    /// Runs one statement by itself.
    fn run(&self, statement: Statement) -> BoxFuture<'_, Result<Reply, DbError>>;

    /// Begins a transaction.
    fn begin(&self) -> BoxFuture<'_, Result<Box<dyn Transaction>, DbError>>;

    /// Ends what is under way and frees files, sockets and threads. Later calls fail with [`DbError::Closed`].
    fn close(&self) -> BoxFuture<'_, ()>;
}

/// A transaction under way. It has its connection to itself. Dropping it rolls back.
pub trait Transaction: Send + Sync {
    /// Runs one statement inside.
    fn run(&self, statement: Statement) -> BoxFuture<'_, Result<Reply, DbError>>;

    /// Commits or rolls back. A commit is durable when the future is ready.
    fn end(self: Box<Self>, ending: Ending) -> BoxFuture<'static, Result<(), DbError>>;
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
        Self { sql: sql.into(), values, sets: 1, kind: StatementKind::Read }
    }

    /// A statement that writes.
    pub fn write(sql: impl Into<Arc<str>>, values: Vec<Value>) -> Self {
        Self { sql: sql.into(), values, sets: 1, kind: StatementKind::Write }
    }

    /// A statement that writes once for each of `sets` sets of values.
    pub fn write_many(sql: impl Into<Arc<str>>, values: Vec<Value>, sets: usize) -> Self {
        Self { sql: sql.into(), values, sets, kind: StatementKind::Write }
    }

    /// Statements that change the schema, separated by semicolons.
    pub fn script(sql: impl Into<Arc<str>>) -> Self {
        Self { sql: sql.into(), values: Vec::new(), sets: 1, kind: StatementKind::Script }
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
