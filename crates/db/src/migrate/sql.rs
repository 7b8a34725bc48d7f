//! From steps to the SQL of each dialect.
//!
//! A step is what lies between two schemas, so its SQL is found by comparing the table before and after: names of
//! constraints that follow a renamed table, a type that is another word because an index was added (MySQL), limits that
//! became other checks. One comparison serves every step, up and down.
//!
//! - `change`: what is different between a table before and after, with the names that changed.
//! - `server`: `ALTER TABLE` for PostgreSQL, MySQL and MariaDB.
//! - `sqlite`: what SQLite's `ALTER TABLE` can do, and the rebuild of a table for all else.
//! - `literal`: values for rows that are there.

mod change;
mod literal;
mod server;
mod sqlite;

use super::apply::Misfit;
use super::operation::{Build, Operation};
use crate::driver::Dialect;
use crate::schema::{Existing, Schema, drop_search};

use change::Change;
pub(in crate::migrate) use sqlite::is_rebuild;

/// Something to be run, for one or several steps of a migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The first of the steps, counted from 0.
    pub first: usize,
    /// How many there are.
    pub count: usize,
    /// What is run.
    pub action: Action,
}

/// What is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Statements, one after the other.
    Sql(Vec<String>),
    /// A script by hand.
    Script(String),
    /// A function of the application.
    Function(String),
}

/// What has to be run for these steps, one after the other, on a database that looks like `before`. Steps of one table that
/// follow one another are one part on SQLite, so that the table is rebuilt once.
pub fn parts(before: &Schema, steps: &[Operation], dialect: Dialect) -> Result<Vec<Part>, Misfit> {
    let mut now = before.clone();
    let mut parts = Vec::new();
    let mut first = 0;
    while first < steps.len() {
        let mut change = Change::begin(&now, &steps[first]);
        let was = now.clone();
        let mut count = 0;
        loop {
            let step = &steps[first + count];
            change.add(step);
            step.apply(&mut now)?;
            count += 1;
            let more = steps
                .get(first + count)
                .is_some_and(|next| dialect == Dialect::Sqlite && change.goes_on_with(next));
            if !more {
                break;
            }
        }
        let action = match &steps[first] {
            Operation::RunSql { up, .. } => match up.of(dialect) {
                Some(sql) => Action::Script(sql.to_owned()),
                None => Action::Sql(Vec::new()),
            },
            Operation::Run { name, .. } => Action::Function(name.clone()),
            _ => Action::Sql(change.sql(&was, &now, dialect)),
        };
        parts.push(Part { first, count, action });
        first += count;
    }
    Ok(parts)
}

/// Whether SQLite has to write a table anew for this step.
pub(super) fn rebuilds(step: &Operation, before: &Schema) -> bool {
    let mut after = before.clone();
    if step.apply(&mut after).is_err() {
        return false;
    }
    let mut change = Change::begin(before, step);
    change.add(step);
    is_rebuild(&change.sql(before, &after, Dialect::Sqlite))
}

/// Whether a step cannot be run inside of a transaction.
pub fn refuses_transactions(step: &Operation, dialect: Dialect) -> bool {
    let beside = matches!(step, Operation::AddIndex { build: Build::Concurrently, .. });
    match dialect {
        Dialect::Sqlite => false,
        Dialect::Postgres => beside,
        Dialect::MySql | Dialect::MariaDb => true,
    }
}

impl Change {
    fn sql(&self, before: &Schema, after: &Schema, dialect: Dialect) -> Vec<String> {
        match (before.table(&self.from), after.table(&self.to)) {
            (None, Some(table)) => table.create(dialect, Existing::Refuse),
            (Some(table), None) => {
                // Elsewhere it is a part of the table.
                let searches =
                    table.indexes.iter().filter(|index| index.search.is_some() && dialect == Dialect::Sqlite);
                let mut sql: Vec<String> =
                    searches.flat_map(|search| drop_search(&table.name, search, dialect)).collect();
                sql.push(format!("DROP TABLE {}", dialect.quote(&table.name)));
                sql
            }
            (Some(was), Some(is)) if dialect == Dialect::Sqlite => sqlite::change(self, was, is),
            (Some(was), Some(is)) => server::change(self, was, is, dialect),
            (None, None) => Vec::new(),
        }
    }
}
