//! What `#[model]` makes of a struct.

use std::fmt;

use mainstay_core::Result;
use serde::Serialize;

use crate::error::DbError;
use crate::expression::Scope;
use crate::hooks::{FieldPath, Hooked, given};
use crate::key::{Key, KeyType};
use crate::meta::ModelMeta;
use crate::row::Reader;
use crate::value::Value;
use crate::write::Assignments;

/// A struct with a table. Implemented by [`#[model]`](macro@crate::model), which also gives it its own functions (`filter`,
/// `get`, `update`…), so that this trait need not be imported.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a model",
    label = "this is not a model",
    note = "put `#[model]` above the struct"
)]
pub trait Model: Clone + fmt::Debug + Serialize + Sized + Send + Sync + 'static {
    /// The type of its primary key.
    type Key: KeyType;
    /// Its columns and relations, as closures get them.
    type Fields: Copy + Send;
    /// A change to some of its fields.
    type Change: Changing;
    /// A row that is not stored yet.
    type Draft: Drafting;

    /// Everything about it at run time.
    const META: &'static ModelMeta;

    /// Its columns and relations in one place of a query.
    fn fields(scope: Scope) -> Self::Fields;

    /// Reads it from a row that holds its columns in the order of its fields.
    fn from_row(reader: &mut Reader<'_>) -> std::result::Result<Self, DbError>;

    /// Reads its stored fields again. Relations that are loaded stay so while they lead to the same row.
    fn reload(&mut self, reader: &mut Reader<'_>) -> std::result::Result<(), DbError>;

    /// Its primary key.
    fn key(&self) -> Key<Self>;

    /// The values of its stored fields, in order.
    fn values(&self) -> Vec<Value>;

    /// How many times the row had been updated when it was read, if it counts that.
    fn version(&self) -> Option<i64> {
        None
    }

    /// Its hooks, if it has any: see [`Hooks`](crate::Hooks).
    #[doc(hidden)]
    fn hooks() -> Option<&'static dyn Hooked<Self>> {
        None
    }
}

/// A model whose rows are deleted softly: it has a `#[field(deleted_at)]`. Implemented by `#[model]`.
#[diagnostic::on_unimplemented(
    message = "the rows of `{Self}` are deleted for good",
    label = "this needs a time of deletion",
    note = "add `#[field(deleted_at)] deleted_at: Option<DateTime<Utc>>` to the model"
)]
pub trait SoftDelete: Model {}

/// A model whose rows can be searched for words: it has a `#[search(…)]`. Implemented by `#[model]`.
#[diagnostic::on_unimplemented(
    message = "the rows of `{Self}` cannot be searched",
    label = "this needs an index of words",
    note = "add `#[search(…)]` above the model, with the fields that are looked into: `#[search(title, body)]`"
)]
pub trait Searchable: Model {}

/// The type of a new row of a model: what [`Model::Draft`] is. Implemented by [`#[model]`](macro@crate::model).
pub trait Drafting: Clone + From<Assignments> + Into<Assignments> + Send {
    /// The model.
    type Model: Model<Draft = Self>;

    /// What is going to be written to a field; `None` when nothing has been set: `draft.given(|article| article.title)`.
    ///
    /// # Errors
    ///
    /// When what was set is no value of the field.
    fn given<F: FieldPath<Self::Model>>(
        &self,
        field: impl FnOnce(<Self::Model as Model>::Fields) -> F,
    ) -> Result<Option<F::Value>> {
        given(&self.clone().into(), field)
    }
}

/// The type of a change to a model: what [`Model::Change`] is.
pub trait Changing: From<Assignments> + Into<Assignments> + Send {}

impl<C: From<Assignments> + Into<Assignments> + Send> Changing for C {}
