//! Typed columns, and what can be said of them.
//!
//! - [`Predicate`]: a condition on rows, which conditions on columns are joined to.
//! - [`Order`]: what rows are sorted by.

mod order;
mod predicate;

use std::fmt;
use std::marker::PhantomData;
use std::ops::Not;

use uuid::Uuid;

use crate::expression::{
    Anchor, Case, ColumnRef, Direction, List, Node, Operand, Operator, Pattern, Scope, Term,
};
use crate::key::Key;
use crate::meta::FieldMeta;
use crate::model::Model;
use crate::value::{IntoOperand, Stored, Value};

pub use order::{IntoOrder, Order, OrderTerms};
pub use predicate::Predicate;

/// A column of type `T` of the model `M`, in one place of a query.
pub struct Column<M, T> {
    pub(crate) at: ColumnRef,
    marker: PhantomData<fn() -> (M, T)>,
}

impl<M, T> Clone for Column<M, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M, T> Copy for Column<M, T> {}

impl<M, T> fmt::Debug for Column<M, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.at.scope.alias(), self.at.column)
    }
}

impl<M, T> Column<M, T> {
    /// The column of that field.
    pub const fn new(scope: Scope, field: &'static FieldMeta) -> Self {
        Self { at: ColumnRef { scope, column: field.column }, marker: PhantomData }
    }

    pub(crate) fn at(scope: Scope, column: &'static str) -> Self {
        Self { at: ColumnRef { scope, column }, marker: PhantomData }
    }

    /// Its name in the table.
    pub fn name(self) -> &'static str {
        self.at.column
    }

    /// Smallest first.
    pub fn asc(self) -> Order<M> {
        Order::new(self.at, Direction::Ascending)
    }

    /// Greatest first.
    pub fn desc(self) -> Order<M> {
        Order::new(self.at, Direction::Descending)
    }

    /// It has no value.
    pub fn is_null(self) -> Predicate<M> {
        Predicate::new(Node::Null(self.at))
    }

    /// It has a value.
    pub fn is_not_null(self) -> Predicate<M> {
        self.is_null().not()
    }

    /// It equals `value`. `None` is equal to NULL.
    pub fn eq(self, value: impl IntoOperand<T>) -> Predicate<M> {
        match value.into_operand().0 {
            Term::Value(Value::Null) => self.is_null(),
            right => self.compare(Operator::Equal, right),
        }
    }

    /// It differs from `value`. As in SQL, a NULL neither equals a value nor differs from it.
    pub fn ne(self, value: impl IntoOperand<T>) -> Predicate<M> {
        match value.into_operand().0 {
            Term::Value(Value::Null) => self.is_not_null(),
            right => self.compare(Operator::NotEqual, right),
        }
    }

    /// It is less than `value`.
    pub fn lt(self, value: impl IntoOperand<T>) -> Predicate<M> {
        self.compare(Operator::Less, value.into_operand().0)
    }

    /// It is at most `value`.
    pub fn le(self, value: impl IntoOperand<T>) -> Predicate<M> {
        self.compare(Operator::LessOrEqual, value.into_operand().0)
    }

    /// It is greater than `value`.
    pub fn gt(self, value: impl IntoOperand<T>) -> Predicate<M> {
        self.compare(Operator::Greater, value.into_operand().0)
    }

    /// It is at least `value`.
    pub fn ge(self, value: impl IntoOperand<T>) -> Predicate<M> {
        self.compare(Operator::GreaterOrEqual, value.into_operand().0)
    }

    /// It is at least `low` and at most `high`.
    pub fn between(self, low: impl IntoOperand<T>, high: impl IntoOperand<T>) -> Predicate<M> {
        self.ge(low).and(self.le(high))
    }

    /// It is one of these. None at all is never true.
    pub fn is_in<V: IntoOperand<T>>(self, values: impl IntoIterator<Item = V>) -> Predicate<M> {
        let values = values.into_iter().filter_map(|value| match value.into_operand().0 {
            Term::Value(value) => Some(value),
            Term::Column(_) | Term::Slot(_) => None,
        });
        Predicate::new(Node::In { left: self.at, list: List::Values(values.collect()) })
    }

    /// It is none of these.
    pub fn is_not_in<V: IntoOperand<T>>(self, values: impl IntoIterator<Item = V>) -> Predicate<M> {
        self.is_in(values).not()
    }

    fn compare(self, operator: Operator, right: Term) -> Predicate<M> {
        Predicate::new(Node::Compare { left: self.at, operator, right })
    }
}

/// The types of text columns.
pub trait TextColumn {}

impl TextColumn for String {}
impl TextColumn for Option<String> {}

impl<M, T: TextColumn> Column<M, T> {
    /// It contains `needle`, in this case.
    pub fn contains(self, needle: impl Into<String>) -> Predicate<M> {
        self.text(needle.into(), Anchor::Anywhere, Case::Sensitive)
    }

    /// It begins with `needle`, in this case.
    pub fn starts_with(self, needle: impl Into<String>) -> Predicate<M> {
        self.text(needle.into(), Anchor::Start, Case::Sensitive)
    }

    /// It ends with `needle`, in this case.
    pub fn ends_with(self, needle: impl Into<String>) -> Predicate<M> {
        self.text(needle.into(), Anchor::End, Case::Sensitive)
    }

    /// It contains `needle` in any case. On SQLite, only the letters of ASCII have a case.
    pub fn contains_ignoring_case(self, needle: impl Into<String>) -> Predicate<M> {
        self.text(needle.into(), Anchor::Anywhere, Case::Ignored)
    }

    /// It begins with `needle` in any case. On SQLite, only the letters of ASCII have a case.
    pub fn starts_with_ignoring_case(self, needle: impl Into<String>) -> Predicate<M> {
        self.text(needle.into(), Anchor::Start, Case::Ignored)
    }

    fn text(self, needle: String, anchor: Anchor, case: Case) -> Predicate<M> {
        let pattern = Pattern { needle: Term::Value(Value::Text(needle)), anchor, case };
        Predicate::new(Node::Text { left: self.at, pattern })
    }
}

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

impl<M, T> IntoOperand<T> for Column<M, T> {
    fn into_operand(self) -> Operand {
        Operand(Term::Column(self.at))
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
