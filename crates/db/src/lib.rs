//! The model layer: structs with tables, typed queries over them, and drivers of our own beneath.
//!
//! ```
//! use mainstay_db::{BelongsTo, Db, HasMany, meta::meta_of, model, schema};
//!
//! #[model]
//! pub struct Author {
//!     pub id: i64,
//!     #[field(unique, max_length = 60)]
//!     pub name: String,
//!     #[has_many]
//!     pub books: HasMany<Book>,
//! }
//!
//! #[model]
//! pub struct Book {
//!     pub id: i64,
//!     pub title: String,
//!     #[belongs_to(on_delete = cascade)]
//!     pub author: BelongsTo<Author>,
//!     pub pages: Option<i32>,
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> mainstay_core::Result<()> {
//! let db = Db::open("sqlite::memory:").await?;
//! # schema::create_tables(&[meta_of::<Author>(), meta_of::<Book>()], &db).await?;
//! let author = db
//!     .transaction(async |tx| {
//!         let author = NewAuthor { name: "Ursula".into() }.insert(tx).await?;
//!         NewBook { title: "The Dispossessed".into(), author: author.key() }.pages(387).insert(tx).await?;
//!         NewBook { title: "The Word for World Is Forest".into(), author: author.key() }.insert(tx).await?;
//!         Ok(author)
//!     })
//!     .await?;
//!
//! let books = Book::filter(|b| b.author.is(|a| a.name.starts_with("Urs")))
//!     .filter(|b| b.title.contains("World") | b.pages.gt(300))
//!     .with(|b| b.author)
//!     .order_by(|b| b.pages.desc().nulls_last())
//!     .all(&db)
//!     .await?;
//! assert_eq!(books[0].title, "The Dispossessed");
//! assert_eq!(books[1].author.get()?.name, "Ursula");
//!
//! let author = Author::filter(|a| a.id.eq(author.id)).with(|a| a.books.limit(1)).one(&db).await?;
//! assert_eq!(author.books.get()?.len(), 1);
//! # Ok(()) }
//! ```
//!
//! Read from above, in this order:
//!
//! 1. [`mod@model`]: what `#[model]` makes of a struct; [`mod@embedded`]: structs of columns inside of it; [`meta`]: what is
//!    known of it at run time.
//!    [`encrypted`]: fields that are stored sealed.
//! 2. [`mod@column`], [`relation`]: what closures over a model's fields can say. They build the tree of [`expression`].
//! 3. [`query`]: from that tree to SQL and back to models; [`mod@write`]: insert, update, delete.
//!    [`mod@search`]: rows found by words. [`streaming`]: large results, a few rows at a time.
//!    [`mod@raw`]: SQL by hand; [`mod@from_row`]: what its rows can be read as.
//! 4. [`schema`]: tables from models; [`migrate`]: from one schema to the next.
//! 5. [`db`], [`transaction`], [`executor`]: what runs them; [`log`]: what was run.
//!    [`tenancy`]: for whom. [`signal`]: what a commit tells to whoever waits for it.
//! 6. [`driver`]: the contract between all this and an engine; [`row`], [`value`]: what goes to and fro.
//! 7. [`sqlite`]: the engine that is built in: reader threads and one group-committing writer. [`mod@postgres`]: a pool of
//!    shared connections. `mysql`: MySQL and MariaDB. [`replicas`]: one of these as the primary, and others that follow it.
//! 8. [`module`]: the database as a part of an application: configuration, checks, seeds.
//! 9. [`transfer`]: rows of all models out of a database and into another, and fixtures; [`factory`]: rows for tests; [`scratch`]:
//!    databases for tests.
//! 10. [`error`]: what can go wrong, with its status.

#![cfg_attr(
    not(any(feature = "mysql", feature = "postgres", feature = "sqlite")),
    allow(
        dead_code,
        unused_imports,
        unused_variables,
        reason = "without an engine, nothing runs what is written here"
    )
)]

pub mod column;
pub mod db;
pub mod driver;
pub mod embedded;
pub mod encrypted;
mod engine;
pub mod error;
pub mod executor;
pub mod expression;
pub mod factory;
mod file;
pub mod from_row;
pub mod hooks;
pub mod key;
pub mod log;
pub mod meta;
pub mod migrate;
pub mod model;
pub mod module;
#[cfg(feature = "mysql")]
pub mod mysql;
pub mod named;
#[cfg(feature = "postgres")]
pub mod postgres;
pub mod query;
pub mod raw;
pub mod relation;
pub mod replicas;
pub mod row;
pub mod schema;
pub mod scratch;
pub mod search;
pub mod signal;
#[cfg(feature = "sqlite")]
pub mod sqlite;
pub mod streaming;
pub mod tenancy;
pub mod transaction;
pub mod transfer;
pub mod value;
pub mod write;

pub use column::{Column, Expr, Order, Predicate, case, count, now};
pub use db::{Db, Settings};
pub use driver::{Dialect, Isolation};
pub use error::DbError;
pub use executor::Executor;
pub use from_row::FromRow;
pub use hooks::{Hooks, Saving};
pub use key::Key;
pub use log::QueryLog;
pub use mainstay_macros::{DbEnum, DbType, FromRow, embedded, migrations, model};
pub use meta::ModelMeta;
pub use migrate::Migrations;
pub use model::Model;
pub use module::{DatabaseConfig, Models, ModelsExt, Seed};
pub use query::{CursorPage, CursorRequest, Page, PageRequest, Query, Selection};
pub use raw::sql;
pub use relation::{BelongsTo, HasMany, HasOne, ManyToMany};
pub use rust_decimal::Decimal;
pub use signal::Signals;
pub use streaming::Streaming;
pub use tenancy::TenantTx;
pub use transaction::{Transactions, Tx};
pub use uuid::Uuid;
pub use value::{Json, Stored, Value};
pub use write::on_conflict;

/// What the macros call. Not for others.
#[doc(hidden)]
pub mod __private {
    pub use mainstay_core::Result;
    pub use serde;
}
