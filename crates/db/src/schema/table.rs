//! The statements that make a model's table.

use super::render::Existing;
use super::structure::Table;
use crate::driver::Dialect;
use crate::error::DbError;
use crate::meta::ModelMeta;

/// `CREATE TABLE` with its constraints, then its indexes. Each does nothing when it is there already, where the engine can
/// say so. Fails for an index that the engine does not have; the check `db.E021` says so at start.
pub fn create_table(model: &ModelMeta, dialect: Dialect) -> Result<Vec<String>, DbError> {
    statements(&Table::of_model(model)?, model, dialect)
}

/// The same for the table of a model that lacks something yet.
pub(super) fn statements(table: &Table, model: &ModelMeta, dialect: Dialect) -> Result<Vec<String>, DbError> {
    for index in &table.indexes {
        let lacks = match (&index.filter, &index.expression) {
            (Some(_), _) if !dialect.has_partial_indexes() => "index of some rows only",
            (_, Some(_)) if !dialect.has_expression_indexes() => "index of an expression",
            _ => continue,
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
    Ok(table.create(dialect, Existing::Keep))
}
