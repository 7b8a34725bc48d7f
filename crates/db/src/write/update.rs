//! Changes to one row.

use mainstay_core::Result;

use super::faults::explained;
use super::find::{equals, key_nodes};
use super::references::References;
use super::returning::{read_back, returning};
use super::{Assignments, hooked, ready};
use crate::column::{IntoAssignments, assignments};
use crate::driver::{Reply, StatementKind};
use crate::error::{Border, DbError};
use crate::executor::{Executor, Target};
use crate::expression::Node;
use crate::meta::{Fill, ModelMeta};
use crate::model::Model;
use crate::query::{Deleted, Output, Select, Shape};
use crate::value::Value;

/// Writes `change` to the row of `model`, and reads it back.
#[track_caller]
pub fn update<M: Model>(
    model: &mut M,
    change: Assignments,
    executor: &impl Executor,
) -> impl Future<Output = Result<()>> {
    update_at(model, change, executor.target())
}

pub(super) async fn update_at<M: Model>(
    model: &mut M,
    change: Assignments,
    target: Target<'_>,
) -> Result<()> {
    if change.is_empty() {
        return Ok(());
    }
    match M::hooks() {
        None => update_plainly(model, change, target).await,
        Some(hooks) => hooked::update(hooks, model, change, target).await,
    }
}

/// The same without hooks.
pub(super) async fn update_plainly<M: Model>(
    model: &mut M,
    change: Assignments,
    target: Target<'_>,
) -> Result<()> {
    let reply = update_row(Place::of(model), change, target).await?;
    let row = reply.rows.first().ok_or(DbError::NotFound { model: M::META.name }).at_border()?;
    model.reload(&mut row.reader(0)).at_border()
}

/// Sets fields of the row of `model` to what is computed from it, and reads it back.
#[track_caller]
pub fn update_with<M: Model, S: IntoAssignments<M>>(
    model: &mut M,
    sets: impl FnOnce(M::Fields) -> S,
    executor: &impl Executor,
) -> impl Future<Output = Result<()>> {
    let (change, target) = (assignments::<M, S>(sets), executor.target());
    async move { update_at(model, change.at_border()?, target).await }
}

/// Writes every field of `model` but its key. What nobody sets by hand is left as it is: the version, the time of the
/// deletion.
#[track_caller]
pub fn save<M: Model>(model: &mut M, executor: &impl Executor) -> impl Future<Output = Result<()>> {
    let change = all_but_key(M::META, model.values());
    update(model, change, executor)
}

/// What saving a row writes.
pub(super) fn all_but_key(meta: &'static ModelMeta, values: Vec<Value>) -> Assignments {
    let mut change = Assignments::new(meta);
    for (index, value) in values.into_iter().enumerate() {
        let field = &meta.fields[index];
        let by_itself = matches!(field.fill, Fill::UpdatedAt)
            || field.version
            || field.deleted_at
            || field.computed.is_some();
        if !by_itself && !meta.key.contains(&index) {
            change.set_value(index, value);
        }
    }
    change
}

/// Which row is meant, and which state of it.
pub(super) struct Place {
    meta: &'static ModelMeta,
    key: Vec<Value>,
    version: Option<i64>,
}

impl Place {
    pub(super) fn of<M: Model>(model: &M) -> Self {
        Self { meta: M::META, key: model.key().into_values(), version: model.version() }
    }

    pub(super) fn filter(&self) -> Vec<Node> {
        let mut filter = key_nodes(self.meta, self.key.clone());
        if let (Some((_, field)), Some(version)) = (self.meta.version(), self.version) {
            filter.push(equals(field.column, Value::Int(version)));
        }
        filter
    }

    /// Counts the version on.
    pub(super) fn count_on(&self, change: &mut Assignments) {
        if let (Some((index, _)), Some(version)) = (self.meta.version(), self.version) {
            change.set_value(index, Value::Int(version.saturating_add(1)));
        }
    }

    /// Why there was nothing to be written.
    pub(super) async fn missing(&self, deleted: Deleted, target: Target<'_>) -> DbError {
        let gone = DbError::NotFound { model: self.meta.name };
        if self.version.is_none() {
            return gone;
        }
        let mut select = Select::new(self.meta);
        select.deleted = deleted;
        select.filter = key_nodes(self.meta, self.key.clone());
        select.only(Output::Count);
        let count = match target.select(select).await {
            Ok(reply) => reply.rows.first().and_then(|row| row.get::<i64>(0).ok()),
            Err(fault) => return fault,
        };
        if count == Some(1) { DbError::StaleVersion { model: self.meta.name } } else { gone }
    }
}

async fn update_row(place: Place, mut change: Assignments, target: Target<'_>) -> Result<Reply> {
    let meta = place.meta;
    place.count_on(&mut change);
    change.touch(target).at_border()?;
    ready(&mut change, target)?;
    let dialect = target.dialect();
    let returns = dialect.update_returns();
    let references = References::of(&change, target);
    references.check(meta, target).await.at_border()?;
    let mut filter = place.filter();
    if references.concern_rows(target) {
        let row = Select { filter: filter.clone(), deleted: Deleted::With, ..Select::new(meta) };
        references.check_rows(&row, target).await.at_border()?;
    }
    let mut shape = Shape::new(b'U', meta, dialect);
    let sets = shape.assignments(change);
    shape.filter(&mut filter);
    let statement = target
        .statement(shape, StatementKind::Write, |renderer| {
            let update = dialect.build(&renderer.update(meta, &sets, &filter)?);
            Ok(if returns { returning(update, meta, dialect) } else { update })
        })
        .at_border()?;
    let reply = match target.run(statement).await {
        Ok(reply) => reply,
        Err(fault) => return Err(explained(fault, meta, references, target).await.into_error()),
    };
    let found = if returns { !reply.rows.is_empty() } else { reply.affected > 0 || place.version.is_none() };
    if !found {
        return Err(place.missing(Deleted::With, target).await.into_error());
    }
    if returns {
        return Ok(reply);
    }
    read_back(meta, place.key, target).await.at_border()
}
