//! What `#[derive(DbEnum)]` and `#[derive(DbType)]` call.

use std::borrow::Cow;
use std::fmt::Display;

use serde::de::{Deserialize, Deserializer, Error};

use super::{Cell, Decode, Mismatch};

/// Reads one of a few names from a cell.
pub fn decode_choice<T>(
    cell: Cell<'_>,
    expected: &'static str,
    named: fn(&str) -> Option<T>,
) -> Result<T, Mismatch> {
    match cell {
        Cell::Text(name) => named(name).ok_or_else(|| Mismatch::new(expected, cell)),
        _ => Err(Mismatch::new(expected, cell)),
    }
}

/// Reads one of a few numbers from a cell.
pub fn decode_numbered<T>(
    cell: Cell<'_>,
    expected: &'static str,
    numbered: fn(i64) -> Option<T>,
) -> Result<T, Mismatch> {
    match cell {
        Cell::Int(number) => numbered(number).ok_or_else(|| Mismatch::new(expected, cell)),
        _ => Err(Mismatch::new(expected, cell)),
    }
}

/// Reads one of a few names from JSON and the like.
pub fn deserialize_choice<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    expected: &'static str,
    named: fn(&str) -> Option<T>,
) -> Result<T, D::Error> {
    let name = Cow::<str>::deserialize(deserializer)?;
    named(&name).ok_or_else(|| D::Error::custom(format_args!("`{name}` is not {expected}")))
}

/// Reads a value that its type may refuse.
pub fn decode_checked<I: Decode, T: TryFrom<I, Error: Display>>(
    cell: Cell<'_>,
    expected: &'static str,
) -> Result<T, Mismatch> {
    let refused = |fault: T::Error| Mismatch { expected, found: format!("{} ({fault})", cell.describe()) };
    T::try_from(I::decode(cell)?).map_err(refused)
}
