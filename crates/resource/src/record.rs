//! A row as a surface shows it.

use mainstay_core::Result;
use mainstay_core::keys::base64url;
use mainstay_db::Value;
use mainstay_db::meta::{FieldMeta, Member, ModelMeta};
use mainstay_db::named::write_json;
use ring::digest::{SHA256, digest};

use crate::address::unwritable;
use crate::fields::own_name;

/// A row as a surface shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its fields, as a JSON object.
    pub json: String,
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
        Ok(Self { json })
    }

    /// What changes whenever something of this record does: of it alone, so that a tag tells nothing of what is not shown.
    pub fn tag(&self) -> String {
        let digest = digest(&SHA256, self.json.as_bytes());
        base64url::encode(&digest.as_ref()[..16])
    }

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
