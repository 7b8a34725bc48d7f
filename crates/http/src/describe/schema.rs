//! Schemas that are generated when somebody asks.
//!
//! With the feature `schema`, a [`SchemaOf`] makes a JSON schema inside the generator of whoever writes a document,
//! so that shared types become shared definitions there. Without it there are no schemas: [`schema_of`] gives `None`
//! for every type, and [`Schematic`] asks nothing of a type.

#[cfg(feature = "schema")]
pub use with_schemas::{SchemaOf, Schematic, Shape, schema_of, shape_of};
#[cfg(not(feature = "schema"))]
pub use without_schemas::{SchemaOf, Schematic, schema_of};

use super::{Operation, Parameter, Place};

/// Describes each field of `T` as a parameter of its own.
pub(crate) fn describe_fields<T: Schematic>(operation: &mut Operation, place: Place) {
    #[cfg(feature = "schema")]
    if let Shape::Fields(fields) = shape_of::<T>() {
        for field in fields {
            operation.parameter(field.into_parameter(place));
        }
    }
    #[cfg(not(feature = "schema"))]
    let _ = (operation, place, std::marker::PhantomData::<T>);
}

/// Describes the parameters of the pattern by the type of `Path<T>`: by name for a struct, by position for a tuple,
/// and a single one for anything else.
pub(crate) fn describe_path<T: Schematic>(operation: &mut Operation) {
    let names: Vec<String> = operation.path_names().into_iter().map(str::to_owned).collect();
    let schemas = path_schemas::<T>(&names);
    for (name, (description, schema)) in names.into_iter().zip(schemas) {
        let mut parameter = Parameter::new(Place::Path, name).required().schema(schema);
        parameter.description = description;
        operation.parameter(parameter);
    }
}

#[cfg(not(feature = "schema"))]
fn path_schemas<T: Schematic>(names: &[String]) -> Vec<(Option<String>, Option<SchemaOf>)> {
    let _ = std::marker::PhantomData::<T>;
    names.iter().map(|_| (None, None)).collect()
}

#[cfg(feature = "schema")]
fn path_schemas<T: Schematic>(names: &[String]) -> Vec<(Option<String>, Option<SchemaOf>)> {
    let text = || (None, schema_of::<String>());
    match shape_of::<T>() {
        Shape::Fields(fields) => names
            .iter()
            .map(|name| match fields.iter().find(|field| field.name == *name) {
                Some(field) => (field.description.clone(), Some(field.schema.clone())),
                None => text(),
            })
            .collect(),
        Shape::Items(count) => (0..names.len())
            .map(|index| match index < count {
                true => (None, Some(SchemaOf::item::<T>(index))),
                false => text(),
            })
            .collect(),
        Shape::Other if names.len() == 1 => vec![(None, schema_of::<T>())],
        Shape::Other => names.iter().map(|_| text()).collect(),
    }
}

#[cfg(not(feature = "schema"))]
mod without_schemas {
    /// A type with a schema. Without the feature `schema`: any type.
    pub trait Schematic {}
    impl<T: ?Sized> Schematic for T {}

    /// A schema, generated when somebody asks. Without the feature `schema` there are none.
    #[derive(Clone, Debug)]
    pub enum SchemaOf {}

    /// The schema of `T`. Without the feature `schema`: none.
    pub fn schema_of<T: Schematic + ?Sized>() -> Option<SchemaOf> {
        None
    }
}

#[cfg(feature = "schema")]
mod with_schemas {
    use std::any::type_name;
    use std::fmt;
    use std::sync::Arc;

    use schemars::generate::SchemaSettings;
    use schemars::{JsonSchema, Schema, SchemaGenerator};
    use serde_json::{Map, Value};

    use crate::describe::{Parameter, Place};

