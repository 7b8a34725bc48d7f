//! A value of a column as JSON, and back: the same text on every engine, and not a digit lost on the way.
//!
//! What JSON has no word for is text: exact numbers, times, identifiers, bytes (in hexadecimal digits), and numbers that are
//! none.

use std::collections::BTreeMap;
use std::fmt::Write;

use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, Utc};
use rust_decimal::Decimal;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::meta::FieldMeta;
use crate::value::{Choice, SqlType, Value};

/// Writes a value of a column of that type, or says why it is none.
pub(crate) fn write(sql_type: SqlType, value: &Value, out: &mut String) -> Result<(), String> {
    // Writing to a `String` cannot fail.
    let _written = match value {
        Value::Null => write!(out, "null"),
        Value::Bool(value) => write!(out, "{value}"),
        Value::Int(value) => write!(out, "{value}"),
        Value::Float(value) => {
            write_float(sql_type, *value, out);
            Ok(())
        }
        Value::Decimal(value) => write!(out, "\"{value}\""),
        Value::Uuid(value) => write!(out, "\"{value}\""),
        Value::Text(value) => {
            write_text(value, out);
            Ok(())
        }
        Value::Bytes(value) => {
            out.push('"');
            for byte in value {
                // As above.
                let _written = write!(out, "{byte:02x}");
            }
            write!(out, "\"")
        }
        Value::DateTime(value) => write!(out, "\"{}\"", value.to_rfc3339_opts(SecondsFormat::Micros, true)),
        Value::Date(value) => write!(out, "\"{value}\""),
        Value::Time(value) => write!(out, "\"{}\"", value.format("%H:%M:%S%.6f")),
        Value::Json(document) => {
            let raw = serde_json::from_str(document).map_err(|fault| format!("it is no JSON: {fault}"))?;
            write_document(raw, out)?;
            Ok(())
        }
        Value::List(values) => {
            let SqlType::Array(of) = sql_type else { return Err("it is a list".to_owned()) };
            for (index, value) in values.iter().enumerate() {
                out.push(if index == 0 { '[' } else { ',' });
                write(*of, value, out)?;
            }
            out.push_str(if values.is_empty() { "[]" } else { "]" });
            Ok(())
        }
        other => return Err(format!("{other:?} is no value of a column")),
    };
    Ok(())
}

/// Writes a text with quotes around it.
pub(crate) fn write_text(text: &str, out: &mut String) {
    if text.bytes().any(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)) {
        // A text is always JSON.
        return out.push_str(&serde_json::to_string(text).unwrap_or_default());
    }
    out.push('"');
    out.push_str(text);
    out.push('"');
}

/// With as few digits as tell it from every other number of its type.
fn write_float(sql_type: SqlType, value: f64, out: &mut String) {
    #[expect(clippy::cast_possible_truncation, reason = "the column holds 32 bits")]
    let narrow = value as f32;
    let text = match sql_type {
        _ if !value.is_finite() => Ok(format!("\"{value}\"")),
        SqlType::Real if f64::from(narrow) == value => serde_json::to_string(&narrow),
        _ => serde_json::to_string(&value),
    };
    // A finite number is always JSON.
    out.push_str(&text.unwrap_or_default());
}

/// Engines that take a document apart write it otherwise than it was: so keys are sorted, and there is no space.
fn write_document(raw: &RawValue, out: &mut String) -> Result<(), String> {
    match raw.get().as_bytes().first() {
        Some(b'{') => {
            out.push('{');
            for (index, (name, value)) in read::<BTreeMap<String, &RawValue>>(raw)?.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_text(&name, out);
                out.push(':');
                write_document(value, out)?;
            }
            out.push('}');
        }
        Some(b'[') => {
            out.push('[');
            for (index, value) in read::<Vec<&RawValue>>(raw)?.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_document(value, out)?;
            }
            out.push(']');
        }
        Some(b'"') => write_text(&read::<String>(raw)?, out),
        _ => out.push_str(raw.get()),
    }
    Ok(())
}

fn read<'a, T: serde::Deserialize<'a>>(raw: &'a RawValue) -> Result<T, String> {
    serde_json::from_str(raw.get()).map_err(|fault| fault.to_string())
}

/// The value for a field, or what was expected instead.
pub(crate) fn value(field: &FieldMeta, json: &RawValue) -> Result<Value, String> {
    if json.get() == "null" {
        return if field.nullable { Ok(Value::Null) } else { Err("a value, and not null".to_owned()) };
    }
    plain(field.sql_type, field.choices, json)
}

