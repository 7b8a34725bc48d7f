//! Values on their way to the database ([`Value`]), cells on their way back ([`Cell`]), and the Rust types that can be
//! a column ([`Stored`]).
//!
//! Both enums are neutral to the engine. A driver binds a [`Value`] and lends [`Cell`]s out of its own row buffers, so
//! that nothing generic over engines is needed above it.

mod array;
mod choice;
mod decimal;
mod identifier;
mod json;
mod scalar;
mod sql_type;
mod time;

use std::hash::{Hash, Hasher};

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use rust_decimal::Decimal;
use uuid::Uuid;

pub use array::Element;
pub use choice::{decode_checked, decode_choice, decode_numbered, deserialize_choice};
pub use json::Json;
pub use sql_type::SqlType;
#[cfg(feature = "sqlite")]
pub(crate) use time::{write_date, write_date_time, write_time};

/// A value to be bound to a statement.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Value {
    /// SQL's NULL.
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer of any width up to 64 bits.
    Int(i64),
    /// A floating-point number.
    Float(f64),
    /// An exact number.
    Decimal(Decimal),
    /// A universally unique identifier.
    Uuid(Uuid),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A point in time; microseconds are kept.
    DateTime(DateTime<Utc>),
    /// A day of the calendar.
    Date(NaiveDate),
    /// A time of day; microseconds are kept.
    Time(NaiveTime),
    /// A JSON document, written out.
    Json(String),
    /// Several values bound as one parameter. How is the dialect's affair.
    List(Vec<Value>),
    /// What could not be made into a value, and why. Binding it fails.
    Unstorable(String),
    /// What is looked for in a blind index. A database that has keys puts its digest here.
    Blind(Box<crate::encrypted::Blind>),
}

impl Value {
    /// Whether it is NULL.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The value as a cell, to decode a Rust type from it.
    pub fn cell(&self) -> Cell<'_> {
        match self {
            Self::Null | Self::Unstorable(_) | Self::Blind(_) => Cell::Null,
            Self::Bool(value) => Cell::Bool(*value),
            Self::Int(value) => Cell::Int(*value),
            Self::Float(value) => Cell::Float(*value),
            Self::Decimal(value) => Cell::Decimal(*value),
            Self::Uuid(value) => Cell::Uuid(*value),
            Self::Text(value) | Self::Json(value) => Cell::Text(value),
            Self::Bytes(value) => Cell::Bytes(value),
            Self::DateTime(value) => Cell::DateTime(*value),
            Self::Date(value) => Cell::Date(*value),
            Self::Time(value) => Cell::Time(*value),
            Self::List(values) => Cell::List(values),
        }
    }
}

/// Equality by representation: a NaN equals itself, so that values can be keys of a map.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Float(a), Self::Float(b)) => a.to_bits() == b.to_bits(),
            (Self::Decimal(a), Self::Decimal(b)) => a == b,
            (Self::Uuid(a), Self::Uuid(b)) => a == b,
            (Self::Text(a), Self::Text(b)) | (Self::Json(a), Self::Json(b)) => a == b,
            (Self::Bytes(a), Self::Bytes(b)) => a == b,
            (Self::DateTime(a), Self::DateTime(b)) => a == b,
            (Self::Date(a), Self::Date(b)) => a == b,
            (Self::Time(a), Self::Time(b)) => a == b,
            (Self::List(a), Self::List(b)) => a == b,
            (Self::Unstorable(a), Self::Unstorable(b)) => a == b,
            (Self::Blind(a), Self::Blind(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Value {}

impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        match self {
            Self::Null => {}
            Self::Bool(value) => value.hash(state),
            Self::Int(value) => value.hash(state),
            Self::Float(value) => value.to_bits().hash(state),
            Self::Decimal(value) => value.hash(state),
            Self::Uuid(value) => value.hash(state),
            Self::Text(value) | Self::Json(value) | Self::Unstorable(value) => value.hash(state),
            Self::Bytes(value) => value.hash(state),
            Self::DateTime(value) => value.hash(state),
            Self::Date(value) => value.hash(state),
            Self::Time(value) => value.hash(state),
            Self::List(values) => values.hash(state),
            Self::Blind(blind) => blind.hash(state),
        }
    }
}

