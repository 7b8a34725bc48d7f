//! Fields as JSON: their types, limits and choices, and the object that they are in.

use mainstay_db::meta::{FieldMeta, Member, ModelMeta, PartMeta};
use mainstay_db::value::SqlType;
use mainstay_resource::Save;
use mainstay_resource::fields::{is_settable, own_name};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use schemars::Schema;
use serde_json::{Map, Value as Json, json};

/// The object that a row is.
pub(super) fn object(
    meta: &'static ModelMeta,
    is_there: impl Fn(&FieldMeta) -> bool,
    is_required: impl Fn(&FieldMeta) -> bool,
) -> Schema {
    let object = Object { meta, is_there: &is_there, is_required: &is_required, own: None };
    let mut object = object.properties(&meta.members());
    if !meta.help.is_empty() {
        object["description"] = json!(meta.help);
    }
    schema(object)
}

/// An object of the row, or of a part of it.
#[derive(Clone, Copy)]
struct Object<'a> {
    meta: &'static ModelMeta,
    is_there: &'a dyn Fn(&FieldMeta) -> bool,
    is_required: &'a dyn Fn(&FieldMeta) -> bool,
    /// Within a part that may be left out: its first field, and what the part says of its fields. They are what they are there
    /// when it is there.
    own: Option<(usize, &'static [FieldMeta])>,
}

impl Object<'_> {
    fn properties(&self, members: &[Member]) -> Json {
        let (mut properties, mut required) = (Map::new(), Vec::new());
        for member in members {
            match *member {
                Member::Field(index, field) if (self.is_there)(field) => {
                    let own = self.own.map_or(field, |(first, own)| &own[index - first]);
                    let name = own_name(self.meta, field);
                    properties.insert(name.to_owned(), Json::Object(described(self.meta, field, own)));
                    required.extend((self.is_required)(own).then_some(name));
                }
                Member::Part(first, part) => {
                    let fields = &self.meta.fields[first..first + part.width()];
                    if !fields.iter().any(self.is_there) {
                        continue;
                    }
                    let own = if part.optional { Some((first, part.of.fields)) } else { self.own };
                    let inner = Self { own, ..*self }.properties(&self.meta.members_of(part, first));
                    required.extend((!part.optional && inner.get("required").is_some()).then_some(part.name));
                    properties.insert(part.name.to_owned(), described_part(part, inner));
                }
                Member::Field(..) => {}
            }
        }
        let mut object = json!({ "type": "object", "properties": properties });
        if !required.is_empty() {
            object["required"] = json!(required);
        }
        object
    }
}

fn described_part(part: &PartMeta, mut object: Json) -> Json {
    if part.optional {
        object["type"] = json!(["object", "null"]);
    }
    let help = if part.help.is_empty() { part.of.help } else { part.help };
    if !help.is_empty() {
        object["description"] = json!(help);
    }
    object
}

/// Nothing else may be in it, nor in its parts.
pub(super) fn closed(schema: Schema) -> Schema {
    let mut value = schema.to_value();
    close(&mut value);
    self::schema(value)
}

fn close(object: &mut Json) {
    if let Some(properties) = object.get_mut("properties").and_then(Json::as_object_mut) {
        properties.values_mut().for_each(close);
        object["additionalProperties"] = json!(false);
    }
}

pub(super) fn schema(value: Json) -> Schema {
    // An object is always a schema.
    Schema::try_from(value).unwrap_or_default()
}

/// A field, of which `own` says what values it has.
fn described(meta: &ModelMeta, field: &FieldMeta, own: &FieldMeta) -> Map<String, Json> {
    let mut object = plain(own, own.sql_type);
    limit(&mut object, own);
    if own.nullable {
        or_null(&mut object);
    }
    if !field.help.is_empty() {
        object.insert("description".to_owned(), json!(field.help));
    }
    if !is_settable(meta, field, Save::Create) {
        object.insert("readOnly".to_owned(), json!(true));
    }
    object
}

fn or_null(object: &mut Map<String, Json>) {
    if let Some(Json::String(plain)) = object.get("type").cloned() {
        object.insert("type".to_owned(), json!([plain, "null"]));
    }
    if let Some(Json::Array(choices)) = object.get_mut("enum") {
        choices.push(Json::Null);
    }
}

/// A value of a field. `sql_type` is that of the field, or of what its lists have.
pub(super) fn plain(field: &FieldMeta, sql_type: SqlType) -> Map<String, Json> {
    let choices: Vec<_> = field.choices.iter().map(|choice| choice.value).collect();
    let value = match sql_type {
        SqlType::SmallInt | SqlType::Int if !field.choices.is_empty() => {
            let numbers: Vec<_> = field.choices.iter().filter_map(|choice| choice.number).collect();
            json!({ "type": "integer", "enum": numbers, "x-enum-varnames": choices })
        }
        SqlType::SmallInt | SqlType::Int => json!({ "type": "integer", "format": "int32" }),
        SqlType::BigInt => json!({ "type": "integer", "format": "int64" }),
        SqlType::Real => json!({ "type": "number", "format": "float" }),
        SqlType::Double => json!({ "type": "number", "format": "double" }),
        SqlType::Decimal => json!({ "type": "string", "format": "decimal", "pattern": r"^-?\d+(\.\d+)?$" }),
        SqlType::Uuid => json!({ "type": "string", "format": "uuid" }),
        SqlType::Bool => json!({ "type": "boolean" }),
        SqlType::Text => json!({ "type": "string" }),
        SqlType::Bytes => json!({ "type": "string", "pattern": "^([0-9a-fA-F]{2})*$" }),
        SqlType::DateTime => json!({ "type": "string", "format": "date-time" }),
        SqlType::Date => json!({ "type": "string", "format": "date" }),
        SqlType::Time => json!({ "type": "string", "pattern": r"^\d\d:\d\d:\d\d(\.\d{1,6})?$" }),
        SqlType::Enum => json!({ "type": "string", "enum": choices }),
        SqlType::Array(of) => json!({ "type": "array", "items": plain(field, *of) }),
        _ => json!({}),
    };
    match value {
        Json::Object(object) => object,
        _ => Map::new(),
    }
}

fn limit(object: &mut Map<String, Json>, field: &FieldMeta) {
    let mut put = |key: &str, value: Option<Json>| {
        if let Some(value) = value {
            object.insert(key.to_owned(), value);
        }
    };
    match field.sql_type {
        SqlType::Text => {
            put("minLength", field.min_length.map(Json::from));
            put("maxLength", field.max_length.map(Json::from));
        }
        SqlType::SmallInt | SqlType::Int | SqlType::BigInt if field.choices.is_empty() => {
            put("minimum", field.min.and_then(|number| number.to_i64()).map(Json::from));
            put("maximum", field.max.and_then(|number| number.to_i64()).map(Json::from));
        }
        SqlType::Real | SqlType::Double => {
            put("minimum", field.min.and_then(number));
            put("maximum", field.max.and_then(number));
        }
        _ => {}
    }
}

fn number(number: Decimal) -> Option<Json> {
    number.to_f64().map(Json::from)
}
