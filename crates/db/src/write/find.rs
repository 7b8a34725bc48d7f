//! The row with a key.

use mainstay_core::Result;
use rust_decimal::Decimal;

use crate::driver::{Reply, Statement, StatementKind};
use crate::encrypted::column::among;
use crate::error::{Border, DbError};
use crate::executor::{Executor, Target};
use crate::expression::{ColumnRef, Node, Operator, Scope, Term, is_among};
use crate::key::Key;
use crate::meta::{FieldMeta, ModelMeta};
use crate::model::Model;
use crate::query::{Deleted, Output, Select, Shape};
use crate::relation::leading_key;
use crate::value::{SqlType, Value};

/// The row with this key, if there is one.
#[track_caller]
pub fn get<M: Model>(key: Key<M>, executor: &impl Executor) -> impl Future<Output = Result<Option<M>>> {
    read(key, executor.target())
}

/// The row with this key. None is a 404.
#[track_caller]
pub fn find<M: Model>(key: Key<M>, executor: &impl Executor) -> impl Future<Output = Result<M>> {
    let row = read(key, executor.target());
    async move { row.await?.ok_or(DbError::NotFound { model: M::META.name }).at_border() }
}

fn read<M: Model>(key: Key<M>, target: Target<'_>) -> impl Future<Output = Result<Option<M>>> {
    let statement = by_key(M::META, key.into_values(), target);
    async move {
        let reply = target.run(statement.at_border()?).await.at_border()?;
        reply.rows.first().map(|row| M::from_row(&mut row.reader(0))).transpose().at_border()
    }
}

/// The statement that reads the row with this key. It is the same for every key, so no query is made to find it.
fn by_key(meta: &'static ModelMeta, key: Vec<Value>, target: Target<'_>) -> Result<Statement, DbError> {
    let dialect = target.dialect();
    let mut shape = Shape::new(b'K', meta, dialect);
    shape.values = key;
    target.statement(shape, StatementKind::Read, |renderer| {
        // Only whether a value is an exact number shows in the SQL.
        let like = |field: &FieldMeta| match field.sql_type {
            SqlType::Decimal => Value::Decimal(Decimal::ZERO),
            _ => Value::Int(0),
        };
        let mut select = Select::new(meta);
        select.filter = key_nodes(meta, meta.key_fields().map(like).collect());
        Shape::of(&mut select, dialect);
        renderer.sql(&select)
    })
}

/// The only row of a reply. None is a 404.
pub(super) fn only<M: Model>(reply: &Reply) -> Result<M> {
    let row = reply.rows.first().ok_or(DbError::NotFound { model: M::META.name }).at_border()?;
    M::from_row(&mut row.reader(0)).at_border()
}

/// The condition that a row has this key.
pub(super) fn key_nodes(meta: &'static ModelMeta, values: Vec<Value>) -> Vec<Node> {
    meta.key_fields().zip(values).map(|(field, value)| equals(field.column, value)).collect()
}

/// The condition that a column of the row has this value.
pub(super) fn equals(column: &'static str, value: Value) -> Node {
    Node::Compare {
        left: Term::Column(ColumnRef { scope: Scope::ROOT, column }),
        operator: Operator::Equal,
        right: Term::Value(value),
    }
}

/// Which of these keys rows of the model have.
pub(crate) async fn present(
    meta: &'static ModelMeta,
    keys: Vec<Value>,
    target: Target<'_>,
) -> Result<Vec<Value>, DbError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    keys_where(meta, vec![is_among(Scope::ROOT, &meta.key_columns(), keys)], target).await
}

/// The keys of the rows that have these values.
pub(crate) async fn keys_like(
    meta: &'static ModelMeta,
    values: Vec<(usize, Value)>,
    target: Target<'_>,
) -> Result<Vec<Value>, DbError> {
    let is = |(index, value): (usize, Value)| match meta.fields[index].encrypted {
        Some(_) => among(meta, index, Scope::ROOT, &[value]),
        None => equals(meta.fields[index].column, value),
    };
    keys_where(meta, values.into_iter().map(is).collect(), target).await
}

async fn keys_where(
    meta: &'static ModelMeta,
    filter: Vec<Node>,
    target: Target<'_>,
) -> Result<Vec<Value>, DbError> {
    let column = |column: &&'static str| Term::Column(ColumnRef { scope: Scope::ROOT, column });
    let select = Select {
        deleted: Deleted::With,
        filter,
        output: Output::Values,
        outputs: meta.key_columns().iter().map(column).collect(),
        ..Select::new(meta)
    };
    let reply = target.select(select).await?;
    Ok(reply.rows.iter().map(|row| leading_key(meta, row)).collect())
}