    /// A type with a schema: whatever implements [`schemars::JsonSchema`].
    #[diagnostic::on_unimplemented(
        message = "`{Self}` has no JSON schema",
        note = "add `#[derive(schemars::JsonSchema)]` to `{Self}`"
    )]
    pub trait Schematic: JsonSchema {}
    impl<T: JsonSchema + ?Sized> Schematic for T {}

    /// A schema, generated when somebody asks.
    #[derive(Clone)]
    pub struct SchemaOf {
        reference: fn(&mut SchemaGenerator) -> Schema,
        definition: fn(&mut SchemaGenerator) -> Schema,
        type_name: fn() -> &'static str,
        part: Part,
    }

    #[derive(Clone)]
    enum Part {
        Whole,
        Field(Arc<str>),
        Item(usize),
        Made(Arc<Make>),
    }

    type Make = dyn Fn(&mut SchemaGenerator) -> Schema + Send + Sync;

    /// The schema of `T`.
    pub fn schema_of<T: Schematic + ?Sized>() -> Option<SchemaOf> {
        Some(SchemaOf::part::<T>(Part::Whole))
    }

    impl SchemaOf {
        fn part<T: Schematic + ?Sized>(part: Part) -> Self {
            Self {
                reference: SchemaGenerator::subschema_for::<T>,
                definition: T::json_schema,
                type_name: type_name::<T>,
                part,
            }
        }

        /// The schema of one field of `T`.
        pub fn field<T: Schematic + ?Sized>(name: &str) -> Self {
            Self::part::<T>(Part::Field(name.into()))
        }

        /// The schema of one item of the tuple `T`.
        pub fn item<T: Schematic + ?Sized>(index: usize) -> Self {
            Self::part::<T>(Part::Item(index))
        }

        /// A schema that no type has by itself, with `T` in it.
        pub fn made<T: Schematic + ?Sized>(
            make: impl Fn(&mut SchemaGenerator) -> Schema + Send + Sync + 'static,
        ) -> Self {
            Self::part::<T>(Part::Made(Arc::new(make)))
        }

        /// Makes the schema. Types that it refers to become definitions of `generator`.
        pub fn generate(&self, generator: &mut SchemaGenerator) -> Schema {
            let part = match &self.part {
                Part::Whole => return (self.reference)(generator),
                Part::Made(make) => return make(generator),
                Part::Field(name) => {
                    let whole = resolve((self.definition)(generator), generator);
                    property(&whole, name)
                }
                Part::Item(index) => {
                    let whole = resolve((self.definition)(generator), generator);
                    whole.get("prefixItems").and_then(|items| items.get(index)).cloned()
                }
            };
            part.and_then(|part| Schema::try_from(part).ok()).map(without_null).unwrap_or_default()
        }

        /// The Rust type that it is the schema of, or of a part of.
        pub fn type_name(&self) -> &'static str {
            (self.type_name)()
        }
    }

    impl fmt::Debug for SchemaOf {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_tuple("SchemaOf").field(&self.type_name()).finish_non_exhaustive()
        }
    }

    /// What a type looks like from outside.
    pub enum Shape {
        /// A struct.
        Fields(Vec<Field>),
        /// A tuple of so many.
        Items(usize),
        /// Anything else.
        Other,
    }

    /// A field of a struct.
    pub struct Field {
        /// Its name, as serde sees it.
        pub name: String,
        /// Whether it must be there.
        pub required: bool,
        /// Its doc comment.
        pub description: Option<String>,
        /// Its schema.
        pub schema: SchemaOf,
    }

    impl Field {
        pub(crate) fn into_parameter(self, place: Place) -> Parameter {
            Parameter {
                name: self.name,
                place,
                required: self.required,
                description: self.description,
                schema: Some(self.schema),
                comma_separated: false,
                choices: Vec::new(),
            }
        }
    }

    /// Looks at the schema of `T` to see what shape it has.
    pub fn shape_of<T: Schematic + ?Sized>() -> Shape {
        let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
        let mut generator = settings.into_generator();
        let schema = T::json_schema(&mut generator);
        let schema = resolve(schema, &generator);
        if let Some(Value::Array(items)) = schema.get("prefixItems") {
            return Shape::Items(items.len());
        }
        let mut fields = Vec::new();
        collect_fields(&schema, &mut |name, property, required| {
            let text = |key: &str| property.get(key).and_then(Value::as_str).map(str::to_owned);
            fields.push(Field {
                name: name.to_owned(),
                required,
                description: text("description"),
                schema: SchemaOf::field::<T>(name),
            });
        });
        if fields.is_empty() { Shape::Other } else { Shape::Fields(fields) }
    }

    /// Own properties and those of `allOf`, which is where some flattened types end up.
    fn collect_fields(schema: &Map<String, Value>, found: &mut impl FnMut(&str, &Value, bool)) {
        let required = |name: &str| match schema.get("required") {
            Some(Value::Array(names)) => names.iter().any(|known| known == name),
            _ => false,
        };
        if let Some(Value::Object(properties)) = schema.get("properties") {
            for (name, property) in properties {
                found(name, property, required(name));
            }
        }
        if let Some(Value::Array(parts)) = schema.get("allOf") {
            for part in parts.iter().filter_map(Value::as_object) {
                collect_fields(part, found);
            }
        }
    }

    fn property(schema: &Map<String, Value>, name: &str) -> Option<Value> {
        if let Some(property) = schema.get("properties").and_then(|properties| properties.get(name)) {
            return Some(property.clone());
        }
        let parts = schema.get("allOf")?.as_array()?;
        parts.iter().filter_map(Value::as_object).find_map(|part| property(part, name))
    }

    /// Follows the reference that a newtype or a boxed type is.
    fn resolve(schema: Schema, generator: &SchemaGenerator) -> Map<String, Value> {
        let mut object = schema.as_object().cloned().unwrap_or_default();
        // A chain of references is as long as the types are nested; the limit only guards against a circle.
        for _ in 0..16 {
            let Some(Value::String(reference)) = object.get("$ref") else { break };
            let name = reference.rsplit('/').next().unwrap_or_default();
            match generator.definitions().get(name).and_then(Value::as_object) {
                Some(definition) => object = definition.clone(),
                None => break,
            }
        }
        object
    }

    /// A parameter is there or not: `null` among its types would only say so a second time.
    fn without_null(mut schema: Schema) -> Schema {
        let Some(object) = schema.as_object_mut() else { return schema };
        let is_null = |part: &Value| part.get("type").is_some_and(|name| name == "null");
        if let Some(Value::Array(types)) = object.get_mut("type") {
            types.retain(|name| name != "null");
            if let [only] = &mut types[..] {
                let only = only.take();
                object.insert("type".to_owned(), only);
            }
        }
        if let Some(Value::Array(parts)) = object.get_mut("anyOf")
            && parts.iter().any(is_null)
        {
            parts.retain(|part| !is_null(part));
            if let [Value::Object(only)] = &mut parts[..] {
                let only = std::mem::take(only);
                object.remove("anyOf");
                for (key, value) in only {
                    object.entry(key).or_insert(value);
                }
            }
        }
        if object.get("default") == Some(&Value::Null) {
            object.remove("default");
        }
        schema
    }
}

