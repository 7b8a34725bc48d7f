//! Schemas as types.
//!
//! What a request may hold and what an answer holds can differ for one definition: fields that are read only are in no request, those
//! that are write only in no answer. A definition that differs is two types; the one for requests is called `…Input`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::comments;
use super::names::{Names, literal, property, type_name};

const DEFINITIONS: &str = "#/components/schemas/";

/// Where a value goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Direction {
    /// To the server.
    Out,
    /// From the server.
    In,
}

impl Direction {
    /// The mark of a field that is not there.
    fn left_out(self) -> &'static str {
        match self {
            Self::Out => "readOnly",
            Self::In => "writeOnly",
        }
    }
}

/// The types of a document.
pub(super) struct Types<'a> {
    definitions: Option<&'a Map<String, Value>>,
    /// The name of each definition's type, by direction; the same one where nothing differs.
    names: BTreeMap<(&'a str, Direction), String>,
    taken: Names,
}

/// A type as it is written, and whether it needs parentheses inside another.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Written {
    text: String,
    joint: Joint,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Joint {
    None,
    Union,
    Intersection,
}

impl<'a> Types<'a> {
    pub(super) fn new(document: &'a Value) -> Self {
        let definitions = document["components"]["schemas"].as_object();
        let mut types = Self { definitions, names: BTreeMap::new(), taken: Names::of_types() };
        let mut uses = Uses::default();
        for operation in super::operations::all(document) {
            for part in [&operation.value["parameters"], &operation.value["requestBody"]] {
                uses.collect(part, Direction::Out, definitions);
            }
            uses.collect(&operation.value["responses"], Direction::In, definitions);
        }
        let differing = [Direction::Out, Direction::In].map(|way| types.differing(way));
        let differs = |name: &str| differing.iter().any(|names| names.contains(name));
        let used = |name: &str, way| uses.0.contains(&(name.to_owned(), way));
        for name in definitions.into_iter().flat_map(Map::keys) {
            let given = types.taken.give(&type_name(name), "Schema");
            types.names.insert((name, Direction::In), given.clone());
            types.names.insert((name, Direction::Out), given);
        }
        for name in definitions.into_iter().flat_map(Map::keys) {
            match (used(name, Direction::Out), used(name, Direction::In)) {
                (true, true) if differs(name) => {
                    let given = types.taken.give(&format!("{}Input", type_name(name)), "Schema");
                    types.names.insert((name, Direction::Out), given);
                }
                (true, false) => {
                    types.names.remove(&(name, Direction::In));
                }
                // One type serves both; it is written as answers have it.
                _ => {}
            }
        }
        types
    }

