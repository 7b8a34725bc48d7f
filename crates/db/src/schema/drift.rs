//! What a table that is there lacks.

use mainstay_core::Finding;

use super::table::sql_type;
use crate::driver::{Dialect, Statement};
use crate::error::DbError;
use crate::executor::Target;
use crate::meta::{FieldMeta, ModelMeta};
use crate::row::Rows;
use crate::value::Value;

/// A column as it is in the database.
#[derive(Debug)]
pub(super) struct StoredColumn {
    name: String,
    sql_type: String,
    nullable: bool,
    has_default: bool,
}

/// A table as it is in the database.
#[derive(Debug)]
pub(super) struct StoredTable {
    columns: Vec<StoredColumn>,
    /// The statement that made it, where the engine keeps it.
    made_by: Option<String>,
}

/// The table called so, if there is one.
pub(super) async fn table(name: &str, target: Target<'_>) -> Result<Option<StoredTable>, DbError> {
    match target.dialect() {
        Dialect::Sqlite => sqlite_table(name, target).await,
        Dialect::Postgres => postgres_table(name, target).await,
        Dialect::MySql | Dialect::MariaDb => mysql_table(name, target).await,
    }
}

async fn postgres_table(name: &str, target: Target<'_>) -> Result<Option<StoredTable>, DbError> {
    let sql = "SELECT a.attname, format_type(a.atttypid, a.atttypmod), NOT a.attnotnull, \
               a.atthasdef OR a.attidentity <> '' \
               FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
               WHERE c.relname = $1 AND c.relkind IN ('r', 'p') AND pg_table_is_visible(c.oid) \
               AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";
    let reply = target.run(Statement::read(sql, vec![Value::Text(name.to_owned())])).await?;
    let columns = columns(&reply.rows)?;
    Ok((!columns.is_empty()).then_some(StoredTable { columns, made_by: None }))
}

async fn mysql_table(name: &str, target: Target<'_>) -> Result<Option<StoredTable>, DbError> {
    // MariaDB tells how wide the numbers would be shown; MySQL does not any more.
    let sql = "SELECT column_name, \
               CASE WHEN data_type IN ('smallint', 'int', 'bigint') THEN data_type ELSE column_type END, \
               is_nullable = 'YES', column_default IS NOT NULL OR extra LIKE '%auto_increment%' \
               FROM information_schema.columns \
               WHERE table_schema = DATABASE() AND table_name = ? ORDER BY ordinal_position";
    let reply = target.run(Statement::read(sql, vec![Value::Text(name.to_owned())])).await?;
    let columns = columns(&reply.rows)?;
    Ok((!columns.is_empty()).then_some(StoredTable { columns, made_by: None }))
}

/// Name, type, whether it may be NULL, and whether it has a default, row by row.
fn columns(rows: &Rows) -> Result<Vec<StoredColumn>, DbError> {
    rows.iter()
        .map(|row| {
            Ok(StoredColumn {
                name: row.get(0)?,
                sql_type: row.get(1)?,
                nullable: row.get(2)?,
                has_default: row.get(3)?,
            })
        })
        .collect()
}

async fn sqlite_table(name: &str, target: Target<'_>) -> Result<Option<StoredTable>, DbError> {
    let named = || vec![Value::Text(name.to_owned())];
    let sql =
        "SELECT name, type, \"notnull\" = 0 AND pk = 0, dflt_value IS NOT NULL FROM pragma_table_info(?)";
    let reply = target.run(Statement::read(sql, named())).await?;
    if reply.rows.is_empty() {
        return Ok(None);
    }
    let columns = columns(&reply.rows)?;
    let sql = "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?";
    let reply = target.run(Statement::read(sql, named())).await?;
    let made_by = reply.rows.first().map(|row| row.get(0)).transpose()?;
    Ok(Some(StoredTable { columns, made_by }))
}

