//! How an engine would run a query.

use std::collections::HashMap;

use mainstay_core::Result;

use super::select::Select;
use super::{Query, Rendered, Shape};
use crate::driver::{Dialect, StatementKind};
use crate::error::{Border, DbError};
use crate::executor::{Executor, Target};
use crate::model::Model;
use crate::row::{Row, Rows};
use crate::value::Cell;

impl<M: Model> Query<M> {
    /// How the engine would run the query for the rows, in the engine's words. The query itself is not run.
    #[track_caller]
    pub fn explain(self, executor: &impl Executor) -> impl Future<Output = Result<String>> {
        let target = executor.target();
        async move { target.explain(self.select).await.at_border() }
    }
}

impl Target<'_> {
    pub(crate) async fn explain(self, mut select: Select) -> Result<String, DbError> {
        let dialect = self.dialect();
        let mut shape = Shape::of(&mut select, dialect);
        let (sql, slots) = self.renderer(&mut shape).sql(&select)?;
        let explain = match dialect {
            Dialect::Sqlite => "EXPLAIN QUERY PLAN",
            Dialect::Postgres => "EXPLAIN",
            Dialect::MySql | Dialect::MariaDb => "EXPLAIN FORMAT=JSON",
        };
        let rendered = Rendered::new((format!("{explain} {sql}"), slots), shape.values.len());
        let reply = self.run(rendered.statement(shape.values, StatementKind::Read)).await?;
        let plan = match dialect {
            Dialect::Sqlite => tree(&reply.rows),
            _ => reply.rows.iter().map(|row| word(row, 0)).collect(),
        };
        Ok(plan.join("\n"))
    }
}

/// SQLite's rows are a number, that of the step that it is a part of, a zero, and words.
fn tree(rows: &Rows) -> Vec<String> {
    let mut depths = HashMap::new();
    rows.iter()
        .map(|row| {
            let depth: usize = depths.get(&word(row, 1)).map_or(0, |depth| depth + 1);
            depths.insert(word(row, 0), depth);
            format!("{}{}", "  ".repeat(depth), word(row, 3))
        })
        .collect()
}

fn word(row: Row<'_>, column: usize) -> String {
    match row.cell(column) {
        Cell::Text(text) => text.to_owned(),
        Cell::Int(number) => number.to_string(),
        Cell::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        cell => cell.describe(),
    }
}
