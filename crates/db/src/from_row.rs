//! What a row of a statement by hand can be read as.

use crate::column::Expr;
use crate::error::DbError;
use crate::meta::ModelMeta;
use crate::row::{Reader, Rows};
use crate::value::{Decode, Stored};

/// A type that is made from a row: a model, a struct with [`#[derive(FromRow)]`](macro@crate::FromRow), a tuple, or a single
/// value.
#[diagnostic::on_unimplemented(
    message = "a row cannot be read as `{Self}`",
    label = "expected a model, a struct with `#[derive(FromRow)]`, a tuple, or a value",
    note = "put `#[derive(FromRow)]` above the struct"
)]
pub trait FromRow: Sized {
    /// The names of the columns that it reads, in the order in which it reads them. `None`: it reads them as they come.
    fn columns() -> Option<Vec<&'static str>> {
        None
    }

    /// Reads it.
    fn read(reader: &mut Reader<'_>) -> Result<Self, DbError>;
}

impl<T: Stored> FromRow for T {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DbError> {
        reader.take()
    }
}

macro_rules! tuples {
    ($(($($type:ident),*))*) => {$(
        impl<$($type: Decode),*> FromRow for ($($type,)*) {
            fn read(reader: &mut Reader<'_>) -> Result<Self, DbError> {
                Ok(($(reader.take::<$type>()?,)*))
            }
        }
    )*};
}

tuples! {
    (A)
    (A, B)
    (A, B, C)
    (A, B, C, D)
    (A, B, C, D, E)
    (A, B, C, D, E, F)
    (A, B, C, D, E, F, G)
    (A, B, C, D, E, F, G, H)
}

/// The columns of a model, in the order of its fields.
pub fn columns_of(meta: &ModelMeta) -> Option<Vec<&'static str>> {
    Some(meta.fields.iter().map(|field| field.column).collect())
}

/// An expression that a field of type `T` can be read from.
#[diagnostic::on_unimplemented(
    message = "a field of type `{T}` cannot be read from `{Self}`",
    label = "expected an expression of type `{T}`"
)]
pub trait Yields<T> {}

impl<M, T, X> Yields<T> for Expr<M, T, X> {}
impl<M, T, X> Yields<Option<T>> for Expr<M, T, X> {}

/// Reads every row.
pub(crate) fn read<T: FromRow>(rows: &Rows) -> Result<Vec<T>, DbError> {
    let places = match (T::columns(), rows.is_empty()) {
        (Some(wanted), false) => Some(places(&wanted, &rows.column_names())?),
        _ => None,
    };
    rows.iter().map(|row| T::read(&mut row.reader_at(places.as_deref()))).collect()
}

/// Where the columns are.
fn places(wanted: &[&'static str], found: &[String]) -> Result<Vec<usize>, DbError> {
    let place = |(index, name): (usize, &&'static str)| {
        if wanted[..index].contains(name) {
            return Err(DbError::Model {
                detail: format!(
                    "two fields are read from one column `{name}`: give one of them another name in the statement, and say \
                     it with `#[db(rename = \"…\")]`"
                ),
            });
        }
        found.iter().position(|column| column == name).ok_or_else(|| DbError::Model {
            detail: format!("the statement returns no column `{name}`; it returns {}", found.join(", ")),
        })
    };
    wanted.iter().enumerate().map(place).collect()
}
