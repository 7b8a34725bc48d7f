//! Lists of plain values. Only PostgreSQL has them in columns, and the check `db.E026` says so at start; a query can make one
//! of many rows everywhere.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::value::RawValue;
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

/// A list that an engine without arrays has written as JSON. Numbers are read by the standard library, which loses no digit;
/// a library of JSON is quicker and does.
fn from_json<T: Element>(json: &str) -> Option<Vec<T>> {
    let list: Vec<&RawValue> = serde_json::from_str(json).ok()?;
    list.into_iter().map(|item| from_item(item.get())).collect()
}

fn from_item<T: Element>(json: &str) -> Option<T> {
    let text: Cow<'_, str>;
    let cell = match json {
        "null" => Cell::Null,
        "true" => Cell::Bool(true),
        "false" => Cell::Bool(false),
        quoted if quoted.starts_with('"') => {
            text = serde_json::from_str::<Text<'_>>(quoted).ok()?.0;
            Cell::Text(&text)
        }
        number => match number.parse() {
            Ok(whole) => Cell::Int(whole),
            Err(_) => Cell::Float(number.parse().ok()?),
        },
    };
    T::decode(cell).ok()
}

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(feature = "postgres")]
pub(super) use crate::postgres::elements;

/// Without the engine that has them, there are none.
#[cfg(not(feature = "postgres"))]
pub(super) fn elements(_: &[u8]) -> Option<Vec<Cell<'_>>> {
    None
}
