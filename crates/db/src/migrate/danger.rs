//! What a step costs where there is data: values that are lost, tables that are written anew, locks that are held long.

use std::fmt;

use super::operation::{Build, Operation};
use crate::driver::Dialect;
use crate::schema::{Column, ColumnType, Schema};

/// Something to think of before a migration runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Danger {
    /// Data goes, or may not fit.
    Loss(String),
    /// An engine writes the table anew, or reads all of it, while others wait.
    Lock(Dialect, String),
}

impl fmt::Display for Danger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loss(what) => write!(f, "data: {what}"),
            Self::Lock(dialect, what) => write!(f, "{}: {what}", dialect.name()),
        }
    }
}

/// What there is to think of before this step, given what the database looks like.
pub fn dangers(step: &Operation, before: &Schema) -> Vec<Danger> {
    let mut dangers = Vec::new();
    let mut loss = |what: String| dangers.push(Danger::Loss(what));
    match step {
        Operation::DropTable(table) => loss(format!("every row of `{table}` is lost; `down` makes it empty")),
        Operation::DropColumn { table, column } => {
            loss(format!("the values of `{table}.{column}` are lost; `down` makes the column without them"));
        }
        Operation::AlterColumn { table, column, .. } => {
            if let Some(was) = before.table(table).and_then(|table| table.column(&column.name)) {
                if let Some(what) = narrowed(was, column) {
                    loss(format!(
                        "`{table}.{}` {what}: the migration fails at a row that does not fit",
                        column.name
                    ));
                }
                locks_of_change(table, was, column, &mut dangers);
            }
        }
        Operation::AddColumn { table, column, fill: Some(_) } if column.kind == ColumnType::DateTime => {
            lock(&mut dangers, Dialect::Postgres, format!("fills every row of `{table}` while it is locked"));
        }
        Operation::AddIndex { table, index, .. } if index.search.is_some() => {
            let what = format!("writes `{table}` anew, with the words of each row, while it is locked");
            lock(&mut dangers, Dialect::Postgres, what);
            lock(
                &mut dangers,
                Dialect::MySql,
                format!("copies `{table}`, with the words of each row, while writes to it wait"),
            );
            lock(
                &mut dangers,
                Dialect::Sqlite,
                format!("reads all words of `{table}`: every other write waits"),
            );
        }
        Operation::AddIndex { table, index, build } => {
            if *build == Build::Locking {
                lock(
                    &mut dangers,
                    Dialect::Postgres,
                    format!(
                        "writes to `{table}` wait while `{}` is built; `concurrently = true` builds it beside them",
                        index.name
                    ),
                );
            }
            if index.unique {
                dangers.push(Danger::Loss(format!(
                    "the migration fails when two rows of `{table}` have the same {}",
                    index.columns.join(", ")
                )));
            }
        }
        Operation::AddForeignKey { table, key } => {
            lock(
                &mut dangers,
                Dialect::Postgres,
                format!("reads all of `{table}` while writes to it and to `{}` wait", key.table),
            );
            lock(&mut dangers, Dialect::MySql, format!("copies `{table}` while writes to it wait"));
        }
        Operation::AddCheck { table, .. } => {
            lock(&mut dangers, Dialect::Postgres, format!("reads all of `{table}` while it is locked"));
            lock(&mut dangers, Dialect::MySql, format!("copies `{table}` while writes to it wait"));
        }
        _ => {}
    }
    // Of all tables that are written anew on SQLite, only one that is there holds anybody up.
    let rebuilt = step.table().filter(|_| super::sql::rebuilds(step, before));
    if let Some(table) = rebuilt {
        lock(&mut dangers, Dialect::Sqlite, format!("writes `{table}` anew: every other write waits"));
    }
    dangers
}

fn lock(dangers: &mut Vec<Danger>, dialect: Dialect, what: String) {
    dangers.push(Danger::Lock(dialect, what));
}

fn locks_of_change(table: &str, was: &Column, column: &Column, dangers: &mut Vec<Danger>) {
    let name = &column.name;
    let widened = matches!(
        (&was.kind, &column.kind),
        (ColumnType::Text(_), ColumnType::Text(None)) | (ColumnType::Decimal(_), ColumnType::Decimal(None))
    ) || matches!((&was.kind, &column.kind),
            (ColumnType::Text(Some(least)), ColumnType::Text(Some(most))) if least <= most);
    if was.kind != column.kind {
        if !widened {
            lock(
                dangers,
                Dialect::Postgres,
                format!("writes `{table}` anew for the type of `{name}`, locked"),
            );
        }
        lock(
            dangers,
            Dialect::MySql,
            format!("copies `{table}` for the type of `{name}` while writes to it wait"),
        );
    } else if was.nullable != column.nullable {
        if !column.nullable {
            lock(
                dangers,
                Dialect::Postgres,
                format!("reads all of `{table}` for NOT NULL on `{name}`, locked"),
            );
        }
        lock(dangers, Dialect::MySql, format!("writes `{table}` anew for NULL or not in `{name}`"));
    }
}

/// In what way fewer values fit than before.
fn narrowed(was: &Column, column: &Column) -> Option<String> {
    let width = |kind: &ColumnType| match kind {
        ColumnType::SmallInt => Some(16),
        ColumnType::Int => Some(32),
        ColumnType::BigInt => Some(64),
        _ => None,
    };
    if was.computed.is_none() && column.computed.is_some() {
        return Some("is computed from now on, and what was written is lost".to_owned());
    }
    match (&was.kind, &column.kind) {
        (ColumnType::Text(before), ColumnType::Text(Some(most)))
            if before.is_none_or(|before| before > *most) =>
        {
            return Some(format!("may have no more than {most} characters"));
        }
        (before, after) if before != after => match (width(before), width(after)) {
            (Some(before), Some(after)) if before < after => {}
            (Some(_), Some(after)) => return Some(format!("may have no more than {after} bits")),
            _ if matches!(after, ColumnType::Text(None)) => {}
            _ if matches!((before, after), (ColumnType::Text(_), ColumnType::Text(_))) => {}
            _ if matches!((before, after), (ColumnType::Real, ColumnType::Double)) => {}
            _ => return Some(format!("turns from {before} into {after}")),
        },
        _ => {}
    }
    if column.one_of.iter().len() > 0 && !was.one_of.iter().all(|value| column.one_of.contains(value)) {
        return Some("may no longer have every value that it could".to_owned());
    }
    if column.one_of.iter().len() > 0 && was.one_of.is_empty() {
        return Some("may have only a few values".to_owned());
    }
    if (column.min_length, &column.min, &column.max, &column.check)
        != (was.min_length, &was.min, &was.max, &was.check)
        && (column.min_length > was.min_length
            || column.min.is_some()
            || column.max.is_some()
            || column.check.is_some())
    {
        return Some("gets other limits".to_owned());
    }
    None
}
