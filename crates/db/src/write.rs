//! Inserting, updating and deleting. Everything here reads the model's metadata; `#[model]` writes only thin calls.

mod assignments;
mod bulk;
mod validate;

pub use assignments::Assignments;
pub use bulk::insert_all;
pub(crate) use bulk::insert_rows;
pub use validate::validate;

use chrono::{DateTime, Utc};
use mainstay_core::Result;

use crate::driver::{Reply, Statement, StatementKind};
use crate::error::{Border, DbError};
use crate::executor::{Executor, Target};
use crate::expression::{ColumnRef, Node, Operator, Scope, Term};
use crate::key::Key;
use crate::meta::{Fill, ModelMeta};
use crate::model::Model;
use crate::query::{Renderer, Select, Shape};
use crate::value::Value;

/// Inserts a row, and reads it back as it was stored.
pub async fn insert<M: Model>(new: Assignments, executor: &impl Executor) -> Result<M> {
    let reply = insert_row(new, executor.target()).await?;
    let row = reply.rows.first().ok_or(DbError::NotFound { model: M::META.name }).at_border()?;
    M::from_row(&mut row.reader(0)).at_border()
}

async fn insert_row(mut new: Assignments, target: Target<'_>) -> Result<Reply> {
    let meta = new.meta();
    new.fill(target.now()).at_border()?;
    validate(&new)?;
    let dialect = target.dialect();
    let columns = new.columns();
    let mut shape = Shape::new(b'I', meta, dialect);
    shape.assignments(new);
    let statement = target
        .cache()
        .statement(shape, StatementKind::Write, || {
            let mut insert = Renderer::new(dialect).insert(meta, &columns, 1);
            insert.returning(returning(meta));
            Ok(dialect.build(&insert))
        })
        .at_border()?;
    target.run(statement).await.map_err(|fault| named(fault, meta)).at_border()
}

/// Writes `change` to the row of `model`, and reads it back.
pub async fn update<M: Model>(model: &mut M, change: Assignments, executor: &impl Executor) -> Result<()> {
    let target = executor.target();
    let reply = update_row(M::META, key_is(M::META, model.key()), change, target).await?;
    let Some(reply) = reply else { return Ok(()) };
    let row = reply.rows.first().ok_or(DbError::NotFound { model: M::META.name }).at_border()?;
    model.reload(&mut row.reader(0)).at_border()
}

/// Writes every field of `model` but its key.
pub async fn save<M: Model>(model: &mut M, executor: &impl Executor) -> Result<()> {
    let change = all_but_key(M::META, model.values());
    update(model, change, executor).await
}

/// Writes every field of `models` but their keys, all or none. Returns how many rows were there to be written.
pub async fn save_all<M: Model>(models: &[M], executor: &impl Executor) -> Result<u64> {
    let rows = models.iter().map(|model| (model.values(), model.key().into_values())).collect();
    save_rows(M::META, rows, executor.target()).await
}

async fn save_rows(
    meta: &'static ModelMeta,
    rows: Vec<(Vec<Value>, Vec<Value>)>,
    target: Target<'_>,
) -> Result<u64> {
    let (dialect, sets) = (target.dialect(), rows.len());
    let mut many: Option<Statement> = None;
    for (values, key) in rows {
        let mut change = all_but_key(meta, values);
        change.touch(target.now());
        validate(&change)?;
        let columns = change.columns();
        if columns.is_empty() {
            return Ok(0);
        }
        let mut key = key_nodes(meta, key);
        let mut shape = Shape::new(b'u', meta, dialect);
        shape.assignments(change);
        shape.filter(&mut key);
        match &mut many {
            // The shape is the same for every row; its values are what is left of it.
            Some(many) => many.values.append(&mut shape.values),
            None => {
                let first = target.cache().statement(shape, StatementKind::Write, || {
                    Ok(dialect.build(&Renderer::new(dialect).update(meta, &columns, &key)?))
                });
                many = Some(first.at_border()?);
            }
        }
    }
    let Some(mut many) = many else { return Ok(0) };
    many.sets = sets;
    let reply = target.run(many).await.map_err(|fault| named(fault, meta)).at_border()?;
    Ok(reply.affected)
}

fn all_but_key(meta: &'static ModelMeta, values: Vec<Value>) -> Assignments {
    let mut change = Assignments::new(meta);
    for (index, value) in values.into_iter().enumerate() {
        if !meta.key.contains(&index) && !matches!(meta.fields[index].fill, Fill::UpdatedAt) {
            change.set_value(index, value);
        }
    }
    change
}

async fn update_row(
    meta: &'static ModelMeta,
    mut key: Vec<Node>,
    mut change: Assignments,
    target: Target<'_>,
) -> Result<Option<Reply>> {
    if change.is_empty() {
        return Ok(None);
    }
    change.touch(target.now());
    validate(&change)?;
    let dialect = target.dialect();
    let columns = change.columns();
    let mut shape = Shape::new(b'U', meta, dialect);
    shape.assignments(change);
    shape.filter(&mut key);
    let statement = target
        .cache()
        .statement(shape, StatementKind::Write, || {
            let mut update = Renderer::new(dialect).update(meta, &columns, &key)?;
            update.returning(returning(meta));
            Ok(dialect.build(&update))
        })
        .at_border()?;
    target.run(statement).await.map(Some).map_err(|fault| named(fault, meta)).at_border()
}

