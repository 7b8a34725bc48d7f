//! Many rows in few statements.

use mainstay_core::Result;

use super::faults::{References, explained};
use super::{Assignments, validate};
use crate::driver::StatementKind;
use crate::error::{Border, DbError};
use crate::executor::{Executor, Target};
use crate::query::{Renderer, Shape};

/// The most rows of one statement. More does not go faster.
const MOST: usize = 128;

/// Inserts rows of one model, all or none. Returns how many.
pub async fn insert_all(rows: Vec<Assignments>, executor: &impl Executor) -> Result<u64> {
    insert_rows(rows, executor.target()).await
}

pub(crate) async fn insert_rows(mut rows: Vec<Assignments>, target: Target<'_>) -> Result<u64> {
    let now = target.now();
    for row in &mut rows {
        row.fill(now).at_border()?;
        validate(row)?;
    }
    let mut chunks = chunks(rows, target.dialect().max_values());
    if chunks.len() == 1 {
        return insert_chunk(chunks.remove(0), target).await.at_border();
    }
    let own = target.own_transaction().await.at_border()?;
    let inside = own.as_ref().map_or(target, Executor::target);
    let mut inserted = 0;
    for chunk in chunks {
        inserted += insert_chunk(chunk, inside).await.at_border()?;
    }
    if let Some(own) = own {
        own.commit().await?;
    }
    Ok(inserted)
}

/// Rows that set the same columns, in numbers that are powers of two, so that there are few statements to prepare.
fn chunks(rows: Vec<Assignments>, max_values: usize) -> Vec<Vec<Assignments>> {
    let mut runs: Vec<(Vec<usize>, Vec<Assignments>)> = Vec::new();
    for row in rows {
        let columns = row.columns();
        match runs.last_mut() {
            Some((same, run)) if *same == columns => run.push(row),
            _ => runs.push((columns, vec![row])),
        }
    }
    let mut chunks = Vec::new();
    for (columns, mut run) in runs {
        let most = if columns.is_empty() { 1 } else { (max_values / columns.len()).clamp(1, MOST) };
        while !run.is_empty() {
            let size = 1 << run.len().min(most).ilog2();
            let rest = run.split_off(size);
            chunks.push(std::mem::replace(&mut run, rest));
        }
    }
    chunks
}

async fn insert_chunk(rows: Vec<Assignments>, target: Target<'_>) -> Result<u64, DbError> {
    let Some(first) = rows.first() else { return Ok(0) };
    let (meta, columns, count) = (first.meta(), first.columns(), rows.len());
    let dialect = target.dialect();
    let mut shape = Shape::new(b'B', meta, dialect);
    shape.number(count);
    let mut references = References::default();
    for row in rows {
        references.add(&row, dialect);
        shape.assignments(row);
    }
    let statement = target.cache().statement(shape, StatementKind::Write, || {
        Ok(dialect.build(&Renderer::new(dialect).insert(meta, &columns, count)))
    })?;
    match target.run(statement).await {
        Ok(reply) => Ok(reply.affected),
        Err(fault) => Err(explained(fault, meta, references, target).await),
    }
}
