//! SQL by hand, with bound values.

mod opening;
mod placeholders;

use std::sync::Arc;

use mainstay_core::Result;

use crate::driver::{Reply, Statement, StatementKind};
use crate::error::{Border, DbError};
use crate::executor::{Executor, Target};
use crate::from_row::{self, FromRow};
use crate::row::Rows;
use crate::streaming::Streaming;
use crate::value::{Stored, Value};
use crate::write;

/// SQL by hand. Values are bound in the place of `?` on every engine, or of `:name`; they are never written into the text.
///
/// What is in quotes and in comments is left alone. PostgreSQL's own operators with a question mark are written `??`.
pub fn sql(text: impl Into<Arc<str>>) -> Sql {
    Sql { text: text.into(), values: Vec::new(), named: Vec::new(), kind: StatementKind::Read }
}

/// A statement by hand: see [`sql`].
#[derive(Clone, Debug)]
#[must_use = "a statement does nothing until it is run"]
pub struct Sql {
    text: Arc<str>,
    values: Vec<Value>,
    named: Vec<(&'static str, Value)>,
    kind: StatementKind,
}

impl Sql {
    /// Binds the next value.
    pub fn bind<T: Stored>(mut self, value: T) -> Self {
        self.values.push(value.into_value());
        self
    }

    /// Binds a value wherever the text says `:name`.
    pub fn bind_named<T: Stored>(mut self, name: &'static str, value: T) -> Self {
        self.named.push((name, value.into_value()));
        self
    }

    /// Says that the statement writes, when its rows are fetched: `INSERT … RETURNING` and the like.
    pub fn writing(mut self) -> Self {
        self.kind = StatementKind::Write;
        self
    }

    /// The rows as models or structs with `#[derive(FromRow)]`, whose fields are found by the names of the columns, or as
    /// tuples and plain values, by position.
    #[track_caller]
    pub fn fetch<T: FromRow>(self, executor: &impl Executor) -> impl Future<Output = Result<Vec<T>>> {
        let target = executor.target();
        async move { self.read(target).await.and_then(|rows| from_row::read(&rows)).at_border() }
    }

    /// The first row, if there is one.
    #[track_caller]
    pub fn fetch_optional<T: FromRow>(
        self,
        executor: &impl Executor,
    ) -> impl Future<Output = Result<Option<T>>> {
        let rows = self.fetch(executor);
        async move { Ok(rows.await?.into_iter().next()) }
    }

    /// The one row. None is a 404; several are a fault of the program.
    #[track_caller]
    pub fn fetch_one<T: FromRow>(self, executor: &impl Executor) -> impl Future<Output = Result<T>> {
        let rows = self.fetch(executor);
        async move {
            let mut rows = rows.await?;
            match (rows.pop(), rows.is_empty()) {
                (Some(row), true) => Ok(row),
                (None, _) => Err(DbError::NotFound { model: "Row" }.into_error()),
                (Some(_), false) => Err(DbError::NotOne { model: "Row" }.into_error()),
            }
        }
    }

    /// Reads: the rows of a `SELECT`.
    #[track_caller]
    pub fn rows(self, executor: &impl Executor) -> impl Future<Output = Result<Rows>> {
        let target = executor.target();
        async move { self.read(target).await.at_border() }
    }

    /// Reads a few rows at a time, for results that are too large to be in memory. No batch is empty.
    #[track_caller]
    pub fn stream<'a>(self, executor: &'a impl Executor) -> Streaming<'a, Rows> {
        let target = executor.target();
        let stream = async move { target.stream(self.statement(target)?).await };
        Streaming::new(stream, |rows| async move { Ok(rows) })
    }

    /// Writes: how many rows it inserted, updated or deleted.
    #[track_caller]
    pub fn execute(self, executor: &impl Executor) -> impl Future<Output = Result<u64>> {
        let target = executor.target();
        async move { Ok(self.writing().run(target).await.at_border()?.affected) }
    }

    /// Writes: the rows of its `RETURNING`.
    #[track_caller]
    pub fn returning(self, executor: &impl Executor) -> impl Future<Output = Result<Rows>> {
        self.writing().rows(executor)
    }

    async fn read(self, target: Target<'_>) -> Result<Rows, DbError> {
        Ok(self.run(target).await?.rows)
    }

    async fn run(self, target: Target<'_>) -> Result<Reply, DbError> {
        match target.run(self.statement(target)?).await {
            Ok(reply) => Ok(reply),
            Err(fault) => Err(write::alike(fault, target).await),
        }
    }

    fn statement(self, target: Target<'_>) -> Result<Statement, DbError> {
        let Self { text, values, named, kind } = self;
        opening::check(&text, kind, target.dialect())?;
        let (sql, values) = placeholders::resolve(text, values, &named, target.dialect())?;
        Ok(Statement { sql, values, sets: 1, kind, names: true })
    }
}