/// Writes `change` to every row that `select` asks for.
pub(crate) async fn update_many(select: Select, mut change: Assignments, target: Target<'_>) -> Result<u64> {
    if change.is_empty() {
        return Ok(0);
    }
    let meta = select.meta;
    let mut filter = only_filters(select).at_border()?;
    change.touch(target.now());
    validate(&change)?;
    let dialect = target.dialect();
    let columns = change.columns();
    let mut shape = Shape::new(b'u', meta, dialect);
    shape.assignments(change);
    shape.filter(&mut filter);
    let statement = target
        .cache()
        .statement(shape, StatementKind::Write, || {
            Ok(dialect.build(&Renderer::new(dialect).update(meta, &columns, &filter)?))
        })
        .at_border()?;
    let reply = target.run(statement).await.map_err(|fault| named(fault, meta)).at_border()?;
    Ok(reply.affected)
}

/// Deletes the row of `model`. A row that is not there any more is a 404.
pub async fn delete<M: Model>(model: M, executor: &impl Executor) -> Result<()> {
    let mut select = Select::new(M::META);
    select.filter = key_is(M::META, model.key());
    match delete_many(select, executor.target()).await.at_border()? {
        0 => Err(DbError::NotFound { model: M::META.name }.into_error()),
        _ => Ok(()),
    }
}

/// Deletes every row that `select` asks for.
pub(crate) async fn delete_many(select: Select, target: Target<'_>) -> Result<u64, DbError> {
    let meta = select.meta;
    let mut filter = only_filters(select)?;
    let dialect = target.dialect();
    let mut shape = Shape::new(b'D', meta, dialect);
    shape.filter(&mut filter);
    let statement = target.cache().statement(shape, StatementKind::Write, || {
        Ok(dialect.build(&Renderer::new(dialect).delete(meta, &filter)?))
    })?;
    let reply = target.run(statement).await.map_err(|fault| named(fault, meta))?;
    Ok(reply.affected)
}

/// The row with this key, if there is one.
pub async fn get<M: Model>(key: Key<M>, executor: &impl Executor) -> Result<Option<M>> {
    let mut select = Select::new(M::META);
    select.filter = key_is(M::META, key);
    let reply = executor.target().select(select).await.at_border()?;
    reply.rows.first().map(|row| M::from_row(&mut row.reader(0))).transpose().at_border()
}

/// The row with this key. None is a 404.
pub async fn find<M: Model>(key: Key<M>, executor: &impl Executor) -> Result<M> {
    let row = get(key, executor).await?;
    row.ok_or(DbError::NotFound { model: M::META.name }).at_border()
}

fn key_is<M: Model>(meta: &'static ModelMeta, key: Key<M>) -> Vec<Node> {
    key_nodes(meta, key.into_values())
}

fn key_nodes(meta: &'static ModelMeta, values: Vec<Value>) -> Vec<Node> {
    meta.key_fields()
        .zip(values)
        .map(|(field, value)| Node::Compare {
            left: ColumnRef { scope: Scope::ROOT, column: field.column },
            operator: Operator::Equal,
            right: Term::Value(value),
        })
        .collect()
}

fn only_filters(select: Select) -> Result<Vec<Node>, DbError> {
    if select.limit.is_some() || select.offset.is_some() || !select.order.is_empty() {
        return Err(DbError::Model {
            detail: format!(
                "an update or delete of many `{}` takes filters only, no order, limit or offset",
                select.meta.name
            ),
        });
    }
    Ok(select.filter)
}

fn returning(meta: &'static ModelMeta) -> sea_query::ReturningClause {
    sea_query::Query::returning().columns(meta.fields.iter().map(|field| field.column))
}

/// The same failure, with the names that the code has.
pub(crate) fn named(fault: DbError, meta: &'static ModelMeta) -> DbError {
    let ours = |table: &str| table == meta.table;
    let name = |column: &str| {
        meta.column(column).map_or_else(|| column.to_owned(), |(_, field)| field.name.to_owned())
    };
    match fault {
        DbError::UniqueViolation { model, fields } if ours(&model) => DbError::UniqueViolation {
            model: meta.name.to_owned(),
            fields: fields.iter().map(|column| name(column)).collect(),
        },
        DbError::NotNullViolation { model, field } if ours(&model) => {
            DbError::NotNullViolation { model: meta.name.to_owned(), field: name(&field) }
        }
        DbError::ForeignKeyViolation { model } if model.is_empty() || ours(&model) => {
            DbError::ForeignKeyViolation { model: meta.name.to_owned() }
        }
        other => other,
    }
}

fn time(now: DateTime<Utc>) -> Value {
    Value::DateTime(now)
}
