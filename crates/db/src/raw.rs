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
    #[track_caller]
    pub fn rows(self, executor: &impl Executor) -> impl Future<Output = Result<Rows>> {
        let target = executor.target();
        async move { Ok(self.run(StatementKind::Read, target).await?.rows) }
    }

    /// Reads a few rows at a time, for results that are too large to be in memory. No batch is empty.
    #[track_caller]
    pub fn stream<'a>(self, executor: &'a impl Executor) -> Streaming<'a, Rows> {
        let statement = Statement::read(self.text, self.values);
        Streaming::new(executor.target().stream(statement), |rows| async move { Ok(rows) })
    }

    /// Writes: how many rows it inserted, updated or deleted.
    #[track_caller]
    pub fn execute(self, executor: &impl Executor) -> impl Future<Output = Result<u64>> {
        let target = executor.target();
        async move { Ok(self.run(StatementKind::Write, target).await?.affected) }
    }

    /// Writes: the rows of its `RETURNING`.
    #[track_caller]
    pub fn returning(self, executor: &impl Executor) -> impl Future<Output = Result<Rows>> {
        let target = executor.target();
        async move { Ok(self.run(StatementKind::Write, target).await?.rows) }
    }

    async fn run(self, kind: StatementKind, target: Target<'_>) -> Result<Reply> {
        target.run(Statement { sql: self.text, values: self.values, sets: 1, kind }).await.at_border()
    }
}
