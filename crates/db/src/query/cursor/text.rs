//! Cursors as text: base64url of a JSON list, the seal of the order first, then a value for each of its terms.

use std::hash::{Hash, Hasher};

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, Timelike};
use mainstay_core::keys::base64url;
use serde_json::Value as Json;

use crate::error::DbError;
use crate::expression::{OrderTerm, Path, Term};
use crate::meta::ModelMeta;
use crate::value::{SqlType, Value};

/// The longest cursor that is read. Texts in it are as long as the client's own rows are.
const LONGEST: usize = 64 * 1_024;

/// A number for the model and its order, the same in every process: a cursor of another order is not taken.
pub(super) fn seal(meta: &ModelMeta, order: &[OrderTerm]) -> u32 {
    let mut hash = Fnv(0xcbf2_9ce4_8422_2325);
    meta.table.hash(&mut hash);
    for order in order {
        mark(&order.term, &mut hash);
        (order.direction as u8, order.nulls.map(|nulls| nulls as u8)).hash(&mut hash);
    }
    let wide = hash.finish();
    (wide ^ (wide >> 32)) as u32
}

fn mark(term: &Term, hash: &mut Fnv) {
    match term {
        Term::Column(column) => (b'c', column.scope.number(), column.column).hash(hash),
        Term::Value(value) | Term::Literal { value, .. } => (b'v', value).hash(hash),
        Term::Call(call) => {
            (b'f', call.function as u8).hash(hash);
            call.arguments.iter().for_each(|argument| mark(argument, hash));
        }
        Term::Choose(choose) => {
            b'w'.hash(hash);
            choose.branches.iter().for_each(|(_, then)| mark(then, hash));
            mark(&choose.otherwise, hash);
        }
        Term::Json(json) => {
            b'j'.hash(hash);
            mark(&json.document, hash);
            if let Path::Steps(steps) = &json.path {
                Path::dollar(steps).hash(hash);
            }
        }
        Term::Related(inside) => {
            (b'r', inside.related.relation.name).hash(hash);
            mark(&inside.output, hash);
        }
        Term::Relevance(sought) => {
            b'm'.hash(hash);
            sought.words.iter().for_each(|words| mark(words, hash));
        }
        Term::Slot(_) | Term::TypedSlot { .. } | Term::Output(_) | Term::Fault(_) => {}
    }
}

pub(super) fn write(seal: u32, values: &[Value]) -> String {
    let mut list = vec![Json::from(seal)];
    list.extend(values.iter().map(to_json));
    base64url::encode(Json::Array(list).to_string().as_bytes())
}

pub(super) fn read(cursor: &str, seal: u32, order: &[OrderTerm]) -> Result<Vec<Value>, DbError> {
    let fault = |detail| DbError::InvalidCursor { detail };
    if cursor.len() > LONGEST {
        return Err(fault("it is too long"));
    }
    let bytes = base64url::decode(cursor).ok_or(fault("it is not base64url"))?;
    let list: Vec<Json> = serde_json::from_slice(&bytes).map_err(|_| fault("it is not a list"))?;
    let [first, values @ ..] = &*list else { return Err(fault("it is empty")) };
    if first.as_u64() != Some(seal.into()) || values.len() != order.len() {
        return Err(fault("it was made for another model or another order"));
    }
    let read = order.iter().zip(values).map(|(order, value)| match value {
        Json::Null if order.nullable => Some(Value::Null),
        value => from_json(value, order.sql_type),
    });
    read.collect::<Option<Vec<_>>>().ok_or(fault("a value in it has another type"))
}

fn to_json(value: &Value) -> Json {
    match value {
        Value::Bool(value) => (*value).into(),
        Value::Int(value) => (*value).into(),
        // As bits: every double comes back as it was.
        Value::Float(value) => value.to_bits().into(),
        Value::Decimal(value) => value.to_string().into(),
        Value::Uuid(value) => value.to_string().into(),
        Value::Text(value) | Value::Json(value) => value.as_str().into(),
        Value::Bytes(value) => base64url::encode(value).into(),
        Value::List(values) => values.iter().map(to_json).collect(),
        Value::DateTime(value) => value.timestamp_micros().into(),
        Value::Date(value) => value.num_days_from_ce().into(),
        Value::Time(value) => {
            let micros = i64::from(value.nanosecond() / 1_000);
            (i64::from(value.num_seconds_from_midnight()) * 1_000_000 + micros).into()
        }
        _ => Json::Null,
    }
}

fn from_json(json: &Json, sql_type: SqlType) -> Option<Value> {
    Some(match sql_type {
        SqlType::SmallInt | SqlType::Int | SqlType::BigInt => Value::Int(json.as_i64()?),
        SqlType::Real | SqlType::Double => {
            Value::Float(Some(f64::from_bits(json.as_u64()?)).filter(|value| !value.is_nan())?)
        }
        SqlType::Decimal => Value::Decimal(json.as_str()?.parse().ok()?),
        SqlType::Uuid => Value::Uuid(json.as_str()?.parse().ok()?),
        SqlType::Bool => Value::Bool(json.as_bool()?),
        SqlType::Text | SqlType::Enum => Value::Text(text(json)?),
        SqlType::Json => Value::Json(text(json)?),
        SqlType::Array(of) => {
            let element = |json: &Json| if json.is_null() { Some(Value::Null) } else { from_json(json, *of) };
            Value::List(json.as_array()?.iter().map(element).collect::<Option<_>>()?)
        }
        SqlType::Bytes => Value::Bytes(base64url::decode(json.as_str()?)?),
        SqlType::DateTime => Value::DateTime(DateTime::from_timestamp_micros(json.as_i64()?)?),
        SqlType::Date => {
            Value::Date(NaiveDate::from_num_days_from_ce_opt(i32::try_from(json.as_i64()?).ok()?)?)
        }
        SqlType::Time => {
            let micros = u64::try_from(json.as_i64()?).ok()?;
            let seconds = u32::try_from(micros / 1_000_000).ok()?;
            let nanos = u32::try_from(micros % 1_000_000).ok()? * 1_000;
            Value::Time(NaiveTime::from_num_seconds_from_midnight_opt(seconds, nanos)?)
        }
    })
}

/// PostgreSQL has no text with a NUL in it, so that no row's cursor has one.
fn text(json: &Json) -> Option<String> {
    json.as_str().filter(|text| !text.contains('\0')).map(str::to_owned)
}

/// The hash of Fowler, Noll and Vo: small, and the same everywhere.
struct Fnv(u64);

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
