//! Values in the form in which the server takes them.

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, Timelike, Utc};
use mysql_async::Value as Bound;

use crate::error::DbError;
use crate::value::Value;

/// The last year that a column can hold.
const LAST_YEAR: u16 = 9999;

/// A value, with its text moved rather than copied.
pub(super) fn bound(value: Value, engine: &'static str) -> Result<Bound, DbError> {
    let unstorable = |what: String| DbError::Unstorable { what, engine };
    Ok(match value {
        Value::Null => Bound::NULL,
        Value::Bool(value) => Bound::Int(i64::from(value)),
        Value::Int(value) => Bound::Int(value),
        Value::Float(value) if !value.is_finite() => {
            return Err(unstorable("a number that is infinite or not a number".to_owned()));
        }
        Value::Float(value) => Bound::Double(value),
        // The library sends no exact numbers: they go as text, which a column takes exactly.
        Value::Decimal(value) => Bound::Bytes(value.to_string().into_bytes()),
        Value::Uuid(value) => Bound::Bytes(value.as_bytes().to_vec()),
        Value::Text(value) | Value::Json(value) => Bound::Bytes(value.into_bytes()),
        Value::Bytes(value) => Bound::Bytes(value),
        Value::DateTime(value) => date_time(value).ok_or_else(|| unstorable(format!("the time {value}")))?,
        Value::Date(value) => date(value).ok_or_else(|| unstorable(format!("the date {value}")))?,
        Value::Time(value) => time(value),
        Value::List(values) => Bound::Bytes(json(values).map_err(unstorable)?),
        Value::Unstorable(what) => return Err(unstorable(what)),
        Value::Blind(blind) => return Err(unstorable(blind.refused())),
    })
}

/// A list as JSON, for `JSON_TABLE`.
fn json(values: Vec<Value>) -> Result<Vec<u8>, String> {
    let items = values.into_iter().map(|value| match value {
        Value::Null => Ok(serde_json::Value::Null),
        Value::Int(value) => Ok(value.into()),
        Value::Text(value) => Ok(value.into()),
        _ => Err("a list of something else than whole numbers and texts".to_owned()),
    });
    let items = items.collect::<Result<Vec<_>, _>>()?;
    Ok(serde_json::Value::Array(items).to_string().into_bytes())
}

fn date_time(value: DateTime<Utc>) -> Option<Bound> {
    let value = value.naive_utc();
    let (year, month, day) = calendar(value.date())?;
    let (hour, minute, second, micros) = clock(value.time());
    Some(Bound::Date(year, month, day, hour, minute, second, micros))
}

fn date(value: NaiveDate) -> Option<Bound> {
    let (year, month, day) = calendar(value)?;
    Some(Bound::Date(year, month, day, 0, 0, 0, 0))
}

fn time(value: NaiveTime) -> Bound {
    let (hour, minute, second, micros) = clock(value);
    Bound::Time(false, 0, hour, minute, second, micros)
}

fn calendar(value: NaiveDate) -> Option<(u16, u8, u8)> {
    let year = u16::try_from(value.year()).ok().filter(|year| *year <= LAST_YEAR)?;
    Some((year, u8::try_from(value.month()).ok()?, u8::try_from(value.day()).ok()?))
}

fn clock(value: NaiveTime) -> (u8, u8, u8, u32) {
    let small = |number: u32| u8::try_from(number).unwrap_or(u8::MAX);
    // A leap second has more than 999,999 microseconds: it is stored as the last of its second.
    let micros = (value.nanosecond() / 1_000).min(999_999);
    (small(value.hour()), small(value.minute()), small(value.second()), micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_the_server_would_change_silently() {
        for value in [
            Value::Float(f64::NAN),
            Value::Float(f64::NEG_INFINITY),
            Value::Date(NaiveDate::from_ymd_opt(12_345, 1, 1).unwrap()),
            Value::Date(NaiveDate::from_ymd_opt(-1, 1, 1).unwrap()),
            Value::List(vec![Value::Float(0.5)]),
            Value::Unstorable("a thing".into()),
        ] {
            let fault = bound(value.clone(), "MariaDB").unwrap_err();
            assert!(matches!(fault, DbError::Unstorable { engine: "MariaDB", .. }), "{value:?}: {fault:?}");
        }
    }

    #[test]
    fn binds_a_list_as_json() {
        let list = Value::List(vec![Value::Int(i64::MIN), Value::Text("a\"b".into()), Value::Null]);
        assert_eq!(bound(list, "").unwrap(), Bound::Bytes(br#"[-9223372036854775808,"a\"b",null]"#.to_vec()));
    }

    #[test]
    fn keeps_microseconds() {
        let time = DateTime::from_timestamp_micros(1_795_000_000_123_456).unwrap();
        let bound = bound(Value::DateTime(time), "").unwrap();
        assert!(matches!(bound, Bound::Date(2026, 11, _, _, _, _, 123_456)), "{bound:?}");
    }
}
