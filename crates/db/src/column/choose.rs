//! `CASE`: a value by conditions.

use std::fmt;
use std::marker::PhantomData;

use super::{Expr, Predicate};
use crate::expression::{Choose, Node, Operand, Term};
use crate::value::{IntoOperand, Stored, Value};

/// A value by conditions: `case(a.views.gt(100), "much").when(a.views.gt(10), "some").otherwise("little")`.
///
/// Its type is that of the first value.
pub fn case<M, V: Outcome>(when: Predicate<M>, then: V) -> Branches<M, V::Type> {
    let then = then.into_outcome().typed(V::Type::TYPE);
    Branches { branches: vec![(when.node, then)], marker: PhantomData }
}

/// What a [`case`] can begin with: a value, or an expression.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the value of a `case`",
    label = "expected a value that a column can hold, or an expression"
)]
pub trait Outcome {
    /// The type of the whole.
    type Type: Stored;

    /// The value.
    fn into_outcome(self) -> Operand;
}

impl<T: Stored> Outcome for T {
    type Type = T;

    fn into_outcome(self) -> Operand {
        Operand(Term::Value(self.into_value()))
    }
}

impl Outcome for &str {
    type Type = String;

    fn into_outcome(self) -> Operand {
        Operand(Term::Value(Value::Text(self.to_owned())))
    }
}

impl<M, T: Stored, X: Into<Operand>> Outcome for Expr<M, T, X> {
    type Type = T;

    fn into_outcome(self) -> Operand {
        Operand(self.into_term())
    }
}

/// The branches of a [`case`], which [`otherwise`](Branches::otherwise) ends.
#[must_use = "a case has a value only with `otherwise`"]
pub struct Branches<M, T> {
    branches: Vec<(Node, Term)>,
    marker: PhantomData<fn() -> (M, T)>,
}

impl<M, T> fmt::Debug for Branches<M, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.branches.fmt(f)
    }
}

impl<M, T: Stored> Branches<M, T> {
    /// A further branch, for rows that no branch before it is for.
    pub fn when(mut self, when: Predicate<M>, then: impl IntoOperand<T>) -> Self {
        self.branches.push((when.node, then.into_operand().typed(T::TYPE)));
        self
    }

    /// The value for all other rows.
    pub fn otherwise(self, value: impl IntoOperand<T>) -> Expr<M, T> {
        let otherwise = value.into_operand().typed(T::TYPE);
        Expr::computed(Term::Choose(Box::new(Choose {
            branches: self.branches,
            otherwise,
            sql_type: T::TYPE,
        })))
    }
}
