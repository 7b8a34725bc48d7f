//! A row as a client sends it.

pub(crate) mod json_patch;
mod merge_patch;

use std::fmt;

use mainstay_core::config::did_you_mean;
use mainstay_core::pointer::escaped;
use mainstay_core::{Error, Fault, Result};
use mainstay_db::Value;
use mainstay_db::meta::{FieldMeta, Fill, Member, ModelMeta, PartMeta};
use mainstay_db::named::read_json;
use mainstay_db::value::SqlType;
use mainstay_db::write::Assignments;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::fields::{is_settable, json_name, own_name};
use crate::operations::Save;

/// What is to be written, from a JSON object. Every fault is told at once: what is unknown, what may not be set, what is of
/// another type, what is missing. `before` has the values of the row that is changed.
pub(crate) fn read(
    meta: &'static ModelMeta,
    json: &RawValue,
    how: Save,
    before: &[Value],
    may_write: impl Fn(&FieldMeta) -> bool,
) -> Result<Assignments> {
    let Ok(Entries(entries)) = serde_json::from_str::<Entries<'_>>(json.get()) else {
        return Err(Error::invalid(vec![Fault::new("", "type", "expected an object")]));
    };
    let writable = |field: &FieldMeta| is_settable(meta, field, how) && may_write(field);
    let (given, faults) = (Assignments::new(meta), Vec::new());
    let mut reading = Reading { meta, how, before, writable, given, faults };
    reading.object(&meta.members(), "", entries);
    reading.complete();
    let Reading { given, faults, .. } = reading;
    if faults.is_empty() { Ok(given) } else { Err(Error::invalid(faults)) }
}

/// The most faults that are told of one row.
const MOST_FAULTS: usize = 100;

struct Reading<'b, W> {
    meta: &'static ModelMeta,
    how: Save,
    before: &'b [Value],
    writable: W,
    given: Assignments,
    faults: Vec<Fault>,
}

