//! Primary keys, typed by their model: the key of a user cannot be taken for that of an article.

use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::error::DbError;
use crate::model::Model;
use crate::row::Reader;
use crate::value::{Cell, Choice, Decode, Mismatch, SqlType, Stored, Value};

/// The primary key of a row of `M`.
pub struct Key<M: Model>(M::Key);

impl<M: Model> Key<M> {
    /// The key with this value.
    pub fn new(value: M::Key) -> Self {
        Self(value)
    }

    /// The value.
    pub fn value(&self) -> &M::Key {
        &self.0
    }

    /// The value.
    pub fn into_inner(self) -> M::Key {
        self.0
    }

    pub(crate) fn into_values(self) -> Vec<Value> {
        self.0.into_values()
    }

    pub(crate) fn of(values: &[Value]) -> Result<Self, Mismatch> {
        M::Key::of(values).map(Self)
    }

    /// The key as one value: that of its field, or the list of those of its fields.
    #[doc(hidden)]
    pub fn whole(self) -> Value {
        self.0.whole()
    }
}

impl<M: Model> Clone for Key<M> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<M: Model> Copy for Key<M> where M::Key: Copy {}

impl<M: Model> PartialEq for Key<M> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<M: Model> Eq for Key<M> {}

impl<M: Model> Hash for Key<M> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<M: Model> fmt::Debug for Key<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({:?})", M::META.name, self.0)
    }
}

impl<M: Model> fmt::Display for Key<M>
where
    M::Key: fmt::Display,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<M: Model> Serialize for Key<M> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, M: Model> Deserialize<'de> for Key<M>
where
    M::Key: Deserialize<'de>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        M::Key::deserialize(deserializer).map(Self)
    }
}

impl<M: Model> Decode for Key<M>
where
    M::Key: Stored,
{
    fn decode(cell: Cell<'_>) -> Result<Self, Mismatch> {
        M::Key::decode(cell).map(Self)
    }
}

impl<M: Model> Stored for Key<M>
where
    M::Key: Stored,
{
    const TYPE: SqlType = M::Key::TYPE;
    const NULLABLE: bool = M::Key::NULLABLE;
    const CHOICES: &'static [Choice] = M::Key::CHOICES;

    fn into_value(self) -> Value {
        self.0.into_value()
    }
}

impl<M: Model> From<&M> for Key<M> {
    fn from(model: &M) -> Self {
        model.key()
    }
}

impl<M: Model> From<&Key<M>> for Key<M> {
    fn from(key: &Key<M>) -> Self {
        key.clone()
    }
}

/// What a primary key can be: a whole number, a text, a `Uuid`, or a tuple for a key of several fields.
pub trait KeyType: Clone + Eq + Hash + fmt::Debug + Serialize + Send + Sync + 'static {
    /// Its values, in the order of the key's fields.
    fn into_values(self) -> Vec<Value>;

    /// Reads it from the next columns.
    fn read(reader: &mut Reader<'_>) -> Result<Self, DbError>;

    /// It from its values.
    fn of(values: &[Value]) -> Result<Self, Mismatch>;

    /// It as one value: that of its field, or the list of those of its fields.
    fn whole(self) -> Value {
        Value::List(self.into_values())
    }
}

/// A key of one field: a row that belongs to another has a column with it.
#[diagnostic::on_unimplemented(
    message = "the other model has a key of several fields, `{Self}`",
    label = "one column cannot hold this",
    note = "name the fields of this model that have the other one's key, in its order: `#[belongs_to(fields(shop, number))]`"
)]
pub trait SingleKey: KeyType + Stored {}

/// One of the values of a key.
fn part<T: Decode>(values: &[Value], place: usize) -> Result<T, Mismatch> {
    T::decode(values.get(place).map_or(Cell::Null, Value::cell))
}

macro_rules! single {
    ($($type:ty),*) => {$(
        impl SingleKey for $type {}

        impl KeyType for $type {
            fn into_values(self) -> Vec<Value> {
                vec![self.into_value()]
            }

            fn read(reader: &mut Reader<'_>) -> Result<Self, DbError> {
                reader.take()
            }

            fn of(values: &[Value]) -> Result<Self, Mismatch> {
                part(values, 0)
            }

            fn whole(self) -> Value {
                self.into_value()
            }
        }

        impl<M: Model<Key = $type>> From<$type> for Key<M> {
            fn from(value: $type) -> Self {
                Self(value)
            }
        }
    )*};
}

single!(i8, i16, i32, i64, u8, u16, u32, String, Uuid);

impl<M: Model<Key = String>> From<&str> for Key<M> {
    fn from(value: &str) -> Self {
        Self(value.to_owned())
    }
}

/// A key that is itself a reference to another row.
impl<R: Model<Key: Stored>> KeyType for Key<R> {
    fn into_values(self) -> Vec<Value> {
        vec![self.0.into_value()]
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DbError> {
        reader.take()
    }

    fn of(values: &[Value]) -> Result<Self, Mismatch> {
        part(values, 0)
    }

    fn whole(self) -> Value {
        self.0.into_value()
    }
}

impl<R: Model<Key: SingleKey>> SingleKey for Key<R> {}

macro_rules! several {
    ($($type:ident $value:ident),*) => {
        impl<$($type: Stored + Eq + Hash + fmt::Debug + Serialize),*> KeyType for ($($type,)*) {
            fn into_values(self) -> Vec<Value> {
                let ($($value,)*) = self;
                vec![$($value.into_value()),*]
            }

            fn read(reader: &mut Reader<'_>) -> Result<Self, DbError> {
                $(let $value = reader.take()?;)*
                Ok(($($value,)*))
            }

            fn of(values: &[Value]) -> Result<Self, Mismatch> {
                let mut place = 0..;
                $(let $value = part(values, place.next().unwrap_or_default())?;)*
                Ok(($($value,)*))
            }
        }

        impl<M: Model<Key = ($($type,)*)>, $($type),*> From<($($type,)*)> for Key<M> {
            fn from(value: ($($type,)*)) -> Self {
                Self(value)
            }
        }
    };
}

several!(A a, B b);
several!(A a, B b, C c);