    /// The definitions that are not the same in this direction as they are written: directly, or by what they refer to.
    fn differing(&self, way: Direction) -> BTreeSet<&'a str> {
        let all = || self.definitions.into_iter().flatten();
        let mut found: BTreeSet<&str> = all()
            .filter(|(_, schema)| {
                any(schema, &|object| object.get(way.left_out()) == Some(&Value::Bool(true)))
            })
            .map(|(name, _)| name.as_str())
            .collect();
        loop {
            let refers =
                |object: &Map<String, Value>| target(object).is_some_and(|name| found.contains(name));
            let more: Vec<&str> = all()
                .filter(|(name, schema)| !found.contains(name.as_str()) && any(schema, &refers))
                .map(|(name, _)| name.as_str())
                .collect();
            if more.is_empty() {
                return found;
            }
            found.extend(more);
        }
    }

    /// A name for another type of the file.
    pub(super) fn names(&self) -> Names {
        self.taken.clone()
    }

    /// The type of a schema.
    pub(super) fn of(&self, schema: &Value, way: Direction, indent: usize) -> String {
        self.written(schema, way, indent).text
    }

    /// Every definition.
    pub(super) fn write(&self, file: &mut String) {
        let mut done = BTreeSet::new();
        for (name, schema) in self.definitions.into_iter().flatten() {
            for way in [Direction::In, Direction::Out] {
                let Some(given) =
                    self.names.get(&(name.as_str(), way)).filter(|given| done.insert((*given).clone()))
                else {
                    continue;
                };
                file.push('\n');
                comments::write(&comments::of_schema(schema), 0, file);
                file.push_str(&self.definition(given, schema, way));
            }
        }
    }

    fn definition(&self, name: &str, schema: &Value, way: Direction) -> String {
        if is_plain_object(schema) {
            return format!("export interface {name} {}\n", self.members(schema, way, 0));
        }
        if let Some(choices) = documented_choices(schema) {
            let mut text = format!("export type {name} =");
            for choice in choices {
                text.push('\n');
                let mut comment = String::new();
                comments::write(&comments::of_schema(choice), 1, &mut comment);
                let written = self.written(choice, way, 1);
                text.push_str(&format!("{comment}  | {}", written.inside(Joint::Intersection)));
            }
            return text + ";\n";
        }
        format!("export type {name} = {};\n", self.of(schema, way, 0))
    }

    fn written(&self, schema: &Value, way: Direction, indent: usize) -> Written {
        let Some(object) = schema.as_object() else {
            return Written::plain(if schema == &Value::Bool(false) { "never" } else { "unknown" });
        };
        if let Some(value) = object.get("const") {
            return Written::plain(constant(value));
        }
        if let Some(Value::Array(values)) = object.get("enum") {
            return union(values.iter().map(|value| Written::plain(constant(value))));
        }
        let mut parts = Vec::new();
        if let Some(name) = target(object) {
            let given = self.names.get(&(name, way)).or_else(|| self.names.get(&(name, other(way))));
            parts.push(Written::plain(given.map_or("unknown", String::as_str)));
        }
        if let Some(Value::Array(all)) = object.get("allOf") {
            parts.extend(all.iter().map(|part| self.written(part, way, indent)));
        }
        for key in ["oneOf", "anyOf"] {
            if let Some(Value::Array(choices)) = object.get(key) {
                parts.push(union(choices.iter().map(|choice| self.written(choice, way, indent))));
            }
        }
        let own = self.own(schema, way, indent);
        // `type: object` beside choices that are objects themselves says nothing more.
        if parts.is_empty() || own.as_ref().is_none_or(|own| own.text != FREE_OBJECT) {
            parts.extend(own);
        }
        intersection(parts)
    }

    /// What `type` and its companions say.
    fn own(&self, schema: &Value, way: Direction, indent: usize) -> Option<Written> {
        let types: Vec<&str> = match &schema["type"] {
            Value::String(one) => vec![one],
            Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
            _ if schema.get("properties").is_some() || schema.get("additionalProperties").is_some() => {
                vec!["object"]
            }
            _ if schema.get("items").is_some() || schema.get("prefixItems").is_some() => vec!["array"],
            _ if is_binary(schema) => vec!["string"],
            _ => return None,
        };
        Some(union(types.into_iter().map(|one| match one {
            "string" if is_binary(schema) && way == Direction::Out => Written::plain("Blob"),
            "string" => Written::plain("string"),
            "integer" | "number" => Written::plain("number"),
            "boolean" => Written::plain("boolean"),
            "null" => Written::plain("null"),
            "array" => self.array(schema, way, indent),
            "object" => self.object(schema, way, indent),
            _ => Written::plain("unknown"),
        })))
    }

    fn array(&self, schema: &Value, way: Direction, indent: usize) -> Written {
        if let Some(first) = schema["prefixItems"].as_array() {
            let mut items: Vec<String> = first.iter().map(|item| self.of(item, way, indent)).collect();
            // Schemars says of tuples how long they are; what has no such limit may go on.
            if schema["items"] != Value::Bool(false)
                && schema["maxItems"].as_u64() != Some(first.len() as u64)
            {
                items.push(format!(
                    "...{}[]",
                    self.written(&schema["items"], way, indent).inside(Joint::None)
                ));
            }
            return Written::plain(format!("[{}]", items.join(", ")));
        }
        let item =
            schema.get("items").map_or(Written::plain("unknown"), |items| self.written(items, way, indent));
        Written::plain(format!("{}[]", item.inside(Joint::None)))
    }

    fn object(&self, schema: &Value, way: Direction, indent: usize) -> Written {
        if has_properties(schema) {
            return Written::plain(self.members(schema, way, indent));
        }
        match further(schema) {
            Some(values) => {
                let value = values.into_iter().map(|value| self.written(value, way, indent));
                Written::plain(format!("Record<string, {}>", union(value).text))
            }
            None if schema["additionalProperties"] == Value::Bool(false) => {
                Written::plain("Record<string, never>")
            }
            None => Written::plain(FREE_OBJECT),
        }
    }

    /// `{ … }`, one member a line.
    fn members(&self, schema: &Value, way: Direction, indent: usize) -> String {
        let pad = "  ".repeat(indent + 1);
        let required: BTreeSet<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let mut text = String::from("{\n");
        let mut types = Vec::new();
        for (name, value) in schema["properties"].as_object().into_iter().flatten() {
            if value[way.left_out()] == Value::Bool(true) {
                continue;
            }
            comments::write(&comments::of_schema(value), indent + 1, &mut text);
            let written = self.written(value, way, indent + 1);
            let (mark, or) = if required.contains(name.as_str()) { ("", "") } else { ("?", " | undefined") };
            // With `exactOptionalPropertyTypes`, a variable that may be undefined could not be given otherwise.
            let or = if written.text == "unknown" { "" } else { or };
            let read_only = if value["readOnly"] == Value::Bool(true) { "readonly " } else { "" };
            let inside = if or.is_empty() { written.text.clone() } else { written.inside(Joint::Union) };
            text.push_str(&format!("{pad}{read_only}{}{mark}: {inside}{or};\n", property(name)));
            types.push(written);
            if mark == "?" {
                types.push(Written::plain("undefined"));
            }
        }
        if let Some(values) = further(schema) {
            // What a key that is not known may have must include what the known ones have.
            types.extend(values.into_iter().map(|value| self.written(value, way, indent + 1)));
            text.push_str(&format!("{pad}[key: string]: {};\n", union(types).text));
        }
        text.push_str(&"  ".repeat(indent));
        text.push('}');
        text
    }
}

