//! What a table that is there lacks.

use mainstay_core::Finding;

use super::table::sql_type;
use crate::driver::{Dialect, Statement};
use crate::error::DbError;
use crate::executor::Target;
use crate::meta::{FieldMeta, ModelMeta};
use crate::value::Value;

/// A column as it is in the database.
#[derive(Debug)]
pub(super) struct StoredColumn {
    name: String,
    sql_type: String,
    nullable: bool,
    has_default: bool,
}

/// The columns of a table. None when there is no such table.
pub(super) async fn columns(table: &str, target: Target<'_>) -> Result<Vec<StoredColumn>, DbError> {
    let sql = match target.dialect() {
        Dialect::Sqlite => {
            "SELECT name, type, \"notnull\" = 0 AND pk = 0, dflt_value IS NOT NULL FROM pragma_table_info(?)"
        }
        // The standard's own view. The other drivers read it once they are there.
        other => {
            return Err(DbError::Model {
                detail: format!("tables of {} cannot be compared with models yet", other.name()),
            });
        }
    };
    let reply = target.run(Statement::read(sql, vec![Value::Text(table.to_owned())])).await?;
    reply
        .rows
        .iter()
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

/// What is different from the model.
pub(super) fn compare(model: &ModelMeta, columns: &[StoredColumn], dialect: Dialect) -> Vec<Finding> {
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
        if !stored.sql_type.eq_ignore_ascii_case(&expected) {
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
    findings
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
