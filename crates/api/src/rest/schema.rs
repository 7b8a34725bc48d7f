//! What the rows of a model look like in JSON. In `fields`: the object of a row, field by field.

mod fields;

use std::borrow::Cow;
use std::marker::PhantomData;

use mainstay_db::Model;
use mainstay_db::meta::{FieldMeta, Fill, ModelMeta};
use mainstay_resource::fields::{is_settable, is_sortable, json_name};
use mainstay_resource::{Inclusion, Save};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value as Json, json};

use super::bulk::MOST;
use fields::{closed, object, plain, schema};

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

/// Names of fields.
pub(super) struct Names<M>(PhantomData<M>);

/// Names of fields to sort by, each with `-` before it or not.
pub(super) struct Order<M>(PhantomData<M>);

/// Values to compare fields with, by field: of its type, within its limits or not.
pub(super) struct Value<M>(PhantomData<M>);

/// Lists of such values, by field.
pub(super) struct Values<M>(PhantomData<M>);

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
        input(M::META, Save::Create, &[])
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
        input(M::META, Save::Replace, &[])
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
        input(M::META, Save::Merge, &[])
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
        page_of(generator.subschema_for::<Shown<M>>().to_value())
    }
}

fn page_of(row: Json) -> Schema {
    let count = |description: &str| json!({ "type": "integer", "minimum": 0, "description": description });
    let cursor = |description: &str| json!({ "type": ["string", "null"], "description": description });
    schema(json!({
        "type": "object",
        "required": ["items"],
        "properties": {
            "items": { "type": "array", "items": row },
            "total": count("How many there are on all pages. Only on pages by number."),
            "page": count("The number of this page, from 1. Only on pages by number."),
            "per_page": count("The most rows that a page has. Only on pages by number."),
            "pages": count("How many pages there are. Only on pages by number."),
            "next": cursor("What `after` is for the next page. Only on pages by cursor."),
            "previous": cursor("What `before` is for the previous page. Only on pages by cursor."),
        },
    }))
}

/// A page of rows with these relations.
pub(super) fn page<M: Model>(includes: &[Inclusion], generator: &mut SchemaGenerator) -> Schema {
    match includes {
        [] => generator.subschema_for::<Page<M>>(),
        includes => page_of(row::<M>(includes, generator).to_value()),
    }
}

/// A row with these relations, each of which is there when it is asked for.
pub(super) fn row<M: Model>(includes: &[Inclusion], generator: &mut SchemaGenerator) -> Schema {
    let row = generator.subschema_for::<Shown<M>>();
    if includes.is_empty() {
        return row;
    }
    let related = includes.iter().map(|include| {
        let mut other = object(include.model, |field| !field.hidden, |_| false).to_value();
        if include.many {
            other = json!({ "type": "array", "items": other });
        } else {
            other["type"] = json!(["object", "null"]);
        }
        (include.name.to_owned(), other)
    });
    let related = related.collect::<Map<_, _>>();
    schema(json!({ "allOf": [row, { "type": "object", "properties": related }] }))
}

/// A row as it is sent to be written, at an address that says what `settled` is.
pub(super) fn sent<M: Model>(how: Save, settled: &[usize], generator: &mut SchemaGenerator) -> Schema {
    match (how, settled) {
        (Save::Create, []) => generator.subschema_for::<New<M>>(),
        (Save::Replace, []) => generator.subschema_for::<Replacing<M>>(),
        (Save::Merge | Save::Patch, []) => generator.subschema_for::<Changed<M>>(),
        (how, settled) => input(M::META, how, settled),
    }
}

fn input(meta: &'static ModelMeta, how: Save, settled: &[usize]) -> Schema {
    let is_settled = |field: &FieldMeta| settled.iter().any(|at| meta.fields[*at].column == field.column);
    let is_there = |field: &FieldMeta| is_settable(meta, field, how) && !is_settled(field);
    let is_required = |field: &FieldMeta| match how {
        Save::Create => field.is_required(),
        Save::Replace => field.is_required() || matches!(field.fill, Fill::Database),
        Save::Merge | Save::Patch => false,
    };
    closed(object(meta, is_there, is_required))
}

/// Several writes in one body.
pub(super) fn operations<M: Model>(settled: &[usize], generator: &mut SchemaGenerator) -> Schema {
    let key = json!({ "type": ["string", "integer"], "description": "The key of the row." });
    let tag = json!({ "type": "string", "description": "The tag of the row as the client knows it, as in `If-Match`." });
    let mut operation = |op: &str, how: Option<Save>| {
        let mut properties = json!({ "op": { "type": "string", "const": op } });
        let mut required = vec!["op"];
        if how != Some(Save::Create) {
            properties["key"] = key.clone();
            properties["if_match"] = tag.clone();
            required.push("key");
        }
        if let Some(how) = how {
            properties["set"] = sent::<M>(how, settled, generator).to_value();
            required.push("set");
        }
        json!({
            "type": "object",
            "title": op,
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        })
    };
    let any = [
        operation("create", Some(Save::Create)),
        operation("replace", Some(Save::Replace)),
        operation("change", Some(Save::Merge)),
        operation("delete", None),
    ];
    schema(json!({
        "type": "object",
        "properties": { "operations": { "type": "array", "maxItems": MOST, "items": { "oneOf": any } } },
        "required": ["operations"],
        "additionalProperties": false,
    }))
}

