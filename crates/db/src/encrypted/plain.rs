//! Values as bytes: what is sealed, and what digests are taken of. A letter says what follows.
//!
//! The form is stored, sealed, in databases: what one version has written, every later one reads.

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, Timelike};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::meta::Form;
use crate::value::{Cell, Value};

/// The value as bytes; `None` for one that cannot be sealed, which validation has refused before.
pub(super) fn write(value: &Value) -> Option<Vec<u8>> {
    let tagged = |tag: u8, bytes: &[u8]| {
        let mut out = Vec::with_capacity(bytes.len() + 1);
        out.push(tag);
        out.extend_from_slice(bytes);
        out
    };
    Some(match value {
        Value::Text(text) => tagged(b't', text.as_bytes()),
        Value::Json(text) => tagged(b'j', text.as_bytes()),
        Value::Bytes(bytes) => tagged(b'b', bytes),
        Value::Int(number) => tagged(b'i', &number.to_be_bytes()),
        Value::Float(number) => tagged(b'f', &number.to_bits().to_be_bytes()),
        Value::Bool(is) => tagged(b'o', &[u8::from(*is)]),
        Value::Uuid(id) => tagged(b'u', id.as_bytes()),
        Value::Decimal(number) => tagged(b'n', &number.serialize()),
        Value::Date(day) => tagged(b'd', &day.num_days_from_ce().to_be_bytes()),
        Value::Time(time) => {
            let micros = u64::from(time.num_seconds_from_midnight()) * 1_000_000
                + u64::from(time.nanosecond() / 1_000).min(999_999);
            tagged(b'm', &micros.to_be_bytes())
        }
        Value::DateTime(time) => tagged(b's', &time.timestamp_micros().to_be_bytes()),
        Value::Null | Value::List(_) | Value::Unstorable(_) | Value::Blind(_) => return None,
    })
}

/// The value that [`write()`] was given; `None` for other bytes.
pub(super) fn read(bytes: &[u8]) -> Option<Cell<'_>> {
    let (tag, bytes) = bytes.split_first()?;
    Some(match tag {
        b't' | b'j' => Cell::Text(std::str::from_utf8(bytes).ok()?),
        b'b' => Cell::Bytes(bytes),
        b'i' => Cell::Int(i64::from_be_bytes(bytes.try_into().ok()?)),
        b'f' => Cell::Float(f64::from_bits(u64::from_be_bytes(bytes.try_into().ok()?))),
        b'o' => Cell::Bool(*bytes.first()? != 0),
        b'u' => Cell::Uuid(Uuid::from_bytes(bytes.try_into().ok()?)),
        b'n' => Cell::Decimal(Decimal::deserialize(bytes.try_into().ok()?)),
        b'd' => Cell::Date(NaiveDate::from_num_days_from_ce_opt(i32::from_be_bytes(bytes.try_into().ok()?))?),
        b'm' => {
            let micros = u64::from_be_bytes(bytes.try_into().ok()?);
            let seconds = u32::try_from(micros / 1_000_000).ok()?;
            let nanos = u32::try_from(micros % 1_000_000).ok()? * 1_000;
            Cell::Time(NaiveTime::from_num_seconds_from_midnight_opt(seconds, nanos)?)
        }
        b's' => Cell::DateTime(DateTime::from_timestamp_micros(i64::from_be_bytes(bytes.try_into().ok()?))?),
        _ => return None,
    })
}

/// What the digest of a value is taken of.
pub(super) fn looked_up(value: &Value, form: Form) -> Option<Vec<u8>> {
    match (value, form) {
        (Value::Text(text), Form::Lowercase) => write(&Value::Text(text.to_lowercase())),
        (value, _) => write(value),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn comes_back(value: &Value) {
        let bytes = write(value).unwrap();
        let read = read(&bytes).unwrap().to_value();
        // JSON is read from its text.
        let expected = if let Value::Json(text) = value { Value::Text(text.clone()) } else { value.clone() };
        assert_eq!(read, expected);
    }

    #[test]
    fn every_kind_of_value_comes_back() {
        let time = NaiveTime::from_hms_micro_opt(23, 59, 59, 999_999).unwrap();
        let day = NaiveDate::from_ymd_opt(-44, 3, 15).unwrap();
        for value in [
            Value::Bool(true),
            Value::Bool(false),
            Value::Float(f64::NAN),
            Value::Decimal("-79228162514264337593543950335".parse().unwrap()),
            Value::Decimal("1.50".parse().unwrap()),
            Value::Uuid(Uuid::max()),
            Value::Date(day),
            Value::Time(time),
            Value::DateTime(day.and_time(time).and_utc()),
            Value::Json("{\"a\":[1,null]}".to_owned()),
        ] {
            comes_back(&value);
        }
        assert_eq!(write(&Value::Null), None);
    }

    #[test]
    fn the_form_does_not_change() {
        assert_eq!(write(&Value::Text("é".into())).unwrap(), b"t\xc3\xa9");
        assert_eq!(write(&Value::Int(-2)).unwrap(), b"i\xff\xff\xff\xff\xff\xff\xff\xfe");
        assert_eq!(write(&Value::Date(NaiveDate::from_ymd_opt(1, 1, 2).unwrap())).unwrap(), b"d\0\0\0\x02");
    }

    #[test]
    fn lower_case_is_that_of_every_language() {
        let digest = |text: &str| looked_up(&Value::Text(text.to_owned()), Form::Lowercase);
        assert_eq!(digest("ÄNN@Example.ORG"), digest("änn@example.org"));
        assert_ne!(
            looked_up(&Value::Text("A".into()), Form::Exact),
            looked_up(&Value::Text("a".into()), Form::Exact)
        );
    }

    proptest! {
        #[test]
        fn texts_bytes_and_numbers_come_back(text: String, bytes: Vec<u8>, number: i64) {
            comes_back(&Value::Text(text));
            comes_back(&Value::Bytes(bytes));
            comes_back(&Value::Int(number));
        }

        #[test]
        fn other_bytes_are_nothing_or_a_value_and_never_a_panic(bytes: Vec<u8>) {
            let _ = read(&bytes);
        }
    }
}
