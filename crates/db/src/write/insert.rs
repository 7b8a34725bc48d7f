//! One new row.

use mainstay_core::Result;

use super::faults::explained;
use super::find::only;
use super::references::References;
use super::returning::{inserted_key, read_back, returning};
use super::{Assignments, hooked, ready};
use crate::driver::{Reply, StatementKind};
use crate::error::Border;
use crate::executor::{Executor, Target};
use crate::model::Model;
use crate::query::Shape;

/// Inserts a row, and reads it back as it was stored.
#[track_caller]
pub fn insert<M: Model>(new: Assignments, executor: &impl Executor) -> impl Future<Output = Result<M>> {
    insert_at(new, executor.target())
}

pub(crate) async fn insert_at<M: Model>(new: Assignments, target: Target<'_>) -> Result<M> {
    match M::hooks() {
        None => only(&insert_row(new, target).await?),
        Some(hooks) => hooked::insert(hooks, new, target).await,
    }
}

/// Inserts a row that may have been filled and validated already.
pub(crate) async fn insert_row(mut new: Assignments, target: Target<'_>) -> Result<Reply> {
    let meta = new.meta();
    new.fill(target).at_border()?;
    ready(&mut new, target)?;
    let dialect = target.dialect();
    let returns = dialect.insert_returns();
    let key = if returns { None } else { new.key() };
    let references = References::of(&new, target);
    references.check(meta, target).await.at_border()?;
    let columns = new.columns();
    let mut shape = Shape::new(b'I', meta, dialect);
    shape.assignments(new);
    let statement = target
        .statement(shape, StatementKind::Write, |renderer| {
            let insert = dialect.build(&renderer.insert(meta, &columns, 1));
            Ok(if returns { returning(insert, meta, dialect) } else { insert })
        })
        .at_border()?;
    let reply = match target.run(statement).await {
        Ok(reply) => reply,
        Err(fault) => return Err(explained(fault, meta, references, target).await.into_error()),
    };
    if returns {
        return Ok(reply);
    }
    let key = inserted_key(meta, key, &reply, dialect).at_border()?;
    read_back(meta, key, target).await.at_border()
}
