//! A value in the form that the server's parameter has.
//!
//! The server says which type each parameter of a prepared statement has. Where the value fits, it goes in the type's
//! binary form; otherwise in its text form, which the server reads by its own rules, and refuses by them too.

use std::error::Error;

use bytes::{BufMut, BytesMut};
use chrono::{DateTime, Datelike, NaiveTime, Timelike, Utc};
use tokio_postgres::types::{Format, IsNull, Kind as Family, ToSql, Type, to_sql_checked};

use super::buffer::{EPOCH_DAYS, EPOCH_MICROS};
use super::kind::Kind;
use super::{numeric, text};
use crate::error::DbError;
use crate::value::Value;

type Refused = Box<dyn Error + Sync + Send>;

/// A value on its way into a parameter.
#[derive(Debug)]
pub(super) struct Bound<'a>(pub(super) &'a Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self, sql: &Type, out: &mut BytesMut) -> Result<IsNull, Refused> {
        if self.0.is_null() {
            return Ok(IsNull::Yes);
        }
        match (form(self.0, sql), self.0) {
            (Format::Text, value) => text::write(value, out)?,
            (Format::Binary, Value::List(values)) => list(values, sql, out)?,
            (Format::Binary, value) => binary(value, Kind::of(sql), out)?,
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, sql: &Type) -> Format {
        form(self.0, sql)
    }

    to_sql_checked!();
}

/// A value in its text form, for a statement whose parameter types nobody has asked the server for.
#[derive(Debug)]
pub(super) struct AsText<'a>(pub(super) &'a Value);

impl ToSql for AsText<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Refused> {
        if self.0.is_null() {
            return Ok(IsNull::Yes);
        }
        text::write(self.0, out)?;
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}

pub(super) fn unstorable(what: impl Into<String>) -> Refused {
    Box::new(DbError::Unstorable { what: what.into(), engine: "PostgreSQL" })
}

/// Whether a value goes in binary into a parameter of that type.
fn form(value: &Value, sql: &Type) -> Format {
    let fits = match value {
        Value::List(values) => match element(sql) {
            Some(element) => {
                let kind = Kind::of(element);
                values.iter().all(|value| fits(value, kind))
            }
            None => false,
        },
        value => fits(value, Kind::of(sql)),
    };
    if fits { Format::Binary } else { Format::Text }
}

fn element(sql: &Type) -> Option<&Type> {
    match sql.kind() {
        Family::Array(element) => Some(element),
        Family::Domain(beneath) => element(beneath),
        _ => None,
    }
}

fn fits(value: &Value, kind: Kind) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(_) => kind == Kind::Bool,
        Value::Int(_) => matches!(kind, Kind::Int2 | Kind::Int4 | Kind::Int8 | Kind::Oid),
        Value::Float(_) => matches!(kind, Kind::Float4 | Kind::Float8),
        Value::Decimal(_) => kind == Kind::Numeric,
        Value::Uuid(_) => matches!(kind, Kind::Uuid | Kind::Bytes),
        Value::Text(_) => kind == Kind::Text,
        Value::Json(_) => matches!(kind, Kind::Jsonb | Kind::Text),
        Value::Bytes(bytes) => kind == Kind::Bytes || (kind == Kind::Uuid && bytes.len() == 16),
        Value::DateTime(_) => kind == Kind::Instant,
        Value::Date(_) => kind == Kind::Date,
        Value::Time(_) => kind == Kind::Time,
        Value::List(_) | Value::Unstorable(_) | Value::Blind(_) => false,
    }
}

/// Writes what [`fits`].
fn binary(value: &Value, kind: Kind, out: &mut BytesMut) -> Result<(), Refused> {
    match value {
        Value::Bool(value) => out.put_u8(u8::from(*value)),
        Value::Int(value) => return integer(*value, kind, out),
        Value::Float(value) if kind == Kind::Float4 => {
            let narrow = *value as f32;
            if narrow.is_infinite() && value.is_finite() {
                return Err(unstorable(format!("the number {value} in 32 bits")));
            }
            out.put_f32(narrow);
        }
        Value::Float(value) => out.put_f64(*value),
        Value::Decimal(value) => numeric::write(value, out),
        Value::Uuid(value) => out.put_slice(value.as_bytes()),
        Value::Text(value) => out.put_slice(text::checked(value)?.as_bytes()),
        Value::Json(value) => {
            if kind == Kind::Jsonb {
                out.put_u8(1);
            }
            out.put_slice(text::checked(value)?.as_bytes());
        }
        Value::Bytes(value) => out.put_slice(value),
        Value::DateTime(value) => out.put_i64(micros(value)?),
        Value::Date(value) => out.put_i32(value.num_days_from_ce() - EPOCH_DAYS),
        Value::Time(value) => out.put_i64(micros_of_day(value)),
        Value::Null | Value::List(_) | Value::Unstorable(_) | Value::Blind(_) => text::write(value, out)?,
    }
    Ok(())
}

