//! What rows are sorted by.

use std::marker::PhantomData;

use super::Expr;
use crate::expression::{Direction, Nulls, Operand, OrderTerm, Term};
use crate::meta::FieldMeta;
use crate::value::Stored;

/// Something to sort the rows of `M` by, and how.
#[derive(Debug)]
pub struct Order<M> {
    term: OrderTerm,
    marker: PhantomData<fn() -> M>,
}

impl<M> Clone for Order<M> {
    fn clone(&self) -> Self {
        Self { term: self.term.clone(), marker: PhantomData }
    }
}

impl<M> Order<M> {
    pub(super) fn new<T: Stored>(term: Term, direction: Direction) -> Self {
        let (sql_type, nullable) = (T::TYPE, T::NULLABLE);
        let term = OrderTerm { term, sql_type, nullable, direction, nulls: None };
        Self { term, marker: PhantomData }
    }

    pub(crate) fn by(term: Term, field: &FieldMeta, direction: Direction) -> Self {
        let (sql_type, nullable) = (field.sql_type, field.nullable);
        let term = OrderTerm { term, sql_type, nullable, direction, nulls: None };
        Self { term, marker: PhantomData }
    }

    /// Rows without a value come first. Without this, each engine has its own habit.
    #[must_use]
    pub fn nulls_first(mut self) -> Self {
        self.term.nulls = Some(Nulls::First);
        self
    }

    /// Rows without a value come last.
    #[must_use]
    pub fn nulls_last(mut self) -> Self {
        self.term.nulls = Some(Nulls::Last);
        self
    }
}

/// What `order_by` takes: an [`Order`], an expression (smallest first), or several in a tuple or a list.
#[diagnostic::on_unimplemented(
    message = "rows cannot be sorted by `{Self}`",
    label = "expected a column, `.asc()`, `.desc()`, or a tuple of them"
)]
pub trait IntoOrder<M> {
    /// The terms, the most significant first.
    fn into_order(self) -> OrderTerms;
}

/// What rows are sorted by, in order.
#[derive(Clone, Debug)]
pub struct OrderTerms(pub(crate) Vec<OrderTerm>);

impl<M> IntoOrder<M> for Order<M> {
    fn into_order(self) -> OrderTerms {
        OrderTerms(vec![self.term])
    }
}

impl<M, T: Stored, X: Into<Operand>> IntoOrder<M> for Expr<M, T, X> {
    fn into_order(self) -> OrderTerms {
        self.asc().into_order()
    }
}

impl<M> IntoOrder<M> for Vec<Order<M>> {
    fn into_order(self) -> OrderTerms {
        OrderTerms(self.into_iter().map(|order| order.term).collect())
    }
}

macro_rules! orders {
    ($($type:ident $value:ident),*) => {
        impl<Model, $($type: IntoOrder<Model>),*> IntoOrder<Model> for ($($type,)*) {
            fn into_order(self) -> OrderTerms {
                let ($($value,)*) = self;
                let mut terms = Vec::new();
                $(terms.extend($value.into_order().0);)*
                OrderTerms(terms)
            }
        }
    };
}

orders!(A a, B b);
orders!(A a, B b, C c);
orders!(A a, B b, C c, D d);
