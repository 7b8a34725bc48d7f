//! Queries for values instead of rows.

use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;

use mainstay_core::Result;

use super::project::{Outputs, Project};
use super::select::{Output, Select};
use super::{Page, PageRequest, Query, count, number, to_sql};
use crate::column::{Expr, IntoOrder, Predicate};
use crate::driver::Dialect;
use crate::error::{Border, DbError};
use crate::executor::{Executor, Target};
use crate::expression::{Scope, Term};
use crate::key::Key;
use crate::model::Model;
use crate::row::Reader;
use crate::streaming::Streaming;
use crate::value::Stored;

/// A query over `M` that returns `R` for each row, or for each group of rows: see [`Query::select`].
#[must_use = "a query does nothing until it is run"]
pub struct Selection<M, R> {
    pub(crate) select: Select,
    read: fn(&mut Reader<'_>) -> Result<R, DbError>,
    marker: PhantomData<fn() -> M>,
}

impl<M, R> Clone for Selection<M, R> {
    fn clone(&self) -> Self {
        Self { select: self.select.clone(), read: self.read, marker: PhantomData }
    }
}

impl<M: Model, R> fmt::Debug for Selection<M, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Selection({})", self.to_sql(Dialect::Sqlite))
    }
}

impl<M: Model> Query<M> {
    /// Values instead of rows: `.select(|a| (a.id, a.title))` returns tuples, `.select(|a| a.title)` the texts themselves.
    ///
    /// A value that is reckoned of many rows (`a.id.count()`) makes one row of all, or of each group of
    /// [`group_by`](Selection::group_by). Relations that were to be loaded are not.
    pub fn select<P: Project<M>>(self, values: impl FnOnce(M::Fields) -> P) -> Selection<M, P::Row> {
        let mut outputs = Outputs::default();
        values(M::fields(Scope::ROOT)).project(&mut outputs);
        self.into_selection(outputs.0, P::read)
    }

    /// The primary keys: what a relation `is_in`.
    pub fn keys(self) -> Selection<M, Key<M>>
    where
        M::Key: Stored,
    {
        let keys =
            M::META.key_fields().map(|key| Expr::<M, M::Key, _>::at(Scope::ROOT, key.column).into_term());
        let keys = keys.collect();
        self.into_selection(keys, |reader| reader.take())
    }

    fn into_selection<R>(
        self,
        outputs: Vec<Term>,
        read: fn(&mut Reader<'_>) -> Result<R, DbError>,
    ) -> Selection<M, R> {
        let mut select = self.select;
        select.output = Output::Values;
        select.outputs = outputs;
        select.joins.iter_mut().for_each(|join| join.loads = false);
        Selection { select, read, marker: PhantomData }
    }
}

impl<M: Model, R> Selection<M, R> {
    /// Only the rows that are as the closure says, before they are grouped.
    pub fn filter(mut self, condition: impl FnOnce(M::Fields) -> Predicate<M>) -> Self {
        self.select.filter.push(condition(M::fields(Scope::ROOT)).node);
        self
    }

    /// Each result once.
    pub fn distinct(mut self) -> Self {
        self.select.distinct = true;
        self
    }

    /// One result for each group of rows that are equal in these values.
    pub fn group_by<P: Project<M>>(mut self, values: impl FnOnce(M::Fields) -> P) -> Self {
        let mut group = Outputs::default();
        values(M::fields(Scope::ROOT)).project(&mut group);
        self.select.group.extend(group.0);
        self
    }

    /// Only the groups that are as the closure says.
    pub fn having(mut self, condition: impl FnOnce(M::Fields) -> Predicate<M>) -> Self {
        self.select.having.push(condition(M::fields(Scope::ROOT)).node);
        self
    }

    /// Sorts the results. A second call sorts those that the first leaves equal.
    pub fn order_by<O: IntoOrder<M>>(mut self, order: impl FnOnce(M::Fields) -> O) -> Self {
        self.select.order.extend(order(M::fields(Scope::ROOT)).into_order().0);
        self
    }

    /// At most so many results.
    pub fn limit(mut self, results: u64) -> Self {
        self.select.limit = Some(number(results));
        self
    }

    /// Without the first so many results.
    pub fn offset(mut self, results: u64) -> Self {
        self.select.offset = Some(number(results));
        self
    }

    /// Every result.
    #[track_caller]
    pub fn all(self, executor: &impl Executor) -> impl Future<Output = Result<Vec<R>>> {
        let target = executor.target();
        async move { self.fetch(target).await.at_border() }
    }

