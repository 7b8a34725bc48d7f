//! Writing through a relation to many: rows that belong to this one, or are linked with it.

use std::collections::HashSet;

use futures_util::FutureExt;
use mainstay_core::Result;

use super::field::{Collection, HasMany, HasOne, ManyToMany};
use crate::error::{Border, DbError};
use crate::executor::{Executor, Target};
use crate::expression::{Scope, is_among, is_key, parts};
use crate::key::Key;
use crate::meta::{Columns, FieldMeta, Link};
use crate::model::Model;
use crate::query::Select;
use crate::value::Value;
use crate::write::{self, Assignments, update_many};

impl<R: Model> HasMany<R> {
    /// Inserts a row that belongs to this one, whatever its draft says of that. It is added to those that are loaded.
    #[track_caller]
    pub fn create<D: Into<R::Draft>>(
        &mut self,
        draft: D,
        executor: &impl Executor,
    ) -> impl Future<Output = Result<R>> {
        let (draft, target) = (draft.into(), executor.target());
        async move {
            let row = create(&self.0, draft, target).await?;
            if let Some(loaded) = self.0.loaded_mut() {
                loaded.push(row.clone());
            }
            Ok(row)
        }
    }

    /// Lets these rows belong to this one, in one statement. One that does not exist is a 404. Hooks do not see it.
    #[track_caller]
    pub fn add<K: Into<Key<R>>>(
        &mut self,
        rows: impl IntoIterator<Item = K>,
        executor: &impl Executor,
    ) -> impl Future<Output = Result<()>> {
        let (keys, target) = (keys(rows), executor.target());
        async move {
            let expected = keys.len() as u64;
            let (select, change) = belonging(&self.0, keys, To::Owner).at_border()?;
            let work = async move |target: Target<'_>| match update_many(select, change, target).await? {
                moved if moved < expected => Err(DbError::NotFound { model: R::META.name }.into_error()),
                _ => Ok(()),
            };
            target.atomically(|_, target| work(target).boxed()).await?;
            self.0.forget();
            Ok(())
        }
    }

    /// Lets these rows belong to no row, in one statement. Those that do not belong to this one are passed over. Their
    /// relation must be an `Option`. Hooks do not see it.
    #[track_caller]
    pub fn remove<K: Into<Key<R>>>(
        &mut self,
        rows: impl IntoIterator<Item = K>,
        executor: &impl Executor,
    ) -> impl Future<Output = Result<()>> {
        let (keys, target) = (keys(rows), executor.target());
        async move {
            let (select, change) = belonging(&self.0, keys, To::Nobody).at_border()?;
            update_many(select, change, target).await?;
            self.0.forget();
            Ok(())
        }
    }
}

impl<R: Model> HasOne<R> {
    /// Inserts the row that belongs to this one, whatever its draft says of that.
    #[track_caller]
    pub fn create<D: Into<R::Draft>>(
        &mut self,
        draft: D,
        executor: &impl Executor,
    ) -> impl Future<Output = Result<R>> {
        let (draft, target) = (draft.into(), executor.target());
        async move {
            let row = create(&self.0, draft, target).await?;
            self.0.set(vec![row.clone()]);
            Ok(row)
        }
    }
}

impl<R: Model> ManyToMany<R> {
    /// Inserts a row and links it, both or neither. It is added to those that are loaded.
    #[track_caller]
    pub fn create<D: Into<R::Draft>>(
        &mut self,
        draft: D,
        executor: &impl Executor,
    ) -> impl Future<Output = Result<R>> {
        let (draft, target) = (draft.into(), executor.target());
        async move {
            let links = self.links().at_border()?;
            let work = async move |target: Target<'_>| {
                let row: R = write::insert_at(draft.into(), target).await?;
                links.link(vec![row.key().whole()], target).await?;
                Ok(row)
            };
            let row = target.atomically(|_, target| work(target).boxed()).await?;
            if let Some(loaded) = self.0.loaded_mut() {
                loaded.push(row.clone());
            }
            Ok(row)
        }
    }
}

/// Inserts a row with the owner's key in its relation to the owner.
async fn create<R: Model>(relation: &Collection<R>, draft: R::Draft, target: Target<'_>) -> Result<R> {
    let fields = reference(relation).at_border()?;
    let mut draft: Assignments = draft.into();
    for ((index, _), part) in fields.into_iter().zip(parts(relation.owner())) {
        draft.set_value(index, part.clone());
    }
    write::insert_at(draft, target).await
}

/// Whose rows are to be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum To {
    /// The owner's, whoever had them.
    Owner,
    /// Nobody's, of those that are the owner's.
    Nobody,
}

/// The change that sets the relation of these rows to its owner, and which rows it is about.
pub(crate) fn belonging<R: Model>(
    relation: &Collection<R>,
    keys: Vec<Value>,
    to: To,
) -> Result<(Select, Assignments), DbError> {
    let fields = reference(relation)?;
    let mut select = Select::new(R::META);
    select.filter.push(is_among(Scope::ROOT, &R::META.key_columns(), keys));
    let mut change = Assignments::new(R::META);
    if to == To::Owner {
        for ((index, _), part) in fields.into_iter().zip(parts(relation.owner())) {
            change.set_value(index, part.clone());
        }
        return Ok((select, change));
    }
    let columns: Columns = fields.iter().map(|(_, field)| field.column).collect();
    select.filter.push(is_key(Scope::ROOT, &columns, relation.owner()));
    for (index, _) in fields.iter().filter(|(_, field)| field.nullable) {
        change.set_value(*index, Value::Null);
    }
    if change.is_empty() {
        let names: Vec<&str> = fields.iter().map(|(_, field)| field.name).collect();
        let detail = format!(
            "a `{0}` must belong to a row: make its `{1}` an `Option`, or delete the `{0}`",
            R::META.name,
            names.join("` or `")
        );
        return Err(DbError::Model { detail });
    }
    Ok((select, change))
}

/// The fields of the rows that say whose they are.
fn reference<R: Model>(relation: &Collection<R>) -> Result<Vec<(usize, &'static FieldMeta)>, DbError> {
    let fault =
        || DbError::Model { detail: format!("`{}` is no relation to many", relation.relation().name) };
    match relation.relation().link()? {
        Link::Many { columns, .. } => {
            columns.into_iter().map(|column| R::META.column(column).ok_or_else(fault)).collect()
        }
        _ => Err(fault()),
    }
}

/// The keys of these rows, each once.
pub(super) fn keys<R: Model, K: Into<Key<R>>>(rows: impl IntoIterator<Item = K>) -> Vec<Value> {
    let mut seen = HashSet::new();
    rows.into_iter().map(|row| row.into().whole()).filter(|key| seen.insert(key.clone())).collect()
}
