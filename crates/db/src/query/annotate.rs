//! Values beside rows.

use std::fmt;

use mainstay_core::Result;

use super::project::{Outputs, Project};
use super::{Page, PageRequest, Query};
use crate::error::{Border, DbError};
use crate::executor::Executor;
use crate::expression::Scope;
use crate::model::Model;
use crate::row::Reader;

/// A query for rows of `M`, each with an `R` beside it: see [`Query::annotate`].
#[must_use = "a query does nothing until it is run"]
pub struct Annotated<M, R> {
    query: Query<M>,
    read: fn(&mut Reader<'_>) -> Result<R, DbError>,
}

impl<M: Model, R> fmt::Debug for Annotated<M, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.query.fmt(f)
    }
}

impl<M: Model> Query<M> {
    /// Values beside each row: `.annotate(|a| a.comments.count())` returns pairs of a row and a number. Relations are loaded
    /// as ever.
    pub fn annotate<P: Project<M>>(mut self, values: impl FnOnce(M::Fields) -> P) -> Annotated<M, P::Row> {
        let mut outputs = Outputs::default();
        values(M::fields(Scope::ROOT)).project(&mut outputs);
        self.select.outputs = outputs.0;
        Annotated { query: self, read: P::read }
    }
}

impl<M: Model, R> Annotated<M, R> {
    /// Every row that matches.
    #[track_caller]
    pub fn all(self, executor: &impl Executor) -> impl Future<Output = Result<Vec<(M, R)>>> {
        let target = executor.target();
        async move { self.query.fetch_with(target, self.read).await.at_border() }
    }

    /// The first row that matches, if there is one.
    #[track_caller]
    pub fn first(self, executor: &impl Executor) -> impl Future<Output = Result<Option<(M, R)>>> {
        let target = executor.target();
        async move { Ok(self.query.limit(1).fetch_with(target, self.read).await.at_border()?.pop()) }
    }

    /// The first row that matches, else a 404: see [`Query::first_or_404`].
    #[track_caller]
    pub fn first_or_404(self, executor: &impl Executor) -> impl Future<Output = Result<(M, R)>> {
        let first = self.first(executor);
        async move { first.await?.ok_or(DbError::NotFound { model: M::META.name }).at_border() }
    }

    /// A page of rows, and how many there are in all: see [`Query::paginate`].
    #[track_caller]
    pub fn paginate(
        self,
        page: impl Into<PageRequest>,
        executor: &impl Executor,
    ) -> impl Future<Output = Result<Page<(M, R)>>> {
        let (page, target) = (page.into(), executor.target());
        async move { self.query.paginate_with(page, target, self.read).await.at_border() }
    }
}
