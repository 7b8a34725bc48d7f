//! Values in their text form, as the server's input functions read them.

use std::error::Error;
use std::fmt::Write;

use bytes::{BufMut, BytesMut};
use chrono::{DateTime, Datelike, NaiveDate, Timelike, Utc};

use super::bind::unstorable;
use crate::value::Value;

type Refused = Box<dyn Error + Sync + Send>;

/// Writes the text form of what is not NULL.
pub(super) fn write(value: &Value, out: &mut BytesMut) -> Result<(), Refused> {
    match value {
        Value::Text(value) | Value::Json(value) => out.put_slice(checked(value)?.as_bytes()),
        value => {
            let mut text = String::new();
            put(value, &mut text)?;
            out.put_slice(text.as_bytes());
        }
    }
    Ok(())
}

/// The text, unless there is in it what the server's texts cannot hold.
pub(super) fn checked(text: &str) -> Result<&str, Refused> {
    if text.as_bytes().contains(&0) { Err(unstorable("a text with a NUL character")) } else { Ok(text) }
}

fn put(value: &Value, text: &mut String) -> Result<(), Refused> {
    let written = match value {
        Value::Null => write!(text, "NULL"),
        Value::Bool(value) => write!(text, "{value}"),
        Value::Int(value) => write!(text, "{value}"),
        Value::Float(value) if value.is_nan() => write!(text, "NaN"),
        Value::Float(value) if value.is_infinite() => {
            write!(text, "{}Infinity", if *value < 0.0 { "-" } else { "" })
        }
        Value::Float(value) => write!(text, "{value:e}"),
        Value::Decimal(value) => write!(text, "{value}"),
        Value::Uuid(value) => write!(text, "{value}"),
        Value::Text(value) | Value::Json(value) => write!(text, "{}", checked(value)?),
        Value::Bytes(bytes) => {
            text.push_str("\\x");
            bytes.iter().try_for_each(|byte| write!(text, "{byte:02x}"))
        }
        Value::DateTime(time) => put_date_time(time, text),
        Value::Date(date) => put_date(date, text),
        Value::Time(time) => write!(text, "{}", time.format("%H:%M:%S%.6f")),
        Value::List(values) => return put_list(values, text),
        Value::Unstorable(what) => return Err(unstorable(what.clone())),
        Value::Blind(blind) => return Err(unstorable(blind.refused())),
    };
    written.map_err(Into::into)
}

fn put_date_time(time: &DateTime<Utc>, text: &mut String) -> std::fmt::Result {
    let micros = (time.nanosecond() / 1_000).min(999_999);
    let (year, era) = year(time.year());
    let (month, day) = (time.month(), time.day());
    let (hour, minute, second) = (time.hour(), time.minute(), time.second());
    write!(text, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{micros:06}+00{era}")
}

fn put_date(date: &NaiveDate, text: &mut String) -> std::fmt::Result {
    let (year, era) = year(date.year());
    write!(text, "{year:04}-{:02}-{:02}{era}", date.month(), date.day())
}

/// The year before the year 1 is the first before Christ; there is no year 0.
fn year(year: i32) -> (i32, &'static str) {
    if year > 0 { (year, "") } else { (1 - year, " BC") }
}

/// `{1,2,NULL}`. Every item is quoted that could be taken for something else.
fn put_list(values: &[Value], text: &mut String) -> Result<(), Refused> {
    text.push('{');
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        if matches!(value, Value::Null | Value::List(_)) {
            put(value, text)?;
            continue;
        }
        let mut item = String::new();
        put(value, &mut item)?;
        text.push('"');
        for letter in item.chars() {
            if matches!(letter, '"' | '\\') {
                text.push('\\');
            }
            text.push(letter);
        }
        text.push('"');
    }
    text.push('}');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    fn text(value: &Value) -> String {
        let mut out = BytesMut::new();
        write(value, &mut out).unwrap();
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn writes_times_as_the_server_reads_them() {
        let time = Utc.with_ymd_and_hms(2026, 11, 23, 8, 30, 0).unwrap();
        assert_eq!(text(&Value::DateTime(time)), "2026-11-23 08:30:00.000000+00");
        let early = NaiveDate::from_ymd_opt(-43, 3, 15).unwrap();
        assert_eq!(text(&Value::Date(early)), "0044-03-15 BC");
        let far = NaiveDate::from_ymd_opt(12_345, 1, 2).unwrap();
        assert_eq!(text(&Value::Date(far)), "12345-01-02");
    }

    #[test]
    fn writes_numbers_that_are_none() {
        assert_eq!(text(&Value::Float(f64::NEG_INFINITY)), "-Infinity");
        assert_eq!(text(&Value::Float(f64::NAN)), "NaN");
        assert_eq!(text(&Value::Float(0.1)), "1e-1");
    }

    #[test]
    fn refuses_what_could_not_be_made_into_a_value() {
        let mut out = BytesMut::new();
        let fault = write(&Value::Unstorable("a map".into()), &mut out).unwrap_err();
        assert_eq!(fault.to_string(), "a map cannot be stored in PostgreSQL");
    }
}
