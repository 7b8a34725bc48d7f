//! A violated constraint, in the names that the code has.
//!
//! Of a foreign key, engines report the name of the constraint, and SQLite nothing at all; and none of them says in one word
//! whether the row refers to nothing, or others to it. The write that failed knows: an insert or an update can only refer to
//! nothing, a delete can only leave others behind. What SQLite does not say is looked up, which costs something only when
//! there is a fault.

use super::references::{References, leads_nowhere};
use crate::driver::{Dialect, Statement};
use crate::error::DbError;
use crate::executor::Target;
use crate::expression::Term;
use crate::meta::{FieldMeta, ModelMeta, RelationKind};
use crate::query::{Lead, Select};
use crate::row::Row;
use crate::value::Value;

/// The most rows that are looked at to say which other rows refer to them.
const LOOKED_AT: i64 = 1_000;

/// The same failure, with the names that the code has.
pub(crate) fn named(fault: DbError, meta: &'static ModelMeta) -> DbError {
    let ours = |table: &str| table == meta.table;
    let name = |column: &str| {
        meta.column(column).map_or_else(|| column.to_owned(), |(_, field)| field.name.to_owned())
    };
    match fault {
        // SQLite names the index alone when it is of an expression.
        DbError::UniqueViolation { model, fields } if ours(&model) || model.is_empty() => {
            let fields = match fields.as_slice() {
                [only] => indexed(meta, only).unwrap_or(fields),
                _ => fields,
            };
            DbError::UniqueViolation {
                model: meta.name.to_owned(),
                fields: fields.iter().map(|column| name(column)).collect(),
            }
        }
        DbError::NotNullViolation { model, field } if ours(&model) => {
            DbError::NotNullViolation { model: meta.name.to_owned(), field: name(&field) }
        }
        DbError::CheckViolation { constraint } => failed_check(constraint, meta),
        other => other,
    }
}

/// What the index of that name is about.
fn indexed(meta: &ModelMeta, index: &str) -> Option<Vec<String>> {
    let name = index.strip_prefix("index '").and_then(|rest| rest.strip_suffix('\'')).unwrap_or(index);
    let index = meta.all_indexes().into_iter().find(|index| index.name == name)?;
    Some(match index.expression {
        Some(expression) => vec![expression.to_owned()],
        None => index.columns.into_iter().map(str::to_owned).collect(),
    })
}

/// The check of the model that has this name, and what it demands.
fn failed_check(constraint: String, meta: &ModelMeta) -> DbError {
    let model = meta.name.to_owned();
    if let Some(check) = meta.checks.iter().find(|check| check.name == constraint) {
        let message = check.message.unwrap_or("The values do not go together.").to_owned();
        return DbError::FailedCheck { model, field: String::new(), constraint, message };
    }
    if let Some(whole) = meta.wholes().into_iter().find(|whole| whole.name == constraint) {
        let message = format!("`{}` must be there as a whole, or not at all.", whole.part);
        return DbError::FailedCheck { model, field: whole.part, constraint, message };
    }
    // The longest column first: `a_b` is not the check `b` of `a`.
    let field = meta
        .fields
        .iter()
        .filter_map(|field| Some((field, constraint.strip_prefix(&meta.constraint(field, ""))?)))
        .max_by_key(|(field, _)| field.column.len());
    let Some((field, demand)) = field else { return DbError::CheckViolation { constraint } };
    if let Some(beyond) = beyond_type(demand) {
        let what = format!("a value of `{model}.{}` that is {beyond}", field.name);
        return DbError::Unstorable { what, engine: Dialect::Sqlite.name() };
    }
    let demand = match demand {
        "min" => "is too short",
        "least" => "is too small",
        "most" => "is too great",
        "choice" => "is none of the values that it can have",
        _ => "is not allowed",
    };
    let message = format!("`{}` {demand}.", field.name);
    DbError::FailedCheck { model, field: field.name.to_owned(), constraint, message }
}

/// What a check of SQLite says that is in the type of the column on the other engines, which call such a value unstorable.
fn beyond_type(demand: &str) -> Option<&'static str> {
    match demand {
        "range" => Some("outside of the range of its type"),
        "max" => Some("longer than its column"),
        _ => None,
    }
}

/// What a statement by hand has failed with, as far as the engines tell it differently.
pub(crate) async fn alike(fault: DbError, target: Target<'_>) -> DbError {
    let DbError::CheckViolation { constraint } = &fault else { return fault };
    let demand = constraint.rsplit('_').next().unwrap_or_default();
    let Some(beyond) = beyond_type(demand).filter(|_| target.dialect() == Dialect::Sqlite) else {
        return fault;
    };
    let place = "SELECT t.name || '.' || c.name FROM sqlite_schema t, pragma_table_info(t.name) c \
                 WHERE t.type = 'table' AND t.name || '_' || c.name || '_' || ? = ?";
    let values = vec![Value::Text(demand.to_owned()), Value::Text(constraint.clone())];
    let Ok(found) = target.run(Statement::read(place, values)).await else { return fault };
    match found.rows.first().and_then(|row| row.get::<String>(0).ok()) {
        Some(place) => DbError::Unstorable {
            what: format!("a value of `{place}` that is {beyond}"),
            engine: Dialect::Sqlite.name(),
        },
        // Somebody else's check.
        None => fault,
    }
}

