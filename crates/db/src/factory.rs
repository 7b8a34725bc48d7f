//! Factories: rows for tests and seeds, of which one says only what matters.
//!
//! - `make`: what the definition of a factory has at hand: a number, made-up data, rows that the row belongs to.
//! - `fake`: made-up data, the same in each run; `words`: what it is made of.
//! - `sequence`: the numbers.
//!
//! ```
//! use mainstay_core::Result;
//! use mainstay_db::factory::{Factory, Make};
//! use mainstay_db::{BelongsTo, Db, meta::meta_of, model, schema};
//!
//! #[model]
//! pub struct Writer {
//!     pub id: i64,
//!     #[field(unique)]
//!     pub name: String,
//!     pub email: String,
//! }
//!
//! #[model]
//! pub struct Essay {
//!     pub id: i64,
//!     pub title: String,
//!     #[field(default = false)]
//!     pub published: bool,
//!     #[belongs_to]
//!     pub writer: BelongsTo<Writer>,
//! }
//!
//! struct WriterFactory;
//!
//! impl Factory for WriterFactory {
//!     type Model = Writer;
//!
//!     async fn define(&self, make: &mut Make<'_, Writer>) -> Result<WriterDraft> {
//!         Ok(NewWriter { name: format!("writer-{}", make.number()), email: make.fake.email() }.into())
//!     }
//! }
//!
//! struct EssayFactory;
//!
//! impl Factory for EssayFactory {
//!     type Model = Essay;
//!
//!     async fn define(&self, make: &mut Make<'_, Essay>) -> Result<EssayDraft> {
//!         let writer = make.related(|e| e.writer, WriterFactory).await?;
//!         Ok(NewEssay { title: make.fake.title(), writer }.into())
//!     }
//! }
//!
//! // A state is a function.
//! fn published(essay: EssayDraft) -> EssayDraft {
//!     essay.published(true)
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<()> {
//! # let db = Db::open("sqlite::memory:").await?;
//! # schema::create_tables(&[meta_of::<Writer>(), meta_of::<Essay>()], &db).await?;
//! // With a writer of its own.
//! EssayFactory.create(&db).await?;
//!
//! let ann = WriterFactory.with(|w| w.name("ann")).create(&db).await?;
//! EssayFactory.with(published).with(|e| e.writer(ann.key())).create_many(3, &db).await?;
//! EssayFactory.create_each(["One", "Two"], |e, title| e.title(title).writer(ann.key()), &db).await?;
//!
//! assert_eq!(Writer::query().count(&db).await?, 2);
//! assert_eq!(Essay::filter(|e| e.writer.key().eq(ann.key())).count(&db).await?, 5);
//! # Ok(()) }
//! ```

mod fake;
mod make;
mod sequence;
mod words;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mainstay_core::Result;

use crate::executor::{Executor, Target};
use crate::model::Model;
use crate::transaction::Tx;
use crate::write::{Assignments, insert_at};

pub use fake::Fake;
pub use make::Make;
pub(crate) use sequence::Sequences;

/// The type of a new row of the factory's model.
pub type DraftOf<F> = <<F as Factory>::Model as Model>::Draft;

/// Makes rows of a model. What it needs to know beside the fields, a number of comments, say, is a field of the struct that
/// implements it.
///
/// Rows are inserted as by `insert`, with hooks. All that one call makes is made, or nothing.
pub trait Factory: Send + Sync + Sized + 'static {
    /// The model.
    type Model: Model;

    /// A row as good as any other. What a test says by [`with`](Self::with) goes before it.
    fn define(&self, make: &mut Make<'_, Self::Model>) -> impl Future<Output = Result<DraftOf<Self>>> + Send;

    /// What is to be done when the row is there: rows that belong to it, for one.
    fn after(
        &self,
        row: &mut Self::Model,
        make: &mut Make<'_, Self::Model>,
    ) -> impl Future<Output = Result<()>> + Send {
        let _ = (row, make);
        async { Ok(()) }
    }

    /// The values that go before the definition.
    #[doc(hidden)]
    fn given(&self) -> Assignments {
        Assignments::new(<Self::Model as Model>::META)
    }

    /// The seed of what is made up.
    #[doc(hidden)]
    fn chosen_seed(&self) -> Option<u64> {
        None
    }

    /// The same factory with some fields as the closure says. Said again, the later goes before the earlier. A closure with a
    /// name is a state: `.with(published)`.
    fn with(self, set: impl FnOnce(DraftOf<Self>) -> DraftOf<Self>) -> With<Self> {
        let given = set(self.given().into()).into();
        With { given, seed: self.chosen_seed(), factory: self }
    }

    /// The same factory with other made-up data. Two runs with one seed make the same.
    fn seed(self, seed: u64) -> With<Self> {
        With { given: self.given(), seed: Some(seed), factory: self }
    }

    /// Makes a row, and those that it belongs to.
    #[track_caller]
    fn create(self, executor: &impl Executor) -> impl Future<Output = Result<Self::Model>> + Send {
        let target = executor.target();
        async move {
            let given = self.given();
            target
                .atomically(|tx, target| async move { one(&self, given, None, (tx, target)).await }.boxed())
                .await
        }
    }

    /// Makes so many rows.
    #[track_caller]
    fn create_many(
        self,
        count: usize,
        executor: &impl Executor,
    ) -> impl Future<Output = Result<Vec<Self::Model>>> + Send {
        let target = executor.target();
        let given = vec![self.given(); count];
        async move { target.atomically(|tx, target| all(self, given, (tx, target))).await }
    }

    /// Makes a row for each of these, which the closure puts into its fields.
    #[track_caller]
    fn create_each<I>(
        self,
        items: impl IntoIterator<Item = I>,
        mut set: impl FnMut(DraftOf<Self>, I) -> DraftOf<Self>,
        executor: &impl Executor,
    ) -> impl Future<Output = Result<Vec<Self::Model>>> + Send {
        let target = executor.target();
        let given = items.into_iter().map(|item| set(self.given().into(), item).into()).collect();
        async move { target.atomically(|tx, target| all(self, given, (tx, target))).await }
    }

    /// The new row, without storing it: only those that it belongs to are made.
    #[track_caller]
    fn draft(self, executor: &impl Executor) -> impl Future<Output = Result<DraftOf<Self>>> + Send {
        let target = executor.target();
        async move { target.atomically(|tx, target| unstored(self, (tx, target))).await }
    }
}

/// A factory of which some fields are said: see [`Factory::with`].
#[derive(Clone, Debug)]
#[must_use = "nothing is made before `create`"]
pub struct With<F> {
    factory: F,
    given: Assignments,
    seed: Option<u64>,
}

impl<F: Factory> Factory for With<F> {
    type Model = F::Model;

    fn define(&self, make: &mut Make<'_, F::Model>) -> impl Future<Output = Result<DraftOf<F>>> + Send {
        self.factory.define(make)
    }

    fn after(
        &self,
        row: &mut F::Model,
        make: &mut Make<'_, F::Model>,
    ) -> impl Future<Output = Result<()>> + Send {
        self.factory.after(row, make)
    }

    fn given(&self) -> Assignments {
        self.given.clone()
    }

    fn chosen_seed(&self) -> Option<u64> {
        self.seed
    }
}

/// The transaction in which everything is made, and the line that asks for it.
type Place<'t> = (&'t Tx, Target<'t>);

/// Makes a row; `seed` is that of the row for which it is made.
async fn one<F: Factory>(
    factory: &F,
    given: Assignments,
    seed: Option<u64>,
    place: Place<'_>,
) -> Result<F::Model> {
    let mut make = Make::new(factory, given, seed, place);
    let draft = factory.define(&mut make).await?;
    let mut row = insert_at(make.complete(draft).into(), place.1).await?;
    factory.after(&mut row, &mut make).await?;
    Ok(row)
}

fn all<F: Factory>(
    factory: F,
    given: Vec<Assignments>,
    place: Place<'_>,
) -> BoxFuture<'_, Result<Vec<F::Model>>> {
    async move {
        let mut rows = Vec::with_capacity(given.len());
        for given in given {
            rows.push(one(&factory, given, None, place).await?);
        }
        Ok(rows)
    }
    .boxed()
}

fn unstored<F: Factory>(factory: F, place: Place<'_>) -> BoxFuture<'_, Result<DraftOf<F>>> {
    async move {
        let mut make = Make::new(&factory, factory.given(), None, place);
        let draft = factory.define(&mut make).await?;
        Ok(make.complete(draft))
    }
    .boxed()
}
