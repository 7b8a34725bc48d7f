//! Typed columns, what can be said of them, and the predicates that come of it.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{BitAnd, BitOr, Not};

use crate::expression::{
    Anchor, Case, ColumnRef, Direction, List, Node, Nulls, Operand, Operator, OrderTerm, Pattern, Scope, Term,
};
use crate::key::Key;
use crate::meta::FieldMeta;
use crate::model::Model;
use crate::value::{IntoOperand, Stored, Value};

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

/// A condition on the rows of `M`.
#[must_use = "a predicate does nothing until a query takes it"]
pub struct Predicate<M> {
    pub(crate) node: Node,
    marker: PhantomData<fn() -> M>,
}

impl<M> Clone for Predicate<M> {
    fn clone(&self) -> Self {
        Self::new(self.node.clone())
    }
}

impl<M> fmt::Debug for Predicate<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.node.fmt(f)
    }
}

impl<M> Predicate<M> {
    pub(crate) fn new(node: Node) -> Self {
        Self { node, marker: PhantomData }
    }

    /// Every row.
    pub fn always() -> Self {
        Self::new(Node::All(Vec::new()))
    }

    /// No row.
    pub fn never() -> Self {
        Self::new(Node::Any(Vec::new()))
    }

    /// Both hold.
    pub fn and(self, other: Self) -> Self {
        Self::new(match (self.node, other.node) {
            (Node::All(mut all), Node::All(more)) => {
                all.extend(more);
                Node::All(all)
            }
            (Node::All(mut all), other) => {
                all.push(other);
                Node::All(all)
            }
            (node, other) => Node::All(vec![node, other]),
        })
    }

    /// One of them holds, or both.
    pub fn or(self, other: Self) -> Self {
        Self::new(match (self.node, other.node) {
            (Node::Any(mut any), other) => {
                any.push(other);
                Node::Any(any)
            }
            (node, other) => Node::Any(vec![node, other]),
        })
    }
}

impl<M> Not for Predicate<M> {
    type Output = Self;

    fn not(self) -> Self {
        Self::new(match self.node {
            Node::Not(node) => *node,
            node => Node::Not(Box::new(node)),
        })
    }
}

impl<M> BitAnd for Predicate<M> {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        self.and(other)
    }
}

impl<M> BitOr for Predicate<M> {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.or(other)
    }
}

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
    fn new(column: ColumnRef, direction: Direction) -> Self {
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

plain_key!(i16, i32, i64, u32, String);
