//! The types that operations share.
//!
//! What serde reads and what it writes may differ for one type: a field with a default may be absent in a request and
//! is always there in a response. So there are two generators. A type that looks the same to both is one definition;
//! one that differs keeps its name in responses, and is called `…Input` in requests, or, where a type of the application is called
//! so, `…Input2`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use mainstay_http::describe::SchemaOf;
use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema, json_schema};
use serde_json::{Map, Value, json};

/// Whether a type is read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Request,
    Response,
}

const DEFINITIONS: &str = "#/components/schemas/";
/// Where the generator of requests puts its references, until it is known whether both agree.
const INPUTS: &str = "#/components/inputs/";

pub(super) struct Schemas {
    requests: SchemaGenerator,
    responses: SchemaGenerator,
}

impl Default for Schemas {
    fn default() -> Self {
        let settings = |path: &str| {
            let path = path.trim_start_matches('#').trim_end_matches('/').to_owned();
            SchemaSettings::draft2020_12().with(|settings| {
                settings.definitions_path = path.into();
                settings.meta_schema = None;
            })
        };
        Self {
            requests: settings(INPUTS).for_deserialize().into_generator(),
            responses: settings(DEFINITIONS).for_serialize().into_generator(),
        }
    }
}

impl Schemas {
    /// The schema of a type, or a reference to it.
    pub(super) fn generate(&mut self, schema: &SchemaOf, direction: Direction) -> Value {
        let generator = match direction {
            Direction::Request => &mut self.requests,
            Direction::Response => &mut self.responses,
        };
        schema.generate(generator).to_value()
    }

    /// A reference to the schema of problem details.
    pub(super) fn problem(&mut self) -> Value {
        self.responses.subschema_for::<Problem>().to_value()
    }

    /// The paths with their references settled, and the definitions.
    pub(super) fn finish(
        mut self,
        mut paths: BTreeMap<String, Map<String, Value>>,
    ) -> (BTreeMap<String, Map<String, Value>>, BTreeMap<String, Value>) {
        let inputs: BTreeMap<_, _> = self.requests.take_definitions(true).into_iter().collect();
        let mut definitions: BTreeMap<_, _> = self.responses.take_definitions(true).into_iter().collect();
        let renamed = renamed(&inputs, &definitions);
        let rename = |name: &str| renamed.get(name).map_or(name, String::as_str).to_owned();
        for (name, mut schema) in inputs {
            settle(&mut schema, &rename);
            definitions.entry(rename(&name)).or_insert(schema);
        }
        for operation in paths.values_mut().flat_map(Map::values_mut) {
            settle(operation, &rename);
        }
        definitions.values_mut().for_each(give_items);
        paths.values_mut().flat_map(Map::values_mut).for_each(give_items);
        (paths, definitions)
    }
}

/// What the definitions of requests are called that are not those of responses: nothing else has such a name.
fn renamed(inputs: &BTreeMap<String, Value>, outputs: &BTreeMap<String, Value>) -> BTreeMap<String, String> {
    let mut taken: BTreeSet<String> = inputs.keys().chain(outputs.keys()).cloned().collect();
    let renamed = differing(inputs, outputs).into_iter().map(|name| {
        let plain = format!("{name}Input");
        let numbered = (2_u64..).map(|count| format!("{name}Input{count}"));
        let mut candidates = std::iter::once(plain).chain(numbered);
        let free = candidates.find(|candidate| !taken.contains(candidate)).unwrap_or_default();
        taken.insert(free.clone());
        (name, free)
    });
    renamed.collect()
}

/// The names that both directions define, and not alike: directly, or by way of what they refer to.
fn differing(inputs: &BTreeMap<String, Value>, outputs: &BTreeMap<String, Value>) -> BTreeSet<String> {
    let mut settled = inputs.clone();
    settled.values_mut().for_each(|schema| settle(schema, &str::to_owned));
    let both = || settled.iter().filter_map(|(name, input)| Some((name, input, outputs.get(name)?)));
    let mut differing: BTreeSet<String> =
        both().filter(|(_, input, output)| input != output).map(|(name, ..)| name.clone()).collect();
    loop {
        let more: Vec<_> = both()
            .filter(|(name, input, _)| !differing.contains(*name) && refers_to(input, &differing))
            .map(|(name, ..)| name.clone())
            .collect();
        if more.is_empty() {
            return differing;
        }
        differing.extend(more);
    }
}

fn refers_to(schema: &Value, names: &BTreeSet<String>) -> bool {
    match schema {
        Value::Object(fields) => fields.iter().any(|(key, value)| match value {
            Value::String(target) if key == "$ref" => {
                target.strip_prefix(DEFINITIONS).is_some_and(|name| names.contains(name))
            }
            value => refers_to(value, names),
        }),
        Value::Array(items) => items.iter().any(|item| refers_to(item, names)),
        _ => false,
    }
}

/// Lets the references of requests point to definitions, under the names that they have there.
fn settle(value: &mut Value, rename: &impl Fn(&str) -> String) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value {
                    Value::String(target) if key == "$ref" => {
                        if let Some(name) = target.strip_prefix(INPUTS) {
                            *target = format!("{DEFINITIONS}{}", rename(name));
                        }
                    }
                    value => settle(value, rename),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| settle(item, rename)),
        _ => {}
    }
}

/// Gives tuples `items`, which tools that know OpenAPI 3.0 look for in every array. That nothing follows is said by `maxItems`.
fn give_items(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.values_mut().for_each(give_items);
            let is_closed = fields.get("prefixItems").and_then(Value::as_array).is_some_and(|items| {
                fields.get("maxItems").and_then(Value::as_u64) == u64::try_from(items.len()).ok()
            });
            if is_closed && !fields.contains_key("items") {
                fields.insert("items".to_owned(), json!({}));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(give_items),
        _ => {}
    }
}

/// Problem details (RFC 9457) as the framework writes them.
struct Problem;

impl JsonSchema for Problem {
    fn schema_name() -> Cow<'static, str> {
        "Problem".into()
    }

    /// Another type may be called so.
    fn schema_id() -> Cow<'static, str> {
        concat!(module_path!(), "::Problem").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "description": "Problem details (RFC 9457).",
            "required": ["type", "title", "status", "code"],
            "properties": {
                "type": { "type": "string", "format": "uri-reference", "description": "What kind of problem it is." },
                "title": { "type": "string", "description": "The kind of problem, in words." },
                "status": { "type": "integer", "minimum": 400, "maximum": 599, "description": "The HTTP status." },
                "detail": { "type": "string", "description": "What went wrong this time." },
                "instance": { "type": "string", "format": "uri-reference", "description": "The address that was asked." },
                "code": { "type": "string", "description": "What went wrong, for programs." },
                "request_id": { "type": "string", "description": "What to quote when asking for help." },
                "errors": {
                    "type": "array",
                    "description": "What is wrong with the input, place by place.",
                    "items": {
                        "type": "object",
                        "required": ["pointer", "code", "message"],
                        "properties": {
                            "pointer": {
                                "type": "string",
                                "description": "A JSON pointer into the body, or a parameter such as `query:limit`.",
                            },
                            "code": { "type": "string", "description": "What is wrong, for programs." },
                            "message": { "type": "string", "description": "What is wrong, in words." },
                        },
                    },
                },
            },
        })
    }
}
