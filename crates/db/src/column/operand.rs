//! What columns are compared with, or set to.

use rust_decimal::Decimal;
use uuid::Uuid;

use super::Expr;
use crate::expression::{List, Operand, Term};
use crate::key::Key;
use crate::model::Model;
use crate::query::Selection;
use crate::value::{IntoOperand, Stored, Value};

impl<T: Stored> IntoOperand<T> for T {
    fn into_operand(self) -> Operand {
        Operand(Term::Value(self.into_value()))
    }
}

impl<T: Stored> IntoOperand<Option<T>> for T {
    fn into_operand(self) -> Operand {
        Operand(Term::Value(self.into_value()))
    }
}

impl<M, T, X: Into<Operand>> IntoOperand<T> for Expr<M, T, X> {
    fn into_operand(self) -> Operand {
        Operand(self.into_term())
    }
}

impl<M, T, X: Into<Operand>> IntoOperand<Option<T>> for Expr<M, T, X> {
    fn into_operand(self) -> Operand {
        Operand(self.into_term())
    }
}

macro_rules! borrowed_text {
    ($($from:ty => $to:ty),*) => {$(
        impl IntoOperand<$to> for $from {
            fn into_operand(self) -> Operand {
                Operand(Term::Value(Value::Text(self.to_owned())))
            }
        }
    )*};
}

borrowed_text!(&str => String, &String => String, &str => Option<String>, &String => Option<String>);

macro_rules! plain_key {
    ($($from:ty),*) => {$(
        impl<M: Model<Key = $from>> IntoOperand<Key<M>> for $from {
            fn into_operand(self) -> Operand {
                Operand(Term::Value(self.into_value()))
            }
        }
    )*};
}

plain_key!(i8, i16, i32, i64, u8, u16, u32, String, Uuid);

/// Whole numbers stand for exact ones: `a.price.gt(0)`.
macro_rules! whole {
    ($($from:ty),*) => {$(
        impl IntoOperand<Decimal> for $from {
            fn into_operand(self) -> Operand {
                Operand(Term::Value(Value::Decimal(self.into())))
            }
        }

        impl IntoOperand<Option<Decimal>> for $from {
            fn into_operand(self) -> Operand {
                Operand(Term::Value(Value::Decimal(self.into())))
            }
        }
    )*};
}

whole!(i32, i64);

/// A row stands for its key.
impl<M: Model<Key: Stored>> IntoOperand<Key<M>> for &M {
    fn into_operand(self) -> Operand {
        Operand(Term::Value(self.key().into_value()))
    }
}

impl<M: Model<Key: Stored>> IntoOperand<Key<M>> for &Key<M> {
    fn into_operand(self) -> Operand {
        Operand(Term::Value(self.clone().into_value()))
    }
}

/// What `is_in` takes: values, or a query for them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a list of `{T}`",
    label = "expected values of type `{T}`, or a query that selects them"
)]
pub trait IntoList<T> {
    /// The list.
    fn into_list(self) -> Candidates;
}

/// A list of values, or a query for them.
#[derive(Clone, Debug)]
pub struct Candidates(pub(crate) List);

impl<M, T> IntoList<T> for Selection<M, T> {
    fn into_list(self) -> Candidates {
        Candidates(List::Query(Box::new(self.select)))
    }
}

impl<T, V: IntoOperand<T>, I: IntoIterator<Item = V>> IntoList<T> for I {
    fn into_list(self) -> Candidates {
        let values = self.into_iter().filter_map(|value| match value.into_operand().0 {
            Term::Value(value) => Some(value),
            _ => None,
        });
        Candidates(List::Values(values.collect()))
    }
}
