//! Loading a to-one relation.

use std::collections::{HashMap, HashSet};

use futures_util::FutureExt;
use futures_util::future::try_join_all;

use super::{Asking, HandOut, IntoLoad, Load, Loader, SoFar, in_statements, read_joined, run};
use crate::column::Predicate;
use crate::error::DbError;
use crate::executor::Target;
use crate::expression::{Node, Scope, is_among};
use crate::model::Model;
use crate::query::{Deleted, Select};
use crate::relation::path::ToOne;
use crate::row::Reader;
use crate::value::Value;

/// A to-one relation to be loaded, with relations of its own.
pub struct LoadOne<M, R: Model> {
    path: ToOne<M, R>,
    filter: Vec<Node>,
    nested: Vec<Load<R>>,
}

impl<M: Model, R: Model> ToOne<M, R> {
    fn load(self) -> LoadOne<M, R> {
        LoadOne { path: self, filter: Vec::new(), nested: Vec::new() }
    }

    /// Loads it only where the row is as the closure says, in a query of its own. Elsewhere it stays unloaded.
    pub fn filter(self, condition: impl FnOnce(R::Fields) -> Predicate<R>) -> LoadOne<M, R> {
        self.load().filter(condition)
    }

    /// Loads it with a relation of its own.
    pub fn with<L: IntoLoad<R>>(self, relation: impl FnOnce(R::Fields) -> L) -> LoadOne<M, R> {
        self.load().with(relation)
    }
}

impl<M: Model, R: Model> LoadOne<M, R> {
    /// Loads it only where the row is as the closure says, in a query of its own. Elsewhere it stays unloaded.
    #[must_use]
    pub fn filter(mut self, condition: impl FnOnce(R::Fields) -> Predicate<R>) -> Self {
        self.filter.push(condition(R::fields(Scope::ROOT)).node);
        self
    }

    /// Loads it with a relation of its own.
    #[must_use]
    pub fn with<L: IntoLoad<R>>(mut self, relation: impl FnOnce(R::Fields) -> L) -> Self {
        self.nested.push(relation(R::fields(Scope::ROOT)).into_load());
        self
    }

    /// Whether every row is loaded. Those that a condition picks are asked for in a query of their own.
    fn is_joined(&self) -> bool {
        self.filter.is_empty()
    }

    /// The rows that are loaded.
    fn loaded<'a>(&self, models: &'a mut [&mut M]) -> Vec<&'a mut R> {
        let slot = self.path.slot;
        models.iter_mut().filter_map(|model| slot(model).and_then(|slot| slot.loaded_mut())).collect()
    }

    /// What its own relations still have to ask for.
    fn start_nested<'a>(&'a self, models: &mut [&mut M], target: Target<'a>) -> Option<Asking<'a, M>> {
        if self.nested.is_empty() {
            return None;
        }
        let mut rows = self.loaded(models);
        if rows.is_empty() {
            return None;
        }
        let start = |load: &'a Load<R>| load.0.start(&mut rows, SoFar::Joined, target);
        let asking: Vec<_> = self.nested.iter().filter_map(start).collect();
        let work = async move {
            let handing_out = try_join_all(asking).await?;
            let hand_out: HandOut<'a, M> = Box::new(move |models| {
                let mut rows = self.loaded(models);
                handing_out.into_iter().for_each(|hand_out| hand_out(&mut rows));
            });
            Ok(hand_out)
        };
        Some(work.boxed())
    }

    /// The rows with these keys.
    async fn fetch(&self, keys: Vec<Value>, target: Target<'_>) -> Result<HashMap<Value, R>, DbError> {
        let mut rows = Vec::new();
        for keys in in_statements(keys, R::META) {
            rows.append(&mut self.fetch_rows(keys, target).await?);
        }
        run(&self.nested, &mut rows.iter_mut().collect::<Vec<_>>(), SoFar::Joined, target).await?;
        Ok(rows.into_iter().map(|row| (row.key().whole(), row)).collect())
    }

    async fn fetch_rows(&self, keys: Vec<Value>, target: Target<'_>) -> Result<Vec<R>, DbError> {
        let mut select = Select::new(R::META);
        select.deleted = Deleted::With;
        select.filter.push(is_among(Scope::ROOT, &R::META.key_columns(), keys));
        select.filter.extend(self.filter.iter().cloned());
        for load in &self.nested {
            load.0.join(Scope::ROOT, &mut select);
        }
        let reply = target.select(select).await?;
        reply.rows.iter().map(|row| read_joined(&self.nested, &mut row.reader(0))).collect()
    }
}

impl<M: Model, R: Model> IntoLoad<M> for ToOne<M, R> {
    fn into_load(self) -> Load<M> {
        self.load().into_load()
    }
}

impl<M: Model, R: Model> IntoLoad<M> for LoadOne<M, R> {
    fn into_load(self) -> Load<M> {
        Load(Box::new(self))
    }
}

impl<M: Model, R: Model> Loader<M> for LoadOne<M, R> {
    fn join(&self, scope: Scope, select: &mut Select) {
        if !self.is_joined() {
            return;
        }
        let joined = select.join(scope, self.path.relation);
        for load in &self.nested {
            load.0.join(joined, select);
        }
    }

    fn read(&self, model: Option<&mut M>, reader: &mut Reader<'_>) -> Result<(), DbError> {
        if !self.is_joined() {
            return Ok(());
        }
        let slot = model.and_then(self.path.slot);
        // There is a key, and no row: it is another tenant's, and the join has left it out.
        let is_there = slot.is_some() && reader.has_row(R::META);
        let mut row = None;
        if is_there {
            row = Some(R::from_row(reader)?);
        } else {
            reader.skip(R::META.fields.len());
        }
        for load in &self.nested {
            load.0.read(row.as_mut(), reader)?;
        }
        match (slot, row) {
            (Some(slot), Some(row)) => slot.set(row),
            (Some(slot), None) => slot.hide(),
            (None, _) => {}
        }
        Ok(())
    }

    fn start<'a>(
        &'a self,
        models: &mut [&mut M],
        so_far: SoFar,
        target: Target<'a>,
    ) -> Option<Asking<'a, M>> {
        if self.is_joined() && so_far == SoFar::Joined {
            return self.start_nested(models, target);
        }
        let slot = self.path.slot;
        let slots = models.iter_mut().filter_map(|model| slot(model));
        let keys: HashSet<Value> = slots.map(|slot| slot.key().whole()).collect();
        if keys.is_empty() {
            return None;
        }
        let work = async move {
            let rows = self.fetch(keys.into_iter().collect(), target).await?;
            let hand_out: HandOut<'a, M> = Box::new(move |models| {
                for slot in models.iter_mut().filter_map(|model| slot(model)) {
                    match rows.get(&slot.key().whole()) {
                        Some(row) => slot.set(row.clone()),
                        None if self.is_joined() => slot.hide(),
                        None => {}
                    }
                }
            });
            Ok(hand_out)
        };
        Some(work.boxed())
    }
}
