//! The rows of a result. The library hands out a vector for each row, with texts of their own: they are moved, not copied.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use mysql_async::consts::ColumnType;
use mysql_async::{Column, Row, Value};
use rust_decimal::Decimal;

use crate::value::Cell;

/// The number of the character set of bytes that are not text.
const BINARY: u16 = 63;

/// The rows of one result.
#[derive(Debug)]
pub(crate) struct Buffer {
    kinds: Vec<Kind>,
    columns: Option<Arc<[Column]>>,
    cells: Vec<Stored>,
    bytes: usize,
}

/// What the bytes of a column are. Other values say what they are by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Bytes,
    Decimal,
    Date,
    DateTime,
}

#[derive(Debug)]
enum Stored {
    Null,
    Int(i64),
    Float(f64),
    Decimal(Decimal),
    Text(String),
    Bytes(Vec<u8>),
    DateTime(DateTime<Utc>),
    Date(NaiveDate),
    Time(NaiveTime),
}

impl Buffer {
    pub(super) fn new(columns: &[Column]) -> Self {
        Self { kinds: columns.iter().map(Kind::of).collect(), columns: None, cells: Vec::new(), bytes: 0 }
    }

    pub(super) fn push(&mut self, row: Row) {
        if self.columns.is_none() {
            self.columns = Some(row.columns());
        }
        for (value, kind) in row.unwrap().into_iter().zip(&self.kinds) {
            if let Value::Bytes(bytes) = &value {
                self.bytes += bytes.len();
            }
            self.cells.push(Stored::of(value, *kind));
        }
    }

    pub(crate) fn column_names(&self) -> Vec<String> {
        self.columns
            .iter()
            .flat_map(|columns| columns.iter())
            .map(|column| column.name_str().into_owned())
            .collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.cells.len().checked_div(self.kinds.len()).unwrap_or(0)
    }

    /// Roughly what it takes in memory.
    pub(super) fn size(&self) -> usize {
        self.bytes + self.cells.len() * size_of::<Stored>()
    }

    pub(crate) fn cell(&self, row: usize, column: usize) -> Cell<'_> {
        if column >= self.kinds.len() {
            return Cell::Null;
        }
        match self.cells.get(row * self.kinds.len() + column) {
            None | Some(Stored::Null) => Cell::Null,
            Some(Stored::Int(value)) => Cell::Int(*value),
            Some(Stored::Float(value)) => Cell::Float(*value),
            Some(Stored::Decimal(value)) => Cell::Decimal(*value),
            Some(Stored::Text(value)) => Cell::Text(value),
            Some(Stored::Bytes(value)) => Cell::Bytes(value),
            Some(Stored::DateTime(value)) => Cell::DateTime(*value),
            Some(Stored::Date(value)) => Cell::Date(*value),
            Some(Stored::Time(value)) => Cell::Time(*value),
        }
    }
}

impl Kind {
    fn of(column: &Column) -> Self {
        match column.column_type() {
            ColumnType::MYSQL_TYPE_NEWDECIMAL | ColumnType::MYSQL_TYPE_DECIMAL => Self::Decimal,
            ColumnType::MYSQL_TYPE_DATE | ColumnType::MYSQL_TYPE_NEWDATE => Self::Date,
            ColumnType::MYSQL_TYPE_DATETIME | ColumnType::MYSQL_TYPE_TIMESTAMP => Self::DateTime,
            // MySQL says that its JSON is binary; it is text.
            ColumnType::MYSQL_TYPE_JSON => Self::Text,
            ColumnType::MYSQL_TYPE_BIT | ColumnType::MYSQL_TYPE_GEOMETRY => Self::Bytes,
            _ if column.character_set() == BINARY => Self::Bytes,
            _ => Self::Text,
        }
    }
}

