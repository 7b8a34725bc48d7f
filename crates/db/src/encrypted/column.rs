//! An encrypted field as closures over a model's columns see it.

use std::fmt;
use std::marker::PhantomData;

use crate::column::{Assignment, Predicate};
use crate::error::DbError;
use crate::expression::{ColumnRef, List, Node, Operand, Scope, Term};
use crate::hooks::FieldPath;
use crate::meta::{FieldMeta, Form, ModelMeta};
use crate::model::Model;
use crate::query::{Outputs, Project};
use crate::row::Reader;
use crate::value::{IntoOperand, Stored, Value};
use crate::write::{IntoColumns, IntoConflict, OnConflict, on_conflict};

use super::Blind;

/// An encrypted field of `M` of type `T`, in one place of a query. `FIELD` is its position.
///
/// It can be set, selected, and asked whether it has a value. The engine sees what is sealed alone, so that nothing else can be said of
/// it, but with a blind index: whether it equals a value.
pub struct Encrypted<M, T, const FIELD: usize, I = Unindexed> {
    scope: Scope,
    marker: PhantomData<Of<M, T, I>>,
}

/// Owns none of them.
type Of<M, T, I> = fn() -> (M, T, I);

/// Of an encrypted field that has no blind index.
#[derive(Clone, Copy, Debug)]
pub struct Unindexed;

/// Of an encrypted field with a blind index.
#[derive(Clone, Copy, Debug)]
pub struct Indexed;

/// What says that an encrypted field has a blind index.
#[diagnostic::on_unimplemented(
    message = "an encrypted field cannot be compared without a blind index",
    label = "the database sees only what is sealed",
    note = "give the field one: `#[field(encrypted, blind_index)]`; then it can be compared by `eq`, `ne`, `is_in` and `is_not_in`"
)]
pub trait HasIndex {}

impl HasIndex for Indexed {}

impl<M, T, const FIELD: usize, I> Clone for Encrypted<M, T, FIELD, I> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M, T, const FIELD: usize, I> Copy for Encrypted<M, T, FIELD, I> {}

impl<M: Model, T, const FIELD: usize, I> fmt::Debug for Encrypted<M, T, FIELD, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.scope.alias(), self.field().column)
    }
}

impl<M, T, const FIELD: usize, I> Encrypted<M, T, FIELD, I> {
    /// The field in one place of a query.
    pub const fn new(scope: Scope) -> Self {
        Self { scope, marker: PhantomData }
    }
}

impl<M: Model, T, const FIELD: usize, I> Encrypted<M, T, FIELD, I> {
    fn field(self) -> &'static FieldMeta {
        &M::META.fields[FIELD]
    }

    fn term(self) -> Term {
        Term::Column(ColumnRef { scope: self.scope, column: self.field().column })
    }

    /// It has no value.
    pub fn is_null(self) -> Predicate<M> {
        Predicate::new(Node::Null(self.term()))
    }

    /// It has a value.
    pub fn is_not_null(self) -> Predicate<M> {
        !self.is_null()
    }

    /// Sets it to a value: for `update_with`.
    pub fn set(self, value: impl IntoOperand<T>) -> Assignment<M> {
        Assignment::of(self.field().column, value.into_operand())
    }
}

impl<M: Model, T, const FIELD: usize, I> Encrypted<M, T, FIELD, I> {
    /// It equals `value`. `None` is equal to NULL.
    pub fn eq(self, value: impl IntoOperand<T>) -> Predicate<M>
    where
        I: HasIndex,
    {
        match value.into_operand() {
            Operand(Term::Value(Value::Null)) => self.is_null(),
            operand => self.among([operand]),
        }
    }

    /// It differs from `value`. A NULL neither equals a value nor differs from it.
    pub fn ne(self, value: impl IntoOperand<T>) -> Predicate<M>
    where
        I: HasIndex,
    {
        !self.eq(value)
    }

    /// It is one of these values. None at all is never true.
    pub fn is_in<V: IntoOperand<T>>(self, values: impl IntoIterator<Item = V>) -> Predicate<M>
    where
        I: HasIndex,
    {
        self.among(values.into_iter().map(IntoOperand::into_operand))
    }

    /// It is none of these values.
    pub fn is_not_in<V: IntoOperand<T>>(self, values: impl IntoIterator<Item = V>) -> Predicate<M>
    where
        I: HasIndex,
    {
        !self.is_in(values)
    }

    fn among(self, operands: impl IntoIterator<Item = Operand>) -> Predicate<M> {
        let mut values = Vec::new();
        for Operand(term) in operands {
            match term {
                Term::Value(value) => values.push(value),
                _ => return Predicate::new(incomparable(M::META, FIELD)),
            }
        }
        Predicate::new(among(M::META, FIELD, self.scope, &values))
    }
}

/// The condition that an encrypted field is one of these values, by its blind index.
pub(crate) fn among(meta: &'static ModelMeta, index: usize, scope: Scope, values: &[Value]) -> Node {
    let form: Option<Form> = meta.fields[index].encrypted.and_then(|encryption| encryption.index);
    let (Some(form), Some((_, digests))) = (form, meta.blind_index_of(index)) else {
        return incomparable(meta, index);
    };
    let left = Term::Column(ColumnRef { scope, column: digests.column });
    let values = values.iter().flat_map(|value| Blind::all(meta, index, form, value)).collect();
    Node::In { left, list: List::Values(values) }
}

/// A condition that fails when it is rendered.
pub(crate) fn incomparable(meta: &ModelMeta, index: usize) -> Node {
    let place = format!("{}.{}", meta.name, meta.fields[index].name);
    Node::Null(Term::Fault(format!(
        "`{place}` is encrypted: it can be compared with values alone, by equality, and with a blind index \
         (`#[field(encrypted, blind_index)]`)"
    )))
}

impl<M: Model, T: Stored, const FIELD: usize, I> Project<M> for Encrypted<M, T, FIELD, I> {
    type Row = T;

    fn project(self, outputs: &mut Outputs) {
        outputs.0.push(self.term());
    }

    fn read(reader: &mut Reader<'_>) -> Result<T, DbError> {
        reader.encrypted_alone(M::META, FIELD)
    }
}

impl<M: Model, T: Stored, const FIELD: usize, I> FieldPath<M> for Encrypted<M, T, FIELD, I> {
    type Value = T;

    fn column(self) -> &'static str {
        self.field().column
    }
}

impl<M: Model, T, const FIELD: usize, I> IntoColumns<M> for Encrypted<M, T, FIELD, I> {
    fn into_columns(self) -> Vec<&'static str> {
        vec![self.field().column]
    }
}

impl<M: Model, T, const FIELD: usize, I: HasIndex> IntoConflict<M> for Encrypted<M, T, FIELD, I> {
    fn into_conflict(self) -> OnConflict<M> {
        on_conflict(self)
    }
}
