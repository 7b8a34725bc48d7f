//! A new row, and new rows that belong to it or are linked with it, in one call: all of them are stored, or none.
//!
//! Rows that belong to it are made by a closure that gets its key, which the engine may make only when it stores the row. They
//! are checked all together before the first of them is stored; where the key is known before, so are they.

mod rows;

use std::fmt;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mainstay_core::{Error, Fault, Result};

use super::{Assignments, insert_at, validate};
use crate::error::{Border, DbError};
use crate::executor::{Executor, Target};
use crate::expression::Scope;
use crate::key::Key;
use crate::model::Model;
use crate::relation::Nests;
use crate::value::Value;
use rows::{Asking, Existing};

/// A new `M` that is stored together with other rows: what `with` makes of a new row.
#[must_use = "nothing is stored before `insert`"]
pub struct Creation<'a, M: Model> {
    values: Assignments,
    parts: Vec<Part<'a, M>>,
    /// Rows that are there already come last: they are not loaded with it.
    links: Vec<Box<dyn Ready<'a, M> + 'a>>,
}

/// The rows of one relation: made when the key of their owner is known.
struct Part<'a, M> {
    asked: Option<Box<dyn Asked<'a, M> + 'a>>,
    made: Option<Box<dyn Ready<'a, M> + 'a>>,
}

trait Asked<'a, M>: Send {
    fn make(self: Box<Self>, owner: &Value) -> Result<Box<dyn Ready<'a, M> + 'a>, DbError>;

    /// A key that no row has, to see what is wrong with rows whose owner will not be stored.
    fn stand_in(&self) -> Option<Value>;
}

trait Ready<'a, M>: Send {
    /// Tells the rows whose they are. Returns what is wrong with them.
    fn check(&mut self, owner: &Value, target: Target<'_>) -> Result<Vec<Fault>, DbError>;

    fn store<'t>(self: Box<Self>, owner: &'t mut M, target: Target<'t>) -> BoxFuture<'t, Result<()>>
    where
        'a: 't;
}

impl<M: Model> fmt::Debug for Creation<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Creation").field("values", &self.values).finish_non_exhaustive()
    }
}

impl<'a, M: Model> Creation<'a, M> {
    /// A row with these values, and no others with it yet.
    pub fn new(values: Assignments) -> Self {
        Self { values, parts: Vec::new(), links: Vec::new() }
    }

    /// Stores it together with new rows of a relation. The closure that makes them gets its key. In what is stored they are
    /// loaded. Each may have rows with it in turn.
    pub fn with<N, I>(
        mut self,
        relation: impl FnOnce(M::Fields) -> N,
        rows: impl FnOnce(Key<M>) -> I + Send + 'a,
    ) -> Self
    where
        N: Nests<M>,
        N::Row: 'a,
        I: IntoIterator,
        I::Item: Into<Creation<'a, N::Row>>,
    {
        let path = relation(M::fields(Scope::ROOT)).into_many();
        let make = move |owner| rows(owner).into_iter().map(Into::into).collect();
        self.parts.push(Part { asked: Some(Box::new(Asking { path, make })), made: None });
        self
    }

    /// Stores it linked with rows that are there already, or as the owner of them. One that does not exist is refused.
    pub fn with_existing<N, K>(
        mut self,
        relation: impl FnOnce(M::Fields) -> N,
        rows: impl IntoIterator<Item = K>,
    ) -> Self
    where
        N: Nests<M>,
        N::Row: 'a,
        K: Into<Key<N::Row>>,
    {
        let path = relation(M::fields(Scope::ROOT)).into_many();
        let mut keys: Vec<Value> = Vec::new();
        for key in rows.into_iter().map(|row| row.into().whole()) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        self.links.push(Box::new(Existing { path, keys }));
        self
    }

    /// Stores all of it, or nothing, and returns the row as it was stored, with the new rows loaded.
    ///
    /// # Errors
    ///
    /// As those of an insert. What is wrong with a row that belongs to it is at `/comments/1/body`.
    #[track_caller]
    pub fn insert(mut self, executor: &impl Executor) -> impl Future<Output = Result<M>> {
        let target = executor.target();
        async move {
            let faults = self.check(target).at_border()?;
            if !faults.is_empty() {
                return Err(Error::invalid(faults));
            }
            target.enclosed(async move |target| self.store(target).await).await
        }
    }

    /// What is wrong with it, as far as that can be known before it is stored.
    fn check(&mut self, target: Target<'_>) -> Result<Vec<Fault>, DbError> {
        let mut faults = Vec::new();
        // A hook may still change the values: then they are checked when it has.
        if M::hooks().is_none() {
            self.values.fill(target)?;
            if let Err(fault) = validate(&self.values, target.dialect()) {
                faults.extend_from_slice(fault.faults());
            }
        }
        let known = self.values.key().and_then(|values| Key::<M>::of(&values).ok()).map(Key::whole);
        for part in &mut self.parts {
            let stand_in = || part.asked.as_ref()?.stand_in().filter(|_| !faults.is_empty());
            if let Some(owner) = known.clone().or_else(stand_in) {
                part.make(&owner, target, &mut faults)?;
            }
        }
        Ok(faults)
    }

    fn store<'t>(self, target: Target<'t>) -> BoxFuture<'t, Result<M>>
    where
        'a: 't,
    {
        async move {
            let Self { values, mut parts, links } = self;
            let mut row: M = insert_at(values, target).await?;
            let (key, mut faults) = (row.key().whole(), Vec::new());
            for part in &mut parts {
                part.make(&key, target, &mut faults).at_border()?;
            }
            if !faults.is_empty() {
                return Err(Error::invalid(faults));
            }
            for ready in parts.into_iter().filter_map(|part| part.made).chain(links) {
                ready.store(&mut row, target).await?;
            }
            Ok(row)
        }
        .boxed()
    }
}

impl<M: Model> Part<'_, M> {
    /// Has the rows made for that owner, unless they are, and adds what is wrong with them.
    fn make(&mut self, owner: &Value, target: Target<'_>, faults: &mut Vec<Fault>) -> Result<(), DbError> {
        if let Some(asked) = self.asked.take() {
            let mut made = asked.make(owner)?;
            faults.extend(made.check(owner, target)?);
            self.made = Some(made);
        }
        Ok(())
    }
}