/// One field of a result row, lent by the driver's buffer.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Cell<'a> {
    /// SQL's NULL.
    Null,
    /// A truth value, from engines that have one.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A floating-point number.
    Float(f64),
    /// An exact number, from engines that have one.
    Decimal(Decimal),
    /// A universally unique identifier, from engines that have one.
    Uuid(Uuid),
    /// Text; also how SQLite keeps dates, exact numbers and JSON.
    Text(&'a str),
    /// Bytes; also how SQLite and MySQL keep a universally unique identifier.
    Bytes(&'a [u8]),
    /// A point in time, from engines that have one.
    DateTime(DateTime<Utc>),
    /// A day, from engines that have one.
    Date(NaiveDate),
    /// A time of day, from engines that have one.
    Time(NaiveTime),
    /// An array of PostgreSQL, in its binary form.
    Array(&'a [u8]),
    /// A list that was to be bound.
    List(&'a [Value]),
}

impl Cell<'_> {
    /// The cell as a value of its own.
    pub fn to_value(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(value),
            Self::Int(value) => Value::Int(value),
            Self::Float(value) => Value::Float(value),
            Self::Decimal(value) => Value::Decimal(value),
            Self::Uuid(value) => Value::Uuid(value),
            Self::Text(value) => Value::Text(value.to_owned()),
            Self::Bytes(value) => Value::Bytes(value.to_vec()),
            Self::DateTime(value) => Value::DateTime(value),
            Self::Date(value) => Value::Date(value),
            Self::Time(value) => Value::Time(value),
            Self::Array(raw) => match array::elements(raw) {
                Some(elements) => Value::List(elements.into_iter().map(Cell::to_value).collect()),
                None => Value::Bytes(raw.to_vec()),
            },
            Self::List(values) => Value::List(values.to_vec()),
        }
    }

    /// What it holds, for a message. Texts are cut short.
    pub fn describe(self) -> String {
        match self {
            Self::Null => "NULL".to_owned(),
            Self::Bool(value) => format!("the boolean {value}"),
            Self::Int(value) => format!("the integer {value}"),
            Self::Float(value) => format!("the number {value}"),
            Self::Decimal(value) => format!("the exact number {value}"),
            Self::Uuid(value) => format!("the identifier {value}"),
            Self::Text(value) if value.chars().count() > 40 => {
                format!("the text \"{}…\"", value.chars().take(40).collect::<String>())
            }
            Self::Text(value) => format!("the text \"{value}\""),
            Self::Bytes(value) => format!("{} bytes", value.len()),
            Self::DateTime(value) => format!("the time {value}"),
            Self::Date(value) => format!("the date {value}"),
            Self::Time(value) => format!("the time of day {value}"),
            Self::Array(_) => "an array".to_owned(),
            Self::List(values) => format!("a list of {}", values.len()),
        }
    }
}

/// A stored value is not what the Rust type can hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// What the Rust type can hold.
    pub expected: &'static str,
    /// What is stored.
    pub found: String,
}

impl Mismatch {
    /// `expected` was asked for, and `found` is there.
    pub fn new(expected: &'static str, found: Cell<'_>) -> Self {
        Self { expected, found: found.describe() }
    }
}

/// A type that can be read from a cell.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from a column",
    label = "the database has no such type",
    note = "use a number, `bool`, `String`, `Vec<u8>`, a `chrono` type, `Uuid`, `Decimal`, `Json<T>`, an enum with `#[derive(DbEnum)]`, a struct around one of these with `#[derive(DbType)]`, or `Option` of one; a list is `Json<Vec<T>>`, or on PostgreSQL `Vec<T>` of plain values"
)]
pub trait Decode: Sized {
    /// Reads it.
    fn decode(cell: Cell<'_>) -> Result<Self, Mismatch>;
}

/// A type that a column can hold: a field of a model.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the type of a model's field",
    label = "no column can hold this",
    note = "use a number, `bool`, `String`, `Vec<u8>`, a `chrono` type, `Uuid`, `Decimal`, `Json<T>`, an enum with `#[derive(DbEnum)]`, a struct around one of these with `#[derive(DbType)]`, or `Option` of one; a list is `Json<Vec<T>>`, or on PostgreSQL `Vec<T>` of plain values; a relation is `BelongsTo<T>`, `HasMany<T>` or `ManyToMany<T>` under its attribute"
)]
pub trait Stored: Decode + Clone + Send + Sync + 'static {
    /// The type of the column.
    const TYPE: SqlType;
    /// Whether the column can be NULL.
    const NULLABLE: bool = false;
    /// The values that it can have, when they are few and named.
    const CHOICES: &'static [Choice] = &[];
    /// The least and the greatest number, when the column could hold others.
    const RANGE: Option<(i64, i64)> = None;

    /// The value to bind.
    fn into_value(self) -> Value;
}

/// One of the values of an enumerated field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// What is stored, and what APIs see.
    pub value: &'static str,
    /// What people see.
    pub label: &'static str,
    /// What is stored instead, in an enum of numbers.
    pub number: Option<i64>,
}

/// What a column of type `T` can be compared with, or be set to.
#[diagnostic::on_unimplemented(
    message = "a column of type `{T}` does not go with `{Self}`",
    label = "expected `{T}`, or an expression of that type"
)]
pub trait IntoOperand<T> {
    /// The operand.
    fn into_operand(self) -> crate::expression::Operand;
}
