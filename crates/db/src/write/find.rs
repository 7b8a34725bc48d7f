//! The row with a key.

use mainstay_core::Result;

use crate::driver::Reply;
use crate::error::{Border, DbError};
use crate::executor::{Executor, Target};
use crate::expression::{ColumnRef, Node, Operator, Scope, Term, is_among};
use crate::key::Key;
use crate::meta::ModelMeta;
use crate::model::Model;
use crate::query::{Deleted, Lead, Select};
use crate::relation::leading_key;
use crate::row::Row;
use crate::value::Value;

/// The row with this key, if there is one.
#[track_caller]
pub fn get<M: Model>(key: Key<M>, executor: &impl Executor) -> impl Future<Output = Result<Option<M>>> {
    read(key, executor.target())
}

/// The row with this key. None is a 404.
#[track_caller]
pub fn find<M: Model>(key: Key<M>, executor: &impl Executor) -> impl Future<Output = Result<M>> {
    let target = executor.target();
    async move {
        let row = read(key, target).await?;
        row.ok_or(DbError::NotFound { model: M::META.name }).at_border()
    }
}

async fn read<M: Model>(key: Key<M>, target: Target<'_>) -> Result<Option<M>> {
    let mut select = Select::new(M::META);
    select.filter = key_nodes(M::META, key.into_values());
    let reply = target.select(select).await.at_border()?;
    reply.rows.first().map(|row| M::from_row(&mut row.reader(0))).transpose().at_border()
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
    let mut select = Select::new(meta);
    select.deleted = Deleted::With;
    select.filter.push(is_among(Scope::ROOT, &meta.key_columns(), keys));
    select.lead = Some(Lead::Own(meta.key_columns()));
    let reply = target.select(select).await?;
    Ok(reply.rows.iter().map(|row| leading_key(meta, row)).collect())
}

/// The keys of the rows that have these values.
pub(crate) async fn keys_like(
    meta: &'static ModelMeta,
    values: Vec<(usize, Value)>,
    target: Target<'_>,
) -> Result<Vec<Vec<Value>>, DbError> {
    let mut select = Select::new(meta);
    select.deleted = Deleted::With;
    select.filter =
        values.into_iter().map(|(index, value)| equals(meta.fields[index].column, value)).collect();
    let reply = target.select(select).await?;
    let key = |row: Row<'_>| {
        meta.key.iter().map(|index| meta.fields[*index].sql_type.value(row.cell(*index))).collect()
    };
    Ok(reply.rows.iter().map(key).collect())
}
