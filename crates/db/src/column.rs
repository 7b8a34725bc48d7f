//! Typed columns, and what can be said of them.
//!
//! - [`Expr`]: a value in every row. A [`Column`] is one, and so is what is computed from it.
//! - [`mod@text`], [`mod@number`], [`mod@time`]: what texts, numbers and times can do; [`mod@choose`]: `case`.
//! - [`mod@list`]: what lists can do; [`mod@json`]: what is inside of documents; [`mod@assign`]: columns that are set to what is computed.
//! - [`mod@aggregate`]: one value of many rows; [`mod@related`]: values from the rows that a relation leads to.
//! - [`Predicate`]: a condition on rows, which conditions on columns are joined to.
//! - [`Order`]: what rows are sorted by.
//! - [`mod@operand`]: what columns are compared with.

mod aggregate;
mod assign;
mod choose;
mod json;
mod list;
mod number;
mod operand;
mod order;
mod predicate;
mod related;
mod text;
mod time;

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Bound, Not, RangeBounds};

use crate::expression::{Call, ColumnRef, Direction, Function, Node, Operand, Operator, Scope, Term};
use crate::meta::FieldMeta;
use crate::value::{IntoOperand, Stored, Value};

pub use aggregate::{Ordered, count};
pub(crate) use assign::assignments;
pub use assign::{Assignment, IntoAssignments};
pub use choose::{Branches, Outcome, case};
pub use json::{JsonColumn, JsonPath};
pub use list::ListColumn;
pub use number::{Divided, Divisor, Number};
pub use operand::IntoList;
pub use order::{IntoOrder, Order, OrderTerms};
pub use predicate::Predicate;
pub use text::TextColumn;
pub use time::{DateColumn, TimeColumn, now};

/// A value of type `T` in every row of the model `M`: a [`Column`], or what is computed from columns.
///
/// `X` says which of the two it is: a column can be copied, a computed value has to be cloned.
#[must_use = "an expression does nothing until a query takes it"]
pub struct Expr<M, T, X = Operand> {
    what: X,
    marker: PhantomData<fn() -> (M, T)>,
}

/// A column of type `T` of the model `M`, in one place of a query.
pub type Column<M, T> = Expr<M, T, ColumnRef>;

impl<M, T, X: Clone> Clone for Expr<M, T, X> {
    fn clone(&self) -> Self {
        Self { what: self.what.clone(), marker: PhantomData }
    }
}

impl<M, T> Copy for Column<M, T> {}

impl<M, T> fmt::Debug for Column<M, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.what.scope.alias(), self.what.column)
    }
}

impl<M, T> fmt::Debug for Expr<M, T, Operand> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.what.0.fmt(f)
    }
}

impl<M, T> Column<M, T> {
    /// The column of that field.
    pub const fn new(scope: Scope, field: &'static FieldMeta) -> Self {
        Self::at(scope, field.column)
    }

    pub(crate) const fn at(scope: Scope, column: &'static str) -> Self {
        Self { what: ColumnRef { scope, column }, marker: PhantomData }
    }

    /// Where it is in the query.
    pub(crate) const fn scope(self) -> Scope {
        self.what.scope
    }

    /// Its name in the table.
    pub fn name(self) -> &'static str {
        self.what.column
    }
}

impl<M, T> Expr<M, T> {
    pub(crate) fn computed(term: Term) -> Self {
        Self { what: Operand(term), marker: PhantomData }
    }

    /// A function of one argument or more, the first of which is of type `of`.
    pub(crate) fn call<Of: Stored>(function: Function, arguments: Vec<Term>) -> Self {
        Self::computed(Term::Call(Box::new(Call { function, of: Of::TYPE, arguments })))
    }
}

impl<M, T, X: Into<Operand>> Expr<M, T, X> {
    pub(crate) fn into_term(self) -> Term {
        self.what.into().0
    }

    /// It has no value.
    pub fn is_null(self) -> Predicate<M> {
        Predicate::new(Node::Null(self.into_term()))
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

    /// It differs from `value`. As in SQL, a NULL neither equals a value nor differs from it: see
    /// [`is_distinct_from`](Self::is_distinct_from).
    pub fn ne(self, value: impl IntoOperand<T>) -> Predicate<M> {
        match value.into_operand().0 {
            Term::Value(Value::Null) => self.is_not_null(),
            right => self.compare(Operator::NotEqual, right),
        }
    }

    /// It is not the same as `value`, where NULL is the same as NULL and differs from every value.
    pub fn is_distinct_from(self, value: impl IntoOperand<T>) -> Predicate<M> {
        self.is_not_distinct_from(value).not()
    }

    /// It is the same as `value`, where NULL is the same as NULL and differs from every value.
    pub fn is_not_distinct_from(self, value: impl IntoOperand<T>) -> Predicate<M> {
        match value.into_operand().0 {
            Term::Value(Value::Null) => self.is_null(),
            right => self.compare(Operator::Same, right),
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
    pub fn between(self, low: impl IntoOperand<T>, high: impl IntoOperand<T>) -> Predicate<M>
    where
        X: Clone,
    {
        self.clone().ge(low).and(self.le(high))
    }

    /// It lies in a range as Rust has them: `a.price.within(10..20)`, `a.price.within(..=20)`.
    pub fn within<V: IntoOperand<T> + Clone>(self, range: impl RangeBounds<V>) -> Predicate<M>
    where
        X: Clone,
    {
        let low = match range.start_bound() {
            Bound::Included(low) => self.clone().ge(low.clone()),
            Bound::Excluded(low) => self.clone().gt(low.clone()),
            Bound::Unbounded => Predicate::always(),
        };
        low.and(match range.end_bound() {
            Bound::Included(high) => self.le(high.clone()),
            Bound::Excluded(high) => self.lt(high.clone()),
            Bound::Unbounded => Predicate::always(),
        })
    }

    /// It is one of these: values, or what a query selects. None at all is never true.
    pub fn is_in(self, values: impl IntoList<T>) -> Predicate<M> {
        Predicate::new(Node::In { left: self.into_term(), list: values.into_list().0 })
    }

    /// It is none of these.
    pub fn is_not_in(self, values: impl IntoList<T>) -> Predicate<M> {
        self.is_in(values).not()
    }

    fn compare(self, operator: Operator, right: Term) -> Predicate<M> {
        Predicate::new(Node::Compare { left: self.into_term(), operator, right })
    }
}

impl<M, T: Stored, X: Into<Operand>> Expr<M, T, X> {
    /// Smallest first.
    pub fn asc(self) -> Order<M> {
        Order::new::<T>(self.into_term(), Direction::Ascending)
    }

    /// Greatest first.
    pub fn desc(self) -> Order<M> {
        Order::new::<T>(self.into_term(), Direction::Descending)
    }

    /// The same, as something that may be NULL: to be combined with what is.
    pub fn nullable(self) -> Expr<M, Option<T>> {
        Expr::computed(self.into_term())
    }
}

impl<M, T: Stored, X: Into<Operand>> Expr<M, Option<T>, X> {
    /// Its value, or `other` where it has none.
    pub fn coalesce(self, other: impl IntoOperand<T>) -> Expr<M, T> {
        let other = other.into_operand().typed(T::TYPE);
        Expr::<M, T>::call::<T>(Function::Coalesce, vec![self.into_term(), other])
    }

    /// Its value, or that of `other` where it has none.
    pub fn or(self, other: impl IntoOperand<Option<T>>) -> Expr<M, Option<T>> {
        let other = other.into_operand().typed(T::TYPE);
        Expr::<M, Option<T>>::call::<T>(Function::Coalesce, vec![self.into_term(), other])
    }
}
