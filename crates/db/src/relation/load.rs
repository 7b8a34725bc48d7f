//! Loading relations together with a query.
//!
//! A to-one relation is joined. A to-many relation is one further query for all rows at once, and each of its own relations
//! again: the number of queries depends on the shape of what is asked for, never on the number of rows.

use std::collections::HashMap;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::path::{ToMany, ToOne};
use crate::column::{IntoOrder, Predicate};
use crate::error::DbError;
use crate::executor::Target;
use crate::expression::{ColumnRef, List, Node, OrderTerm, Scope, Term};
use crate::meta::Link;
use crate::model::Model;
use crate::query::{Lead, Select};
use crate::row::Reader;
use crate::value::{SqlType, Stored, Value};

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

    /// Asks for the rest, for all rows at once.
    fn run<'a>(&'a self, models: Vec<&'a mut M>, target: Target<'a>) -> BoxFuture<'a, Result<(), DbError>>;
}

/// Runs the loads of a query for the rows that it has read.
pub(crate) async fn run_loads<M: Model>(
    loads: &[Load<M>],
    models: &mut [M],
    target: Target<'_>,
) -> Result<(), DbError> {
    if models.is_empty() {
        return Ok(());
    }
    for load in loads {
        load.0.run(models.iter_mut().collect(), target).await?;
    }
    Ok(())
}

/// A to-one relation to be loaded, with relations of its own.
pub struct LoadOne<M, R: Model> {
    path: ToOne<M, R>,
    nested: Vec<Load<R>>,
}

impl<M: Model, R: Model<Key: Stored>> ToOne<M, R> {
    /// Loads it with a relation of its own.
    pub fn with<L: IntoLoad<R>>(self, relation: impl FnOnce(R::Fields) -> L) -> LoadOne<M, R> {
        LoadOne { path: self, nested: Vec::new() }.with(relation)
    }
}

impl<M: Model, R: Model<Key: Stored>> LoadOne<M, R> {
    /// Loads it with a relation of its own.
    #[must_use]
    pub fn with<L: IntoLoad<R>>(mut self, relation: impl FnOnce(R::Fields) -> L) -> Self {
        self.nested.push(relation(R::fields(Scope::ROOT)).into_load());
        self
    }
}

impl<M: Model, R: Model<Key: Stored>> IntoLoad<M> for ToOne<M, R> {
    fn into_load(self) -> Load<M> {
        LoadOne { path: self, nested: Vec::new() }.into_load()
    }
}

impl<M: Model, R: Model<Key: Stored>> IntoLoad<M> for LoadOne<M, R> {
    fn into_load(self) -> Load<M> {
        Load(Box::new(self))
    }
}

impl<M: Model, R: Model<Key: Stored>> Loader<M> for LoadOne<M, R> {
    fn join(&self, scope: Scope, select: &mut Select) {
        let joined = select.join(scope, self.path.relation);
        for load in &self.nested {
            load.0.join(joined, select);
        }
    }

    fn read(&self, model: Option<&mut M>, reader: &mut Reader<'_>) -> Result<(), DbError> {
        let slot = model.and_then(self.path.slot);
        let mut row = match &slot {
            Some(_) => Some(R::from_row(reader)?),
            None => {
                reader.skip(R::META.fields.len());
                None
            }
        };
        for load in &self.nested {
            load.0.read(row.as_mut(), reader)?;
        }
        if let (Some(slot), Some(row)) = (slot, row) {
            slot.set(row);
        }
        Ok(())
    }

    fn run<'a>(&'a self, models: Vec<&'a mut M>, target: Target<'a>) -> BoxFuture<'a, Result<(), DbError>> {
        async move {
            if self.nested.is_empty() {
                return Ok(());
            }
            let mut rows: Vec<&mut R> = models
                .into_iter()
                .filter_map(|model| (self.path.slot)(model).and_then(|slot| slot.loaded_mut()))
                .collect();
            for load in &self.nested {
                load.0.run(rows.iter_mut().map(|row| &mut **row).collect(), target).await?;
            }
            Ok(())
        }
        .boxed()
    }
}

/// A to-many relation to be loaded: which rows, in which order, how many for each owner, and with what.
pub struct LoadMany<M, R> {
    path: ToMany<M, R>,
    filter: Vec<Node>,
    order: Vec<OrderTerm>,
    limit: Option<u64>,
    nested: Vec<Load<R>>,
}

impl<M: Model, R: Model> ToMany<M, R> {
    fn load(self) -> LoadMany<M, R> {
        LoadMany { path: self, filter: Vec::new(), order: Vec::new(), limit: None, nested: Vec::new() }
    }

    /// Loads only the rows that are as the closure says.
    pub fn filter(self, condition: impl FnOnce(R::Fields) -> Predicate<R>) -> LoadMany<M, R> {
        self.load().filter(condition)
    }

    /// Loads them in this order.
    pub fn order_by<O: IntoOrder<R>>(self, order: impl FnOnce(R::Fields) -> O) -> LoadMany<M, R> {
        self.load().order_by(order)
    }

    /// Loads at most so many for each owner.
    pub fn limit(self, rows: u64) -> LoadMany<M, R> {
        self.load().limit(rows)
    }

