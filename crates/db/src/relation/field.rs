//! Relations as fields of a model.

use std::fmt;

use serde::ser::SerializeMap;

use super::loaded::Loaded;
use crate::error::{Border, DbError};
use crate::key::{Key, KeyType};
use crate::meta::RelationMeta;
use crate::model::Model;
use crate::row::Reader;
use crate::value::{Cell, Value};

/// The row that this one belongs to: its key, and the row itself where the query has loaded it.
///
/// As a field, `#[belongs_to] author: BelongsTo<User>` has the column `author_id`. `Option<BelongsTo<User>>` may be empty.
pub struct BelongsTo<R: Model> {
    key: Key<R>,
    relation: &'static RelationMeta,
    loaded: Loaded<R>,
    /// A query has looked for the row, and found none that may be seen: it is another tenant's.
    is_hidden: bool,
}

impl<R: Model> BelongsTo<R> {
    /// The relation to the row with this key, not loaded.
    pub fn new(relation: &'static RelationMeta, key: Key<R>) -> Self {
        Self { key, relation, loaded: Loaded::not_yet(), is_hidden: false }
    }

    /// The key.
    pub fn key(&self) -> Key<R> {
        self.key.clone()
    }

    /// The row.
    ///
    /// # Errors
    ///
    /// [`DbError::UnloadedRelation`], a fault of ours, unless the query has loaded it; [`DbError::NotFound`], a 404, where it has, and
    /// the row is of another tenant than the query.
    pub fn get(&self) -> mainstay_core::Result<&R> {
        let missing = || match self.is_hidden {
            true => DbError::NotFound { model: R::META.name },
            false => unloaded(self.relation),
        };
        self.loaded.get().ok_or_else(missing).at_border()
    }

    /// The row, if the query has loaded it, and it is not another tenant's.
    pub fn loaded(&self) -> Option<&R> {
        self.loaded.get()
    }

    /// Takes the row out, if the query has loaded it.
    pub fn into_loaded(self) -> Option<R> {
        self.loaded.take()
    }

    pub(crate) fn loaded_mut(&mut self) -> Option<&mut R> {
        self.loaded.get_mut()
    }

    pub(crate) fn set(&mut self, row: R) {
        self.loaded.set(row);
        self.is_hidden = false;
    }

    /// Says that a query has found no row that may be seen.
    pub(crate) fn hide(&mut self) {
        self.loaded = Loaded::not_yet();
        self.is_hidden = true;
    }
}

/// Equal when they lead to the same row, loaded or not.
impl<R: Model> PartialEq for BelongsTo<R> {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl<R: Model> Eq for BelongsTo<R> {}

impl<R: Model> Clone for BelongsTo<R> {
    fn clone(&self) -> Self {
        Self {
            key: self.key.clone(),
            relation: self.relation,
            loaded: self.loaded.clone(),
            is_hidden: self.is_hidden,
        }
    }
}

impl<R: Model> fmt::Debug for BelongsTo<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.loaded.get() {
            Some(row) => row.fmt(f),
            None => self.key.fmt(f),
        }
    }
}

/// `BelongsTo<R>` and `Option<BelongsTo<R>>`: what `#[belongs_to]` can stand above.
#[diagnostic::on_unimplemented(
    message = "`#[belongs_to]` needs a field of type `BelongsTo<T>` or `Option<BelongsTo<T>>`, not `{Self}`",
    label = "expected `BelongsTo<T>`"
)]
pub trait ToOneField: Sized {
    /// The other model.
    type Target: Model;
    /// What is stored: the other model's key, or an `Option` of it.
    type Key;

    /// Reads the key, and makes the field of it.
    fn read(reader: &mut Reader<'_>, relation: &'static RelationMeta) -> Result<Self, DbError>;

    /// Reads the key again. The row stays loaded while the key is the same.
    fn reload(&mut self, reader: &mut Reader<'_>, relation: &'static RelationMeta) -> Result<(), DbError>;

    /// The relation, unless it is empty.
    fn slot(&mut self) -> Option<&mut BelongsTo<Self::Target>>;

    /// The key as a value.
    fn value(&self) -> Value;

