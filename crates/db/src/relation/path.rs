//! Relations as closures over a model's columns see them.

use std::fmt;
use std::ops::Not;

use super::field::{BelongsTo, Collection};
use crate::column::{Column, IntoList, Predicate};
use crate::expression::{Node, Related, Scope, is_key, is_no_key, is_other_key};
use crate::key::Key;
use crate::meta::{Columns, RelationKind, RelationMeta};
use crate::model::Model;
use crate::value::Stored;

/// The way to the one row that a row of `M` belongs to.
pub struct ToOne<M, R: Model> {
    pub(crate) scope: Scope,
    pub(crate) relation: &'static RelationMeta,
    pub(crate) slot: fn(&mut M) -> Option<&mut BelongsTo<R>>,
}

/// The way to the rows on the many side.
pub struct ToMany<M, R> {
    pub(crate) scope: Scope,
    pub(crate) relation: &'static RelationMeta,
    pub(crate) slot: fn(&mut M) -> &mut Collection<R>,
}

/// The way to the one row that belongs to a row of `M`.
pub struct ToSingle<M, R>(pub(crate) ToMany<M, R>);

/// A relation whose rows can be created together with the row that has it: one to many, or `has_one`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no rows that a new row could be stored with",
    label = "expected a relation to many or a `has_one`, such as `|a| a.comments`"
)]
pub trait Nests<M: Model> {
    /// The other model.
    type Row: Model;

    /// The way to its rows.
    fn into_many(self) -> ToMany<M, Self::Row>;
}

impl<M: Model, R: Model> Nests<M> for ToMany<M, R> {
    type Row = R;

    fn into_many(self) -> Self {
        self
    }
}

impl<M: Model, R: Model> Nests<M> for ToSingle<M, R> {
    type Row = R;

    fn into_many(self) -> ToMany<M, R> {
        self.0
    }
}

impl<M, R> Clone for ToSingle<M, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M, R> Copy for ToSingle<M, R> {}

impl<M, R> fmt::Debug for ToSingle<M, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<M: Model, R: Model> ToSingle<M, R> {
    /// The same way, as to rows of which there may be many.
    pub fn many(self) -> ToMany<M, R> {
        self.0
    }

    /// The relation in one place of a query.
    pub const fn new(
        scope: Scope,
        relation: &'static RelationMeta,
        slot: fn(&mut M) -> &mut Collection<R>,
    ) -> Self {
        Self(ToMany::new(scope, relation, slot))
    }

    /// There is one, and it is as the closure says.
    pub fn is(self, condition: impl FnOnce(R::Fields) -> Predicate<R>) -> Predicate<M> {
        self.0.any(condition)
    }

    /// There is one.
    pub fn exists(self) -> Predicate<M> {
        self.0.exists()
    }

    /// There is none.
    pub fn is_empty(self) -> Predicate<M> {
        self.0.is_empty()
    }
}

impl<M, R: Model> Clone for ToOne<M, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M, R: Model> Copy for ToOne<M, R> {}

impl<M, R: Model> fmt::Debug for ToOne<M, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.scope.alias(), self.relation.name)
    }
}

impl<M, R> Clone for ToMany<M, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M, R> Copy for ToMany<M, R> {}

impl<M, R> fmt::Debug for ToMany<M, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.scope.alias(), self.relation.name)
    }
}

impl<M: Model, R: Model> ToOne<M, R> {
    /// What is known of the relation.
    pub fn meta(self) -> &'static RelationMeta {
        self.relation
    }

    /// The other row, if it is loaded in this one.
    pub fn loaded_in(self, row: &mut M) -> Option<&R> {
        (self.slot)(row)?.loaded()
    }

    /// The relation in one place of a query.
    pub const fn new(
        scope: Scope,
        relation: &'static RelationMeta,
        slot: fn(&mut M) -> Option<&mut BelongsTo<R>>,
    ) -> Self {
        Self { scope, relation, slot }
    }

    fn columns(self) -> Columns {
        match self.relation.kind {
            RelationKind::BelongsTo { fields, .. } => {
                fields.iter().map(|field| M::META.fields[*field].column).collect()
            }
            _ => Columns::new(),
        }
    }

    /// It is that row.
    pub fn eq(self, row: impl Into<Key<R>>) -> Predicate<M> {
        Predicate::new(is_key(self.scope, &self.columns(), &row.into().whole()))
    }

    /// It is another row than that one. Where there is none, it is neither.
    pub fn ne(self, row: impl Into<Key<R>>) -> Predicate<M> {
        Predicate::new(is_other_key(self.scope, &self.columns(), &row.into().whole()))
    }

    /// There is none.
    pub fn is_null(self) -> Predicate<M> {
        Predicate::new(is_no_key(self.scope, &self.columns()))
    }

    /// There is one.
    pub fn is_not_null(self) -> Predicate<M> {
        self.is_null().not()
    }

    /// There is one, and it is as the closure says.
    pub fn is(self, condition: impl FnOnce(R::Fields) -> Predicate<R>) -> Predicate<M> {
        related(self.scope, self.relation, Some(condition))
    }
}

/// A key of one column is a value like others.
impl<M: Model, R: Model<Key: Stored>> ToOne<M, R> {
    /// The column with the other row's key.
    pub fn key(self) -> Column<M, Key<R>> {
        Column::at(self.scope, self.columns().first().copied().unwrap_or(self.relation.name))
    }

    /// It is one of those rows.
    pub fn is_in(self, rows: impl IntoList<Key<R>>) -> Predicate<M> {
        self.key().is_in(rows)
    }
}

impl<M: Model, R: Model> ToMany<M, R> {
    /// What is known of the relation.
    pub fn meta(self) -> &'static RelationMeta {
        self.relation
    }

    /// The other rows that are loaded in this one; none if they are not.
    pub fn loaded_in(self, row: &mut M) -> &[R] {
        (self.slot)(row).loaded()
    }

    /// The relation in one place of a query.
    pub const fn new(
        scope: Scope,
        relation: &'static RelationMeta,
        slot: fn(&mut M) -> &mut Collection<R>,
    ) -> Self {
        Self { scope, relation, slot }
    }

    /// At least one is as the closure says.
    pub fn any(self, condition: impl FnOnce(R::Fields) -> Predicate<R>) -> Predicate<M> {
        related(self.scope, self.relation, Some(condition))
    }

    /// None is as the closure says.
    pub fn none(self, condition: impl FnOnce(R::Fields) -> Predicate<R>) -> Predicate<M> {
        self.any(condition).not()
    }

    /// There is at least one.
    pub fn exists(self) -> Predicate<M> {
        related::<M, R>(self.scope, self.relation, None::<fn(R::Fields) -> Predicate<R>>)
    }

    /// There is none.
    pub fn is_empty(self) -> Predicate<M> {
        self.exists().not()
    }
}

fn related<M: Model, R: Model>(
    outer: Scope,
    relation: &'static RelationMeta,
    condition: Option<impl FnOnce(R::Fields) -> Predicate<R>>,
) -> Predicate<M> {
    let inner = outer.inner();
    let body = condition.map(|condition| condition(R::fields(inner)).node);
    Predicate::new(Node::Related(Box::new(Related { relation, outer, inner, body })))
}
