//! A part as closures over a model's columns see it.

use std::fmt;
use std::ops::{Deref, Not};

use super::{Always, Embedded, Maybe, Presence, width};
use crate::column::{Assignment, Column, Predicate};
use crate::error::DbError;
use crate::expression::{ColumnRef, Node, Operator, Scope, Term};
use crate::from_row::Yields;
use crate::meta::FieldMeta;
use crate::query::{Outputs, Project};
use crate::row::Reader;
use crate::value::Value;
use crate::write::{IntoColumns, IntoConflict, OnConflict, on_conflict};

/// Where the columns of a part are: one occurrence of a table in a query, and their fields in the model.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    scope: Scope,
    fields: &'static [FieldMeta],
}

impl Place {
    /// All of these fields of one table.
    pub const fn new(scope: Scope, fields: &'static [FieldMeta]) -> Self {
        Self { scope, fields }
    }

    /// The column of the field at `index`.
    pub const fn column<M, T>(self, index: usize) -> Column<M, T> {
        Column::new(self.scope, &self.fields[index])
    }

    /// The part whose fields begin at `first`.
    pub fn part<M, E: Embedded, P: Presence>(self, first: usize) -> Part<M, E, P> {
        let place = Self { scope: self.scope, fields: &self.fields[first..first + width::<E>()] };
        Part { columns: E::columns::<M, P>(place), place }
    }
}

/// A part of `M` in one place of a query. Its columns are fields of it: `c.billing.country`.
///
/// As a whole, it can be selected, grouped by, compared and set; one that is an `Option` can be asked whether it is there.
pub struct Part<M, E: Embedded, P: Presence = Always> {
    columns: E::Columns<M, P>,
    place: Place,
}

impl<M, E: Embedded, P: Presence> Clone for Part<M, E, P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M, E: Embedded, P: Presence> Copy for Part<M, E, P> {}

impl<M, E: Embedded, P: Presence> fmt::Debug for Part<M, E, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.place.fields.iter().map(|field| field.column);
        write!(f, "{}.({})", self.place.scope.alias(), columns.collect::<Vec<_>>().join(", "))
    }
}

impl<M, E: Embedded, P: Presence> Deref for Part<M, E, P> {
    type Target = E::Columns<M, P>;

    fn deref(&self) -> &Self::Target {
        &self.columns
    }
}

impl<M, E: Embedded, P: Presence> Part<M, E, P> {
    fn terms(self) -> impl Iterator<Item = Term> {
        let scope = self.place.scope;
        self.place.fields.iter().map(move |field| Term::Column(ColumnRef { scope, column: field.column }))
    }

    /// Every one of its values equals that of `part`. `None` is equal to NULL.
    pub fn eq(self, part: impl Into<P::Of<E>>) -> Predicate<M> {
        let mut values = Vec::with_capacity(width::<E>());
        P::into_values::<E>(part.into(), &mut values);
        let same = self.terms().zip(values).map(|(left, value)| match value {
            Value::Null => Node::Null(left),
            value => Node::Compare { left, operator: Operator::Equal, right: Term::Value(value) },
        });
        Predicate::new(Node::All(same.collect()))
    }

    /// Sets all of it: for `update_with`.
    pub fn set(self, part: impl Into<P::Of<E>>) -> Vec<Assignment<M>> {
        let mut values = Vec::with_capacity(width::<E>());
        P::into_values::<E>(part.into(), &mut values);
        self.place
            .fields
            .iter()
            .zip(values)
            .map(|(field, value)| Assignment::new(field.column, value))
            .collect()
    }
}

impl<M, E: Embedded> Part<M, E, Maybe> {
    /// It is not there.
    pub fn is_null(self) -> Predicate<M> {
        // A field of it that always has a value is enough: no row has half a part.
        let shows = E::META.fields.iter().position(|field| !field.nullable);
        let mut nulls = self.terms().map(Node::Null);
        Predicate::new(match shows.and_then(|at| nulls.nth(at)) {
            Some(null) => null,
            None => Node::All(self.terms().map(Node::Null).collect()),
        })
    }

    /// It is there.
    pub fn is_not_null(self) -> Predicate<M> {
        self.is_null().not()
    }
}

impl<M, E: Embedded, P: Presence> Project<M> for Part<M, E, P> {
    type Row = P::Of<E>;

    fn project(self, outputs: &mut Outputs) {
        outputs.0.extend(self.terms());
    }

    fn read(reader: &mut Reader<'_>) -> Result<P::Of<E>, DbError> {
        P::read(reader, E::META.fields)
    }
}

impl<M, E: Embedded> Yields<E> for Part<M, E, Always> {}
impl<M, E: Embedded, P: Presence> Yields<Option<E>> for Part<M, E, P> {}

impl<M, E: Embedded, P: Presence> IntoColumns<M> for Part<M, E, P> {
    fn into_columns(self) -> Vec<&'static str> {
        self.place.fields.iter().map(|field| field.column).collect()
    }
}

impl<M, E: Embedded, P: Presence> IntoConflict<M> for Part<M, E, P> {
    fn into_conflict(self) -> OnConflict<M> {
        on_conflict(self)
    }
}