/// What has come of them.
pub(super) fn results<M: Model>(generator: &mut SchemaGenerator) -> Schema {
    let row = generator.subschema_for::<Shown<M>>();
    schema(json!({
        "type": "object",
        "properties": { "results": { "type": "array", "items": {
            "type": "object",
            "properties": {
                "status": { "type": "integer", "enum": [200, 201, 204], "description": "What the operation alone would have been answered." },
                "key": { "type": "string", "description": "The key of the row, as its address has it." },
                "etag": { "type": "string", "description": "The state of the row." },
                "row": row,
            },
            "required": ["status"],
        } } },
        "required": ["results"],
    }))
}

/// Whole numbers from 1 to `MOST`.
pub(super) struct Count<const MOST: u64>;

impl<const MOST: u64> JsonSchema for Count<MOST> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Count{MOST}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schema(json!({ "type": "integer", "minimum": 1, "maximum": MOST }))
    }
}

/// A list of operations (RFC 6902).
pub(super) struct JsonPatch;

impl JsonSchema for JsonPatch {
    fn schema_name() -> Cow<'static, str> {
        "JsonPatch".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let pointer = |description: &str| json!({ "type": "string", "pattern": "^(/([^/~]|~[01])*)*$", "description": description });
        let operation = |names: &[&str], more: &str| {
            let mut properties = json!({ "op": { "type": "string", "enum": names }, "path": pointer("Where, as a JSON pointer.") });
            let mut required = vec!["op", "path"];
            if !more.is_empty() {
                properties[more] = if more == "from" { pointer("From where.") } else { json!({}) };
                required.push(more);
            }
            json!({ "type": "object", "properties": properties, "required": required })
        };
        schema(json!({
            "type": "array",
            "maxItems": 100,
            "items": { "oneOf": [
                operation(&["add", "replace", "test"], "value"),
                operation(&["remove"], ""),
                operation(&["move", "copy"], "from"),
            ] },
        }))
    }
}

/// `*`, or entity tags with commas between (RFC 9110, 13.1).
pub(super) struct Tags;

impl JsonSchema for Tags {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "EntityTags".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let tag = r#"(W/)?"[!#-~]*""#;
        schema(json!({ "type": "string", "pattern": format!(r"^(\*|{tag}(, {tag})*)$") }))
    }
}

impl<M: Model> JsonSchema for Names<M> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("{}Names", M::META.name).into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mut names: Vec<String> = Vec::new();
        for name in shown(M::META).map(|field| json_name(M::META, field)) {
            // A part is named before the first of its fields.
            let outer = name.match_indices('.').map(|(end, _)| &name[..end]);
            for name in outer.chain([name]) {
                if !names.iter().any(|known| known == name) {
                    names.push(name.to_owned());
                }
            }
        }
        schema(json!({ "type": "array", "items": { "type": "string", "enum": names }, "minItems": 1 }))
    }
}

impl<M: Model> JsonSchema for Order<M> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("{}Order", M::META.name).into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names = shown(M::META).filter(|field| is_sortable(field)).map(|field| json_name(M::META, field));
        let names: Vec<_> = names.flat_map(|name| [name.to_owned(), format!("-{name}")]).collect();
        schema(json!({ "type": "array", "items": { "type": "string", "enum": names }, "minItems": 1 }))
    }
}

impl<M: Model> JsonSchema for Value<M> {
    fn schema_name() -> Cow<'static, str> {
        format!("{}Value", M::META.name).into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        by_field(M::META, |field| Json::Object(plain(field, field.sql_type)))
    }
}

impl<M: Model> JsonSchema for Values<M> {
    fn schema_name() -> Cow<'static, str> {
        format!("{}Values", M::META.name).into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        by_field(
            M::META,
            |field| json!({ "type": "array", "items": plain(field, field.sql_type), "minItems": 1 }),
        )
    }
}

/// A value of a field, as an address has it.
pub(super) fn value(field: &FieldMeta) -> Schema {
    schema(Json::Object(plain(field, field.sql_type)))
}

fn by_field(meta: &'static ModelMeta, of: impl Fn(&FieldMeta) -> Json) -> Schema {
    let fields = shown(meta).map(|field| (json_name(meta, field).to_owned(), of(field)));
    schema(json!({ "type": "object", "properties": fields.collect::<Map<_, _>>() }))
}

fn shown(meta: &'static ModelMeta) -> impl Iterator<Item = &'static FieldMeta> {
    meta.fields.iter().filter(|field| !field.hidden)
}
