//! Relations that have no column of their own: other fields of the model have the key.
//!
//! So several relations can share a field, and a key of several fields can be referred to.

use serde::ser::SerializeMap;

use super::field::BelongsTo;
use crate::error::DbError;
use crate::key::Key;
use crate::meta::RelationMeta;
use crate::model::Model;
use crate::value::{Stored, Value};
use crate::write::Assignments;

/// A field that has a part of another row's key, of type `T`.
#[diagnostic::on_unimplemented(
    message = "a field of type `{Self}` does not have this part of the other row's key, which is a `{T}`",
    label = "expected `{T}`, or an `Option` of it"
)]
pub trait KeyPart<T> {
    /// The part, if there is one.
    fn part(&self) -> Option<T>;
}

impl<T: Stored> KeyPart<T> for T {
    fn part(&self) -> Option<T> {
        Some(self.clone())
    }
}

impl<T: Stored> KeyPart<T> for Option<T> {
    fn part(&self) -> Option<T> {
        self.clone()
    }
}

impl<R: Model> KeyPart<Key<R>> for BelongsTo<R> {
    fn part(&self) -> Option<Key<R>> {
        Some(self.key())
    }
}

impl<R: Model> KeyPart<Key<R>> for Option<BelongsTo<R>> {
    fn part(&self) -> Option<Key<R>> {
        self.as_ref().map(BelongsTo::key)
    }
}

/// `BelongsTo<R>` and `Option<BelongsTo<R>>` above which `#[belongs_to(fields(…))]` stands.
#[diagnostic::on_unimplemented(
    message = "`#[belongs_to]` needs a field of type `BelongsTo<T>` or `Option<BelongsTo<T>>`, not `{Self}`",
    label = "expected `BelongsTo<T>`"
)]
pub trait ByFields: Sized {
    /// The other model.
    type Target: Model;

    /// The relation to the row with this key.
    fn of(relation: &'static RelationMeta, key: Option<Key<Self::Target>>) -> Result<Self, DbError>;

    /// The relation, unless it is empty.
    fn slot(&mut self) -> Option<&mut BelongsTo<Self::Target>>;

    /// The relation, unless it is empty.
    fn get(&self) -> Option<&BelongsTo<Self::Target>>;

    /// Takes over the key. The row stays loaded while the key is the same.
    fn follow(
        &mut self,
        relation: &'static RelationMeta,
        key: Option<Key<Self::Target>>,
    ) -> Result<(), DbError> {
        if self.get().map(BelongsTo::key) != key {
            *self = Self::of(relation, key)?;
        }
        Ok(())
    }

    /// Writes the row under `name` if it is loaded.
    fn serialize_into<S: SerializeMap>(&self, map: &mut S, name: &'static str) -> Result<(), S::Error> {
        match self.get().and_then(BelongsTo::loaded) {
            Some(row) => map.serialize_entry(name, row),
            None => Ok(()),
        }
    }
}

impl<R: Model> ByFields for BelongsTo<R> {
    type Target = R;

    fn of(relation: &'static RelationMeta, key: Option<Key<R>>) -> Result<Self, DbError> {
        let key = key.ok_or_else(|| DbError::Decode {
            column: relation.name.to_owned(),
            expected: "the key of another row",
            found: "NULL".to_owned(),
        })?;
        Ok(Self::new(relation, key))
    }

    fn slot(&mut self) -> Option<&mut BelongsTo<R>> {
        Some(self)
    }

    fn get(&self) -> Option<&BelongsTo<R>> {
        Some(self)
    }
}

impl<R: Model> ByFields for Option<BelongsTo<R>> {
    type Target = R;

    fn of(relation: &'static RelationMeta, key: Option<Key<R>>) -> Result<Self, DbError> {
        Ok(key.map(|key| BelongsTo::new(relation, key)))
    }

    fn slot(&mut self) -> Option<&mut BelongsTo<R>> {
        self.as_mut()
    }

    fn get(&self) -> Option<&BelongsTo<R>> {
        self.as_ref()
    }
}

impl Assignments {
    /// Sets the fields that have the key of another row. Without one, those become NULL that can.
    pub fn set_reference<R: Model>(&mut self, fields: &[usize], key: Option<Key<R>>) {
        match key {
            Some(key) => {
                for (field, part) in fields.iter().zip(key.into_values()) {
                    self.set_value(*field, part);
                }
            }
            None => {
                let meta = self.meta();
                for field in fields.iter().filter(|field| meta.fields[**field].nullable) {
                    self.set_value(*field, Value::Null);
                }
            }
        }
    }
}
