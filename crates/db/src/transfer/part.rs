//! A struct of columns as an object.

use serde_json::value::RawValue;

use super::line::Fields;
use super::text;
use crate::meta::{Fill, PartMeta};
use crate::value::Value;
use crate::write::Assignments;

/// What is wrong with a part.
pub(super) struct Fault {
    /// Where: `billing.geo`.
    pub(super) path: String,
    /// What the sentence about it goes on with.
    pub(super) what: String,
}

/// Sets the fields of a part of the model. What an object does not say is filled in as for any row; but in a part that may be
/// left out, it is what the part itself says of it, since the part is there.
pub(super) fn read(part: &PartMeta, json: &RawValue, values: &mut Assignments) -> Result<(), Fault> {
    let mut reading = Reading { values, path: vec![part.name], optional: part.optional };
    reading.part(part, part.first, json)
}

struct Reading<'a> {
    values: &'a mut Assignments,
    path: Vec<&'static str>,
    /// Whether the part, or one around it, may be left out.
    optional: bool,
}

impl Reading<'_> {
    fn part(&mut self, part: &PartMeta, first: usize, json: &RawValue) -> Result<(), Fault> {
        if json.get() == "null" && part.optional {
            for index in first..first + part.width() {
                self.values.set_value(index, Value::Null);
            }
            return Ok(());
        }
        let fields = Fields::of(json).ok_or_else(|| self.fault("must be an object of its fields"))?;
        for (name, json) in fields.0 {
            let own = part.of.fields.iter().position(|field| field.name == name);
            if let Some(index) = own {
                let value = text::value(&part.of.fields[index], json);
                let value = value
                    .map_err(|expected| self.fault(format!("has a `{name}` that must be {expected}")))?;
                self.values.set_value(first + index, value);
                continue;
            }
            let Some(inner) = part.of.parts.iter().find(|part| part.name == name) else {
                let top = part.of.fields.iter().map(|field| field.name).filter(|name| !name.contains('.'));
                let known: Vec<_> = top.chain(part.of.parts.iter().map(|part| part.name)).collect();
                return Err(self.fault(format!("has no field `{name}`; it has: {}", known.join(", "))));
            };
            let around = self.optional;
            self.path.push(inner.name);
            self.optional |= inner.optional;
            self.part(inner, first + inner.first, json)?;
            self.path.pop();
            self.optional = around;
        }
        if self.optional { self.complete(part, first) } else { Ok(()) }
    }

    /// Gives the fields that are not said what the part says of them.
    fn complete(&mut self, part: &PartMeta, first: usize) -> Result<(), Fault> {
        for (offset, field) in part.of.fields.iter().enumerate() {
            if self.values.get(first + offset).is_some() {
                continue;
            }
            let Fill::Default(make) = field.fill else {
                return Err(self.fault(format!("must have a value for `{}`", field.name)));
            };
            self.values.set_value(first + offset, make());
        }
        Ok(())
    }

    fn fault(&self, what: impl Into<String>) -> Fault {
        Fault { path: self.path.join("."), what: what.into() }
    }
}
