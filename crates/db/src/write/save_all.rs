//! Many rows that are there already, written in one statement.

use mainstay_core::Result;

use super::faults::{References, explained};
use super::find::key_nodes;
use super::update::all_but_key;
use super::validate;
use crate::driver::{Statement, StatementKind};
use crate::error::Border;
use crate::executor::{Executor, Target};
use crate::meta::ModelMeta;
use crate::model::Model;
use crate::query::{Renderer, Shape};
use crate::value::Value;

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
    let mut references = References::default();
    for (values, key) in rows {
        let mut change = all_but_key(meta, values);
        change.touch(target.now());
        validate(&change, target.dialect())?;
        references.add(&change, dialect);
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
    match target.run(many).await {
        Ok(reply) => Ok(reply.affected),
        Err(fault) => Err(explained(fault, meta, references, target).await.into_error()),
    }
}
