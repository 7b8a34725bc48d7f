//! The model layer.
//!
//! Read from above, in this order:
//!
//! 1. [`model`]: what `#[model]` makes of a struct; [`meta`]: what is known of it at run time.
//! 2. [`column`], [`relation`]: what closures over a model's fields can say. They build the tree of [`expression`].
//! 3. [`query`]: from that tree to SQL and back to models; [`write`]: insert, update, delete.
//! 4. [`schema`]: tables from models.
//! 5. [`db`], [`transaction`], [`executor`]: what runs them; [`log`]: what was run.
//! 6. [`driver`]: the contract between all this and an engine; [`row`], [`value`]: what goes to and fro.
//! 7. [`sqlite`]: the engine that is built in: reader threads and one group-committing writer.
//! 8. [`module`]: the database as a part of an application: configuration, checks, seeds.
//! 9. [`error`]: what can go wrong, with its status.

pub mod column;
pub mod db;
pub mod driver;
mod engine;
pub mod error;
pub mod executor;
pub mod expression;
pub mod key;
pub mod log;
pub mod meta;
pub mod model;
pub mod module;
pub mod query;
pub mod raw;
pub mod relation;
pub mod row;
pub mod schema;
#[cfg(feature = "sqlite")]
pub mod sqlite;
pub mod transaction;
pub mod value;
pub mod write;

pub use column::{Column, Order, Predicate};
pub use db::{Db, Settings};
pub use driver::Dialect;
pub use error::DbError;
pub use executor::Executor;
pub use key::Key;
pub use log::QueryLog;
pub use mainstay_macros::{DbEnum, model};
pub use meta::ModelMeta;
pub use model::Model;
pub use module::{DatabaseConfig, Models, ModelsExt, Seed};
pub use query::{Page, PageRequest, Query};
pub use raw::sql;
pub use relation::{BelongsTo, HasMany, ManyToMany};
pub use transaction::Tx;
pub use value::{Json, Stored, Value};

/// What the macros call. Not for others.
#[doc(hidden)]
pub mod __private {
    pub use mainstay_core::Result;
    pub use serde;
}
