//! What an upsert does about a row that is there already.

use std::fmt;
use std::marker::PhantomData;

use crate::column::Column;
use crate::model::Model;
use crate::relation::ToOne;
use crate::value::Stored;

/// Which fields of `M` make two rows the same, and what is updated then. Made by [`on_conflict`], or from the fields alone.
pub struct OnConflict<M> {
    pub(super) columns: Vec<&'static str>,
    pub(super) update: Option<Vec<&'static str>>,
    marker: PhantomData<fn() -> M>,
}

/// Names the unique fields of an upsert, to say more about it than they do alone:
/// `draft.upsert(|a| on_conflict(a.slug).update((a.title, a.body)), &db)`.
pub fn on_conflict<M>(fields: impl IntoColumns<M>) -> OnConflict<M> {
    OnConflict { columns: fields.into_columns(), update: None, marker: PhantomData }
}

impl<M> OnConflict<M> {
    /// Updates these fields and no others. Without it, those that the draft gives a value are updated.
    #[must_use]
    pub fn update(mut self, fields: impl IntoColumns<M>) -> Self {
        self.update = Some(fields.into_columns());
        self
    }
}

impl<M> fmt::Debug for OnConflict<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnConflict").field("columns", &self.columns).field("update", &self.update).finish()
    }
}

/// Fields of `M`: a column, a relation to one row, or several in a tuple.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not name fields of the model",
    label = "expected a field such as `a.slug`, or several in a tuple"
)]
pub trait IntoColumns<M> {
    /// The names of their columns.
    fn into_columns(self) -> Vec<&'static str>;
}

/// What `upsert` takes: the unique fields, or [`on_conflict`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not name the unique fields of an upsert",
    label = "expected a field such as `a.slug`, several in a tuple, or `on_conflict(..)`"
)]
pub trait IntoConflict<M> {
    /// What to do about a conflict.
    fn into_conflict(self) -> OnConflict<M>;
}

impl<M> IntoConflict<M> for OnConflict<M> {
    fn into_conflict(self) -> OnConflict<M> {
        self
    }
}

impl<M, T> IntoColumns<M> for Column<M, T> {
    fn into_columns(self) -> Vec<&'static str> {
        vec![self.name()]
    }
}

impl<M, T> IntoConflict<M> for Column<M, T> {
    fn into_conflict(self) -> OnConflict<M> {
        on_conflict(self)
    }
}

impl<M: Model, R: Model<Key: Stored>> IntoColumns<M> for ToOne<M, R> {
    fn into_columns(self) -> Vec<&'static str> {
        vec![self.key().name()]
    }
}

impl<M: Model, R: Model<Key: Stored>> IntoConflict<M> for ToOne<M, R> {
    fn into_conflict(self) -> OnConflict<M> {
        on_conflict(self)
    }
}

macro_rules! several {
    ($($type:ident $value:ident),*) => {
        impl<Model, $($type: IntoColumns<Model>),*> IntoColumns<Model> for ($($type,)*) {
            fn into_columns(self) -> Vec<&'static str> {
                let ($($value,)*) = self;
                let mut columns = Vec::new();
                $(columns.extend($value.into_columns());)*
                columns
            }
        }

        impl<Model, $($type: IntoColumns<Model>),*> IntoConflict<Model> for ($($type,)*) {
            fn into_conflict(self) -> OnConflict<Model> {
                on_conflict(self)
            }
        }
    };
}

several!(A a, B b);
several!(A a, B b, C c);
several!(A a, B b, C c, D d);
several!(A a, B b, C c, D d, E e);
several!(A a, B b, C c, D d, E e, F f);