    /// Writes `author_id`, and `author` if it is loaded.
    fn serialize_into<S: SerializeMap>(&self, map: &mut S, names: [&'static str; 2]) -> Result<(), S::Error>;
}

impl<R: Model> ToOneField for BelongsTo<R> {
    type Target = R;
    type Key = Key<R>;

    fn read(reader: &mut Reader<'_>, relation: &'static RelationMeta) -> Result<Self, DbError> {
        Ok(Self::new(relation, Key::new(R::Key::read(reader)?)))
    }

    fn reload(&mut self, reader: &mut Reader<'_>, relation: &'static RelationMeta) -> Result<(), DbError> {
        let key = Key::new(R::Key::read(reader)?);
        if self.key != key {
            *self = Self::new(relation, key);
        }
        Ok(())
    }

    fn slot(&mut self) -> Option<&mut BelongsTo<R>> {
        Some(self)
    }

    fn value(&self) -> Value {
        self.key.clone().whole()
    }

    fn serialize_into<S: SerializeMap>(&self, map: &mut S, names: [&'static str; 2]) -> Result<(), S::Error> {
        map.serialize_entry(names[1], &self.key)?;
        match self.loaded.get() {
            Some(row) => map.serialize_entry(names[0], row),
            None => Ok(()),
        }
    }
}

impl<R: Model> ToOneField for Option<BelongsTo<R>> {
    type Target = R;
    type Key = Option<Key<R>>;

    fn read(reader: &mut Reader<'_>, relation: &'static RelationMeta) -> Result<Self, DbError> {
        let key: Option<Key<R>> = maybe(reader)?;
        Ok(key.map(|key| BelongsTo::new(relation, key)))
    }

    fn reload(&mut self, reader: &mut Reader<'_>, relation: &'static RelationMeta) -> Result<(), DbError> {
        let key: Option<Key<R>> = maybe(reader)?;
        if self.as_ref().map(|old| &old.key) != key.as_ref() {
            *self = key.map(|key| BelongsTo::new(relation, key));
        }
        Ok(())
    }

    fn slot(&mut self) -> Option<&mut BelongsTo<R>> {
        self.as_mut()
    }

    fn value(&self) -> Value {
        self.as_ref().map_or(Value::Null, ToOneField::value)
    }

    fn serialize_into<S: SerializeMap>(&self, map: &mut S, names: [&'static str; 2]) -> Result<(), S::Error> {
        map.serialize_entry(names[1], &self.as_ref().map(|relation| relation.key.clone()))?;
        match self.as_ref().and_then(|relation| relation.loaded.get()) {
            Some(row) => map.serialize_entry(names[0], row),
            None => Ok(()),
        }
    }
}

/// The key in the next column, if there is one.
fn maybe<R: Model>(reader: &mut Reader<'_>) -> Result<Option<Key<R>>, DbError> {
    if reader.peek() == Cell::Null {
        reader.skip(1);
        return Ok(None);
    }
    R::Key::read(reader).map(Key::new).map(Some)
}

/// The rows on the many side of a relation, where the query has loaded them.
pub struct Collection<R> {
    relation: &'static RelationMeta,
    owner: Value,
    loaded: Loaded<Vec<R>>,
}

impl<R: Model> Collection<R> {
    fn new(relation: &'static RelationMeta, owner: Value) -> Self {
        Self { relation, owner, loaded: Loaded::not_yet() }
    }

    fn get(&self) -> mainstay_core::Result<&[R]> {
        self.loaded.get().map(Vec::as_slice).ok_or_else(|| unloaded(self.relation)).at_border()
    }

    /// The rows that are loaded.
    pub(crate) fn loaded(&self) -> &[R] {
        self.loaded.get().map_or(&[], Vec::as_slice)
    }

    pub(crate) fn owner(&self) -> &Value {
        &self.owner
    }

    pub(crate) fn relation(&self) -> &'static RelationMeta {
        self.relation
    }

    pub(crate) fn set(&mut self, rows: Vec<R>) {
        self.loaded.set(rows);
    }

    pub(crate) fn loaded_mut(&mut self) -> Option<&mut Vec<R>> {
        self.loaded.get_mut()
    }

    pub(crate) fn forget(&mut self) {
        self.loaded = Loaded::not_yet();
    }
}

impl<R> Clone for Collection<R> {
    fn clone(&self) -> Self {
        Self { relation: self.relation, owner: self.owner.clone(), loaded: self.loaded.clone() }
    }
}

impl<R: Model> fmt::Debug for Collection<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.loaded.get() {
            Some(rows) => rows.fmt(f),
            None => f.write_str("(not loaded)"),
        }
    }
}

macro_rules! to_many {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name<R>(pub(crate) Collection<R>);

        impl<R: Model> $name<R> {
            /// The relation of the row whose key is `owner`, not loaded.
            pub fn new(relation: &'static RelationMeta, owner: Value) -> Self {
                Self(Collection::new(relation, owner))
            }

            /// The rows. Fails with [`DbError::UnloadedRelation`] unless the query has loaded them.
            pub fn get(&self) -> mainstay_core::Result<&[R]> {
                self.0.get()
            }

            /// The rows, if the query has loaded them.
            pub fn loaded(&self) -> Option<&[R]> {
                self.0.loaded.get().map(Vec::as_slice)
            }

            /// Takes the rows out, if the query has loaded them.
            pub fn into_loaded(self) -> Option<Vec<R>> {
                self.0.loaded.take()
            }

            /// What a query fills.
            #[doc(hidden)]
            pub fn slot(&mut self) -> &mut Collection<R> {
                &mut self.0
            }

            /// Writes the rows under `name` if they are loaded.
            #[doc(hidden)]
            pub fn serialize_into<S: SerializeMap>(&self, map: &mut S, name: &'static str) -> Result<(), S::Error> {
                match self.0.loaded.get() {
                    Some(rows) => map.serialize_entry(name, rows),
                    None => Ok(()),
                }
            }
        }

        /// Equal when they lead to the rows of the same owner, loaded or not.
        impl<R> PartialEq for $name<R> {
            fn eq(&self, other: &Self) -> bool {
                std::ptr::eq(self.0.relation, other.0.relation) && self.0.owner == other.0.owner
            }
        }

        impl<R> Eq for $name<R> {}

        impl<R: Model> fmt::Debug for $name<R> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

/// The one row that belongs to this one, where the query has loaded it: `#[has_one] profile: HasOne<Profile>`, where
/// `Profile` has a unique `BelongsTo` to this model.
#[derive(Clone)]
pub struct HasOne<R>(pub(crate) Collection<R>);

impl<R: Model> HasOne<R> {
    /// The relation of the row whose key is `owner`, not loaded.
    pub fn new(relation: &'static RelationMeta, owner: Value) -> Self {
        Self(Collection::new(relation, owner))
    }

    /// The row, if there is one. Fails with [`DbError::UnloadedRelation`] unless the query has loaded it.
    pub fn get(&self) -> mainstay_core::Result<Option<&R>> {
        self.0.get().map(<[R]>::first)
    }

    /// The row, if there is one and the query has loaded it.
    pub fn loaded(&self) -> Option<&R> {
        self.0.loaded.get().and_then(|rows| rows.first())
    }

    /// Takes the row out, if there is one and the query has loaded it.
    pub fn into_loaded(self) -> Option<R> {
        self.0.loaded.take().and_then(|rows| rows.into_iter().next())
    }

    /// What a query fills.
    #[doc(hidden)]
    pub fn slot(&mut self) -> &mut Collection<R> {
        &mut self.0
    }

    /// Writes the row, or null, under `name` if it is loaded.
    #[doc(hidden)]
    pub fn serialize_into<S: SerializeMap>(&self, map: &mut S, name: &'static str) -> Result<(), S::Error> {
        match self.0.loaded.get() {
            Some(rows) => map.serialize_entry(name, &rows.first()),
            None => Ok(()),
        }
    }
}

/// Equal when they lead to the row of the same owner, loaded or not.
impl<R> PartialEq for HasOne<R> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0.relation, other.0.relation) && self.0.owner == other.0.owner
    }
}

impl<R> Eq for HasOne<R> {}

impl<R: Model> fmt::Debug for HasOne<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

to_many! {
    /// The rows that belong to this one, where the query has loaded them: `#[has_many] comments: HasMany<Comment>`.
    HasMany
}

to_many! {
    /// The rows that this one is linked with through a third model, where the query has loaded them:
    /// `#[many_to_many(through = ArticleTag)] tags: ManyToMany<Tag>`. Without `through`, the table between is made by itself:
    /// `article_tags`, with the columns `article_id` and `tag_id`; `#[many_to_many(by = tags)]` is its other side.
    ManyToMany
}

fn unloaded(relation: &'static RelationMeta) -> DbError {
    DbError::UnloadedRelation { model: (relation.owner)().name, relation: relation.name }
}
