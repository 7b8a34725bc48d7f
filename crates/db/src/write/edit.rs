//! A change in place, of which only what has changed is written.

use mainstay_core::Result;

use super::Assignments;
use super::update::update_at;
use crate::error::{Border, DbError};
use crate::executor::Executor;
use crate::model::Model;

/// Lets `change` change a copy of `model`, and writes the fields that are then different. When that succeeds, `model` is as it
/// is stored; when it fails, `model` is as it was.
#[track_caller]
pub fn edit<M: Model>(
    model: &mut M,
    change: impl FnOnce(&mut M),
    executor: &impl Executor,
) -> impl Future<Output = Result<()>> {
    let mut edited = model.clone();
    change(&mut edited);
    let (changed, target) = (difference(model, &edited), executor.target());
    async move {
        update_at(&mut edited, changed.at_border()?, target).await?;
        *model = edited;
        Ok(())
    }
}

fn difference<M: Model>(before: &M, after: &M) -> Result<Assignments, DbError> {
    let mut changed = Assignments::new(M::META);
    for (index, (before, after)) in before.values().into_iter().zip(after.values()).enumerate() {
        // The version is counted, and what is computed is computed, whatever they are set to.
        let field = &M::META.fields[index];
        if before == after || field.version || field.computed.is_some() {
            continue;
        }
        if M::META.key.contains(&index) {
            let detail = format!("the key of a `{}` that is stored cannot be changed", M::META.name);
            return Err(DbError::Model { detail });
        }
        changed.set_value(index, after);
    }
    Ok(changed)
}
