//! The statements that make a model's table.

use super::render::Existing;
use super::structure::Table;
use crate::driver::Dialect;
use crate::error::DbError;
use crate::meta::ModelMeta;
use crate::value::SqlType;

/// `CREATE TABLE` with its constraints, then its indexes. Each does nothing when it is there already, where the engine can
/// say so. Fails for an index or a type that the engine does not have; the checks `db.E021` and `db.E026` say so at start.
pub fn create_table(model: &ModelMeta, dialect: Dialect) -> Result<Vec<String>, DbError> {
    statements(&Table::of_model(model), model, dialect)
}

/// The same for the table of a model that lacks something yet.
pub(super) fn statements(table: &Table, model: &ModelMeta, dialect: Dialect) -> Result<Vec<String>, DbError> {
    if let Some(field) = model.fields.iter().find(|field| matches!(field.sql_type, SqlType::Array(_)))
        && !dialect.has_arrays()
    {
        return Err(DbError::Model {
            detail: format!("{} has no arrays, and `{}.{}` is one", dialect.name(), model.name, field.name),
        });
    }
    for index in &table.indexes {
        let lacks = if index.filter.is_some() && !dialect.has_partial_indexes() {
            "index of some rows only"
        } else if index.expression.is_some() && !dialect.has_expression_indexes() {
            "index of an expression"
        } else if index.using.is_some() && !dialect.has_index_methods() {
            "index of another kind than its own"
        } else {
            continue;
        };
        return Err(DbError::Model {
            detail: format!(
                "{} has no {lacks}, which `{}` of `{}` is",
                dialect.name(),
                index.name,
                model.name
            ),
        });
    }
    if dialect == Dialect::Sqlite
        && table.indexes.iter().any(|index| index.search.is_some())
        && !model.has_whole_key()
    {
        let detail = format!(
            "SQLite searches models with a key of one whole number, and `{}` has another",
            model.name
        );
        return Err(DbError::Model { detail });
    }
    Ok(table.create(dialect, Existing::Keep))
}
