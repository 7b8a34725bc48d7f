//! The types of columns.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::{Cell, Stored, Value};

/// The type of a column, neutral to the engine. Each dialect has its own word for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SqlType {
    /// 16 bits.
    SmallInt,
    /// 32 bits.
    Int,
    /// 64 bits.
    BigInt,
    /// A floating-point number of 32 bits.
    Real,
    /// A floating-point number of 64 bits.
    Double,
    /// An exact number. How many digits it has is said by the field.
    Decimal,
    /// A universally unique identifier.
    Uuid,
    /// A truth value.
    Bool,
    /// Text of any length.
    Text,
    /// Bytes of any length.
    Bytes,
    /// A point in time, in UTC, to the microsecond.
    DateTime,
    /// A day.
    Date,
    /// A time of day.
    Time,
    /// A JSON document.
    Json,
    /// One of a few names; see [`Stored::CHOICES`].
    Enum,
    /// A list of values of one type.
    Array(&'static Self),
}

impl SqlType {
    /// The value in a cell of a column of this type. It is the same whatever form the engine keeps it in, so that it can be
    /// compared with one that is to be bound. A cell that does not fit stays as it is.
    pub fn value(self, cell: Cell<'_>) -> Value {
        match self {
            _ if cell == Cell::Null => Value::Null,
            Self::Bool => read::<bool>(cell),
            Self::Real | Self::Double => read::<f64>(cell),
            Self::Decimal => read::<Decimal>(cell),
            Self::Uuid => read::<Uuid>(cell),
            Self::DateTime => read::<DateTime<Utc>>(cell),
            Self::Date => read::<NaiveDate>(cell),
            Self::Time => read::<NaiveTime>(cell),
            Self::Json => match cell.to_value() {
                Value::Text(text) => Value::Json(text),
                other => other,
            },
            Self::Array(of) => match cell.to_value() {
                Value::List(values) => {
                    Value::List(values.iter().map(|value| of.value(value.cell())).collect())
                }
                other => other,
            },
            Self::SmallInt | Self::Int | Self::BigInt | Self::Text | Self::Bytes | Self::Enum => {
                cell.to_value()
            }
        }
    }

    /// A number of its own, for shapes.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::SmallInt => 0,
            Self::Int => 1,
            Self::BigInt => 2,
            Self::Real => 3,
            Self::Double => 4,
            Self::Decimal => 5,
            Self::Uuid => 6,
            Self::Bool => 7,
            Self::Text => 8,
            Self::Bytes => 9,
            Self::DateTime => 10,
            Self::Date => 11,
            Self::Time => 12,
            Self::Json => 13,
            Self::Enum => 14,
            Self::Array(of) => 128 | of.number(),
        }
    }
}

fn read<T: Stored>(cell: Cell<'_>) -> Value {
    T::decode(cell).map_or_else(|_| cell.to_value(), T::into_value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_one_value_in_whatever_form_it_is_kept() {
        let id = Uuid::now_v7();
        assert_eq!(SqlType::Uuid.value(Cell::Bytes(id.as_bytes())), Value::Uuid(id));
        assert_eq!(SqlType::Bool.value(Cell::Int(1)), Value::Bool(true));
        assert_eq!(SqlType::Decimal.value(Cell::Text("1.50")), Value::Decimal(Decimal::new(150, 2)));
        assert_eq!(SqlType::Decimal.value(Cell::Text("much")), Value::Text("much".into()));
        assert_eq!(SqlType::Json.value(Cell::Text("{}")), Value::Json("{}".into()));
        assert_eq!(SqlType::Uuid.value(Cell::Null), Value::Null);
    }
}
