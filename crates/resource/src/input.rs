//! A row as a client sends it.

use std::fmt;

use mainstay_core::{Error, Fault, Result};
use mainstay_db::meta::{FieldMeta, Fill, ModelMeta};
use mainstay_db::named::read_json;
use mainstay_db::value::SqlType;
use mainstay_db::write::Assignments;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::fields::{by_json_name, is_settable, json_name};
use crate::operations::Save;

/// What is to be written, from a JSON object. Every fault is told at once: what is unknown, what may not be set, what is of
/// another type, what is missing.
pub(crate) fn read(
    meta: &'static ModelMeta,
    json: &RawValue,
    how: Save,
    may_write: impl Fn(&FieldMeta) -> bool,
) -> Result<Assignments> {
    let Ok(Entries(entries)) = serde_json::from_str::<Entries<'_>>(json.get()) else {
        return Err(Error::invalid(vec![Fault::new("", "type", "expected an object")]));
    };
    let writable = |field: &FieldMeta| is_settable(meta, field, how) && may_write(field);
    let mut given = Assignments::new(meta);
    let mut faults = Vec::new();
    for (name, json) in entries {
        let mut fault = |code: &'static str, message: String| {
            faults.push(Fault::new(pointer(&name), code, message));
        };
        match by_json_name(meta, &name) {
            None => fault("unknown_field", unknown(meta, &name, writable)),
            Some((_, field)) if !writable(field) => fault("read_only", "cannot be set".to_owned()),
            Some((index, _)) if given.get(index).is_some() => fault("duplicate", "is there twice".to_owned()),
            Some((_, field)) if field.sql_type == SqlType::Json && is_too_deep(json) => {
                fault("type", "is nested too deeply, more than 127 levels".to_owned());
            }
            Some((index, field)) => match read_json(field, json) {
                Ok(value) => given.set_value(index, value),
                Err(expected) => fault("type", format!("expected {expected}")),
            },
        }
    }
    if how != Save::Merge {
        for (index, field) in meta.fields.iter().enumerate() {
            if given.get(index).is_some() || !is_settable(meta, field, how) {
                continue;
            }
            let is_named = faults.iter().any(|fault| fault.pointer == pointer(json_name(meta, field)));
            match field.fill {
                Fill::Required if !is_named && writable(field) => {
                    faults.push(Fault::new(pointer(json_name(meta, field)), "required", "is required"));
                }
                // What a replacement does not name is as in a new row.
                Fill::Default(make) if how == Save::Replace && writable(field) => {
                    given.set_value(index, make())
                }
                _ => {}
            }
        }
    }
    if faults.is_empty() { Ok(given) } else { Err(Error::invalid(faults)) }
}

/// Faults of the model, with the names that the client knows.
pub(crate) fn renamed(meta: &'static ModelMeta, error: Error) -> Error {
    if error.faults().is_empty() {
        return error;
    }
    let faults = error.faults().iter().map(|fault| {
        let name = fault.pointer.trim_start_matches('/');
        match meta.field(name) {
            Some((_, field)) => {
                Fault::new(pointer(json_name(meta, field)), fault.code.clone(), fault.message.clone())
            }
            None => fault.clone(),
        }
    });
    let faults = faults.collect();
    error.with_faults(faults)
}

/// Whether a document is nested deeper than engines take one.
fn is_too_deep(json: &RawValue) -> bool {
    // It is JSON already: this is the one fault that is left.
    serde_json::from_str::<serde_json::Value>(json.get()).is_err()
}

fn unknown(meta: &'static ModelMeta, name: &str, writable: impl Fn(&FieldMeta) -> bool) -> String {
    let names = meta.fields.iter().filter(|field| writable(field)).map(|field| json_name(meta, field));
    match mainstay_core::config::nearest(name, names) {
        Some(near) => format!("there is no such field: did you mean `{near}`?"),
        None => "there is no such field".to_owned(),
    }
}

fn pointer(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// The entries of an object, in order; a name may be there twice.
struct Entries<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(Object)
    }
}