fn integer(value: i64, kind: Kind, out: &mut BytesMut) -> Result<(), Refused> {
    let refuse = |bits| unstorable(format!("the integer {value} in {bits} bits"));
    match kind {
        Kind::Int2 => out.put_i16(i16::try_from(value).map_err(|_| refuse("16"))?),
        Kind::Int4 => out.put_i32(i32::try_from(value).map_err(|_| refuse("32"))?),
        Kind::Oid => out.put_u32(u32::try_from(value).map_err(|_| refuse("32 unsigned"))?),
        _ => out.put_i64(value),
    }
    Ok(())
}

/// Microseconds from 2000. A leap second is stored as the last microsecond of its second.
fn micros(time: &DateTime<Utc>) -> Result<i64, Refused> {
    let within = i64::from(time.timestamp_subsec_micros().min(999_999));
    // 4714 before Christ to 294276: what the server's calendar has; ours ends sooner at that end.
    const FIRST: i64 = -211_813_488_000_000_000;
    (time.timestamp() * 1_000_000 + within)
        .checked_sub(EPOCH_MICROS)
        .filter(|micros| *micros >= FIRST)
        .ok_or_else(|| unstorable(format!("the time {time}")))
}

fn micros_of_day(time: &NaiveTime) -> i64 {
    i64::from(time.num_seconds_from_midnight()) * 1_000_000
        + i64::from((time.nanosecond() / 1_000).min(999_999))
}

/// An array of one dimension. Format: `array_send` in PostgreSQL's `arrayfuncs.c`.
fn list(values: &[Value], sql: &Type, out: &mut BytesMut) -> Result<(), Refused> {
    let element = element(sql).ok_or_else(|| unstorable("a list where no array is expected"))?;
    let kind = Kind::of(element);
    out.put_i32(i32::from(!values.is_empty()));
    out.put_i32(i32::from(values.iter().any(Value::is_null)));
    out.put_u32(element.oid());
    if values.is_empty() {
        return Ok(());
    }
    out.put_i32(length(values.len())?);
    out.put_i32(1);
    for value in values {
        if value.is_null() {
            out.put_i32(-1);
            continue;
        }
        let at = out.len();
        out.put_i32(0);
        binary(value, kind, out)?;
        let written = length(out.len() - at - 4)?;
        out[at..at + 4].copy_from_slice(&written.to_be_bytes());
    }
    Ok(())
}

fn length(length: usize) -> Result<i32, Refused> {
    i32::try_from(length).map_err(|_| unstorable("a value of more than 2 GB"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(value: &Value, sql: &Type) -> Result<Vec<u8>, String> {
        let mut out = BytesMut::new();
        Bound(value).to_sql_checked(sql, &mut out).map_err(|fault| fault.to_string())?;
        Ok(out.to_vec())
    }

    #[test]
    fn refuses_an_integer_that_the_column_cannot_hold() {
        assert_eq!(bound(&Value::Int(-2), &Type::INT2), Ok(vec![255, 254]));
        assert_eq!(
            bound(&Value::Int(40_000), &Type::INT2).unwrap_err(),
            "the integer 40000 in 16 bits cannot be stored in PostgreSQL"
        );
        assert!(bound(&Value::Int(i64::MAX), &Type::INT4).is_err());
        assert!(bound(&Value::Int(-1), &Type::OID).is_err());
        assert!(bound(&Value::Float(1e300), &Type::FLOAT4).is_err());
        assert!(bound(&Value::Float(f64::INFINITY), &Type::FLOAT4).is_ok());
    }

    #[test]
    fn refuses_a_nul_in_a_text() {
        assert!(bound(&Value::Text("a\0b".into()), &Type::TEXT).is_err());
        assert!(bound(&Value::Text("a\0b".into()), &Type::INET).is_err());
    }

    #[test]
    fn writes_what_does_not_fit_as_text() {
        assert_eq!(bound(&Value::Int(12), &Type::NUMERIC), Ok(b"12".to_vec()));
        assert_eq!(bound(&Value::Text("10.0.0.1".into()), &Type::INET), Ok(b"10.0.0.1".to_vec()));
        assert_eq!(bound(&Value::Bytes(vec![0, 255]), &Type::TEXT), Ok(b"\\x00ff".to_vec()));
        let list = Value::List(vec![Value::Text("a\"b\\".into()), Value::Null, Value::Text("NULL".into())]);
        assert_eq!(bound(&list, &Type::INET_ARRAY), Ok(br#"{"a\"b\\",NULL,"NULL"}"#.to_vec()));
    }

    #[test]
    fn writes_a_list_as_an_array() {
        let list = Value::List(vec![Value::Int(7), Value::Null]);
        let expected = [0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 23, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 7];
        let written = bound(&list, &Type::INT4_ARRAY).unwrap();
        assert_eq!(written[..28], expected);
        assert_eq!(written[28..], [255; 4]);
        assert_eq!(bound(&Value::List(vec![]), &Type::INT4_ARRAY).unwrap().len(), 12);
        assert!(bound(&Value::List(vec![Value::Int(1 << 40)]), &Type::INT4_ARRAY).is_err());
    }

    #[test]
    fn refuses_a_time_before_the_servers_calendar() {
        assert!(bound(&Value::DateTime(DateTime::<Utc>::MIN_UTC), &Type::TIMESTAMPTZ).is_err());
        assert!(bound(&Value::DateTime(DateTime::<Utc>::MAX_UTC), &Type::TIMESTAMPTZ).is_ok());
    }
}
