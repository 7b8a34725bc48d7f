//! What a query can return instead of rows: values, tuples of them, and structs with `#[derive(FromRow)]`.

use crate::column::Expr;
use crate::error::DbError;
use crate::expression::{Operand, Term};
use crate::row::Reader;
use crate::value::{Cell, Decode};

/// What `select` takes: an expression, a tuple of such, or the columns of a struct with
/// [`#[derive(FromRow)]`](macro@crate::FromRow).
#[diagnostic::on_unimplemented(
    message = "a query cannot select `{Self}`",
    label = "expected an expression, a tuple of expressions, or the columns of a `FromRow` struct"
)]
pub trait Project<M> {
    /// What it is read as.
    type Row;

    /// Adds its expressions.
    fn project(self, outputs: &mut Outputs);

    /// Reads it from the columns that its expressions have become.
    fn read(reader: &mut Reader<'_>) -> Result<Self::Row, DbError>;
}

/// The expressions that a query selects.
#[derive(Debug, Default)]
pub struct Outputs(pub(crate) Vec<Term>);

impl<M, T: Decode, X: Into<Operand>> Project<M> for Expr<M, T, X> {
    type Row = T;

    fn project(self, outputs: &mut Outputs) {
        outputs.0.push(self.into_term());
    }

    fn read(reader: &mut Reader<'_>) -> Result<T, DbError> {
        let cell = reader.peek();
        reader.take().map_err(|fault| match (fault, cell) {
            // Some engines refuse to reckon beyond a type; others go on in a greater one.
            (DbError::Decode { expected, found, .. }, Cell::Int(_) | Cell::Float(_) | Cell::Decimal(_))
                if T::decode(Cell::Int(0)).is_ok() =>
            {
                DbError::Unstorable { what: found, engine: expected }
            }
            (fault, _) => fault,
        })
    }
}

macro_rules! tuples {
    ($(($($type:ident $value:ident),*))*) => {$(
        impl<Model, $($type: Project<Model>),*> Project<Model> for ($($type,)*) {
            type Row = ($($type::Row,)*);

            fn project(self, outputs: &mut Outputs) {
                let ($($value,)*) = self;
                $($value.project(outputs);)*
            }

            fn read(reader: &mut Reader<'_>) -> Result<Self::Row, DbError> {
                Ok(($($type::read(reader)?,)*))
            }
        }
    )*};
}

tuples! {
    (A a)
    (A a, B b)
    (A a, B b, C c)
    (A a, B b, C c, D d)
    (A a, B b, C c, D d, E e)
    (A a, B b, C c, D d, E e, F f)
    (A a, B b, C c, D d, E e, F f, G g)
    (A a, B b, C c, D d, E e, F f, G g, H h)
}