/// What an insert or an update has failed with.
pub(super) async fn explained(
    fault: DbError,
    meta: &'static ModelMeta,
    references: References,
    target: Target<'_>,
) -> DbError {
    let DbError::ForeignKeyViolation { constraint, .. } = &fault else { return named(fault, meta) };
    let model = meta.name.to_owned();
    for relation in meta.relations {
        let RelationKind::BelongsTo { fields, .. } = relation.kind else { continue };
        if *constraint == constraint_of(meta, fields) {
            return DbError::UnknownReference { model, field: relation.name.to_owned() };
        }
    }
    for relation in meta.relations {
        // When that cannot be found out, it is not said.
        if leads_nowhere(relation, references.keys_of(relation), target).await.unwrap_or(false) {
            return DbError::UnknownReference { model, field: relation.name.to_owned() };
        }
    }
    DbError::ForeignKeyViolation { model, constraint: constraint.clone() }
}

/// What a delete of these rows has failed with.
pub(super) async fn still_referenced(fault: DbError, asked: Select, target: Target<'_>) -> DbError {
    let meta = asked.meta;
    let DbError::ForeignKeyViolation { model: table, constraint } = fault else { return named(fault, meta) };
    let unknown =
        DbError::ForeignKeyViolation { model: meta.name.to_owned(), constraint: constraint.clone() };
    let (table, column) = if target.dialect() == Dialect::Sqlite {
        match referrer(asked, target).await {
            Ok(Some(found)) => found,
            _ => return unknown,
        }
    } else if table.is_empty() {
        return unknown;
    } else {
        let column = constraint
            .strip_prefix(&format!("{table}_"))
            .and_then(|rest| rest.strip_suffix("_fkey"))
            .map(str::to_owned);
        (table, column.unwrap_or(constraint))
    };
    DbError::StillReferenced { model: meta.name.to_owned(), by: table, column }
}

/// On SQLite: the table and columns that still lead to one of the rows.
async fn referrer(asked: Select, target: Target<'_>) -> Result<Option<(String, String)>, DbError> {
    let (meta, dialect) = (asked.meta, target.dialect());
    let mut keys = asked.clone();
    keys.lead = Some(Lead::Own(meta.key_columns()));
    keys.limit = Some(Term::Value(Value::Int(LOOKED_AT)));
    let rows = target.select(keys).await?.rows;
    let part = |row: Row<'_>, (place, field): (usize, &FieldMeta)| field.sql_type.value(row.cell(place));
    let parts: Vec<Value> =
        rows.iter().flat_map(|row| meta.key_fields().enumerate().map(move |key| part(row, key))).collect();
    for (table, pairs) in candidates(meta, target).await? {
        // In the order of the key, whatever order the foreign key has. One of a single column need not say where it leads.
        let of = |key: &FieldMeta| pairs.iter().find(|(_, to)| to == key.column || pairs.len() == 1);
        let columns = meta.key_fields().map(|key| of(key).map(|(from, _)| from.as_str()));
        let Some(columns) = columns.collect::<Option<Vec<_>>>().filter(|_| !rows.is_empty()) else {
            continue;
        };
        let quoted: Vec<String> = columns.iter().map(|column| dialect.quote(column)).collect();
        let row = format!("({})", vec!["?"; columns.len()].join(", "));
        let sql = format!(
            "SELECT 1 FROM {} WHERE ({}) IN (VALUES {}) LIMIT 1",
            dialect.quote(&table),
            quoted.join(", "),
            vec![row; rows.len()].join(", ")
        );
        let found = target.run(Statement::read(sql, parts.clone())).await?;
        if !found.rows.is_empty() {
            return Ok(Some((table, columns.join("_"))));
        }
    }
    Ok(None)
}

/// On SQLite: the foreign keys to a table that keep its rows from going, each with its columns and where they lead.
async fn candidates(
    meta: &ModelMeta,
    target: Target<'_>,
) -> Result<Vec<(String, Vec<(String, String)>)>, DbError> {
    let sql = "SELECT tables.name, keys.\"from\", coalesce(keys.\"to\", ''), keys.seq \
               FROM sqlite_schema AS tables, pragma_foreign_key_list(tables.name) AS keys \
               WHERE tables.type = 'table' AND keys.\"table\" = ? AND keys.on_delete IN ('RESTRICT', 'NO ACTION') \
               ORDER BY tables.name, keys.id, keys.seq";
    let table = vec![Value::Text(meta.table.to_owned())];
    let mut found: Vec<(String, Vec<(String, String)>)> = Vec::new();
    for row in target.run(Statement::read(sql, table)).await?.rows.iter() {
        let pair = (row.get(1)?, row.get(2)?);
        match found.last_mut() {
            Some((_, pairs)) if row.get::<i64>(3)? > 0 => pairs.push(pair),
            _ => found.push((row.get(0)?, vec![pair])),
        }
    }
    Ok(found)
}

/// How `schema` names a foreign key.
fn constraint_of(meta: &ModelMeta, fields: &[usize]) -> String {
    let columns: Vec<&str> = fields.iter().map(|field| meta.fields[*field].column).collect();
    format!("{}_{}_fkey", meta.table, columns.join("_"))
}
