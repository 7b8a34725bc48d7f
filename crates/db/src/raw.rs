//! SQL by hand, with bound values.

use std::sync::Arc;

use mainstay_core::Result;

use crate::driver::{Reply, Statement, StatementKind};
use crate::error::Border;
use crate::executor::{Executor, Target};
use crate::row::Rows;
use crate::streaming::Streaming;
use crate::value::{Stored, Value};

/// SQL by hand. Values are bound in the place of `?` (`$1`, `$2`… on PostgreSQL), never written into the text.
pub fn sql(text: impl Into<Arc<str>>) -> Sql {
    Sql { text: text.into(), values: Vec::new() }
}

/// A statement by hand: see [`sql`].
#[derive(Clone, Debug)]
#[must_use = "a statement does nothing until it is run"]
pub struct Sql {
    text: Arc<str>,
    values: Vec<Value>,
}

impl Sql {
    /// Binds the next value.
    pub fn bind<T: Stored>(mut self, value: T) -> Self {
        self.values.push(value.into_value());
        self
    }

    /// Reads: the rows of a `SELECT`.
    pub async fn rows(self, executor: &impl Executor) -> Result<Rows> {
        Ok(self.run(StatementKind::Read, executor.target()).await?.rows)
    }

    /// Reads a few rows at a time, for results that are too large to be in memory. No batch is empty.
    pub fn stream<'a>(self, executor: &'a impl Executor) -> Streaming<'a, Rows> {
        let statement = Statement::read(self.text, self.values);
        Streaming::new(executor.target().stream(statement), |rows| async move { Ok(rows) })
    }

    /// Writes: how many rows it inserted, updated or deleted.
    pub async fn execute(self, executor: &impl Executor) -> Result<u64> {
        Ok(self.run(StatementKind::Write, executor.target()).await?.affected)
    }

    /// Writes: the rows of its `RETURNING`.
    pub async fn returning(self, executor: &impl Executor) -> Result<Rows> {
        Ok(self.run(StatementKind::Write, executor.target()).await?.rows)
    }

    async fn run(self, kind: StatementKind, target: Target<'_>) -> Result<Reply> {
        target.run(Statement { sql: self.text, values: self.values, sets: 1, kind }).await.at_border()
    }
}
