//! What lists can do, on engines that have them in columns.

use super::{Expr, Predicate};
use crate::expression::{Call, Function, Node, Operand, Operator, Term};
use crate::value::{Element, IntoOperand, Stored, Value};

/// The types of lists.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a list",
    label = "expected `Vec<T>` or `Option<Vec<T>>`"
)]
pub trait ListColumn: Stored {
    /// The type of its values.
    type Item: Element;
    /// The type of its length.
    type Length: Stored;
}

impl<T: Element> ListColumn for Vec<T> {
    type Item = T;
    type Length = i64;
}

impl<T: Element> ListColumn for Option<Vec<T>> {
    type Item = T;
    type Length = Option<i64>;
}

/// An index of the values serves [`has`](Self::has), [`has_all`](Self::has_all) and [`overlaps`](Self::overlaps):
/// `#[index(tags, using = "gin")]`. A NULL among the values is never found.
impl<M, T: ListColumn, X: Into<Operand>> Expr<M, T, X> {
    /// It has this value among its own.
    pub fn has(self, value: impl IntoOperand<T::Item>) -> Predicate<M> {
        match value.into_operand().0 {
            // In this form, an index of the values is used.
            Term::Value(value) => {
                let value = Term::Literal { value: Value::List(vec![value]), sql_type: T::TYPE };
                holds::<M, T>(Function::HasAll, vec![self.into_term(), value])
            }
            computed => holds::<M, T>(Function::Has, vec![computed, self.into_term()]),
        }
    }

    /// It has all of these values among its own; of no values, that is always so.
    pub fn has_all(self, values: impl IntoOperand<Vec<T::Item>>) -> Predicate<M> {
        let values = values.into_operand().typed(T::TYPE);
        holds::<M, T>(Function::HasAll, vec![self.into_term(), values])
    }

    /// It has one of these values among its own, or more.
    pub fn overlaps(self, values: impl IntoOperand<Vec<T::Item>>) -> Predicate<M> {
        let values = values.into_operand().typed(T::TYPE);
        holds::<M, T>(Function::Overlaps, vec![self.into_term(), values])
    }

    /// How many values it has.
    pub fn len(self) -> Expr<M, T::Length> {
        Expr::computed(self.length_of_list())
    }

    /// It has no values. A NULL is not a list, and so not an empty one.
    pub fn is_empty(self) -> Predicate<M> {
        let (left, right) = (self.length_of_list(), Term::Value(Value::Int(0)));
        Predicate::new(Node::Compare { left, operator: Operator::Equal, right })
    }

    fn length_of_list(self) -> Term {
        let arguments = vec![self.into_term()];
        Term::Call(Box::new(Call { function: Function::ListLength, of: T::TYPE, arguments }))
    }
}

fn holds<M, T: ListColumn>(function: Function, arguments: Vec<Term>) -> Predicate<M> {
    Predicate::new(Node::Holds(Term::Call(Box::new(Call { function, of: T::TYPE, arguments }))))
}

/// A list as it is written down: `a.tags.has_all(["a", "b"])`.
impl<T: Element, V: IntoOperand<T>, const N: usize> IntoOperand<Vec<T>> for [V; N] {
    fn into_operand(self) -> Operand {
        list(self.into_iter().map(IntoOperand::into_operand))
    }
}

impl<T: Element, V: IntoOperand<T>, const N: usize> IntoOperand<Option<Vec<T>>> for [V; N] {
    fn into_operand(self) -> Operand {
        list(self.into_iter().map(IntoOperand::into_operand))
    }
}

impl<T: Element> IntoOperand<Vec<T>> for &[T] {
    fn into_operand(self) -> Operand {
        Operand(Term::Value(self.to_vec().into_value()))
    }
}

impl<T: Element> IntoOperand<Option<Vec<T>>> for &[T] {
    fn into_operand(self) -> Operand {
        Operand(Term::Value(self.to_vec().into_value()))
    }
}

fn list(operands: impl Iterator<Item = Operand>) -> Operand {
    let values = operands.map(|operand| match operand.0 {
        Term::Value(value) => Ok(value),
        Term::Fault(detail) => Err(detail),
        _ => Err("a list is of values; a column or what is computed cannot be one of them".to_owned()),
    });
    Operand(match values.collect() {
        Ok(values) => Term::Value(Value::List(values)),
        Err(detail) => Term::Fault(detail),
    })
}
