//! Several writes in one body: all of them happen, or none.
//!
//! ```json
//! { "operations": [
//!     { "op": "create", "set": { "title": "New" } },
//!     { "op": "change", "key": 7, "if_match": "\"tag\"", "set": { "title": "Newer" } },
//!     { "op": "delete", "key": 8 }
//! ] }
//! ```

use std::fmt;

use axum::response::{IntoResponse, Response};
use mainstay_core::{Error, Fault, Result, StatusCode};
use mainstay_http::extract::{EntityTags, Json};
use mainstay_resource::{Refused, Removal, Save, Saving, Write, Written};
use serde::de::{Deserialize, Deserializer, Visitor};
use serde_json::value::RawValue;

use super::answer::{entity_tag, tags_of};

/// The most operations of one body.
pub(super) const MOST: usize = 1_000;

/// What is to be done.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Body {
    operations: Vec<Operation>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Operation {
    op: Op,
    #[serde(default)]
    key: Option<Key>,
    #[serde(default)]
    set: Option<Box<RawValue>>,
    #[serde(default)]
    if_match: Option<Tags>,
}

/// What is done to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum Op {
    Create,
    Replace,
    Change,
    Delete,
}

/// A key as the row has it, a text or a number, or as its address has it.
#[derive(Debug)]
struct Key(String);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl Visitor<'_> for Any {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the key of a row, as a text or a whole number")
            }

            fn visit_str<E>(self, text: &str) -> Result<Key, E> {
                Ok(Key(text.to_owned()))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Key, E> {
                Ok(Key(number.to_string()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Key, E> {
                Ok(Key(number.to_string()))
            }
        }

        deserializer.deserialize_any(Any)
    }
}

/// What `If-Match` says of one row: as in the header. None: the row may have any.
#[derive(Debug)]
struct Tags(Option<Vec<String>>);

impl<'de> Deserialize<'de> for Tags {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.parse::<EntityTags>() {
            Ok(tags) => Ok(Self(tags_of(tags))),
            Err(expected) => Err(serde::de::Error::custom(format!("expected {expected}"))),
        }
    }
}

impl Body {
    /// What is to be done, if all of it can be understood.
    pub(super) fn writes(&self) -> Result<Vec<Write<'_>>> {
        if self.operations.len() > MOST {
            let message = format!("there are more than {MOST} operations");
            return Err(Error::invalid(vec![Fault::new("/operations", "length", message)]));
        }
        let (mut writes, mut faults) = (Vec::with_capacity(self.operations.len()), Vec::new());
        for (position, operation) in self.operations.iter().enumerate() {
            let known = faults.len();
            operation.look(&mut |name, code, message| {
                faults.push(Fault::new(format!("/operations/{position}/{name}"), code, message));
            });
            writes.extend(operation.write().filter(|_| faults.len() == known));
        }
        if faults.is_empty() { Ok(writes) } else { Err(Error::invalid(faults)) }
    }
}

impl Operation {
    /// Tells what is missing, and what is too much.
    fn look(&self, fault: &mut dyn FnMut(&str, &'static str, &'static str)) {
        let needs_key = self.op != Op::Create;
        if needs_key && self.key.is_none() {
            fault("key", "required", "is required: the key of the row");
        } else if !needs_key && self.key.is_some() {
            fault("key", "contradiction", "a new row has no key yet: set its fields in `set`");
        }
        let needs_set = self.op != Op::Delete;
        if needs_set && self.set.is_none() {
            fault("set", "required", "is required: the fields of the row");
        } else if !needs_set && self.set.is_some() {
            fault("set", "contradiction", "nothing can be set in a row that is taken away");
        }
        if !needs_key && self.if_match.is_some() {
            fault("if_match", "contradiction", "a new row has no tag yet");
        }
    }

    fn write(&self) -> Option<Write<'_>> {
        let key = self.key.as_ref().map_or("", |key| &key.0);
        let expected = self.if_match.as_ref().and_then(|tags| tags.0.as_deref());
        let how = match self.op {
            Op::Delete => return Some(Write::Remove(Removal { key, expected })),
            Op::Create => Save::Create,
            Op::Replace => Save::Replace,
            Op::Change => Save::Merge,
        };
        Some(Write::Save(Saving { how, key, body: self.set.as_deref()?, expected }))
    }
}

/// What has come of it, in the order of the operations.
pub(super) fn answer(done: Result<Vec<Written>, Refused>, writes: &[Write<'_>]) -> Result<Response> {
    let done = done.map_err(|refused| told(refused, writes))?;
    let mut results = Vec::with_capacity(done.len());
    for (written, write) in done.into_iter().zip(writes) {
        let is_new = matches!(write, Write::Save(saving) if saving.how == Save::Create);
        results.push(match written {
            Written::Removed => Done::empty(StatusCode::NO_CONTENT),
            Written::Saved(saved) => {
                let status = match (&saved.record, is_new) {
                    (_, true) => StatusCode::CREATED,
                    (Some(_), false) => StatusCode::OK,
                    (None, false) => StatusCode::NO_CONTENT,
                };
                let mut done = Done { key: Some(saved.key), ..Done::empty(status) };
                if let Some(record) = saved.record {
                    done.etag = Some(entity_tag(record.tag())?.0.to_string());
                    done.row = Some(RawValue::from_string(record.json)?);
                }
                done
            }
        });
    }
    Ok(Json(Results { results }).into_response())
}

#[derive(serde::Serialize)]
struct Results {
    results: Vec<Done>,
}

#[derive(serde::Serialize)]
struct Done {
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    row: Option<Box<RawValue>>,
}

impl Done {
    fn empty(status: StatusCode) -> Self {
        Self { status: status.as_u16(), key: None, etag: None, row: None }
    }
}

/// One error for all of them: with the status of the first, and every fault at its place.
fn told(refused: Refused, writes: &[Write<'_>]) -> Error {
    let Refused { position: Some(position), error, more } = refused else { return refused.error };
    if error.status().is_server_error() {
        return error;
    }
    let mut faults = Vec::new();
    tell(position, &error, writes, &mut faults);
    for (position, error) in &more {
        tell(*position, error, writes, &mut faults);
    }
    error.with_faults(faults)
}

fn tell(position: usize, error: &Error, writes: &[Write<'_>], faults: &mut Vec<Fault>) {
    let place = format!("/operations/{position}");
    if error.faults().is_empty() {
        faults.push(Fault::new(place, error.machine_code().to_owned(), error.message().to_owned()));
        return;
    }
    let within = if matches!(writes.get(position), Some(Write::Save(_))) { "/set" } else { "" };
    faults.extend(
        error
            .faults()
            .iter()
            .map(|fault| Fault { pointer: format!("{place}{within}{}", fault.pointer), ..fault.clone() }),
    );
}
