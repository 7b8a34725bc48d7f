//! The rows of a result as they came, read in place.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Type};
use uuid::Uuid;

use super::kind::Kind;
use super::numeric::{self, Number};
use crate::value::Cell;

/// Microseconds from 1970 to 2000, where the server's clock begins.
pub(super) const EPOCH_MICROS: i64 = 946_684_800_000_000;
/// The first of January 2000, in days from the first of January of the year 1.
pub(super) const EPOCH_DAYS: i32 = 730_120;

/// The rows of one result.
#[derive(Debug)]
pub(crate) struct Buffer {
    kinds: Arc<[Kind]>,
    rows: Vec<Row>,
}

impl Buffer {
    pub(super) fn new(kinds: Arc<[Kind]>, rows: Vec<Row>) -> Self {
        Self { kinds, rows }
    }

    pub(crate) fn column_names(&self) -> Vec<String> {
        let columns = self.rows.first().map(Row::columns).unwrap_or_default();
        columns.iter().map(|column| column.name().to_owned()).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// How much memory the rows take, more or less.
    pub(super) fn bytes(&self) -> usize {
        self.rows.iter().map(Row::raw_size_bytes).sum()
    }

    pub(crate) fn cell(&self, row: usize, column: usize) -> Cell<'_> {
        let Some(kind) = self.kinds.get(column) else { return Cell::Null };
        match self.rows.get(row).map(|row| row.try_get::<_, Option<Raw<'_>>>(column)) {
            Some(Ok(Some(Raw(raw)))) => read(*kind, raw),
            _ => Cell::Null,
        }
    }
}

/// The bytes of a field, whatever its type.
struct Raw<'a>(&'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(raw))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// What is not as its type has it reads as bytes, which no other field takes.
pub(super) fn read(kind: Kind, raw: &[u8]) -> Cell<'_> {
    let cell = match kind {
        Kind::Bool => raw.first().map(|byte| Cell::Bool(*byte != 0)),
        Kind::Int2 => array(raw).map(|bytes| Cell::Int(i16::from_be_bytes(bytes).into())),
        Kind::Int4 => array(raw).map(|bytes| Cell::Int(i32::from_be_bytes(bytes).into())),
        Kind::Int8 => array(raw).map(|bytes| Cell::Int(i64::from_be_bytes(bytes))),
        Kind::Oid => array(raw).map(|bytes| Cell::Int(u32::from_be_bytes(bytes).into())),
        Kind::Float4 => array(raw).map(|bytes| Cell::Float(f32::from_be_bytes(bytes).into())),
        Kind::Float8 => array(raw).map(|bytes| Cell::Float(f64::from_be_bytes(bytes))),
        Kind::Numeric => numeric::read(raw).map(|number| match number {
            Number::Exact(number) => Cell::Decimal(number),
            Number::Near(number) => Cell::Float(number),
        }),
        Kind::Text => text(raw),
        // A version comes first; there is only the one.
        Kind::Jsonb => raw.split_first().and_then(|(_, document)| text(document)),
        Kind::Uuid => array(raw).map(|bytes| Cell::Uuid(Uuid::from_bytes(bytes))),
        Kind::Instant => array(raw).map(|bytes| instant(i64::from_be_bytes(bytes))),
        Kind::Date => array(raw).map(|bytes| date(i32::from_be_bytes(bytes))),
        Kind::Time => array(raw).and_then(|bytes| time(i64::from_be_bytes(bytes))),
        Kind::Array => Some(Cell::Array(raw)),
        Kind::Bytes | Kind::Other => None,
    };
    cell.unwrap_or(Cell::Bytes(raw))
}

fn array<const N: usize>(raw: &[u8]) -> Option<[u8; N]> {
    raw.try_into().ok()
}

fn text(raw: &[u8]) -> Option<Cell<'_>> {
    std::str::from_utf8(raw).ok().map(Cell::Text)
}

/// The server's clock goes further than ours, and has infinities at both ends: those read as text, which says so when it
/// is decoded.
fn instant(micros: i64) -> Cell<'static> {
    match micros {
        i64::MAX => Cell::Text("infinity"),
        i64::MIN => Cell::Text("-infinity"),
        _ => micros
            .checked_add(EPOCH_MICROS)
            .and_then(DateTime::<Utc>::from_timestamp_micros)
            .map_or(Cell::Text("a time beyond the calendar"), Cell::DateTime),
    }
}

fn date(days: i32) -> Cell<'static> {
    match days {
        i32::MAX => Cell::Text("infinity"),
        i32::MIN => Cell::Text("-infinity"),
        _ => days
            .checked_add(EPOCH_DAYS)
            .and_then(NaiveDate::from_num_days_from_ce_opt)
            .map_or(Cell::Text("a day beyond the calendar"), Cell::Date),
    }
}

fn time(micros: i64) -> Option<Cell<'static>> {
    // The server has a 24:00:00; here a day ends a moment earlier.
    let micros = micros.min(86_400_000_000 - 1);
    (micros >= 0).then(|| Cell::Time(NaiveTime::MIN + TimeDelta::microseconds(micros)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KINDS: [Kind; 16] = [
        Kind::Bool,
        Kind::Bytes,
        Kind::Int2,
        Kind::Int4,
        Kind::Int8,
        Kind::Oid,
        Kind::Float4,
        Kind::Float8,
        Kind::Numeric,
        Kind::Text,
        Kind::Jsonb,
        Kind::Uuid,
        Kind::Instant,
        Kind::Date,
        Kind::Time,
        Kind::Other,
    ];

    proptest! {
        #[test]
        fn never_panics_on_what_arrives(raw: Vec<u8>) {
            for kind in KINDS {
                let _ = read(kind, &raw);
            }
        }

        #[test]
        fn never_panics_on_any_number(number: i64) {
            for kind in KINDS {
                let _ = read(kind, &number.to_be_bytes());
                let _ = read(kind, &(number as i32).to_be_bytes());
            }
        }
    }

    #[test]
    fn reads_the_ends_of_the_calendar() {
        let day = |days: i32| read(Kind::Date, &days.to_be_bytes()).describe();
        assert_eq!(day(0), "the date 2000-01-01");
        assert_eq!(day(i32::MAX), "the text \"infinity\"");
        let point = |micros: i64| read(Kind::Instant, &micros.to_be_bytes()).describe();
        assert_eq!(point(0), "the time 2000-01-01 00:00:00 UTC");
        assert_eq!(point(i64::MIN), "the text \"-infinity\"");
        assert_eq!(point(i64::MAX - 1), "the text \"a time beyond the calendar\"");
        let midnight = 86_400_000_000_i64.to_be_bytes();
        assert_eq!(read(Kind::Time, &midnight).describe(), "the time of day 23:59:59.999999");
    }
}
