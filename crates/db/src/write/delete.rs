//! Deleting one row.

use mainstay_core::Result;

use super::delete_many;
use super::find::key_nodes;
use crate::error::{Border, DbError};
use crate::executor::Executor;
use crate::model::Model;
use crate::query::Select;

/// Deletes the row of `model`. A row that is not there any more is a 404.
#[track_caller]
pub fn delete<M: Model>(model: M, executor: &impl Executor) -> impl Future<Output = Result<()>> {
    let target = executor.target();
    async move {
        let mut select = Select::new(M::META);
        select.filter = key_nodes(M::META, model.key().into_values());
        match delete_many(select, target).await.at_border()? {
            0 => Err(DbError::NotFound { model: M::META.name }.into_error()),
            _ => Ok(()),
        }
    }
}
