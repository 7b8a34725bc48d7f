//! Hooks: what a model does around its own writes.
//!
//! `#[model(hooks)]` and an implementation of [`Hooks`], with as many of its functions as are wanted:
//!
//! ```
//! use mainstay_core::{Error, Result};
//! use mainstay_db::{Db, Hooks, Saving, Tx, meta::meta_of, model, schema};
//!
//! #[model(hooks)]
//! pub struct Page {
//!     pub id: i64,
//!     pub title: String,
//!     #[field(default = "")]
//!     pub slug: String,
//! }
//!
//! impl Hooks for Page {
//!     async fn before_save(row: &mut Saving<'_, Self>, _: &Tx) -> Result<()> {
//!         if let Some(title) = row.get(|p| p.title)? {
//!             row.change(|p| p.slug(title.to_lowercase().replace(' ', "-")));
//!         }
//!         Ok(())
//!     }
//!
//!     async fn before_delete(row: &Self, _: &Tx) -> Result<()> {
//!         if row.slug == "home" { Err(Error::conflict("There must be a first page.")) } else { Ok(()) }
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<()> {
//! # let db = Db::open("sqlite::memory:").await?;
//! # schema::create_tables(&[meta_of::<Page>()], &db).await?;
//! let mut page = NewPage { title: "About us".into() }.insert(&db).await?;
//! assert_eq!(page.slug, "about-us");
//! page.update(|p| p.title("Home"), &db).await?;
//! assert!(page.delete(&db).await.is_err());
//! # Ok(()) }
//! ```
//!
//! A write with hooks is a transaction, or one inside of that which it is given: an error of a hook refuses the write, and
//! nothing of it is left. Hooks see `insert`, `upsert`, `update`, `edit`, `save`, `delete`, `restore` and `delete_for_good`:
//! what is done to one row. What is done to many in one statement (`insert_all`, `upsert_all`, `save_all`, and `update` and
//! `delete` of a query) they do not see, as in Django and Rails: the rows are not there to be shown. Where hooks have to see
//! every row, write them one by one, in a transaction. Nor do they see what the database does by itself (`on_delete`).

use std::marker::PhantomData;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mainstay_core::Result;

use crate::column::Column;
use crate::db::Db;
use crate::error::{Border, DbError};
use crate::expression::Scope;
use crate::key::Key;
use crate::model::Model;
use crate::relation::ToOne;
use crate::transaction::Tx;
use crate::value::{Decode, Mismatch, Stored};
use crate::write::Assignments;

/// What a model does around its own writes. See the [module](self) for when.
#[diagnostic::on_unimplemented(
    message = "`#[model(hooks)]` needs `impl Hooks for {Self}`",
    label = "this model has no hooks",
    note = "the functions of `Hooks` are all optional: an empty implementation is one"
)]
pub trait Hooks: Model {
    /// Before a row is inserted or updated. It may change what is written; its error refuses the write.
    fn before_save(row: &mut Saving<'_, Self>, tx: &Tx) -> impl Future<Output = Result<()>> + Send {
        let _ = (row, tx);
        async { Ok(()) }
    }

    /// After a row has been inserted or updated, before the commit. Its error undoes the write.
    fn after_save(row: &Self, write: Write, tx: &Tx) -> impl Future<Output = Result<()>> + Send {
        let _ = (row, write, tx);
        async { Ok(()) }
    }

    /// Before a row is deleted. Its error refuses that.
    fn before_delete(row: &Self, tx: &Tx) -> impl Future<Output = Result<()>> + Send {
        let _ = (row, tx);
        async { Ok(()) }
    }

    /// After a row has been deleted, before the commit. Its error undoes the deletion.
    fn after_delete(row: &Self, tx: &Tx) -> impl Future<Output = Result<()>> + Send {
        let _ = (row, tx);
        async { Ok(()) }
    }

    /// After the transaction of a write has been committed. An error is logged: what is written stays.
    fn after_commit(row: Self, write: Write, db: Db) -> impl Future<Output = Result<()>> + Send {
        let _ = (row, write, db);
        async { Ok(()) }
    }
}

/// What has been done to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// It is new.
    Inserted,
    /// It is new, or was there and has been updated: the engine does not say which.
    Upserted,
    /// It was there, and has been updated.
    Updated,
    /// It has been deleted (softly, if the model has a `deleted_at`).
    Deleted,
}

