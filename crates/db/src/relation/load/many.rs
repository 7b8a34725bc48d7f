//! Loading a relation to many.

use std::collections::HashMap;

use futures_util::FutureExt;

use super::{Asking, HandOut, IntoLoad, Load, Loader, SoFar, in_statements, leading_key, read_joined, run};
use crate::column::{IntoOrder, Predicate};
use crate::error::DbError;
use crate::executor::Target;
use crate::expression::{ColumnRef, Node, OrderTerm, Scope, Term, is_among};
use crate::meta::Link;
use crate::model::Model;
use crate::query::{Lead, Select};
use crate::relation::path::{ToMany, ToSingle};
use crate::row::Reader;
use crate::value::Value;

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

impl<M: Model, R: Model> ToSingle<M, R> {
    /// Loads it only where the row is as the closure says; elsewhere there is none.
    pub fn filter(self, condition: impl FnOnce(R::Fields) -> Predicate<R>) -> LoadMany<M, R> {
        self.0.filter(condition)
    }

    /// Loads it with a relation of its own.
    pub fn with<L: IntoLoad<R>>(self, relation: impl FnOnce(R::Fields) -> L) -> LoadMany<M, R> {
        self.0.with(relation)
    }
}

impl<M: Model, R: Model> IntoLoad<M> for ToSingle<M, R> {
    fn into_load(self) -> Load<M> {
        self.0.into_load()
    }
}

impl<M: Model, R: Model> LoadMany<M, R> {
    /// The way to the rows.
    pub fn path(&self) -> ToMany<M, R> {
        self.path
    }

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
            Link::Many { columns, .. } | Link::One { columns, .. } => Lead::Own(columns),
            Link::Through { through, from, to, target_keys, .. } => {
                if let Some((_, deleted)) = through.deleted_at() {
                    let column = ColumnRef { scope: Scope::THROUGH, column: deleted.column };
                    select.filter.push(Node::Null(Term::Column(column)));
                }
                Lead::Through { through, from, to, target_keys }
            }
        };
        select.filter.push(is_among(lead.scope(), lead.columns(), owners));
        select.filter.extend(self.filter.iter().cloned());
        select.order.extend(self.order.iter().cloned());
        select.lead = Some(lead);
        select.per_owner = self.limit.map(|limit| Term::Value(Value::Int(clamp(limit))));
        for load in &self.nested {
            load.0.join(Scope::ROOT, &mut select);
        }
        Ok(select)
    }

    /// The rows of these owners, with what is loaded with them.
    async fn fetch(
        &self,
        owners: HashMap<Value, usize>,
        target: Target<'_>,
    ) -> Result<HashMap<Value, Group<R>>, DbError> {
        let owner = (self.path.relation.owner)();
        let (mut rows, mut leads) = (Vec::new(), Vec::new());
        for keys in in_statements(owners.keys().cloned().collect(), owner) {
            let reply = target.select(self.select(keys)?).await?;
            for row in reply.rows.iter() {
                rows.push(read_joined(&self.nested, &mut row.reader(owner.key.len()))?);
                leads.push(leading_key(owner, row));
            }
        }
        if !self.nested.is_empty() && !rows.is_empty() {
            run(&self.nested, &mut rows.iter_mut().collect::<Vec<_>>(), SoFar::Joined, target).await?;
        }
        let mut groups: HashMap<Value, Group<R>> =
            owners.into_iter().map(|(owner, owners)| (owner, Group { rows: Vec::new(), owners })).collect();
        for (lead, row) in leads.iter().zip(rows) {
            if let Some(group) = groups.get_mut(lead) {
                group.rows.push(row);
            }
        }
        Ok(groups)
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

    fn start<'a>(&'a self, models: &mut [&mut M], _: SoFar, target: Target<'a>) -> Option<Asking<'a, M>> {
        let slot = self.path.slot;
        let mut owners: HashMap<Value, usize> = HashMap::with_capacity(models.len());
        for model in models.iter_mut() {
            *owners.entry(slot(model).owner().clone()).or_default() += 1;
        }
        if owners.is_empty() {
            return None;
        }
        let work = async move {
            let mut groups = self.fetch(owners, target).await?;
            let hand_out: HandOut<'a, M> = Box::new(move |models| {
                for slot in models.iter_mut().map(|model| slot(model)) {
                    let rows = groups.get_mut(slot.owner()).map(Group::hand_out).unwrap_or_default();
                    slot.set(rows);
                }
            });
            Ok(hand_out)
        };
        Some(work.boxed())
    }
}

/// The rows of one owner, who may be there several times: as the author of several articles, for one.
struct Group<R> {
    rows: Vec<R>,
    owners: usize,
}

impl<R: Clone> Group<R> {
    fn hand_out(&mut self) -> Vec<R> {
        self.owners = self.owners.saturating_sub(1);
        if self.owners == 0 { std::mem::take(&mut self.rows) } else { self.rows.clone() }
    }
}

fn clamp(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
