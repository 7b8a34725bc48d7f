//! Writing through a relation to many: rows that belong to this one, or are linked with it.

use futures_util::FutureExt;
use mainstay_core::Result;

use super::field::{Collection, HasMany, HasOne, ManyToMany};
use crate::error::{Border, DbError};
use crate::executor::{Executor, Target};
use crate::expression::{ColumnRef, List, Node, Operator, Scope, Term};
use crate::key::Key;
use crate::meta::{FieldMeta, Link};
use crate::model::Model;
use crate::query::Select;
use crate::value::{Stored, Value};
use crate::write::{self, Assignments, update_many};

impl<R: Model<Key: Stored>> HasMany<R> {
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
            let (expected, owner) = (keys.len() as u64, self.0.owner().clone());
            let (select, change) = belonging(&self.0, keys, None, owner).at_border()?;
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
            let owner = self.0.owner().clone();
            let (select, change) = belonging(&self.0, keys, Some(owner), Value::Null).at_border()?;
            update_many(select, change, target).await?;
            self.0.forget();
            Ok(())
        }
    }
}

impl<R: Model<Key: Stored>> HasOne<R> {
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

impl<R: Model<Key: Stored>> ManyToMany<R> {
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
                links.link(vec![row.key().into_value()], target).await?;
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
    let (index, _) = reference(relation).at_border()?;
    let mut draft: Assignments = draft.into();
    draft.set_value(index, relation.owner().clone());
    write::insert_at(draft, target).await
}

/// The change that sets the relation to the owner of these rows, of those only that belong to `from` if it is given.
pub(crate) fn belonging<R: Model>(
    relation: &Collection<R>,
    keys: Vec<Value>,
    from: Option<Value>,
    to: Value,
) -> Result<(Select, Assignments), DbError> {
    let (index, field) = reference(relation)?;
    if to.is_null() && !field.nullable {
        let detail = format!(
            "a `{0}` must belong to a row: make its `{1}` an `Option<BelongsTo<..>>`, or delete the `{0}`",
            R::META.name,
            field.name
        );
        return Err(DbError::Model { detail });
    }
    let key = R::META.single_key().ok_or_else(|| DbError::Model {
        detail: format!("`{}` has a key of several fields, which relations cannot join yet", R::META.name),
    });
    let mut select = Select::new(R::META);
    let left = |column| Term::Column(ColumnRef { scope: Scope::ROOT, column });
    select.filter.push(Node::In { left: left(key?.column), list: List::Values(keys) });
    if let Some(owner) = from {
        let (left, right) = (left(field.column), Term::Value(owner));
        select.filter.push(Node::Compare { left, operator: Operator::Equal, right });
    }
    let mut change = Assignments::new(R::META);
    change.set_value(index, to);
    Ok((select, change))
}

/// The field of the rows that says whose they are.
fn reference<R: Model>(relation: &Collection<R>) -> Result<(usize, &'static FieldMeta), DbError> {
    let fault =
        || DbError::Model { detail: format!("`{}` is no relation to many", relation.relation().name) };
    match relation.relation().link()? {
        Link::Many { column, .. } => R::META.column(column).ok_or_else(fault),
        _ => Err(fault()),
    }
}

fn keys<R: Model<Key: Stored>, K: Into<Key<R>>>(rows: impl IntoIterator<Item = K>) -> Vec<Value> {
    let mut keys: Vec<Value> = Vec::new();
    for key in rows.into_iter().map(|row| row.into().into_value()) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}
