//! A row as a surface shows it.

use std::ops::Range;

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

/// How rows of a model are written: the fields that are shown, in the objects that they are in. Made once for many rows.
pub(crate) struct Form {
    meta: &'static ModelMeta,
    members: Vec<Shown>,
}

/// A part is an object of its own, and not there when nothing of it is shown.
enum Shown {
    Field { name: &'static str, index: usize },
    Part { name: &'static str, fields: Range<usize>, optional: bool, members: Vec<Self> },
}

impl Form {
    /// With these of the model's fields.
    pub(crate) fn new(meta: &'static ModelMeta, shown: impl Fn(&FieldMeta) -> bool) -> Self {
        Self { meta, members: members(meta, &meta.members(), &shown) }
    }

    /// The row with these values, which are those of all of the model's fields.
    pub(crate) fn record(&self, values: &[Value]) -> Result<Record> {
        let mut json = String::with_capacity(room(values));
        self.object(&self.members, values, &mut json)?;
        Ok(Record { json })
    }

    fn object(&self, members: &[Shown], values: &[Value], json: &mut String) -> Result<()> {
        let mut separator = '{';
        for member in members {
            // The names of fields have nothing to be escaped.
            let (Shown::Field { name, .. } | Shown::Part { name, .. }) = member;
            json.push(separator);
            json.push('"');
            json.push_str(name);
            json.push_str("\":");
            separator = ',';
            match member {
                Shown::Field { index, .. } => {
                    let field = &self.meta.fields[*index];
                    write_json(field, &values[*index], json)
                        .map_err(|fault| unwritable(self.meta, field, &fault))?;
                }
                Shown::Part { fields, optional: true, .. }
                    if values[fields.clone()].iter().all(Value::is_null) =>
                {
                    json.push_str("null");
                }
                Shown::Part { members, .. } => self.object(members, values, json)?,
            }
        }
        if separator == '{' {
            json.push('{');
        }
        json.push('}');
        Ok(())
    }
}

/// How long the row will be, more or less.
fn room(values: &[Value]) -> usize {
    let of = |value: &Value| match value {
        Value::Text(text) | Value::Json(text) => text.len(),
        _ => 16,
    };
    values.iter().map(|value| of(value) + 24).sum()
}

fn members(
    meta: &'static ModelMeta,
    members_of: &[Member],
    shown: &dyn Fn(&FieldMeta) -> bool,
) -> Vec<Shown> {
    let of = |member: &Member| match *member {
        Member::Field(index, field) => {
            shown(field).then(|| Shown::Field { name: own_name(meta, field), index })
        }
        Member::Part(first, part) => {
            let members = members(meta, &meta.members_of(part, first), shown);
            let fields = first..first + part.width();
            (!members.is_empty()).then_some(Shown::Part {
                name: part.name,
                fields,
                optional: part.optional,
                members,
            })
        }
    };
    members_of.iter().filter_map(of).collect()
}