const FREE_OBJECT: &str = "Record<string, unknown>";

/// The schemas of members that are not named.
fn further(schema: &Value) -> Option<Vec<&Value>> {
    let patterns = schema["patternProperties"].as_object().into_iter().flat_map(Map::values);
    let additional = schema.get("additionalProperties").filter(|additional| additional.is_object());
    let values: Vec<_> = patterns.chain(additional).collect();
    (!values.is_empty()).then_some(values)
}

fn has_properties(schema: &Value) -> bool {
    schema["properties"].as_object().is_some_and(|properties| !properties.is_empty())
}

/// Whether it can be an interface.
fn is_plain_object(schema: &Value) -> bool {
    let is_object = schema["type"] == "object" || schema.get("type").is_none();
    let joined = ["$ref", "allOf", "oneOf", "anyOf", "enum", "const"];
    is_object && has_properties(schema) && joined.iter().all(|key| schema.get(key).is_none())
}

/// Choices of which at least one has something to say, where there is nothing beside them.
fn documented_choices(schema: &Value) -> Option<&Vec<Value>> {
    let beside = ["$ref", "allOf", "properties", "enum", "const", "anyOf"];
    let choices = schema["oneOf"].as_array()?;
    let told = choices.iter().any(|choice| choice.get("description").is_some());
    (told && beside.iter().all(|key| schema.get(key).is_none())).then_some(choices)
}

/// Bytes: a file in a form, a body.
pub(super) fn is_binary(schema: &Value) -> bool {
    schema["format"] == "binary"
        || (schema.get("contentMediaType").is_some()
            && schema.get("contentEncoding").is_none()
            && schema.get("contentSchema").is_none())
}

fn constant(value: &Value) -> String {
    match value {
        Value::String(text) => literal(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(items) => format!("[{}]", items.iter().map(constant).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let fields =
                fields.iter().map(|(name, value)| format!("{}: {}", property(name), constant(value)));
            format!("{{ {} }}", fields.collect::<Vec<_>>().join("; "))
        }
    }
}

fn other(way: Direction) -> Direction {
    if way == Direction::In { Direction::Out } else { Direction::In }
}

/// The name of the definition that a schema refers to.
fn target(object: &Map<String, Value>) -> Option<&str> {
    object.get("$ref")?.as_str()?.strip_prefix(DEFINITIONS)
}

/// Whether an object within a schema is so.
fn any(schema: &Value, is_so: &impl Fn(&Map<String, Value>) -> bool) -> bool {
    match schema {
        Value::Object(object) => is_so(object) || object.values().any(|value| any(value, is_so)),
        Value::Array(items) => items.iter().any(|item| any(item, is_so)),
        _ => false,
    }
}

/// Which definitions are used in which direction.
#[derive(Default)]
struct Uses(BTreeSet<(String, Direction)>);

impl Uses {
    fn collect(&mut self, value: &Value, way: Direction, definitions: Option<&Map<String, Value>>) {
        match value {
            Value::Object(object) => {
                if let Some(name) = target(object)
                    && self.0.insert((name.to_owned(), way))
                    && let Some(definition) = definitions.and_then(|known| known.get(name))
                {
                    self.collect(definition, way, definitions);
                }
                object.values().for_each(|value| self.collect(value, way, definitions));
            }
            Value::Array(items) => items.iter().for_each(|item| self.collect(item, way, definitions)),
            _ => {}
        }
    }
}

impl Written {
    fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), joint: Joint::None }
    }

    /// As a part of a union, an intersection, or of what binds closer.
    fn inside(&self, outer: Joint) -> String {
        let binds = match (self.joint, outer) {
            (Joint::None, _) | (_, Joint::Union) => true,
            (Joint::Intersection, Joint::Intersection) => true,
            (_, _) => false,
        };
        if binds { self.text.clone() } else { format!("({})", self.text) }
    }
}

fn union(parts: impl IntoIterator<Item = Written>) -> Written {
    joined(parts, Joint::Union, " | ", "never")
}

fn intersection(parts: Vec<Written>) -> Written {
    let told = parts.into_iter().filter(|part| part.text != "unknown");
    joined(told, Joint::Intersection, " & ", "unknown")
}

fn joined(parts: impl IntoIterator<Item = Written>, joint: Joint, between: &str, none: &str) -> Written {
    let mut different: Vec<Written> = Vec::new();
    for part in parts {
        if joint == Joint::Union && part.text == "unknown" {
            return Written::plain("unknown");
        }
        if !different.contains(&part) {
            different.push(part);
        }
    }
    match different.as_slice() {
        [] => Written::plain(none),
        [one] => one.clone(),
        several => {
            let texts: Vec<_> = several.iter().map(|part| part.inside(joint)).collect();
            Written { text: texts.join(between), joint }
        }
    }
}