fn plain(sql_type: SqlType, choices: &[Choice], json: &RawValue) -> Result<Value, String> {
    let text = || typed::<String>(json);
    let (expected, value) = match sql_type {
        SqlType::SmallInt | SqlType::Int | SqlType::BigInt => {
            // A variant that is stored as a number has a name as well.
            let number = typed(json).or_else(|| numbered(choices, &text()?));
            ("a whole number", number.map(Value::Int))
        }
        SqlType::Real | SqlType::Double => ("a number", digits(json).parse().ok().map(Value::Float)),
        SqlType::Decimal => {
            ("an exact number", Decimal::from_str_exact(&digits(json)).ok().map(Value::Decimal))
        }
        SqlType::Bool => ("true or false", typed(json).map(Value::Bool)),
        SqlType::Json => ("a JSON document", Some(Value::Json(json.get().to_owned()))),
        SqlType::Enum => return choice(choices, text()),
        SqlType::Array(of) => return list(*of, choices, json),
        SqlType::Uuid => ("a UUID", text().and_then(|text| Uuid::parse_str(&text).ok()).map(Value::Uuid)),
        SqlType::Bytes => ("hexadecimal digits", text().and_then(|text| bytes(&text)).map(Value::Bytes)),
        SqlType::DateTime => {
            let time = text().and_then(|text| DateTime::parse_from_rfc3339(&text).ok());
            let time = time.map(|time| Value::DateTime(time.with_timezone(&Utc)));
            ("a time, like `2026-05-17T08:30:00Z`", time)
        }
        SqlType::Date => {
            let day = text().and_then(|text| text.parse::<NaiveDate>().ok());
            ("a day, like `2026-05-17`", day.map(Value::Date))
        }
        SqlType::Time => {
            let time = text().and_then(|text| text.parse::<NaiveTime>().ok());
            ("a time of day, like `08:30:00`", time.map(Value::Time))
        }
        SqlType::Text => ("a text", text().map(Value::Text)),
    };
    value.ok_or_else(|| expected.to_owned())
}

fn typed<T: DeserializeOwned>(json: &RawValue) -> Option<T> {
    serde_json::from_str(json.get()).ok()
}

/// A number as it is written, with quotes around it or without.
fn digits(json: &RawValue) -> String {
    typed::<String>(json).unwrap_or_else(|| json.get().to_owned())
}

fn list(of: SqlType, choices: &[Choice], json: &RawValue) -> Result<Value, String> {
    let values = read::<Vec<&RawValue>>(json).map_err(|_| "a list".to_owned())?;
    let value = |json: &RawValue| match json.get() {
        "null" => Ok(Value::Null),
        _ => plain(of, choices, json).map_err(|expected| format!("a list, each of it {expected}")),
    };
    values.into_iter().map(value).collect::<Result<_, _>>().map(Value::List)
}

fn numbered(choices: &[Choice], name: &str) -> Option<i64> {
    choices.iter().find(|choice| choice.value == name)?.number
}

fn choice(choices: &[Choice], name: Option<String>) -> Result<Value, String> {
    let known = name.filter(|name| choices.iter().any(|choice| choice.value == name));
    known.map(Value::Text).ok_or_else(|| {
        let names: Vec<_> = choices.iter().map(|choice| format!("`{}`", choice.value)).collect();
        format!("one of {}", names.join(", "))
    })
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits = text.bytes().map(|digit| char::from(digit).to_digit(16)).collect::<Option<Vec<_>>>()?;
    let pairs = digits.chunks(2).map(|pair| match pair {
        [high, low] => u8::try_from(high * 16 + low).ok(),
        _ => None,
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(sql_type: SqlType, value: Value) -> String {
        let mut out = String::new();
        write(sql_type, &value, &mut out).unwrap();
        out
    }

    #[test]
    fn what_json_has_no_word_for_is_text() {
        assert_eq!(written(SqlType::Double, Value::Float(f64::INFINITY)), "\"inf\"");
        assert_eq!(written(SqlType::Double, Value::Float(0.1 + 0.2)), "0.30000000000000004");
        assert_eq!(written(SqlType::Real, Value::Float(f64::from(0.1_f32))), "0.1");
        assert_eq!(written(SqlType::Decimal, Value::Decimal(Decimal::new(150, 2))), "\"1.50\"");
        assert_eq!(written(SqlType::Bytes, Value::Bytes(vec![0, 255, 16])), "\"00ff10\"");
        assert!(write(SqlType::Text, &Value::List(vec![]), &mut String::new()).is_err());
    }

    #[test]
    fn a_document_is_the_same_text_however_it_was_kept() {
        let kept = r#"{"b": [1, 2.50, "é\u00e9"], "a": {}, "": 123456789012345678901234567890}"#;
        let text = r#"{"":123456789012345678901234567890,"a":{},"b":[1,2.50,"éé"]}"#;
        assert_eq!(written(SqlType::Json, Value::Json(kept.into())), text);
    }

    #[test]
    fn numbers_are_read_to_the_last_digit() {
        let field = FieldMeta::of::<f64>("ratio", "ratio");
        for number in
            [0.1 + 0.2, f64::MIN_POSITIVE, 1.797_693_134_862_315_7e308, -0.0, 123_456_789.123_456_79]
        {
            let text = written(SqlType::Double, Value::Float(number));
            let raw = RawValue::from_string(text).unwrap();
            assert_eq!(value(&field, &raw), Ok(Value::Float(number)));
        }
    }

    #[test]
    fn lists_come_back() {
        let field = FieldMeta::of::<Vec<Option<f64>>>("ratios", "ratios");
        for values in [vec![], vec![Value::Float(0.5), Value::Null, Value::Float(f64::INFINITY)]] {
            let text = written(field.sql_type, Value::List(values.clone()));
            assert_eq!(value(&field, &RawValue::from_string(text).unwrap()), Ok(Value::List(values)));
        }
        let refused = |text: &str| value(&field, &RawValue::from_string(text.to_owned()).unwrap());
        assert_eq!(refused("{}"), Err("a list".to_owned()));
        assert_eq!(refused("[true]"), Err("a list, each of it a number".to_owned()));
    }

    #[test]
    fn bytes_come_back() {
        assert_eq!(bytes("00fF10"), Some(vec![0, 255, 16]));
        assert_eq!(bytes(""), Some(vec![]));
        assert_eq!((bytes("0"), bytes("zz"), bytes("é")), (None, None, None));
    }
}
