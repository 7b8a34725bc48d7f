//! Changing and deleting every row that a query asks for.

use futures_util::FutureExt;
use mainstay_core::Result;

use super::faults::{explained, still_referenced};
use super::references::References;
use super::returning::returning;
use super::{Assignments, only_filters, ready};
use crate::driver::{Dialect, Reply, Statement, StatementKind};
use crate::error::{Border, DbError};
use crate::executor::Target;
use crate::expression::{Scope, is_among, is_key};
use crate::meta::ModelMeta;
use crate::query::{Deleted, Select, Shape};
use crate::value::Value;

/// The most rows that are changed by their keys at once.
const MOST: usize = 1_000;

/// Writes `change` to every row that `select` asks for.
pub(crate) fn update_many(
    select: Select,
    change: Assignments,
    target: Target<'_>,
) -> impl Future<Output = Result<u64>> {
    let update = (!change.is_empty()).then(|| update(select, change, Reading::Nothing, target));
    async move {
        match update {
            Some(update) => Ok(update.await?.affected),
            None => Ok(0),
        }
    }
}

/// Writes `change` to the row with this key, whether it was deleted softly or not.
pub(crate) async fn update_key(
    meta: &'static ModelMeta,
    key: Value,
    change: Assignments,
    target: Target<'_>,
) -> Result<u64> {
    let mut select = Select::new(meta);
    select.deleted = Deleted::With;
    select.filter.push(is_key(Scope::ROOT, &meta.key_columns(), &key));
    update_many(select, change, target).await
}

/// Writes `change` to every row that `select` asks for, and returns the rows as they are then. Where an update returns no
/// rows, they are locked and read first, changed by their keys, and read again, all in one transaction.
pub(crate) async fn update_returning(
    select: Select,
    change: Assignments,
    target: Target<'_>,
) -> Result<Vec<Reply>> {
    if target.dialect().update_returns() {
        if change.is_empty() {
            return Ok(vec![target.select(select).await.at_border()?]);
        }
        return Ok(vec![update(select, change, Reading::Back, target).await?]);
    }
    target.atomically(|_, target| update_and_read(select, change, target).boxed()).await
}

async fn update_and_read(select: Select, change: Assignments, target: Target<'_>) -> Result<Vec<Reply>> {
    let meta = select.meta;
    let mut replies = Vec::new();
    let (_, keys) = locked(select, target).await.at_border()?;
    for keys in keys.chunks(MOST) {
        if !change.is_empty() {
            update(with_keys(meta, keys), change.clone(), Reading::Nothing, target).await?;
        }
        replies.push(target.select(with_keys(meta, keys)).await.at_border()?);
    }
    Ok(replies)
}

/// Deletes every row that `select` asks for.
pub(crate) async fn delete_many(select: Select, target: Target<'_>) -> Result<u64, DbError> {
    Ok(delete(select, Reading::Nothing, target).await?.affected)
}

/// Deletes every row that `select` asks for, and returns the rows as they were. Where a delete returns no rows, they are
/// locked and read first, and deleted by their keys, in one transaction.
pub(crate) async fn delete_returning(select: Select, target: Target<'_>) -> Result<Reply> {
    if target.dialect().delete_returns() {
        return delete(select, Reading::Back, target).await.at_border();
    }
    target.atomically(|_, target| read_and_delete(select, target).boxed()).await
}

async fn read_and_delete(select: Select, target: Target<'_>) -> Result<Reply> {
    let meta = select.meta;
    let (reply, keys) = locked(select, target).await.at_border()?;
    for keys in keys.chunks(MOST) {
        delete(with_keys(meta, keys), Reading::Nothing, target).await.at_border()?;
    }
    Ok(reply)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    Back,
    Nothing,
}