impl<W: Fn(&FieldMeta) -> bool> Reading<'_, W> {
    fn fault(&mut self, place: &str, code: &'static str, message: impl Into<String>) {
        self.faults.push(Fault::new(place, code, message.into()));
    }

    /// An object of the row itself, or of a part of it.
    fn object(&mut self, members: &[Member], outer: &str, entries: Vec<(String, &RawValue)>) {
        for (name, json) in entries {
            if self.faults.len() == MOST_FAULTS {
                return self.fault(outer, "too_many", "there is more wrong with it, which is not told");
            }
            if self.faults.len() > MOST_FAULTS {
                return;
            }
            let place = pointer(outer, &name);
            match members.iter().find(|member| self.is_called(member, &name)) {
                None => {
                    let message = self.unknown(members, &name);
                    self.fault(&place, "unknown_field", message);
                }
                Some(Member::Field(index, field)) => self.field(*index, field, &place, json),
                Some(Member::Part(first, part)) => self.part(*first, part, &place, json),
            }
        }
    }

    fn field(&mut self, index: usize, field: &'static FieldMeta, place: &str, json: &RawValue) {
        if !(self.writable)(field) {
            self.fault(place, "read_only", "cannot be set");
        } else if self.given.get(index).is_some() {
            self.fault(place, "duplicate", "is there twice");
        } else if let Some(why) = unstorable(json).filter(|_| field.sql_type == SqlType::Json) {
            self.fault(place, "type", why);
        } else {
            match read_json(field, json) {
                Ok(value) => self.given.set_value(index, self.merged(index, field, value)),
                Err(expected) => self.fault(place, "type", format!("expected {expected}")),
            }
        }
    }

    /// A document that is there is changed by its members, as the row is by its fields.
    fn merged(&self, index: usize, field: &FieldMeta, value: Value) -> Value {
        match (self.before.get(index), value) {
            (Some(Value::Json(before)), Value::Json(patch))
                if self.how == Save::Merge && field.sql_type == SqlType::Json =>
            {
                Value::Json(merge_patch::merge(before, &patch))
            }
            (_, value) => value,
        }
    }

    fn part(&mut self, first: usize, part: &'static PartMeta, place: &str, json: &RawValue) {
        let fields = &self.meta.fields[first..first + part.width()];
        if json.get() == "null" && part.optional {
            if !fields.iter().filter(|field| !field.hidden).all(&self.writable) {
                return self.fault(place, "read_only", "cannot be set");
            }
            return (first..first + part.width()).for_each(|index| self.given.set_value(index, Value::Null));
        }
        let Ok(Entries(entries)) = serde_json::from_str::<Entries<'_>>(json.get()) else {
            return self.fault(place, "type", "expected an object");
        };
        self.object(&self.meta.members_of(part, first), place, entries);
        // A part that is there has the values that it says itself, where the row would have none.
        if part.optional && !self.how.is_partial() {
            for (offset, own) in part.of.fields.iter().enumerate() {
                let place = format!("{place}/{}", own.name.replace('.', "/"));
                match own.fill {
                    _ if self.is_settled(first + offset, &place) => {}
                    Fill::Default(make) => self.given.set_value(first + offset, make()),
                    _ => self.fault(&place, "required", "is required"),
                }
            }
        }
    }

    /// What is not said.
    fn complete(&mut self) {
        if self.how.is_partial() {
            return;
        }
        for (index, field) in self.meta.fields.iter().enumerate() {
            let place = json_name(self.meta, field)
                .split('.')
                .fold(String::new(), |place, name| pointer(&place, name));
            match field.fill {
                _ if !(self.writable)(field) || self.is_settled(index, &place) => {}
                Fill::Required => self.fault(&place, "required", "is required"),
                // What the engine gives a new row, it gives no other.
                Fill::Database if self.how == Save::Replace => self.fault(&place, "required", "is required"),
                // What a replacement does not name is as in a new row.
                Fill::Default(make) if self.how == Save::Replace => self.given.set_value(index, make()),
                _ => {}
            }
        }
    }

    /// Whether it has a value, or a fault there or around it.
    fn is_settled(&self, index: usize, place: &str) -> bool {
        let is_around = |fault: &Fault| {
            place.strip_prefix(&*fault.pointer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.given.get(index).is_some() || self.faults.iter().any(is_around)
    }

    fn is_called(&self, member: &Member, name: &str) -> bool {
        match member {
            Member::Field(_, field) => !field.hidden && own_name(self.meta, field) == name,
            Member::Part(_, part) => !part.hidden && part.name == name,
        }
    }

    fn unknown(&self, members: &[Member], name: &str) -> String {
        let names = members.iter().filter_map(|member| match member {
            Member::Field(_, field) => (self.writable)(field).then(|| own_name(self.meta, field)),
            Member::Part(first, part) => {
                let fields = &self.meta.fields[*first..first + part.width()];
                fields.iter().any(&self.writable).then_some(part.name)
            }
        });
        format!("there is no such field{}", did_you_mean(name, names))
    }
}

/// Faults of the model, with the names that the client knows.
pub(crate) fn renamed(meta: &'static ModelMeta, error: Error) -> Error {
    if error.faults().is_empty() {
        return error;
    }
    let faults = error.faults().iter().filter_map(|fault| {
        let name = fault.pointer.trim_start_matches('/');
        match meta.field(name) {
            Some((_, field)) if field.hidden => None,
            Some((_, field)) => Some(Fault { pointer: pointer("", json_name(meta, field)), ..fault.clone() }),
            None => Some(fault.clone()),
        }
    });
    let faults = faults.collect();
    error.with_faults(faults)
}

/// Why a document cannot be stored, although it is JSON by its form.
fn unstorable(json: &RawValue) -> Option<&'static str> {
    let error = serde_json::from_str::<serde_json::Value>(json.get()).err()?;
    Some(match error.to_string() {
        text if text.contains("recursion") => "is nested too deeply, more than 127 levels",
        _ => "has a number that is too large, or half of a character",
    })
}

fn pointer(outer: &str, name: &str) -> String {
    format!("{outer}/{}", escaped(name))
}

/// The entries of an object, in order; a name may be there twice.
pub(super) struct Entries<'a>(pub(super) Vec<(String, &'a RawValue)>);

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
