//! Queries over a model.
//!
//! A [`Query`] is a typed shell around a `Select`, which is turned into SQL in two steps: `shape` takes the values out
//! and writes down what is left, the shape; `render` makes SQL of it with sea-query. The SQL of a shape is kept, so that a
//! query that has been seen before costs one look-up.
//!
//! - [`Selection`]: values instead of rows ([`Project`] says which), grouped where asked; [`Annotated`]: values beside rows;
//!   `outputs` makes both ready to be rendered. `aggregate`: one value of all rows.
//! - [`Page`] and [`CursorPage`]: pages by number and by cursor.
//! - `search`, `lock`, `explain`: what their names say.

mod aggregate;
mod annotate;
mod cache;
mod cursor;
mod deleted;
mod explain;
mod lock;
mod outputs;
mod page;
mod project;
mod render;
mod search;
mod select;
mod selection;
mod shape;

use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::Arc;

pub use annotate::Annotated;
pub(crate) use cache::{Rendered, SqlCache};
pub use cursor::{CursorPage, CursorRequest};
pub use page::{Page, PageRequest};
pub use project::{Outputs, Project};
pub(crate) use render::{Renderer, TenantScope};
pub(crate) use select::{Deleted, Lead, Output, Select};
pub use selection::Selection;
pub(crate) use shape::Shape;

use crate::column::{Column, IntoAssignments, IntoOrder, Predicate, assignments};
use crate::driver::{Dialect, Reply};
use crate::error::{Border, DbError};
use crate::executor::{Executor, Target};
use crate::expression::{Scope, Term};
use crate::model::Model;
use crate::relation::{IntoLoad, Load, read_joined, run_loads};
use crate::row::{Reader, Rows};
use crate::streaming::Streaming;
use crate::value::Value;
use crate::write::{self, Assignments};
use mainstay_core::Result;

/// A query for rows of `M`, started by `M::query()` or `M::filter(..)`. It does nothing until one of its `async` functions
/// runs it.
#[must_use = "a query does nothing until it is run"]
pub struct Query<M> {
    select: Select,
    loads: Vec<Load<M>>,
    marker: PhantomData<fn() -> M>,
}

impl<M: Model> fmt::Debug for Query<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Query({})", self.to_sql(Dialect::Sqlite))
    }
}

impl<M: Model> Default for Query<M> {
    fn default() -> Self {
        Self::new()
    }
}

impl<M: Model> Query<M> {
    /// Every row.
    pub fn new() -> Self {
        Self { select: Select::new(M::META), loads: Vec::new(), marker: PhantomData }
    }

    /// Only the rows that are as the closure says, and as every other filter says.
    pub fn filter(mut self, condition: impl FnOnce(M::Fields) -> Predicate<M>) -> Self {
        self.select.filter.push(condition(M::fields(Scope::ROOT)).node);
        self
    }

    /// A filter that applies only when there is a value: `.filter_if(params.author, |a, name| a.author.is(|u| u.name.eq(name)))`.
    pub fn filter_if<V>(
        self,
        value: Option<V>,
        condition: impl FnOnce(M::Fields, V) -> Predicate<M>,
    ) -> Self {
        match value {
            Some(value) => self.filter(|fields| condition(fields, value)),
            None => self,
        }
    }

    /// Loads a relation with the rows.
    pub fn with<L: IntoLoad<M>>(mut self, relation: impl FnOnce(M::Fields) -> L) -> Self {
        let load = relation(M::fields(Scope::ROOT)).into_load();
        load.0.join(Scope::ROOT, &mut self.select);
        self.loads.push(load);
        self
    }

    /// Sorts the rows. A second call sorts those that the first leaves equal.
    pub fn order_by<O: IntoOrder<M>>(mut self, order: impl FnOnce(M::Fields) -> O) -> Self {
        self.select.order.extend(order(M::fields(Scope::ROOT)).into_order().0);
        self
    }

    /// At most so many rows.
    pub fn limit(mut self, rows: u64) -> Self {
        self.select.limit = Some(number(rows));
        self
    }

    /// Without the first so many rows.
    pub fn offset(mut self, rows: u64) -> Self {
        self.select.offset = Some(number(rows));
        self
    }

    /// Every row that matches.
    #[track_caller]
    pub fn all(self, executor: &impl Executor) -> impl Future<Output = Result<Vec<M>>> {
        let target = executor.target();
        async move { self.fetch(target).await.at_border() }
    }