impl Stored {
    fn of(value: Value, kind: Kind) -> Self {
        match value {
            Value::NULL => Self::Null,
            Value::Int(value) => Self::Int(value),
            Value::UInt(value) => {
                i64::try_from(value).map_or_else(|_| Self::Decimal(value.into()), Self::Int)
            }
            Value::Float(value) => Self::Float(value.into()),
            Value::Double(value) => Self::Float(value),
            Value::Bytes(bytes) if kind == Kind::Bytes => Self::Bytes(bytes),
            Value::Bytes(bytes) => match String::from_utf8(bytes) {
                // A number of more than 28 digits does not fit. It stays text rather than being rounded unasked.
                Ok(text) if kind == Kind::Decimal => match exact(&text) {
                    Some(number) => Self::Decimal(number),
                    None => Self::Text(text),
                },
                Ok(text) => Self::Text(text),
                Err(fault) => Self::Bytes(fault.into_bytes()),
            },
            Value::Date(year, month, day, hour, minute, second, micros) => {
                let date = NaiveDate::from_ymd_opt(year.into(), month.into(), day.into());
                let time = NaiveTime::from_hms_micro_opt(hour.into(), minute.into(), second.into(), micros);
                match (date, time) {
                    (Some(date), _) if kind == Kind::Date => Self::Date(date),
                    (Some(date), Some(time)) => Self::DateTime(date.and_time(time).and_utc()),
                    // A zero in place of a month, from a server that allows it: no date field takes it.
                    _ => Self::Text(format!("{year:04}-{month:02}-{day:02}")),
                }
            }
            Value::Time(negative, days, hours, minutes, seconds, micros) => {
                let time =
                    NaiveTime::from_hms_micro_opt(hours.into(), minutes.into(), seconds.into(), micros);
                match time {
                    Some(time) if !negative && days == 0 => Self::Time(time),
                    // A duration, from a table of somebody else's making.
                    _ => {
                        let (sign, hours) = (if negative { "-" } else { "" }, days * 24 + u32::from(hours));
                        Self::Text(format!("{sign}{hours:02}:{minutes:02}:{seconds:02}.{micros:06}"))
                    }
                }
            }
        }
    }
}

/// Reads an exact number. What was computed of others may have more zeros at its end than fit.
fn exact(text: &str) -> Option<Decimal> {
    let read = |text| Decimal::from_str_exact(text).ok();
    read(text).or_else(|| text.contains('.').then(|| read(text.trim_end_matches('0'))).flatten())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_text_bytes_and_exact_numbers_apart() {
        let bytes = || Value::Bytes(b"1.50".to_vec());
        assert!(matches!(Stored::of(bytes(), Kind::Text), Stored::Text(text) if text == "1.50"));
        assert!(matches!(Stored::of(bytes(), Kind::Bytes), Stored::Bytes(_)));
        let exact = Decimal::from_str_exact("1.50").unwrap();
        assert!(matches!(Stored::of(bytes(), Kind::Decimal), Stored::Decimal(value) if value == exact));
        let broken = Value::Bytes(vec![0xff, 0xfe]);
        assert!(matches!(Stored::of(broken, Kind::Text), Stored::Bytes(bytes) if bytes == [0xff, 0xfe]));
    }

    #[test]
    fn does_not_cut_a_number_that_is_too_long() {
        let long = Value::Bytes(b"12345678901234567890123456789012345678.5".to_vec());
        assert!(matches!(Stored::of(long, Kind::Decimal), Stored::Text(_)));
        let zeros = Value::Bytes(b"12.50000000000000000000000000000000000000".to_vec());
        let number = Decimal::new(125, 1);
        assert!(matches!(Stored::of(zeros, Kind::Decimal), Stored::Decimal(value) if value == number));
    }

    #[test]
    fn shows_what_is_no_date_as_it_is() {
        let zero = Value::Date(0, 0, 0, 0, 0, 0, 0);
        assert!(matches!(Stored::of(zero, Kind::Date), Stored::Text(text) if text == "0000-00-00"));
        let duration = Value::Time(true, 1, 2, 3, 4, 5);
        assert!(matches!(Stored::of(duration, Kind::Text), Stored::Text(text) if text == "-26:03:04.000005"));
    }
}