    /// Loads them with a relation of their own.
    pub fn with<L: IntoLoad<R>>(self, relation: impl FnOnce(R::Fields) -> L) -> LoadMany<M, R> {
        self.load().with(relation)
    }
}

impl<M: Model, R: Model> LoadMany<M, R> {
    /// Loads only the rows that are as the closure says.
    #[must_use]
    pub fn filter(mut self, condition: impl FnOnce(R::Fields) -> Predicate<R>) -> Self {
        self.filter.push(condition(R::fields(Scope::ROOT)).node);
        self
    }

    /// Loads them in this order.
    #[must_use]
    pub fn order_by<O: IntoOrder<R>>(mut self, order: impl FnOnce(R::Fields) -> O) -> Self {
        self.order.extend(order(R::fields(Scope::ROOT)).into_order().0);
        self
    }

    /// Loads at most so many for each owner.
    #[must_use]
    pub fn limit(mut self, rows: u64) -> Self {
        self.limit = Some(rows);
        self
    }

    /// Loads them with a relation of their own.
    #[must_use]
    pub fn with<L: IntoLoad<R>>(mut self, relation: impl FnOnce(R::Fields) -> L) -> Self {
        self.nested.push(relation(R::fields(Scope::ROOT)).into_load());
        self
    }

    /// The query for the rows of these owners. Each row is led by its owner's key.
    fn select(&self, owners: Vec<Value>) -> Result<Select, DbError> {
        let mut select = Select::new(R::META);
        let lead = match self.path.relation.link()? {
            Link::Many { column, .. } => Lead::Own(column),
            Link::Through { through, from, to, target_key, .. } => {
                Lead::Through { table: through.table, from, to, target_key }
            }
            Link::One { column, .. } => Lead::Own(column),
        };
        let key = Term::Column(ColumnRef { scope: lead.scope(), column: lead.column() });
        select.filter.push(Node::In { left: key, list: List::Values(owners) });
        select.filter.extend(self.filter.iter().cloned());
        select.order.extend(self.order.iter().cloned());
        select.lead = Some(lead);
        select.per_owner = self.limit.map(|limit| Term::Value(Value::Int(clamp(limit))));
        for load in &self.nested {
            load.0.join(Scope::ROOT, &mut select);
        }
        Ok(select)
    }
}

impl<M: Model, R: Model> IntoLoad<M> for ToMany<M, R> {
    fn into_load(self) -> Load<M> {
        self.load().into_load()
    }
}

impl<M: Model, R: Model> IntoLoad<M> for LoadMany<M, R> {
    fn into_load(self) -> Load<M> {
        Load(Box::new(self))
    }
}

impl<M: Model, R: Model> Loader<M> for LoadMany<M, R> {
    fn join(&self, _: Scope, _: &mut Select) {}

    fn read(&self, _: Option<&mut M>, _: &mut Reader<'_>) -> Result<(), DbError> {
        Ok(())
    }

    fn run<'a>(&'a self, models: Vec<&'a mut M>, target: Target<'a>) -> BoxFuture<'a, Result<(), DbError>> {
        async move {
            let mut slots: Vec<_> = models.into_iter().map(self.path.slot).collect();
            let mut groups: HashMap<Value, Group<R>> = HashMap::with_capacity(slots.len());
            for slot in &slots {
                groups.entry(slot.owner().clone()).or_default().owners += 1;
            }
            if groups.is_empty() {
                return Ok(());
            }
            let owner = (self.path.relation.owner)();
            let kind = owner.single_key().map_or(SqlType::BigInt, |key| key.sql_type);
            let select = self.select(groups.keys().cloned().collect())?;
            let reply = target.select(select).await?;
            for row in reply.rows.iter() {
                let mut reader = row.reader(1);
                let mut model = R::from_row(&mut reader)?;
                for load in &self.nested {
                    load.0.read(Some(&mut model), &mut reader)?;
                }
                if let Some(group) = groups.get_mut(&kind.value(row.cell(0))) {
                    group.rows.push(model);
                }
            }
            for slot in &mut slots {
                let rows = groups.get_mut(slot.owner()).map(Group::hand_out).unwrap_or_default();
                slot.set(rows);
            }
            let mut rows: Vec<&mut R> =
                slots.into_iter().filter_map(|slot| slot.loaded_mut()).flatten().collect();
            if !rows.is_empty() {
                for load in &self.nested {
                    load.0.run(rows.iter_mut().map(|row| &mut **row).collect(), target).await?;
                }
            }
            Ok(())
        }
        .boxed()
    }
}

/// The rows of one owner, who may be there several times: as the author of several articles, for one.
struct Group<R> {
    rows: Vec<R>,
    owners: usize,
}

impl<R> Default for Group<R> {
    fn default() -> Self {
        Self { rows: Vec::new(), owners: 0 }
    }
}

impl<R: Clone> Group<R> {
    fn hand_out(&mut self) -> Vec<R> {
        self.owners -= 1;
        if self.owners == 0 { std::mem::take(&mut self.rows) } else { self.rows.clone() }
    }
}

fn clamp(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