fn update(
    select: Select,
    change: Assignments,
    reading: Reading,
    target: Target<'_>,
) -> impl Future<Output = Result<Reply>> {
    let meta = select.meta;
    // Made here, so that the future holds the statement and not the query, which is larger.
    let made = update_statement(select, change, reading, target);
    async move {
        let (statement, references, rows) = made?;
        references.check(meta, target).boxed().await.at_border()?;
        if let Some(rows) = rows {
            references.check_rows(&rows, target).boxed().await.at_border()?;
        }
        match target.run(statement).await {
            Ok(reply) => Ok(reply),
            Err(fault) => Err(explained(fault, meta, references, target).boxed().await.into_error()),
        }
    }
}

/// The statement, what it refers to, and which rows it is about where that has to be looked at.
fn update_statement(
    select: Select,
    mut change: Assignments,
    reading: Reading,
    target: Target<'_>,
) -> Result<(Statement, References, Option<Box<Select>>)> {
    let meta = select.meta;
    let references = References::of(&change, target);
    let rows = references.concern_rows(target).then(|| Box::new(select.clone()));
    let mut filter = only_filters(select).at_border()?;
    change.touch(target).at_border()?;
    ready(&mut change, target)?;
    let dialect = target.dialect();
    let mut shape = Shape::new(if reading == Reading::Back { b'V' } else { b'u' }, meta, dialect);
    let sets = shape.assignments(change);
    shape.filter(&mut filter);
    let statement = target.statement(shape, StatementKind::Write, |renderer| {
        let update = dialect.build(&renderer.update(meta, &sets, &filter)?);
        Ok(if reading == Reading::Back { returning(update, meta, dialect) } else { update })
    });
    Ok((statement.at_border()?, references, rows))
}

async fn delete(select: Select, reading: Reading, target: Target<'_>) -> Result<Reply, DbError> {
    let meta = select.meta;
    let asked = select.clone();
    let mut filter = only_filters(select)?;
    let dialect = target.dialect();
    let mut shape = Shape::new(if reading == Reading::Back { b'E' } else { b'D' }, meta, dialect);
    shape.filter(&mut filter);
    let statement = target.statement(shape, StatementKind::Write, |renderer| {
        let delete = dialect.build(&renderer.delete(meta, &filter)?);
        Ok(if reading == Reading::Back { returning(delete, meta, dialect) } else { delete })
    })?;
    match target.run(statement).await {
        Ok(reply) => Ok(reply),
        Err(fault) => Err(still_referenced(fault, asked, target).await),
    }
}

/// The rows that `select` asks for, locked until the transaction ends, and their keys.
async fn locked(select: Select, target: Target<'_>) -> Result<(Reply, Vec<Vec<Value>>), DbError> {
    let meta = select.meta;
    let filter = only_filters(select)?;
    let mut select = Select { filter, deleted: Deleted::With, ..Select::new(meta) };
    let dialect = target.dialect();
    let mut shape = Shape::of(&mut select, dialect);
    shape.tag(b'L');
    let statement = target.statement(shape, StatementKind::Read, |renderer| {
        let (mut sql, values) = dialect.build(&renderer.select(&select)?);
        if dialect != Dialect::Sqlite {
            sql.push_str(" FOR UPDATE");
        }
        Ok((sql, values))
    })?;
    let reply = target.run(statement).await?;
    let mut keys = Vec::with_capacity(reply.rows.len());
    for row in reply.rows.iter() {
        keys.push(
            meta.key.iter().map(|index| meta.fields[*index].sql_type.value(row.cell(*index))).collect(),
        );
    }
    Ok((reply, keys))
}

/// The rows with these keys.
fn with_keys(meta: &'static ModelMeta, keys: &[Vec<Value>]) -> Select {
    let mut select = Select::new(meta);
    select.deleted = Deleted::With;
    let whole = |key: &Vec<Value>| match key.as_slice() {
        [only] => only.clone(),
        parts => Value::List(parts.to_vec()),
    };
    select.filter.push(is_among(Scope::ROOT, &meta.key_columns(), keys.iter().map(whole).collect()));
    select
}
