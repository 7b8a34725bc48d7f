//! Loading relations together with a query, or for rows that are there already.
//!
//! A to-one relation is joined. A to-many relation is one further query for all rows at once, and each of its own relations
//! again: the number of queries depends on the shape of what is asked for, never on the number of rows. Those that do not
//! depend on each other are asked for at the same time: the reader threads of SQLite and the pipeline of PostgreSQL answer
//! them side by side.
//!
//! - [`LoadOne`]: how a to-one relation is loaded; [`LoadMany`]: how one to many.

mod many;
mod one;

use futures_util::future::{BoxFuture, try_join_all};
use mainstay_core::Result;

pub use many::LoadMany;
pub use one::LoadOne;

use crate::error::{Border, DbError};
use crate::executor::{Executor, Target};
use crate::expression::Scope;
use crate::meta::ModelMeta;
use crate::model::Model;
use crate::query::Select;
use crate::row::{Reader, Row};
use crate::value::Value;

/// A relation to be loaded with the rows of `M`.
pub struct Load<M>(pub(crate) Box<dyn Loader<M>>);

/// What `with` takes: a relation, or one with more said about it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be loaded with the rows",
    label = "expected a relation, such as `|a| a.author`"
)]
pub trait IntoLoad<M> {
    /// The load.
    fn into_load(self) -> Load<M>;
}

/// How one relation is loaded.
pub(crate) trait Loader<M>: Send + Sync {
    /// Adds what is joined to the query for the rows of `M` in `scope`.
    fn join(&self, scope: Scope, select: &mut Select);

    /// Reads what was joined from a row, in the same order.
    fn read(&self, model: Option<&mut M>, reader: &mut Reader<'_>) -> Result<(), DbError>;

    /// What is still to be asked for, for all rows at once; `None` when there is nothing.
    fn start<'a>(&'a self, models: &mut [&mut M], so_far: SoFar, target: Target<'a>)
    -> Option<Asking<'a, M>>;
}

/// A question to the database, and what to do with the answer.
pub(crate) type Asking<'a, M> = BoxFuture<'a, Result<HandOut<'a, M>, DbError>>;

/// Puts what was loaded into the rows that it was asked for: the same, in the same order.
pub(crate) type HandOut<'a, M> = Box<dyn FnOnce(&mut [&mut M]) + Send + 'a>;

/// What has been loaded with the rows themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SoFar {
    /// What was joined.
    Joined,
    /// Nothing.
    Nothing,
}

/// A row, and what was joined to it.
pub(crate) fn read_joined<M: Model>(loads: &[Load<M>], reader: &mut Reader<'_>) -> Result<M, DbError> {
    let mut model = M::from_row(reader)?;
    for load in loads {
        load.0.read(Some(&mut model), reader)?;
    }
    Ok(model)
}

/// Runs the loads of a query for the rows that it has read.
pub(crate) async fn run_loads<M: Model>(
    loads: &[Load<M>],
    models: &mut [M],
    target: Target<'_>,
) -> Result<(), DbError> {
    if models.is_empty() || loads.is_empty() {
        return Ok(());
    }
    run(loads, &mut models.iter_mut().collect::<Vec<_>>(), SoFar::Joined, target).await
}

/// Loads a relation of rows that are there already.
#[track_caller]
pub fn load<M: Model>(
    models: &mut [M],
    relation: impl IntoLoad<M>,
    executor: &impl Executor,
) -> impl Future<Output = Result<()>> {
    let (loads, target) = ([relation.into_load()], executor.target());
    async move {
        let mut models: Vec<&mut M> = models.iter_mut().collect();
        run(&loads, &mut models, SoFar::Nothing, target).await.at_border()
    }
}

/// The most keys of several columns in one statement. Those of one column are bound as one value, or a few.
const MOST_KEYS: usize = 1_000;

/// Keys of the model, a statement's worth at a time.
fn in_statements(keys: Vec<Value>, of: &ModelMeta) -> Vec<Vec<Value>> {
    if of.key.len() == 1 {
        return vec![keys];
    }
    keys.chunks(MOST_KEYS).map(<[Value]>::to_vec).collect()
}

/// The key of a row of that model, which the row of a result begins with.
pub(crate) fn leading_key(model: &ModelMeta, row: Row<'_>) -> Value {
    let mut parts =
        model.key_fields().enumerate().map(|(place, field)| field.sql_type.value(row.cell(place)));
    match model.key.len() {
        1 => parts.next().unwrap_or(Value::Null),
        _ => Value::List(parts.collect()),
    }
}

async fn run<M: Model>(
    loads: &[Load<M>],
    models: &mut [&mut M],
    so_far: SoFar,
    target: Target<'_>,
) -> Result<(), DbError> {
    let asking: Vec<_> = loads.iter().filter_map(|load| load.0.start(models, so_far, target)).collect();
    for hand_out in try_join_all(asking).await? {
        hand_out(models);
    }
    Ok(())
}
