//! Columns that are set to what is computed: `a.views.set(a.views + 1)`.

use std::marker::PhantomData;

use super::{Column, Predicate};
use crate::encrypted::column::incomparable;
use crate::error::DbError;
use crate::expression::{ColumnRef, Node, Operand, Operator, Scope, Term};
use crate::key::Key;
use crate::model::Model;
use crate::relation::ToOne;
use crate::value::{IntoOperand, Stored, Value};
use crate::write::Assignments;

/// What a column of `M` is set to.
#[derive(Debug)]
#[must_use = "an assignment does nothing until an update takes it"]
pub struct Assignment<M> {
    column: &'static str,
    operand: Operand,
    marker: PhantomData<fn() -> M>,
}

impl<M> Assignment<M> {
    pub(crate) fn new(column: &'static str, value: Value) -> Self {
        Self::of(column, Operand(Term::Value(value)))
    }

    pub(crate) fn of(column: &'static str, operand: Operand) -> Self {
        Self { column, operand, marker: PhantomData }
    }
}

impl<M: Model> Assignment<M> {
    /// The condition that this would change nothing: the column has this value already.
    pub fn is_so(self) -> Predicate<M> {
        let left = Term::Column(ColumnRef { scope: Scope::ROOT, column: self.column });
        // What is sealed looks different each time.
        if let Some((index, _)) = M::META.column(self.column).filter(|(_, field)| field.encrypted.is_some()) {
            return Predicate::new(incomparable(M::META, index));
        }
        Predicate::new(Node::Compare { left, operator: Operator::Same, right: self.operand.0 })
    }
}

impl<M, T: Stored> Column<M, T> {
    /// Sets it to a value, or to what is computed from the row as it was: for `update_with`.
    pub fn set(self, value: impl IntoOperand<T>) -> Assignment<M> {
        let operand = match value.into_operand() {
            Operand(Term::Value(value)) => Operand(Term::Value(value)),
            operand => Operand(operand.typed(T::TYPE)),
        };
        Assignment { column: self.what.column, operand, marker: PhantomData }
    }
}

impl<M: Model, R: Model<Key: Stored>> ToOne<M, R> {
    /// Sets it to another row: for `update_with`.
    pub fn set(self, row: impl IntoOperand<Key<R>>) -> Assignment<M> {
        self.key().set(row)
    }
}

/// What `update_with` takes: `a.views.set(a.views + 1)`, or several such in a tuple or a list.
#[diagnostic::on_unimplemented(
    message = "`{Self}` sets no columns of `{M}`",
    label = "expected `.set(..)` of a column, or a tuple of them"
)]
pub trait IntoAssignments<M> {
    /// Adds them.
    fn assign(self, assignments: &mut Vec<Assignment<M>>);
}

impl<M> IntoAssignments<M> for Assignment<M> {
    fn assign(self, assignments: &mut Vec<Self>) {
        assignments.push(self);
    }
}

impl<M> IntoAssignments<M> for Vec<Assignment<M>> {
    fn assign(self, assignments: &mut Self) {
        assignments.extend(self);
    }
}

macro_rules! tuples {
    ($(($($type:ident $value:ident),*))*) => {$(
        impl<Model, $($type: IntoAssignments<Model>),*> IntoAssignments<Model> for ($($type,)*) {
            fn assign(self, assignments: &mut Vec<Assignment<Model>>) {
                let ($($value,)*) = self;
                $($value.assign(assignments);)*
            }
        }
    )*};
}

tuples! {
    (A a, B b)
    (A a, B b, C c)
    (A a, B b, C c, D d)
    (A a, B b, C c, D d, E e)
    (A a, B b, C c, D d, E e, F f)
}

/// The assignments that a closure over the columns of `M` makes.
pub(crate) fn assignments<M: Model, S: IntoAssignments<M>>(
    sets: impl FnOnce(M::Fields) -> S,
) -> Result<Assignments, DbError> {
    let mut list = Vec::new();
    sets(M::fields(Scope::ROOT)).assign(&mut list);
    let mut assignments = Assignments::new(M::META);
    for Assignment { column, operand, .. } in list {
        let fault = |why: &str| DbError::Model { detail: format!("`{}.{column}` {why}", M::META.name) };
        let (index, _) = M::META.column(column).ok_or_else(|| fault("is not a column"))?;
        if M::META.key.contains(&index) {
            return Err(fault("is a part of the primary key, which an update does not change"));
        }
        if M::META.fields[index].computed.is_some() {
            return Err(fault("is computed by the database, and cannot be set"));
        }
        match operand.0 {
            Term::Value(value) => assignments.set_value(index, value),
            _ if M::META.fields[index].encrypted.is_some() => {
                return Err(fault(
                    "is encrypted, and can be set to values alone: what the database computes it cannot seal",
                ));
            }
            term => assignments.set_term(index, term),
        }
    }
    Ok(assignments)
}
