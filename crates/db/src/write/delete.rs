//! Deleting one row, and taking that back.
//!
//! A model with a `#[field(deleted_at)]` is deleted softly: the time is set, and queries leave the row out. What refers to it
//! stays as it is; `on_delete` is for rows that are deleted for good.

use mainstay_core::Result;

use super::update::Place;
use super::{Assignments, delete_many, hooked, update, update_many};
use crate::error::{Border, DbError};
use crate::executor::{Executor, Target};
use crate::model::{Model, SoftDelete};
use crate::query::{Deleted, Select};
use crate::value::Value;

/// Deletes the row of `model`. A row that is not there any more is a 404.
#[track_caller]
pub fn delete<M: Model>(model: M, executor: &impl Executor) -> impl Future<Output = Result<()>> {
    let target = executor.target();
    async move { run(&model, Extent::AsTheModelSays, target).await }
}

/// Deletes the row of `model` for good. A row that is not there any more is a 404.
#[track_caller]
pub fn delete_for_good<M: SoftDelete>(
    model: M,
    executor: &impl Executor,
) -> impl Future<Output = Result<()>> {
    let target = executor.target();
    async move { run(&model, Extent::ForGood, target).await }
}

/// Takes the deletion of `model` back.
#[track_caller]
pub fn restore<M: SoftDelete>(model: &mut M, executor: &impl Executor) -> impl Future<Output = Result<()>> {
    let mut change = Assignments::new(M::META);
    if let Some((index, _)) = M::META.deleted_at() {
        change.set_value(index, Value::Null);
    }
    update(model, change, executor)
}

/// How much of a row goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// Softly, if it has a `deleted_at`.
    AsTheModelSays,
    ForGood,
}

async fn run<M: Model>(model: &M, extent: Extent, target: Target<'_>) -> Result<()> {
    match M::hooks() {
        None => delete_plainly(model, extent, target).await,
        Some(hooks) => hooked::delete(hooks, model, extent, target).await,
    }
}

/// Deletes without hooks.
pub(super) async fn delete_plainly<M: Model>(model: &M, extent: Extent, target: Target<'_>) -> Result<()> {
    let place = Place::of(model);
    let mut select = Select::new(M::META);
    select.filter = place.filter();
    if extent == Extent::ForGood {
        select.deleted = Deleted::With;
    }
    let seen = select.deleted;
    let deleted = match extent {
        Extent::AsTheModelSays => delete_softly(select, target).await?,
        Extent::ForGood => delete_many(select, target).await.at_border()?,
    };
    match deleted {
        0 => Err(place.missing(seen, target).await.into_error()),
        _ => Ok(()),
    }
}

/// Deletes every row that `select` asks for: softly, if the model has a `deleted_at`.
pub(crate) async fn delete_softly(select: Select, target: Target<'_>) -> Result<u64> {
    match deletion(&select, target) {
        Some(change) => update_many(select, change, target).await,
        None => delete_many(select, target).await.at_border(),
    }
}

/// What a soft deletion writes.
pub(crate) fn deletion(select: &Select, target: Target<'_>) -> Option<Assignments> {
    let (index, _) = select.meta.deleted_at()?;
    let mut change = Assignments::new(select.meta);
    change.set_value(index, Value::DateTime(target.now()));
    Some(change)
}

/// Takes back the deletion of every row that `select` asks for.
pub(crate) async fn restore_many(mut select: Select, target: Target<'_>) -> Result<u64> {
    let mut change = Assignments::new(select.meta);
    let Some((index, _)) = select.meta.deleted_at() else {
        return Err(
            DbError::Model { detail: format!("`{}` has no `deleted_at`", select.meta.name) }.into_error()
        );
    };
    change.set_value(index, Value::Null);
    select.deleted = Deleted::Only;
    update_many(select, change, target).await
}