/// A row that is about to be inserted or updated.
#[derive(Debug)]
pub struct Saving<'a, M> {
    pub(crate) values: &'a mut Assignments,
    pub(crate) before: Option<&'a M>,
    pub(crate) write: Write,
}

impl<M: Model> Saving<'_, M> {
    /// Inserted, upserted or updated.
    pub fn write(&self) -> Write {
        self.write
    }

    /// The row as the code has it, which is about to be updated. `None` of an insert or an upsert.
    pub fn before(&self) -> Option<&M> {
        self.before
    }

    /// What is going to be written to a field; `None` when nothing is.
    pub fn get<F: FieldPath<M>>(&self, field: impl FnOnce(M::Fields) -> F) -> Result<Option<F::Value>> {
        given(self.values, field)
    }

    /// Writes something else, or more.
    pub fn change(&mut self, change: impl FnOnce(M::Change) -> M::Change) {
        let values = std::mem::replace(self.values, Assignments::new(M::META));
        *self.values = change(M::Change::from(values)).into();
    }
}

/// What assignments have for a field.
pub(crate) fn given<M: Model, F: FieldPath<M>>(
    values: &Assignments,
    field: impl FnOnce(M::Fields) -> F,
) -> Result<Option<F::Value>> {
    let column = field(M::fields(Scope::ROOT)).column();
    let value = M::META.column(column).and_then(|(index, _)| values.get(index));
    let decoded = value.map(|value| F::Value::decode(value.cell())).transpose();
    let fault = |fault: Mismatch| DbError::Decode {
        column: column.to_owned(),
        expected: fault.expected,
        found: fault.found,
    };
    decoded.map_err(fault).at_border()
}

/// A field of `M`, as closures name it: a column, or a relation to one row.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not name a field of the model",
    label = "expected a field such as `a.title`"
)]
pub trait FieldPath<M> {
    /// What it holds: of a relation, the other row's key.
    type Value: Stored;

    /// The name of its column.
    fn column(self) -> &'static str;
}

impl<M, T: Stored> FieldPath<M> for Column<M, T> {
    type Value = T;

    fn column(self) -> &'static str {
        self.name()
    }
}

impl<M: Model, R: Model<Key: Stored>> FieldPath<M> for ToOne<M, R> {
    type Value = Option<Key<R>>;

    fn column(self) -> &'static str {
        self.key().name()
    }
}

/// The hooks of `M` behind a `dyn`, so that writes need not know whether it has any. See [`Model::hooks`].
#[doc(hidden)]
pub trait Hooked<M: Model>: Send + Sync {
    fn before_save<'a>(&self, row: &'a mut Saving<'_, M>, tx: &'a Tx) -> BoxFuture<'a, Result<()>>;
    fn after_save<'a>(&self, row: &'a M, write: Write, tx: &'a Tx) -> BoxFuture<'a, Result<()>>;
    fn before_delete<'a>(&self, row: &'a M, tx: &'a Tx) -> BoxFuture<'a, Result<()>>;
    fn after_delete<'a>(&self, row: &'a M, tx: &'a Tx) -> BoxFuture<'a, Result<()>>;
    fn after_commit(&self, row: M, write: Write, db: Db) -> BoxFuture<'static, Result<()>>;
}

/// See [`Hooked`].
#[doc(hidden)]
#[derive(Debug)]
pub struct HooksOf<M>(pub PhantomData<fn() -> M>);

impl<M: Hooks> Hooked<M> for HooksOf<M> {
    fn before_save<'a>(&self, row: &'a mut Saving<'_, M>, tx: &'a Tx) -> BoxFuture<'a, Result<()>> {
        M::before_save(row, tx).boxed()
    }

    fn after_save<'a>(&self, row: &'a M, write: Write, tx: &'a Tx) -> BoxFuture<'a, Result<()>> {
        M::after_save(row, write, tx).boxed()
    }

    fn before_delete<'a>(&self, row: &'a M, tx: &'a Tx) -> BoxFuture<'a, Result<()>> {
        M::before_delete(row, tx).boxed()
    }

    fn after_delete<'a>(&self, row: &'a M, tx: &'a Tx) -> BoxFuture<'a, Result<()>> {
        M::after_delete(row, tx).boxed()
    }

    fn after_commit(&self, row: M, write: Write, db: Db) -> BoxFuture<'static, Result<()>> {
        M::after_commit(row, write, db).boxed()
    }
}