/// What is different from the model.
pub(super) fn compare(
    model: &ModelMeta,
    stored: &StoredTable,
    expected: &str,
    dialect: Dialect,
) -> Vec<Finding> {
    let columns = &stored.columns;
    let mut findings = Vec::new();
    let mut add = |message: String, fix: String| {
        findings.push(Finding::error("db.E010", message).at(model.place).fix(fix));
    };
    let table = dialect.quote(model.table);
    for (position, field) in model.fields.iter().enumerate() {
        let expected = sql_type(model, position, field, dialect);
        let Some(stored) = columns.iter().find(|stored| stored.name == field.column) else {
            let message =
                format!("the table `{}` has no column for `{}.{}`", model.table, model.name, field.name);
            add(message, added(&table, field, &expected, dialect));
            continue;
        };
        if !stored.sql_type.eq_ignore_ascii_case(&spelled_out(&expected, dialect)) {
            let message = format!(
                "the column `{}.{}` is `{}`; `{}.{}` needs `{expected}`",
                model.table, field.column, stored.sql_type, model.name, field.name
            );
            add(message, rebuilt(&table));
        }
        if stored.nullable != field.nullable && !model.key.contains(&position) {
            let is = if stored.nullable { "may be NULL" } else { "may not be NULL" };
            let option = if stored.nullable { "is no `Option`" } else { "is an `Option`" };
            let message = format!(
                "the column `{}.{}` {is}, and `{}.{}` {option}",
                model.table, field.column, model.name, field.name
            );
            add(message, rebuilt(&table));
        }
    }
    for stored in columns {
        let known = model.fields.iter().any(|field| field.column == stored.name);
        if !known && !stored.nullable && !stored.has_default {
            let message = format!(
                "the table `{}` demands a value for `{}`, which `{}` does not have",
                model.table, stored.name, model.name
            );
            add(message, format!("ALTER TABLE {table} DROP COLUMN {};", dialect.quote(&stored.name)));
        }
    }
    if findings.is_empty() && stored.made_by.as_deref().is_some_and(|made_by| !same(made_by, expected)) {
        let message = format!(
            "the table `{}` was not made by the `{}` of today: a constraint, a choice or the order of columns differs",
            model.table, model.name
        );
        findings.push(Finding::warning("db.W010", message).at(model.place).fix(rebuilt(&table)));
    }
    findings
}

/// A type as the engine itself writes it.
fn spelled_out(sql_type: &str, dialect: Dialect) -> String {
    match (dialect, sql_type) {
        (Dialect::Postgres, "timestamptz") => "timestamp with time zone".to_owned(),
        (Dialect::Postgres, "time") => "time without time zone".to_owned(),
        (Dialect::Postgres, other) => other.replace("varchar", "character varying").replace(", ", ","),
        (Dialect::MySql | Dialect::MariaDb, "boolean") => "tinyint(1)".to_owned(),
        (Dialect::MySql | Dialect::MariaDb, "integer") => "int".to_owned(),
        (Dialect::MariaDb, "json") => "longtext".to_owned(),
        (Dialect::MySql | Dialect::MariaDb, other) => other.replace(", ", ","),
        (Dialect::Sqlite, other) => other.to_owned(),
    }
}

/// Whether one statement made what the other would make. The engine drops `IF NOT EXISTS`.
fn same(made_by: &str, expected: &str) -> bool {
    let words =
        |sql: &str| sql.replace("IF NOT EXISTS ", "").split_whitespace().collect::<Vec<_>>().join(" ");
    words(made_by) == words(expected)
}

fn added(table: &str, field: &FieldMeta, sql_type: &str, dialect: Dialect) -> String {
    if field.nullable {
        return format!("ALTER TABLE {table} ADD COLUMN {} {sql_type};", dialect.quote(field.column));
    }
    format!("{} (rows that are there would need a value for it)", rebuilt(table))
}

fn rebuilt(table: &str) -> String {
    format!("write a migration; or, if the data can go, DROP TABLE {table}; and start again")
}
