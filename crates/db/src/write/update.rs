//! Changes to one row.

use mainstay_core::Result;

use super::faults::{References, explained};
use super::find::key_nodes;
use super::returning::{read_back, returning};
use super::{Assignments, validate};
use crate::driver::{Reply, StatementKind};
use crate::error::{Border, DbError};
use crate::executor::{Executor, Target};
use crate::meta::{Fill, ModelMeta};
use crate::model::Model;
use crate::query::{Renderer, Shape};
use crate::value::Value;

/// Writes `change` to the row of `model`, and reads it back.
#[track_caller]
pub fn update<M: Model>(
    model: &mut M,
    change: Assignments,
    executor: &impl Executor,
) -> impl Future<Output = Result<()>> {
    let target = executor.target();
    async move {
        if change.is_empty() {
            return Ok(());
        }
        let reply = update_row(M::META, model.key().into_values(), change, target).await?;
        let row = reply.rows.first().ok_or(DbError::NotFound { model: M::META.name }).at_border()?;
        model.reload(&mut row.reader(0)).at_border()
    }
}

/// Writes every field of `model` but its key.
#[track_caller]
pub fn save<M: Model>(model: &mut M, executor: &impl Executor) -> impl Future<Output = Result<()>> {
    let change = all_but_key(M::META, model.values());
    update(model, change, executor)
}

/// What saving a row writes.
pub(super) fn all_but_key(meta: &'static ModelMeta, values: Vec<Value>) -> Assignments {
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
    key: Vec<Value>,
    mut change: Assignments,
    target: Target<'_>,
) -> Result<Reply> {
    change.touch(target.now());
    validate(&change, target.dialect())?;
    let dialect = target.dialect();
    let returns = dialect.update_returns();
    let again = if returns { Vec::new() } else { key.clone() };
    let references = References::of(&change, dialect);
    let columns = change.columns();
    let mut filter = key_nodes(meta, key);
    let mut shape = Shape::new(b'U', meta, dialect);
    shape.assignments(change);
    shape.filter(&mut filter);
    let statement = target
        .cache()
        .statement(shape, StatementKind::Write, || {
            let update = dialect.build(&Renderer::new(dialect).update(meta, &columns, &filter)?);
            Ok(if returns { returning(update, meta, dialect) } else { update })
        })
        .at_border()?;
    let reply = match target.run(statement).await {
        Ok(reply) => reply,
        Err(fault) => return Err(explained(fault, meta, references, target).await.into_error()),
    };
    if returns {
        return Ok(reply);
    }
    read_back(meta, again, target).await.at_border()
}
