//! Writes of models that have hooks.
//!
//! Each is a transaction of its own, or one inside of that which it is given, so that nothing is left of what a hook refuses.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mainstay_core::Result;

use super::Assignments;
use super::delete::{Extent, delete_plainly};
use super::find::only;
use super::insert::insert_row;
use super::update::update_plainly;
use super::upsert::{Conflict, upsert_row};
use crate::error::Border;
use crate::executor::Target;
use crate::hooks::{Hooked, Saving, Write};
use crate::model::Model;
use crate::transaction::Tx;

type Hooks<M> = &'static dyn Hooked<M>;

pub(super) fn insert<'a, M: Model>(
    hooks: Hooks<M>,
    mut values: Assignments,
    target: Target<'a>,
) -> BoxFuture<'a, Result<M>> {
    inside(target, move |tx, target| {
        async move {
            values.fill(target).at_border()?;
            before(hooks, &mut values, None, Write::Inserted, tx).await?;
            let row: M = only(&insert_row(values, target).await?)?;
            after(hooks, &row, Write::Inserted, tx).await?;
            Ok(row)
        }
        .boxed()
    })
}

pub(super) fn upsert<'a, M: Model>(
    hooks: Hooks<M>,
    mut values: Assignments,
    conflict: Conflict,
    target: Target<'a>,
) -> BoxFuture<'a, Result<M>> {
    inside(target, move |tx, target| {
        async move {
            before(hooks, &mut values, None, Write::Upserted, tx).await?;
            let row: M = only(&upsert_row(values, &conflict, target).await?)?;
            after(hooks, &row, Write::Upserted, tx).await?;
            Ok(row)
        }
        .boxed()
    })
}

pub(super) async fn update<M: Model>(
    hooks: Hooks<M>,
    model: &mut M,
    mut values: Assignments,
    target: Target<'_>,
) -> Result<()> {
    // A copy, so that `model` is as it was when a hook refuses.
    let mut changed = model.clone();
    *model = inside(target, move |tx, target| {
        async move {
            before(hooks, &mut values, Some(&changed), Write::Updated, tx).await?;
            update_plainly(&mut changed, values, target).await?;
            after(hooks, &changed, Write::Updated, tx).await?;
            Ok(changed)
        }
        .boxed()
    })
    .await?;
    Ok(())
}

pub(super) fn delete<'a, M: Model>(
    hooks: Hooks<M>,
    model: &M,
    extent: Extent,
    target: Target<'a>,
) -> BoxFuture<'a, Result<()>> {
    let row = model.clone();
    inside(target, move |tx, target| {
        async move {
            hooks.before_delete(&row, tx).await?;
            delete_plainly(&row, extent, target).await?;
            hooks.after_delete(&row, tx).await?;
            later(hooks, row, Write::Deleted, tx);
            Ok(())
        }
        .boxed()
    })
}

async fn before<M: Model>(
    hooks: Hooks<M>,
    values: &mut Assignments,
    before: Option<&M>,
    write: Write,
    tx: &Tx,
) -> Result<()> {
    hooks.before_save(&mut Saving { values, before, write }, tx).await
}

async fn after<M: Model>(hooks: Hooks<M>, row: &M, write: Write, tx: &Tx) -> Result<()> {
    hooks.after_save(row, write, tx).await?;
    later(hooks, row.clone(), write, tx);
    Ok(())
}

fn later<M: Model>(hooks: Hooks<M>, row: M, write: Write, tx: &Tx) {
    tx.after_commit(hooks.after_commit(row, write, tx.db().with_tenancy(tx.tenancy().clone())));
}

/// Runs `work` in a transaction, or in one inside of that which there is.
fn inside<'a, T: Send + 'a>(
    target: Target<'a>,
    work: impl for<'t> FnOnce(&'t Tx, Target<'t>) -> BoxFuture<'t, Result<T>> + Send + 'a,
) -> BoxFuture<'a, Result<T>> {
    target.atomically(work).boxed()
}
