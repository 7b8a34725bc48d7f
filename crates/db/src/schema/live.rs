//! The schema of a live database, read from the engine's own catalogue.
//!
//! - `sqlite`, `postgres`, `mysql`: one file for each engine's catalogue.
//! - `word`: types as engines call them, so that they can be compared, and what they are to us.
//!
//! The types of columns are the engine's words here ([`ColumnType::Other`]): on SQLite, `INTEGER` may be any of four.

mod mysql;
mod postgres;
mod sqlite;
mod word;

use super::structure::{ColumnType, Schema, Table};
use crate::driver::{Dialect, Reply, Statement};
use crate::error::DbError;
use crate::executor::Target;

pub(crate) use word::normal;

/// What a database looks like.
pub async fn live(target: Target<'_>) -> Result<Schema, DbError> {
    match target.dialect() {
        Dialect::Sqlite => sqlite::read(target).await,
        Dialect::Postgres => postgres::read(target).await,
        Dialect::MySql | Dialect::MariaDb => mysql::read(target).await,
    }
}

/// The tables of a database.
pub async fn table_names(target: Target<'_>) -> Result<Vec<String>, DbError> {
    let sql = match target.dialect() {
        Dialect::Sqlite => {
            // Neither virtual tables nor what they keep their own in.
            "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        }
        Dialect::Postgres => {
            "SELECT tablename::text FROM pg_catalog.pg_tables WHERE schemaname = current_schema()"
        }
        Dialect::MySql | Dialect::MariaDb => {
            "SELECT cast(table_name AS char) FROM information_schema.tables \
             WHERE table_schema = database() AND table_type = 'BASE TABLE'"
        }
    };
    rows(target, sql).await?.rows.iter().map(|row| row.get(0)).collect()
}

impl Schema {
    /// The same with types as migrations write them, as far as they can be told from the engine's words. For a database
    /// that was not made from models.
    #[must_use]
    pub fn recognised(mut self, dialect: Dialect) -> Self {
        for column in self.tables.iter_mut().flat_map(|table| &mut table.columns) {
            if let ColumnType::Other(word) = &column.kind {
                column.kind = word::kind(word, dialect);
            }
        }
        self
    }
}

async fn rows(target: Target<'_>, sql: &str) -> Result<Reply, DbError> {
    target.run(Statement::read(sql, Vec::new())).await
}

/// The table called so, made when it is the first time that it is named.
fn table_of<'a>(schema: &'a mut Schema, name: &str) -> &'a mut Table {
    let position = schema.tables.iter().position(|table| table.name == name);
    let position = position.unwrap_or_else(|| {
        schema.tables.push(Table { name: name.to_owned(), ..Table::default() });
        schema.tables.len() - 1
    });
    &mut schema.tables[position]
}

/// The columns of a table that stand in an expression, in the order in which they do. A function is none.
fn mentioned(sql: &str, table: &Table) -> Vec<String> {
    let mut found: Vec<(usize, &String)> = Vec::new();
    for name in table.columns.iter().map(|column| &column.name) {
        let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
        let stands_alone = |at: &usize| {
            let (before, after) = (&sql[..*at], &sql[at + name.len()..]);
            !before.ends_with(is_part) && !after.starts_with(is_part) && !after.starts_with('(')
        };
        let place = sql.match_indices(name.as_str()).map(|(at, _)| at).find(stands_alone);
        found.extend(place.map(|at| (at, name)));
    }
    found.sort();
    found.into_iter().map(|(_, name)| name.clone()).collect()
}
