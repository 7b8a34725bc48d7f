//! Dates and times.
//!
//! SQLite has no such types. There they are texts of a fixed width in UTC (`2026-11-23T08:30:00.000000Z`), which its
//! date functions read, which sort as time does, and which a person can read in the file.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
#[cfg(feature = "sqlite")]
use chrono::{Datelike, Timelike};

use super::{Cell, Decode, Mismatch, SqlType, Stored, Value};

const DATE_TIME: &str = "a point in time";
const DATE: &str = "a date";
const TIME: &str = "a time of day";

impl Decode for DateTime<Utc> {
    fn decode(cell: Cell<'_>) -> Result<Self, Mismatch> {
        match cell {
            Cell::DateTime(value) => Ok(value),
            Cell::Text(text) => read_date_time(text).ok_or_else(|| Mismatch::new(DATE_TIME, cell)),
            _ => Err(Mismatch::new(DATE_TIME, cell)),
        }
    }
}

impl Stored for DateTime<Utc> {
    const TYPE: SqlType = SqlType::DateTime;

    fn into_value(self) -> Value {
        Value::DateTime(self)
    }
}

/// A time without a zone is taken as UTC.
impl Decode for NaiveDateTime {
    fn decode(cell: Cell<'_>) -> Result<Self, Mismatch> {
        DateTime::<Utc>::decode(cell).map(|time| time.naive_utc())
    }
}

impl Stored for NaiveDateTime {
    const TYPE: SqlType = SqlType::DateTime;

    fn into_value(self) -> Value {
        Value::DateTime(self.and_utc())
    }
}

impl Decode for NaiveDate {
    fn decode(cell: Cell<'_>) -> Result<Self, Mismatch> {
        match cell {
            Cell::Date(value) => Ok(value),
            Cell::Text(text) => read_date(text.as_bytes()).ok_or_else(|| Mismatch::new(DATE, cell)),
            _ => Err(Mismatch::new(DATE, cell)),
        }
    }
}

impl Stored for NaiveDate {
    const TYPE: SqlType = SqlType::Date;

    fn into_value(self) -> Value {
        Value::Date(self)
    }
}

impl Decode for NaiveTime {
    fn decode(cell: Cell<'_>) -> Result<Self, Mismatch> {
        match cell {
            Cell::Time(value) => Ok(value),
            Cell::Text(text) => read_time(text.as_bytes()).ok_or_else(|| Mismatch::new(TIME, cell)),
            _ => Err(Mismatch::new(TIME, cell)),
        }
    }
}

impl Stored for NaiveTime {
    const TYPE: SqlType = SqlType::Time;

    fn into_value(self) -> Value {
        Value::Time(self)
    }
}

/// Our own fixed form first, by position: it is read for every row. Anything else that is RFC 3339 still works.
fn read_date_time(text: &str) -> Option<DateTime<Utc>> {
    let bytes = text.as_bytes();
    if bytes.len() == 27 && bytes[10] == b'T' && bytes[26] == b'Z' {
        let date = read_date(&bytes[..10])?;
        let time = read_time(&bytes[11..26])?;
        return Some(NaiveDateTime::new(date, time).and_utc());
    }
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.with_timezone(&Utc))
}

fn read_date(bytes: &[u8]) -> Option<NaiveDate> {
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let year = i32::try_from(digits(&bytes[..4])?).ok()?;
    NaiveDate::from_ymd_opt(year, digits(&bytes[5..7])?, digits(&bytes[8..])?)
}

fn read_time(bytes: &[u8]) -> Option<NaiveTime> {
    if bytes.len() != 15 || bytes[2] != b':' || bytes[5] != b':' || bytes[8] != b'.' {
        return None;
    }
    let (hour, minute, second) = (digits(&bytes[..2])?, digits(&bytes[3..5])?, digits(&bytes[6..8])?);
    NaiveTime::from_hms_micro_opt(hour, minute, second, digits(&bytes[9..])?)
}

