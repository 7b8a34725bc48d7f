//! What the rows of a model look like in JSON.

use std::borrow::Cow;
use std::marker::PhantomData;

use mainstay_db::Model;
use mainstay_db::meta::{FieldMeta, Fill, ModelMeta};
use mainstay_db::value::SqlType;
use mainstay_resource::Save;
use mainstay_resource::fields::{is_settable, json_name};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// A row as it is answered. No field is promised: policies and `fields` leave some out.
pub(super) struct Shown<M>(PhantomData<M>);

/// A row to be made.
pub(super) struct New<M>(PhantomData<M>);

/// What a row is to be replaced with.
pub(super) struct Replacing<M>(PhantomData<M>);

/// Some fields of a row, to be changed.
pub(super) struct Changed<M>(PhantomData<M>);

/// A page of rows.
pub(super) struct Page<M>(PhantomData<M>);

impl<M: Model> JsonSchema for Shown<M> {
    fn schema_name() -> Cow<'static, str> {
        M::META.name.into()
    }

    fn schema_id() -> Cow<'static, str> {
        format!("{}::shown", M::META.place).into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        object(M::META, |field| !field.hidden, |_| false)
    }
}

impl<M: Model> JsonSchema for New<M> {
    fn schema_name() -> Cow<'static, str> {
        format!("New{}", M::META.name).into()
    }

    fn schema_id() -> Cow<'static, str> {
        format!("{}::new", M::META.place).into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let settable = |field: &FieldMeta| is_settable(M::META, field, Save::Create);
        closed(object(M::META, settable, |field| matches!(field.fill, Fill::Required)))
    }
}

impl<M: Model> JsonSchema for Replacing<M> {
    fn schema_name() -> Cow<'static, str> {
        format!("Replacing{}", M::META.name).into()
    }

    fn schema_id() -> Cow<'static, str> {
        format!("{}::replacing", M::META.place).into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let settable = |field: &FieldMeta| is_settable(M::META, field, Save::Replace);
        closed(object(M::META, settable, |field| matches!(field.fill, Fill::Required)))
    }
}

impl<M: Model> JsonSchema for Changed<M> {
    fn schema_name() -> Cow<'static, str> {
        format!("Changed{}", M::META.name).into()
    }

    fn schema_id() -> Cow<'static, str> {
        format!("{}::changed", M::META.place).into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let settable = |field: &FieldMeta| is_settable(M::META, field, Save::Merge);
        closed(object(M::META, settable, |_| false))
    }
}

impl<M: Model> JsonSchema for Page<M> {
    fn schema_name() -> Cow<'static, str> {
        format!("{}Page", M::META.name).into()
    }

    fn schema_id() -> Cow<'static, str> {
        format!("{}::page", M::META.place).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let items = generator.subschema_for::<Shown<M>>();
        let count =
            |description: &str| json!({ "type": "integer", "minimum": 0, "description": description });
        let cursor = |description: &str| json!({ "type": ["string", "null"], "description": description });
        schema(json!({
            "type": "object",
            "required": ["items"],
            "properties": {
                "items": { "type": "array", "items": items },
                "total": count("How many there are on all pages. Only on pages by number."),
                "page": count("The number of this page, from 1. Only on pages by number."),
                "per_page": count("The most rows that a page has. Only on pages by number."),
                "pages": count("How many pages there are. Only on pages by number."),
                "next": cursor("What `after` is for the next page. Only on pages by cursor."),
                "previous": cursor("What `before` is for the previous page. Only on pages by cursor."),
            },
        }))
    }
}

fn object(
    meta: &'static ModelMeta,
    is_there: impl Fn(&FieldMeta) -> bool,
    is_required: impl Fn(&FieldMeta) -> bool,
) -> Schema {
    let there: Vec<_> = meta.fields.iter().filter(|field| is_there(field)).collect();
    let properties: Map<_, _> = there
        .iter()
        .map(|field| (json_name(meta, field).to_owned(), Value::Object(described(meta, field))))
        .collect();
    let required: Vec<_> =
        there.iter().filter(|field| is_required(field)).map(|field| json_name(meta, field)).collect();
    let mut object = json!({ "type": "object", "properties": properties });
    if !meta.help.is_empty() {
        object["description"] = json!(meta.help);
    }
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    schema(object)
}

/// Nothing else may be in it.
fn closed(mut schema: Schema) -> Schema {
    schema.insert("additionalProperties".to_owned(), json!(false));
    schema
}

fn schema(value: Value) -> Schema {
    // An object is always a schema.
    Schema::try_from(value).unwrap_or_default()
}

fn described(meta: &ModelMeta, field: &FieldMeta) -> Map<String, Value> {
    let mut object = plain(field, field.sql_type);
    if field.nullable {
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

fn or_null(object: &mut Map<String, Value>) {
    if let Some(Value::String(plain)) = object.get("type").cloned() {
        object.insert("type".to_owned(), json!([plain, "null"]));
    }
    if let Some(Value::Array(choices)) = object.get_mut("enum") {
        choices.push(Value::Null);
    }
}

/// A value of a field. `sql_type` is that of the field, or of what its lists have.
fn plain(field: &FieldMeta, sql_type: SqlType) -> Map<String, Value> {
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
    let Value::Object(mut object) = value else { return Map::new() };
    limit(&mut object, field, sql_type);
    object
}

fn limit(object: &mut Map<String, Value>, field: &FieldMeta, sql_type: SqlType) {
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            object.insert(key.to_owned(), value);
        }
    };
    match sql_type {
        SqlType::Text => {
            put("minLength", field.min_length.map(Value::from));
            put("maxLength", field.max_length.map(Value::from));
        }
        SqlType::SmallInt | SqlType::Int | SqlType::BigInt if field.choices.is_empty() => {
            put("minimum", field.min.and_then(|number| number.to_i64()).map(Value::from));
            put("maximum", field.max.and_then(|number| number.to_i64()).map(Value::from));
        }
        SqlType::Real | SqlType::Double => {
            put("minimum", field.min.and_then(number));
            put("maximum", field.max.and_then(number));
        }
        _ => {}
    }
}

fn number(number: Decimal) -> Option<Value> {
    number.to_f64().map(Value::from)
}