#[cfg(test)]
#[cfg(feature = "schema")]
mod tests {
    use http::Method;
    use schemars::generate::SchemaSettings;
    use schemars::{JsonSchema, SchemaGenerator};
    use serde_json::{Value, json};

    use super::*;

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct Filter {
        /// How many at most.
        limit: u8,
        tag: Option<String>,
        #[serde(default)]
        sort: Sort,
        #[serde(flatten)]
        page: Page,
    }

    #[derive(Default, JsonSchema)]
    #[serde(rename_all = "lowercase")]
    #[expect(dead_code, reason = "only its schema is looked at")]
    enum Sort {
        #[default]
        Newest,
        Oldest,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct Page {
        after: Option<Sort>,
    }

    #[derive(JsonSchema)]
    struct Wrapped(#[expect(dead_code, reason = "only its schema is looked at")] Filter);

    fn generator() -> SchemaGenerator {
        SchemaSettings::draft2020_12().into_generator()
    }

    fn described(describe: fn(&mut Operation), path: &str) -> Vec<(String, bool, Value)> {
        let mut operation = Operation::new(Method::GET, path, "list");
        describe(&mut operation);
        let mut generator = generator();
        operation
            .parameters
            .into_iter()
            .map(|parameter| {
                let schema = parameter.schema.unwrap().generate(&mut generator).to_value();
                (parameter.name, parameter.required, schema)
            })
            .collect()
    }

    #[test]
    fn describes_every_field_of_a_query() {
        let found = described(|operation| describe_fields::<Filter>(operation, Place::Query), "/");
        let mut names: Vec<_> = found.iter().map(|(name, required, _)| (name.as_str(), *required)).collect();
        names.sort_unstable();
        assert_eq!(names, [("after", false), ("limit", true), ("sort", false), ("tag", false)]);
        let by_name = |name: &str| found.iter().find(|known| known.0 == name).unwrap().2.clone();
        assert_eq!(by_name("limit")["maximum"], 255);
        assert_eq!(by_name("limit")["description"], "How many at most.");
        assert_eq!(by_name("tag"), json!({ "type": "string" }));
        assert_eq!(by_name("sort")["$ref"], "#/$defs/Sort");
        assert_eq!(by_name("after"), json!({ "$ref": "#/$defs/Sort" }));
    }

    #[test]
    fn looks_through_a_newtype() {
        let found = described(|operation| describe_fields::<Wrapped>(operation, Place::Query), "/");
        assert_eq!(found.len(), 4);
        let limit = found.iter().find(|known| known.0 == "limit").unwrap();
        assert_eq!(limit.2["maximum"], 255);
    }

    #[test]
    fn describes_a_path_by_position_and_by_name() {
        let pair = described(describe_path::<(u32, String)>, "/{user}/{slug}");
        assert_eq!((pair[0].0.as_str(), &pair[0].2["format"]), ("user", &json!("uint32")));
        assert_eq!((pair[1].0.as_str(), &pair[1].2), ("slug", &json!({ "type": "string" })));
        let one = described(describe_path::<i64>, "/{id}");
        assert_eq!((one[0].0.as_str(), &one[0].2["format"]), ("id", &json!("int64")));
        let named = described(describe_path::<Filter>, "/{tag}/{other}");
        assert_eq!(named.len(), 2);
        assert_eq!(named[1].2, json!({ "type": "string" }));
    }
}