fn digits(bytes: &[u8]) -> Option<u32> {
    bytes
        .iter()
        .try_fold(0_u32, |number, byte| byte.is_ascii_digit().then(|| number * 10 + u32::from(byte - b'0')))
}

/// Writes a point in time in the fixed form. `None` for a year that does not have four digits.
#[cfg(feature = "sqlite")]
pub(crate) fn write_date_time(time: &DateTime<Utc>) -> Option<String> {
    let time = time.naive_utc();
    let mut text = String::with_capacity(27);
    put_date(&mut text, time.date())?;
    text.push('T');
    put_time(&mut text, time.time());
    text.push('Z');
    Some(text)
}

/// Writes a day as `2026-11-23`. `None` for a year that does not have four digits.
#[cfg(feature = "sqlite")]
pub(crate) fn write_date(date: &NaiveDate) -> Option<String> {
    let mut text = String::with_capacity(10);
    put_date(&mut text, *date)?;
    Some(text)
}

/// Writes a time of day as `08:30:00.000000`.
#[cfg(feature = "sqlite")]
pub(crate) fn write_time(time: &NaiveTime) -> String {
    let mut text = String::with_capacity(15);
    put_time(&mut text, *time);
    text
}

#[cfg(feature = "sqlite")]
fn put_date(text: &mut String, date: NaiveDate) -> Option<()> {
    let year = u32::try_from(date.year()).ok().filter(|year| *year <= 9999)?;
    put(text, year, 4);
    text.push('-');
    put(text, date.month(), 2);
    text.push('-');
    put(text, date.day(), 2);
    Some(())
}

#[cfg(feature = "sqlite")]
fn put_time(text: &mut String, time: NaiveTime) {
    put(text, time.hour(), 2);
    text.push(':');
    put(text, time.minute(), 2);
    text.push(':');
    put(text, time.second(), 2);
    text.push('.');
    // A leap second has more than 999,999 microseconds: it is stored as the last of its second.
    put(text, (time.nanosecond() / 1_000).min(999_999), 6);
}

#[cfg(feature = "sqlite")]
fn put(text: &mut String, number: u32, width: u32) {
    for place in (0..width).rev() {
        let digit = number / 10_u32.pow(place) % 10;
        text.push(char::from(b'0' + u8::try_from(digit).unwrap_or(0)));
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn round_trips_to_the_microsecond(seconds in -62_167_219_200_i64..253_402_300_800, micros in 0_u32..1_000_000) {
            let time = DateTime::from_timestamp(seconds, micros * 1_000).unwrap();
            let text = write_date_time(&time).unwrap();
            prop_assert_eq!(text.len(), 27);
            prop_assert_eq!(DateTime::<Utc>::decode(Cell::Text(&text)), Ok(time));
        }

        #[test]
        fn sorts_as_time_does(a in -62_167_219_200_i64..253_402_300_800, b in -62_167_219_200_i64..253_402_300_800) {
            let write = |seconds| write_date_time(&DateTime::from_timestamp(seconds, 0).unwrap()).unwrap();
            prop_assert_eq!(a.cmp(&b), write(a).cmp(&write(b)));
        }

        #[test]
        fn never_panics_on_what_is_stored(text in ".{0,30}") {
            let _ = DateTime::<Utc>::decode(Cell::Text(&text));
            let _ = NaiveDate::decode(Cell::Text(&text));
            let _ = NaiveTime::decode(Cell::Text(&text));
        }
    }

    #[test]
    fn reads_other_rfc_3339_texts() {
        let read = DateTime::<Utc>::decode(Cell::Text("2026-11-23T10:30:00+02:00")).unwrap();
        assert_eq!(write_date_time(&read).unwrap(), "2026-11-23T08:30:00.000000Z");
    }

    #[test]
    fn does_not_write_a_year_of_five_digits() {
        let far = NaiveDate::from_ymd_opt(10_000, 1, 1).unwrap();
        assert_eq!(write_date(&far), None);
    }
}
