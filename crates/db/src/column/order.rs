//! What rows are sorted by.

use std::marker::PhantomData;

use super::Column;
use crate::expression::{ColumnRef, Direction, Nulls, OrderTerm};

/// A column to sort the rows of `M` by, and how.
#[derive(Debug)]
pub struct Order<M> {
    term: OrderTerm,
    marker: PhantomData<fn() -> M>,
}

impl<M> Clone for Order<M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for Order<M> {}

impl<M> Order<M> {
    pub(super) fn new(column: ColumnRef, direction: Direction) -> Self {
        Self { term: OrderTerm { column, direction, nulls: None }, marker: PhantomData }
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

/// What `order_by` takes: an [`Order`], a column (smallest first), or several in a tuple or a list.
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

impl<M, T> IntoOrder<M> for Column<M, T> {
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