    /// Every result, a few at a time: for results that are too large to be in memory.
    #[track_caller]
    pub fn stream<'a>(self, executor: &'a impl Executor) -> Streaming<'a, R>
    where
        R: Send + 'a,
    {
        self.stream_to(executor.target())
    }

    /// The same, as a stream that owns its executor: for a response that is made while it is sent.
    #[track_caller]
    pub fn into_stream(self, executor: impl Executor + Send + 'static) -> Streaming<'static, R>
    where
        R: Send + 'static,
    {
        let caller = Location::caller();
        Streaming::owning(executor, move |executor| self.stream_to(executor.target().called_at(caller)))
    }

    fn stream_to<'a>(self, target: Target<'a>) -> Streaming<'a, R>
    where
        R: Send + 'a,
    {
        let read = self.read;
        let batches = Streaming::new(target.stream_select(self.select), move |rows| async move {
            rows.iter().map(|row| read(&mut row.reader(0))).collect::<Result<Vec<R>, _>>()
        });
        batches.flatten()
    }

    /// The first result, if there is one.
    #[track_caller]
    pub fn first(self, executor: &impl Executor) -> impl Future<Output = Result<Option<R>>> {
        let target = executor.target();
        async move { Ok(self.limit(1).fetch(target).await.at_border()?.pop()) }
    }

    /// The first result. None is a 404.
    #[track_caller]
    pub fn first_or_404(self, executor: &impl Executor) -> impl Future<Output = Result<R>> {
        let result = self.first(executor);
        async move { result.await?.ok_or(DbError::NotFound { model: M::META.name }).at_border() }
    }

    /// The one result. None is a 404; several are a fault of the program.
    #[track_caller]
    pub fn one(self, executor: &impl Executor) -> impl Future<Output = Result<R>> {
        let target = executor.target();
        async move {
            let mut results = self.limit(2).fetch(target).await.at_border()?;
            match (results.pop(), results.is_empty()) {
                (Some(result), true) => Ok(result),
                (None, _) => Err(DbError::NotFound { model: M::META.name }.into_error()),
                (Some(_), false) => Err(DbError::NotOne { model: M::META.name }.into_error()),
            }
        }
    }

    /// How many results there are.
    #[track_caller]
    pub fn count(self, executor: &impl Executor) -> impl Future<Output = Result<u64>> {
        let target = executor.target();
        async move { count(self.select.counted(), target).await.at_border() }
    }

    /// One page of the results, and how many there are in all. Sort by something unique, or pages may overlap.
    #[track_caller]
    pub fn paginate(
        self,
        page: impl Into<PageRequest>,
        executor: &impl Executor,
    ) -> impl Future<Output = Result<Page<R>>> {
        let (page, target) = (page.into(), executor.target());
        async move {
            let mut counting = self.select.clone();
            let items = self.limit(page.limit()).offset(page.offset()).fetch(target).await.at_border()?;
            if let Some(total) = page.total_by(items.len()) {
                return Ok(Page::new(items, total, page));
            }
            if counting.gives_rows_one_by_one() {
                counting.only(Output::Count);
            } else {
                (counting.limit, counting.offset) = (None, None);
                counting = counting.counted();
            }
            let total = count(counting, target).await.at_border()?;
            Ok(Page::new(items, total, page))
        }
    }

    /// Whether there is a result.
    #[track_caller]
    pub fn exists(self, executor: &impl Executor) -> impl Future<Output = Result<bool>> {
        let (select, target) = (self.limit(1).select, executor.target());
        async move { Ok(!target.select(select).await.at_border()?.rows.is_empty()) }
    }

    /// The SQL of the query, as this dialect has it: for snapshots in tests. What cannot be rendered is said in its place.
    pub fn to_sql(&self, dialect: Dialect) -> String {
        to_sql(&self.select, dialect)
    }

    /// How the engine would run it, in the engine's words.
    #[track_caller]
    pub fn explain(self, executor: &impl Executor) -> impl Future<Output = Result<String>> {
        let target = executor.target();
        async move { target.explain(self.select).await.at_border() }
    }

    async fn fetch(self, target: Target<'_>) -> Result<Vec<R>, DbError> {
        let reply = target.select(self.select).await?;
        reply.rows.iter().map(|row| (self.read)(&mut row.reader(0))).collect()
    }
}
