//! A schema with everything that holds for it.

use std::collections::BTreeSet;
use std::ptr;

use serde_json::Value;

/// A schema, what it refers to, and what `allOf` adds: a value has to fit all of these parts.
pub(super) struct View<'d> {
    document: &'d Value,
    parts: Vec<&'d Value>,
    /// What is at the end of all references.
    pub(super) core: &'d Value,
    /// Whether it is another schema, or `null`.
    nullable: bool,
}

/// How many choices may be within each other where the types of a value are asked for.
const DEEPEST: usize = 8;

impl<'d> View<'d> {
    pub(super) fn of(document: &'d Value, schema: &'d Value) -> Self {
        let mut view = Self { document, parts: Vec::new(), core: schema, nullable: false };
        view.core = view.take(schema);
        view
    }

    /// Adds a schema and what holds with it, and gives what is at the end of its references.
    fn take(&mut self, schema: &'d Value) -> &'d Value {
        if self.parts.iter().any(|part| ptr::eq(*part, schema)) {
            return schema;
        }
        self.parts.push(schema);
        let all: Vec<_> = list(schema, "allOf").iter().map(|part| self.take(part)).collect();
        let target = schema.get("$ref").and_then(Value::as_str);
        if let Some(target) = target.and_then(|target| self.document.pointer(target.trim_start_matches('#')))
        {
            return self.take(target);
        }
        if let Some(only) = or_null(schema) {
            self.nullable = true;
            return self.take(only);
        }
        match all.as_slice() {
            [only] if schema.get("properties").is_none() => only,
            _ => schema,
        }
    }

    /// What the first part that says something about `key` says.
    pub(super) fn get(&self, key: &str) -> Option<&'d Value> {
        self.all(key).next()
    }

    /// What all parts say about `key`.
    pub(super) fn all(&self, key: &str) -> impl Iterator<Item = &'d Value> {
        self.parts.iter().filter_map(move |part| part.get(key))
    }

    pub(super) fn properties(&self) -> impl Iterator<Item = (&'d String, &'d Value)> {
        self.all("properties").flat_map(|properties| object(Some(properties)))
    }

    pub(super) fn property(&self, name: &str) -> Option<&'d Value> {
        self.all("properties").find_map(|properties| properties.get(name))
    }

    pub(super) fn requires(&self, name: &str) -> bool {
        let mut all = self.all("required").filter_map(Value::as_array).flatten();
        all.any(|other| other == name)
    }

    /// The values that it is one of, without `null`, which is a type.
    pub(super) fn choices(&self) -> Option<Vec<&'d Value>> {
        let several = self.get("enum").and_then(Value::as_array).map(|choices| choices.iter().collect());
        let mut choices: Vec<_> = several.or_else(|| Some(vec![self.get("const")?]))?;
        choices.retain(|choice| !choice.is_null());
        Some(choices)
    }

    /// The lists of schemas of which a value fits one, without `null`.
    pub(super) fn groups(&self) -> Vec<Vec<&'d Value>> {
        let lists = self.parts.iter().filter(|part| or_null(part).is_none()).flat_map(|part| {
            ["oneOf", "anyOf"].into_iter().map(|key| list(part, key)).filter(|list| !list.is_empty())
        });
        lists.map(|list| list.iter().filter(|variant| !is_null(variant)).collect()).collect()
    }

    /// The types that it can be; none if it can be anything.
    pub(super) fn types(&self) -> Option<BTreeSet<&'d str>> {
        self.types_within(DEEPEST)
    }

    fn types_within(&self, depth: usize) -> Option<BTreeSet<&'d str>> {
        let mut types = match self.get("type") {
            Some(Value::String(one)) => BTreeSet::from([one.as_str()]),
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
            _ => self.types_of_choices().or_else(|| self.types_of_variants(depth.checked_sub(1)?))?,
        };
        if self.nullable {
            types.insert("null");
        }
        Some(types)
    }

    fn types_of_choices(&self) -> Option<BTreeSet<&'d str>> {
        let values = self.get("enum").and_then(Value::as_array).map(Vec::as_slice);
        let values = values.or_else(|| Some(std::slice::from_ref(self.get("const")?)))?;
        Some(values.iter().map(type_of).collect())
    }

    fn types_of_variants(&self, depth: usize) -> Option<BTreeSet<&'d str>> {
        let variants = self.parts.iter().filter(|part| or_null(part).is_none());
        let mut lists = variants
            .flat_map(|part| [list(part, "oneOf"), list(part, "anyOf")])
            .filter(|list| !list.is_empty());
        let mut types = BTreeSet::new();
        for variant in lists.next()? {
            types.extend(View::of(self.document, variant).types_within(depth)?);
        }
        Some(types)
    }
}

/// The schema of which this one says that it may be `null` as well.
fn or_null(schema: &Value) -> Option<&Value> {
    let variants =
        [list(schema, "anyOf"), list(schema, "oneOf")].into_iter().find(|list| !list.is_empty())?;
    let mut others = variants.iter().filter(|variant| !is_null(variant));
    match (others.next(), others.next()) {
        (Some(only), None) if variants.len() > 1 => Some(only),
        _ => None,
    }
}

fn is_null(schema: &Value) -> bool {
    text(schema, "type") == "null"
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

pub(super) fn object(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_object).into_iter().flatten()
}

pub(super) fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

pub(super) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}
