//! Many rows that are there already, written in one statement.

use std::sync::Arc;

use futures_util::FutureExt;
use mainstay_core::Result;

use super::faults::explained;
use super::ready;
use super::references::References;
use super::update::{Place, all_but_key};
use crate::driver::Statement;
use crate::error::{Border, DbError};
use crate::executor::{Executor, Target};
use crate::meta::ModelMeta;
use crate::model::Model;
use crate::query::Shape;
use crate::value::Value;

/// Writes every field of `models` but their keys, all or none. Returns how many rows were there to be written. Of a model with
/// a version, each must be as it was read. Hooks do not see it.
#[track_caller]
pub fn save_all<M: Model>(models: &[M], executor: &impl Executor) -> impl Future<Output = Result<u64>> {
    let rows: Vec<Row> = models.iter().map(|model| (model.values(), Place::of(model))).collect();
    let target = executor.target();
    async move {
        if M::META.version().is_none() || rows.is_empty() {
            return save_rows(M::META, rows, target).await;
        }
        target.atomically(|_, target| save_all_or_none(M::META, rows, target).boxed()).await
    }
}

type Row = (Vec<Value>, Place);

async fn save_all_or_none(meta: &'static ModelMeta, rows: Vec<Row>, target: Target<'_>) -> Result<u64> {
    let asked = rows.len() as u64;
    match save_rows(meta, rows, target).await? {
        saved if saved == asked => Ok(saved),
        _ => Err(DbError::StaleVersion { model: meta.name }.into_error()),
    }
}

async fn save_rows(meta: &'static ModelMeta, rows: Vec<Row>, target: Target<'_>) -> Result<u64> {
    let (dialect, sets) = (target.dialect(), rows.len());
    let (mut known, mut many) = (None, Vec::new());
    let mut references = References::default();
    for (values, place) in rows {
        let mut change = all_but_key(meta, values);
        place.count_on(&mut change);
        change.touch(target).at_border()?;
        ready(&mut change, target)?;
        references.add(&change, target);
        if change.is_empty() {
            return Ok(0);
        }
        let mut filter = place.filter();
        let mut shape = Shape::new(b'u', meta, dialect);
        let sets = shape.assignments(change);
        shape.filter(&mut filter);
        let renderer = target.renderer(&mut shape);
        // It is the same for every row, but for the values.
        let rendered = match &known {
            Some(rendered) => rendered,
            None => known.insert(
                target
                    .rendered(&shape, || Ok(dialect.build(&renderer.update(meta, &sets, &filter)?)))
                    .at_border()?,
            ),
        };
        many.append(&mut rendered.wanted(shape.values));
    }
    references.check(meta, target).await.at_border()?;
    let Some(rendered) = known else { return Ok(0) };
    match target.run(Statement::write_many(Arc::clone(&rendered.sql), many, sets)).await {
        Ok(reply) => Ok(reply.affected),
        Err(fault) => Err(explained(fault, meta, references, target).await.into_error()),
    }
}
