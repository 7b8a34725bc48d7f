//! Many new rows in few statements.

use futures_util::FutureExt;
use mainstay_core::Result;

use super::faults::explained;
use super::insert::insert_row;
use super::references::References;
use super::returning::returning;
use super::{Assignments, ready};
use crate::driver::{Dialect, Reply, StatementKind};
use crate::error::{Border, DbError};
use crate::executor::{Executor, Target};
use crate::meta::{Fill, ModelMeta};
use crate::model::Model;
use crate::query::Shape;

/// The most rows of one statement. More hardly goes faster.
const MOST: usize = 512;
/// As many rows are one statement whatever their number: these are prepared often enough to be worth it.
const FEW: usize = 8;

/// Inserts rows of one model, all or none. Returns how many. Hooks do not see it.
#[track_caller]
pub fn insert_all(rows: Vec<Assignments>, executor: &impl Executor) -> impl Future<Output = Result<u64>> {
    insert_rows(rows, executor.target())
}

pub(crate) async fn insert_rows(mut rows: Vec<Assignments>, target: Target<'_>) -> Result<u64> {
    let Some(meta) = prepare(&mut rows, target)? else { return Ok(0) };
    let replies = insert_chunks(chunks(rows, meta, target.dialect()), Reading::Nothing, target).await?;
    Ok(replies.iter().map(|reply| reply.affected).sum())
}

/// Inserts rows, all or none, and returns them as they were stored, in the same order. MySQL returns no rows, so that there it
/// is a statement and a query for each. Hooks do not see it.
#[track_caller]
pub fn insert_all_returning<M: Model>(
    rows: Vec<Assignments>,
    executor: &impl Executor,
) -> impl Future<Output = Result<Vec<M>>> {
    insert_all_returning_at(rows, executor.target())
}

pub(super) async fn insert_all_returning_at<M: Model>(
    mut rows: Vec<Assignments>,
    target: Target<'_>,
) -> Result<Vec<M>> {
    if prepare(&mut rows, target)?.is_none() {
        return Ok(Vec::new());
    }
    let dialect = target.dialect();
    let replies = if dialect.insert_returns() {
        insert_chunks(chunks(rows, M::META, dialect), Reading::Back, target).await?
    } else {
        target.atomically(|_, target| insert_each(rows, target).boxed()).await?
    };
    let rows = replies.iter().flat_map(|reply| reply.rows.iter());
    rows.map(|row| M::from_row(&mut row.reader(0))).collect::<Result<_, _>>().at_border()
}

async fn insert_each(rows: Vec<Assignments>, target: Target<'_>) -> Result<Vec<Reply>> {
    let mut replies = Vec::with_capacity(rows.len());
    for row in rows {
        replies.push(insert_row(row, target).await?);
    }
    Ok(replies)
}

/// One statement for each chunk; all of them, or none.
async fn insert_chunks(
    chunks: Vec<Vec<Assignments>>,
    reading: Reading,
    target: Target<'_>,
) -> Result<Vec<Reply>> {
    if chunks.len() > 1 {
        return target.atomically(|_, target| insert_in_turn(chunks, reading, target).boxed()).await;
    }
    insert_in_turn(chunks, reading, target).await
}

async fn insert_in_turn(
    chunks: Vec<Vec<Assignments>>,
    reading: Reading,
    target: Target<'_>,
) -> Result<Vec<Reply>> {
    let mut replies = Vec::with_capacity(chunks.len());
    for chunk in chunks {
        replies.push(insert_chunk(chunk, reading, target).await.at_border()?);
    }
    Ok(replies)
}

fn prepare(rows: &mut [Assignments], target: Target<'_>) -> Result<Option<&'static ModelMeta>> {
    for row in rows.iter_mut() {
        row.fill(target).at_border()?;
        ready(row, target)?;
    }
    Ok(rows.first().map(Assignments::meta))
}

/// Rows that set the same columns, in numbers that are powers of two, so that there are few statements to prepare; but a few rows
/// are together.
pub(super) fn chunks(
    rows: Vec<Assignments>,
    meta: &'static ModelMeta,
    dialect: Dialect,
) -> Vec<Vec<Assignments>> {
    let mut runs: Vec<(Vec<usize>, Vec<Assignments>)> = Vec::new();
    for row in rows {
        let columns = row.columns();
        match runs.last_mut() {
            Some((same, run)) if *same == columns => run.push(row),
            _ => runs.push((columns, vec![row])),
        }
    }
    // What is filled in later counts as well.
    let filled = meta.fields.iter().filter(|field| !matches!(field.fill, Fill::Generated)).count();
    let mut chunks = Vec::new();
    for (columns, run) in runs {
        let values = columns.len().max(filled);
        let most = if columns.is_empty() { 1 } else { (dialect.max_values() / values).clamp(1, MOST) };
        let mut run = run.into_iter();
        while run.len() > 0 {
            let size = match run.len().min(most) {
                few @ ..=FEW => few,
                many => 1 << many.ilog2(),
            };
            chunks.push(run.by_ref().take(size).collect());
        }
    }
    chunks
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    Back,
    Nothing,
}

async fn insert_chunk(
    rows: Vec<Assignments>,
    reading: Reading,
    target: Target<'_>,
) -> Result<Reply, DbError> {
    let Some(first) = rows.first() else { return Ok(Reply::default()) };
    let (meta, columns, count) = (first.meta(), first.columns(), rows.len());
    let dialect = target.dialect();
    let mut shape = Shape::new(if reading == Reading::Back { b'b' } else { b'B' }, meta, dialect);
    shape.number(count);
    shape.fields(&columns);
    let mut references = References::default();
    for row in rows {
        references.add(&row, target);
        shape.values.extend(row.into_values().map(|(_, value)| value));
    }
    references.check(meta, target).await?;
    let statement = target.statement(shape, StatementKind::Write, |renderer| {
        let insert = dialect.build(&renderer.insert(meta, &columns, count));
        Ok(if reading == Reading::Back { returning(insert, meta, dialect) } else { insert })
    })?;
    match target.run(statement).await {
        Ok(reply) => Ok(reply),
        Err(fault) => Err(explained(fault, meta, references, target).await),
    }
}
