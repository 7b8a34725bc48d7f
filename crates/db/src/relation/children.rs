//! Writing through a relation to many: rows that belong to this one, or are linked with it.

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
    pub async fn create<D: Into<R::Draft>>(&mut self, draft: D, executor: &impl Executor) -> Result<R> {
        let row = create(&self.0, draft.into(), executor).await?;
        if let Some(loaded) = self.0.loaded_mut() {
            loaded.push(row.clone());
        }
        Ok(row)
    }

    /// Lets these rows belong to this one, in one statement. One that does not exist is a 404. Hooks do not see it.
    pub async fn add<K: Into<Key<R>>>(
        &mut self,
        rows: impl IntoIterator<Item = K>,
        executor: &impl Executor,
    ) -> Result<()> {
        let keys = keys(rows);
        let (expected, owner) = (keys.len() as u64, self.0.owner().clone());
        let own = executor.target().own_transaction().await.at_border()?;
        let target = own.as_ref().map_or(executor.target(), Executor::target);
        if belong(&self.0, keys, None, owner, target).await? < expected {
            return Err(DbError::NotFound { model: R::META.name }.into_error());
        }
        if let Some(own) = own {
            own.commit().await?;
        }
        self.0.forget();
        Ok(())
    }

    /// Lets these rows belong to no row, in one statement. Those that do not belong to this one are passed over. Their
    /// relation must be an `Option`. Hooks do not see it.
    pub async fn remove<K: Into<Key<R>>>(
        &mut self,
        rows: impl IntoIterator<Item = K>,
        executor: &impl Executor,
    ) -> Result<()> {
        let owner = self.0.owner().clone();
        belong(&self.0, keys(rows), Some(owner), Value::Null, executor.target()).await?;
        self.0.forget();
        Ok(())
    }
}

impl<R: Model<Key: Stored>> HasOne<R> {
    /// Inserts the row that belongs to this one, whatever its draft says of that.
    pub async fn create<D: Into<R::Draft>>(&mut self, draft: D, executor: &impl Executor) -> Result<R> {
        let row = create(&self.0, draft.into(), executor).await?;
        self.0.set(vec![row.clone()]);
        Ok(row)
    }
}

impl<R: Model<Key: Stored>> ManyToMany<R> {
    /// Inserts a row and links it, both or neither. It is added to those that are loaded.
    pub async fn create<D: Into<R::Draft>>(&mut self, draft: D, executor: &impl Executor) -> Result<R> {
        let own = executor.target().own_transaction().await.at_border()?;
        let loaded = self.0.take_loaded();
        let row = match &own {
            Some(tx) => self.create_in(draft, tx).await,
            None => self.create_in(draft, executor).await,
        };
        if let Some(mut loaded) = loaded {
            loaded.extend(row.iter().cloned());
            self.0.set(loaded);
        }
        if let (Some(own), Ok(_)) = (own, &row) {
            own.commit().await?;
        }
        row
    }

    async fn create_in<D: Into<R::Draft>>(&mut self, draft: D, executor: &impl Executor) -> Result<R> {
        let row: R = write::insert(draft.into().into(), executor).await?;
        self.add([&row], executor).await?;
        Ok(row)
    }

    /// Unlinks every row.
    pub async fn clear(&mut self, executor: &impl Executor) -> Result<()> {
        self.set(Vec::<Key<R>>::new(), executor).await
    }
}

/// Inserts a row with the owner's key in its relation to the owner.
async fn create<R: Model>(relation: &Collection<R>, draft: R::Draft, executor: &impl Executor) -> Result<R> {
    let (index, _) = reference(relation).at_border()?;
    let mut draft: Assignments = draft.into();
    draft.set_value(index, relation.owner().clone());
    write::insert(draft, executor).await
}

/// Sets the relation to the owner of these rows, of those only that belong to `from` if it is given.
async fn belong<R: Model>(
    relation: &Collection<R>,
    keys: Vec<Value>,
    from: Option<Value>,
    to: Value,
    target: Target<'_>,
) -> Result<u64> {
    let (index, field) = reference(relation).at_border()?;
    if to.is_null() && !field.nullable {
        let detail = format!(
            "a `{0}` must belong to a row: make its `{1}` an `Option<BelongsTo<..>>`, or delete the `{0}`",
            R::META.name,
            field.name
        );
        return Err(DbError::Model { detail }.into_error());
    }
    let key = R::META.single_key().ok_or_else(|| DbError::Model {
        detail: format!("`{}` has a key of several fields, which relations cannot join yet", R::META.name),
    });
    let mut select = Select::new(R::META);
    let left = |column| Term::Column(ColumnRef { scope: Scope::ROOT, column });
    select.filter.push(Node::In { left: left(key.at_border()?.column), list: List::Values(keys) });
    if let Some(owner) = from {
        let (left, right) = (left(field.column), Term::Value(owner));
        select.filter.push(Node::Compare { left, operator: Operator::Equal, right });
    }
    let mut change = Assignments::new(R::META);
    change.set_value(index, to);
    update_many(select, change, target).await
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
