//! A row as a surface shows it.

use std::hash::{DefaultHasher, Hash, Hasher};

use mainstay_core::{Error, Result};
use mainstay_db::Value;
use mainstay_db::meta::{FieldMeta, Member, ModelMeta};
use mainstay_db::named::{read_text, write_json};

use crate::fields::own_name;

/// A row as a surface shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its fields, as a JSON object.
    pub json: String,
    /// Its primary key, as it is written in an address.
    pub key: String,
    /// What changes whenever one of its fields does, shown or not.
    pub tag: String,
}

impl Record {
    /// The row with these values, which are those of all of the model's fields. Only what is `shown` is in it.
    pub(crate) fn new(
        meta: &ModelMeta,
        values: &[Value],
        shown: impl Fn(&FieldMeta) -> bool,
    ) -> Result<Self> {
        let mut json = String::new();
        object(meta, &meta.members(), values, &shown, &mut json)?;
        Ok(Self { json, key: key_text(meta, values)?, tag: tag(meta, values) })
    }
}

impl Record {
    /// With something else in its object. The name has nothing to be escaped.
    pub(crate) fn with(mut self, name: &str, json: &str) -> Self {
        self.json.pop();
        if !self.json.ends_with('{') {
            self.json.push(',');
        }
        self.json.push_str(&format!("\"{name}\":{json}}}"));
        self
    }
}

/// A part is an object of its own, and not there when nothing of it is shown.
fn object(
    meta: &ModelMeta,
    members: &[Member],
    values: &[Value],
    shown: &dyn Fn(&FieldMeta) -> bool,
    json: &mut String,
) -> Result<()> {
    json.push('{');
    for member in members {
        let (name, fields) = match *member {
            Member::Field(index, field) => (own_name(meta, field), index..index + 1),
            Member::Part(first, part) => (part.name, first..first + part.width()),
        };
        if !meta.fields[fields.clone()].iter().any(shown) {
            continue;
        }
        if !json.ends_with('{') {
            json.push(',');
        }
        // The names of fields have nothing to be escaped.
        json.push('"');
        json.push_str(name);
        json.push_str("\":");
        match *member {
            Member::Field(index, field) => {
                write_json(field, &values[index], json).map_err(|fault| unwritable(meta, field, &fault))?;
            }
            Member::Part(_, part) if part.optional && values[fields.clone()].iter().all(Value::is_null) => {
                json.push_str("null");
            }
            Member::Part(first, part) => object(meta, &meta.members_of(part, first), values, shown, json)?,
        }
    }
    json.push('}');
    Ok(())
}

fn unwritable(meta: &ModelMeta, field: &FieldMeta, fault: &str) -> Error {
    Error::internal(format!("`{}.{}` cannot be written as JSON: {fault}", meta.name, field.name))
}

/// The values of a key of several fields have a comma between them.
fn key_text(meta: &ModelMeta, values: &[Value]) -> Result<String> {
    let mut text = String::new();
    for (place, index) in meta.key.iter().enumerate() {
        let field = &meta.fields[*index];
        if place > 0 {
            text.push(',');
        }
        let mut json = String::new();
        write_json(field, &values[*index], &mut json).map_err(|fault| unwritable(meta, field, &fault))?;
        match serde_json::from_str::<String>(&json) {
            Ok(plain) => text.push_str(&plain),
            Err(_) => text.push_str(&json),
        }
    }
    Ok(text)
}

/// The values of a key from an address; none if it is the key of no row.
pub(crate) fn read_key(meta: &ModelMeta, text: &str) -> Option<Vec<Value>> {
    let parts: Vec<&str> = if meta.key.len() == 1 { vec![text] } else { text.split(',').collect() };
    if parts.len() != meta.key.len() {
        return None;
    }
    meta.key_fields().zip(parts).map(|(field, part)| read_text(field, part).ok()).collect()
}

/// A row that counts its updates says by the count which state it is in; another by its values.
pub(crate) fn tag(meta: &ModelMeta, values: &[Value]) -> String {
    if let Some((index, _)) = meta.version()
        && let Value::Int(version) = values[index]
    {
        return format!("v{version}");
    }
    let mut hasher = DefaultHasher::new();
    values.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}
