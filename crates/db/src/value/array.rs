//! Lists of plain values. Only PostgreSQL has them in columns, and the check `db.E026` says so at start; a query can make one
//! of many rows everywhere.

use std::fmt;
use std::marker::PhantomData;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use rust_decimal::Decimal;
use serde::de::{self, Deserialize, Deserializer, Visitor};
use uuid::Uuid;

use super::{Cell, Choice, Decode, Mismatch, SqlType, Stored, Value};

const LIST: &str = "a list of one dimension";

/// A type that a list can be of. With `Option` around it, some of the values may be NULL; otherwise none is. A `Vec<u8>` is not
/// a list, but bytes.
#[diagnostic::on_unimplemented(
    message = "a column cannot hold a list of `{Self}`",
    label = "no array is of this type",
    note = "a list of plain values (numbers, but for `u8`, `bool`, `String`, `Uuid`, `Decimal`, `chrono` types, enums with `#[derive(DbEnum)]`) is an array of PostgreSQL; a list of anything else is `Json<Vec<T>>`"
)]
pub trait Element: Stored {}

macro_rules! element {
    ($($type:ty),*) => { $(impl Element for $type {})* };
}

element!(bool, i8, i16, i32, i64, u16, u32, f32, f64, String, Vec<u8>, Decimal, Uuid);
element!(DateTime<Utc>, NaiveDateTime, NaiveDate, NaiveTime);

impl<T: Element> Element for Option<T> {}

impl<T: Element> Decode for Vec<T> {
    fn decode(cell: Cell<'_>) -> Result<Self, Mismatch> {
        match cell {
            Cell::Array(raw) => {
                let found = elements(raw).ok_or_else(|| Mismatch::new(LIST, cell))?;
                found.into_iter().map(T::decode).collect()
            }
            Cell::Text(json) => from_json(json).ok_or_else(|| Mismatch::new(LIST, cell)),
            Cell::List(values) => values.iter().map(|value| T::decode(value.cell())).collect(),
            _ => Err(Mismatch::new(LIST, cell)),
        }
    }
}

impl<T: Element> Stored for Vec<T> {
    const TYPE: SqlType = SqlType::Array(&T::TYPE);
    const CHOICES: &'static [Choice] = T::CHOICES;

    fn into_value(self) -> Value {
        Value::List(self.into_iter().map(T::into_value).collect())
    }
}

fn from_json<T: Element>(json: &str) -> Option<Vec<T>> {
    let list: Vec<Item<T>> = serde_json::from_str(json).ok()?;
    Some(list.into_iter().map(|Item(value)| value).collect())
}

/// A value in a list that an engine without arrays has written as JSON.
struct Item<T>(T);

impl<'de, T: Element> Deserialize<'de> for Item<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ItemVisitor(PhantomData)).map(Item)
    }
}

struct ItemVisitor<T>(PhantomData<T>);

impl<T: Element> ItemVisitor<T> {
    fn read<E: de::Error>(cell: Cell<'_>) -> Result<T, E> {
        T::decode(cell).map_err(|_| E::custom("a value of another type"))
    }
}

impl<T: Element> Visitor<'_> for ItemVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a plain value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<T, E> {
        Self::read(Cell::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<T, E> {
        Self::read(Cell::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<T, E> {
        Self::read(Cell::Int(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<T, E> {
        i64::try_from(value).map_err(E::custom).and_then(|value| Self::read(Cell::Int(value)))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<T, E> {
        Self::read(Cell::Float(value))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<T, E> {
        Self::read(Cell::Text(value))
    }
}

#[cfg(feature = "postgres")]
pub(super) use crate::postgres::elements;

/// Without the engine that has them, there are none.
#[cfg(not(feature = "postgres"))]
pub(super) fn elements(_: &[u8]) -> Option<Vec<Cell<'_>>> {
    None
}