    /// Every row that matches, a few at a time: for results that are too large to be in memory. What `with` loads is loaded
    /// for a few hundred rows at a time, on a further connection; inside of a transaction, that needs an engine that
    /// runs other statements meanwhile (not MySQL and MariaDB).
    ///
    /// ```
    /// # use mainstay_db::{Db, meta::meta_of, model, schema};
    /// # #[model]
    /// # pub struct Book { pub id: i64, pub title: String }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> mainstay_core::Result<()> {
    /// # let db = Db::open("sqlite::memory:").await?;
    /// # schema::create_tables(&[meta_of::<Book>()], &db).await?;
    /// let mut books = Book::query().order_by(|b| b.id).stream(&db);
    /// while let Some(book) = books.try_next().await? {
    ///     println!("{}", book.title);
    /// }
    /// # Ok(()) }
    /// ```
    #[track_caller]
    pub fn stream<'a>(self, executor: &'a impl Executor) -> Streaming<'a, M> {
        self.stream_to(executor.target())
    }

    /// The same, as a stream that owns its executor: for a response that is made while it is sent.
    #[track_caller]
    pub fn into_stream(self, executor: impl Executor + Send + 'static) -> Streaming<'static, M> {
        let caller = Location::caller();
        Streaming::owning(executor, move |executor| self.stream_to(executor.target().called_at(caller)))
    }

    fn stream_to(self, target: Target<'_>) -> Streaming<'_, M> {
        let loads: Arc<[Load<M>]> = self.loads.into();
        let batches = Streaming::new(target.stream_select(self.select), move |rows| {
            let loads = Arc::clone(&loads);
            async move { read(&rows, &loads, target).await }
        });
        batches.flatten()
    }

    /// The first row that matches, if there is one.
    #[track_caller]
    pub fn first(self, executor: &impl Executor) -> impl Future<Output = Result<Option<M>>> {
        let target = executor.target();
        async move { Ok(self.limit(1).fetch(target).await.at_border()?.pop()) }
    }

    /// The one row that matches. None is a 404; several are a fault of the program.
    #[track_caller]
    pub fn one(self, executor: &impl Executor) -> impl Future<Output = Result<M>> {
        let target = executor.target();
        async move {
            let mut rows = self.limit(2).fetch(target).await.at_border()?;
            match (rows.pop(), rows.is_empty()) {
                (Some(row), true) => Ok(row),
                (None, _) => Err(DbError::NotFound { model: M::META.name }.into_error()),
                (Some(_), false) => Err(DbError::NotOne { model: M::META.name }.into_error()),
            }
        }
    }

    /// How many rows match. Limit and offset do not count.
    #[track_caller]
    pub fn count(mut self, executor: &impl Executor) -> impl Future<Output = Result<u64>> {
        self.select.only(Output::Count);
        let target = executor.target();
        async move { count(self.select, target).await.at_border() }
    }

    /// Whether a row matches.
    #[track_caller]
    pub fn exists(mut self, executor: &impl Executor) -> impl Future<Output = Result<bool>> {
        self.select.only(Output::Exists);
        self.select.limit = Some(number(1));
        let target = executor.target();
        async move { Ok(!target.select(self.select).await.at_border()?.rows.is_empty()) }
    }

    /// One page of the rows, and how many there are in all. Sort by something unique, or pages may overlap.
    #[track_caller]
    pub fn paginate(
        self,
        page: impl Into<PageRequest>,
        executor: &impl Executor,
    ) -> impl Future<Output = Result<Page<M>>> {
        let (page, target) = (page.into(), executor.target());
        async move {
            let pairs = self.paginate_with(page, target, |_| Ok(())).await.at_border()?;
            Ok(pairs.map(|(model, ())| model))
        }
    }

    /// Changes every row that matches, in one statement. Returns how many. Hooks and loaded values do not see it.
    #[track_caller]
    pub fn update(
        self,
        change: impl FnOnce(M::Change) -> M::Change,
        executor: &impl Executor,
    ) -> impl Future<Output = Result<u64>> {
        let change: Assignments = change(M::Change::from(Assignments::new(M::META))).into();
        write::update_many(self.select, change, executor.target())
    }

    /// Changes every row that matches to what is computed from it: `.update_with(|a| a.views.set(a.views + 1), &db)`, or
    /// several of these in a tuple. Otherwise as [`update`](Self::update).
    #[track_caller]
    pub fn update_with<S: IntoAssignments<M>>(
        self,
        sets: impl FnOnce(M::Fields) -> S,
        executor: &impl Executor,
    ) -> impl Future<Output = Result<u64>> {
        let (change, target) = (assignments::<M, S>(sets), executor.target());
        async move { write::update_many(self.select, change.at_border()?, target).await }
    }

    /// Changes every row that matches, and returns the rows as they are then, in no order. Where an update returns no rows
    /// (MySQL, MariaDB), they are read and locked first, in one transaction. Hooks do not see it.
    #[track_caller]
    pub fn update_returning(
        self,
        change: impl FnOnce(M::Change) -> M::Change,
        executor: &impl Executor,
    ) -> impl Future<Output = Result<Vec<M>>> {
        let change: Assignments = change(M::Change::from(Assignments::new(M::META))).into();
        let target = executor.target();
        async move { models(&write::update_returning(self.select, change, target).await?).at_border() }
    }

    /// Deletes every row that matches, and returns the rows as they were (of a model with a `deleted_at`: as they are then),
    /// in no order. Where an engine returns no rows from that (MySQL; MariaDB, softly), they are read and locked first, in
    /// one transaction. Hooks do not see it.
    #[track_caller]
    pub fn delete_returning(self, executor: &impl Executor) -> impl Future<Output = Result<Vec<M>>> {
        let target = executor.target();
        async move {
            let replies = match write::deletion(&self.select, target) {
                Some(change) => write::update_returning(self.select, change, target).await?,
                None => vec![write::delete_returning(self.select, target).await?],
            };
            models(&replies).at_border()
        }
    }

    /// Deletes every row that matches, in one statement: softly, if the model has a `deleted_at`. Returns how many. Hooks do
    /// not see it.
    #[track_caller]
    pub fn delete(self, executor: &impl Executor) -> impl Future<Output = Result<u64>> {
        write::delete_softly(self.select, executor.target())
    }

    /// The last row that matches, if there is one: the first one of the reverse order, or the one with the greatest key.
    #[track_caller]
    pub fn last(mut self, executor: &impl Executor) -> impl Future<Output = Result<Option<M>>> {
        if self.select.order.is_empty() {
            let keys = M::META.key_fields().map(|key| Column::<M, i64>::at(Scope::ROOT, key.column).asc());
            self.select.order = keys.collect::<Vec<_>>().into_order().0;
        }
        self.select.order.iter_mut().for_each(cursor::reverse);
        self.first(executor)
    }

    /// The first row that matches. None is a 404.
    #[track_caller]
    pub fn first_or_404(self, executor: &impl Executor) -> impl Future<Output = Result<M>> {
        let row = self.first(executor);
        async move { row.await?.ok_or(DbError::NotFound { model: M::META.name }).at_border() }
    }

    /// The SQL of the query for the rows, as this dialect has it: for snapshots in tests. What cannot be rendered is said
    /// in its place.
    pub fn to_sql(&self, dialect: Dialect) -> String {
        to_sql(&self.select, dialect)
    }

    async fn fetch(self, target: Target<'_>) -> Result<Vec<M>, DbError> {
        let Self { select, loads, .. } = self;
        let reply = target.select(select).await?;
        read(&reply.rows, &loads, target).await
    }

    /// A page of rows, each with a value beside it.
    async fn paginate_with<R>(
        self,
        page: PageRequest,
        target: Target<'_>,
        read: impl FnMut(&mut Reader<'_>) -> Result<R, DbError>,
    ) -> Result<Page<(M, R)>, DbError> {
        let mut counting = self.select.clone();
        let items = self.limit(page.limit()).offset(page.offset()).fetch_with(target, read).await?;
        let total = match page.total_by(items.len()) {
            Some(total) => total,
            None => {
                counting.only(Output::Count);
                count(counting, target).await?
            }
        };
        Ok(Page::new(items, total, page))
    }

    /// The rows, each with what is read behind it.
    async fn fetch_with<R>(
        self,
        target: Target<'_>,
        read: impl FnMut(&mut Reader<'_>) -> Result<R, DbError>,
    ) -> Result<Vec<(M, R)>, DbError> {
        let Self { select, loads, .. } = self;
        let reply = target.select(select).await?;
        read_rows(&reply.rows, &loads, target, read).await
    }
}

fn to_sql(select: &Select, dialect: Dialect) -> String {
    let mut select = select.clone();
    let shape = Shape::of(&mut select, dialect);
    match Renderer::new(dialect, TenantScope::Across).sql(&select) {
        Ok(sql) => Rendered::new(sql, shape.values.len()).sql.to_string(),
        Err(fault) => format!("-- {fault}"),
    }
}

async fn read<M: Model>(rows: &Rows, loads: &[Load<M>], target: Target<'_>) -> Result<Vec<M>, DbError> {
    let rows = read_rows(rows, loads, target, |_| Ok(())).await?;
    Ok(rows.into_iter().map(|(model, ())| model).collect())
}

async fn read_rows<M: Model, R>(
    rows: &Rows,
    loads: &[Load<M>],
    target: Target<'_>,
    mut read: impl FnMut(&mut Reader<'_>) -> Result<R, DbError>,
) -> Result<Vec<(M, R)>, DbError> {
    let mut models = Vec::with_capacity(rows.len());
    let mut further = Vec::with_capacity(rows.len());
    for row in rows.iter() {
        let mut reader = row.reader(0);
        models.push(read_joined(loads, &mut reader)?);
        further.push(read(&mut reader)?);
    }
    run_loads(loads, &mut models, target).await?;
    Ok(models.into_iter().zip(further).collect())
}

/// The rows that a write has returned.
fn models<M: Model>(replies: &[Reply]) -> Result<Vec<M>, DbError> {
    let rows = replies.iter().flat_map(|reply| reply.rows.iter());
    rows.map(|row| M::from_row(&mut row.reader(0))).collect()
}

async fn count(select: Select, target: Target<'_>) -> Result<u64, DbError> {
    let reply = target.select(select).await?;
    let count = reply.rows.first().map_or(Ok(0), |row| row.get::<i64>(0))?;
    Ok(u64::try_from(count).unwrap_or(0))
}

fn number(number: u64) -> Term {
    Term::Value(Value::Int(i64::try_from(number).unwrap_or(i64::MAX)))
}
