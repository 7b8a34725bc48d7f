//! Deleting one row, and every row that a query asks for.

use mainstay_core::Result;

use super::faults::still_referenced;
use super::find::key_nodes;
use super::only_filters;
use crate::driver::StatementKind;
use crate::error::{Border, DbError};
use crate::executor::{Executor, Target};
use crate::model::Model;
use crate::query::{Renderer, Select, Shape};

/// Deletes the row of `model`. A row that is not there any more is a 404.
pub async fn delete<M: Model>(model: M, executor: &impl Executor) -> Result<()> {
    let mut select = Select::new(M::META);
    select.filter = key_nodes(M::META, model.key().into_values());
    match delete_many(select, executor.target()).await.at_border()? {
        0 => Err(DbError::NotFound { model: M::META.name }.into_error()),
        _ => Ok(()),
    }
}

/// Deletes every row that `select` asks for.
pub(crate) async fn delete_many(select: Select, target: Target<'_>) -> Result<u64, DbError> {
    let meta = select.meta;
    let asked = select.clone();
    let mut filter = only_filters(select)?;
    let dialect = target.dialect();
    let mut shape = Shape::new(b'D', meta, dialect);
    shape.filter(&mut filter);
    let statement = target.cache().statement(shape, StatementKind::Write, || {
        Ok(dialect.build(&Renderer::new(dialect).delete(meta, &filter)?))
    })?;
    match target.run(statement).await {
        Ok(reply) => Ok(reply.affected),
        Err(fault) => Err(still_referenced(fault, asked, target).await),
    }
}
