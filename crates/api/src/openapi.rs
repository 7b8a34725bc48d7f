//! OpenAPI 3.1 from what handlers say about themselves.
//!
//! A route keeps an [`Operation`]; a [`Document`] is what a list of them looks
//! like in the words of the specification (<https://spec.openapis.org/oas/v3.1.1>). It is built at run time, once, by
//! whoever asks first.
//!
//! Reading order: this file (the document), `operation` (one method of one path), `schemas` (types that many
//! operations share), [`compare`] (what has changed between two documents).

pub mod compare;
mod operation;
mod schemas;

use std::collections::BTreeMap;

use mainstay_http::describe::{Content, Operation, SecurityScheme, SecuritySpec};
use serde::Serialize;
use serde_json::{Map, Value, json};

use schemas::Schemas;

/// What a document says about the API as a whole.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Info {
    /// Its name.
    pub title: String,
    /// Its version, not that of the specification.
    pub version: String,
    /// What it is for, in Markdown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// An OpenAPI document.
#[derive(Clone, Debug, PartialEq)]
pub struct Document(Value);

/// One route as the document lists it.
#[derive(Clone, Copy)]
pub struct Listed<'a> {
    /// The operation.
    pub operation: &'a Operation,
    /// Whether it is one method, or whatever another router makes of the path.
    pub kind: Kind,
    /// The module; none for the application itself.
    pub module: Option<&'a str>,
    /// How its errors are written, unless as problem details.
    pub errors: Option<&'a Content>,
}

/// What is known of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A handler that describes itself.
    Handler,
    /// A mounted router: only its address is known.
    Mounted,
}

impl Document {
    /// The document of these operations.
    ///
    /// Paths and definitions are in alphabetical order, so that two builds of one API are equal to the letter.
    pub fn build<'a>(
        info: &Info,
        servers: &[String],
        operations: impl IntoIterator<Item = Listed<'a>>,
    ) -> Self {
        let mut schemas = Schemas::default();
        let mut ids = Ids::default();
        let mut security = Map::new();
        let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
        for listed in operations {
            if listed.kind == Kind::Mounted {
                let path = paths.entry(template(&listed.operation.path)).or_default();
                path.insert(
                    "summary".to_owned(),
                    json!("Answered by a router that does not describe itself."),
                );
                continue;
            }
            let method = listed.operation.method.as_str().to_ascii_lowercase();
            if !METHODS.contains(&method.as_str()) {
                continue;
            }
            for scheme in &listed.operation.security {
                security.insert(scheme.name.to_string(), security_scheme(scheme));
            }
            let id = ids.unique(listed.operation);
            let described = operation::describe(&listed, id, &mut schemas);
            paths.entry(template(&listed.operation.path)).or_default().insert(method, described);
        }
        let (paths, definitions) = schemas.finish(paths);

        let mut components = json!({ "schemas": definitions });
        if !security.is_empty() {
            components["securitySchemes"] = Value::Object(security);
        }
        let mut document =
            json!({ "openapi": "3.1.1", "info": info, "paths": paths, "components": components });
        if !servers.is_empty() {
            let servers: Vec<_> = servers.iter().map(|url| json!({ "url": url })).collect();
            document["servers"] = servers.into();
        }
        Self(document)
    }

    /// The document as JSON.
    pub fn as_json(&self) -> &Value {
        &self.0
    }
}

/// The methods that a path item has a field for.
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// OpenAPI has no catch-all: `/files/{*path}` is listed as `/files/{path}`.
fn template(pattern: &str) -> String {
    pattern.replace("{*", "{").replace("{{", "{").replace("}}", "}")
}

fn security_scheme(spec: &SecuritySpec) -> Value {
    match &spec.scheme {
        SecurityScheme::Basic => json!({ "type": "http", "scheme": "basic" }),
        SecurityScheme::Bearer { format } => {
            let mut scheme = json!({ "type": "http", "scheme": "bearer" });
            if let Some(format) = format {
                scheme["bearerFormat"] = json!(format);
            }
            scheme
        }
        SecurityScheme::Key { place, name } => json!({ "type": "apiKey", "in": place.name(), "name": name }),
        SecurityScheme::OpenIdConnect { url } => json!({ "type": "openIdConnect", "openIdConnectUrl": url }),
    }
}

/// Operation ids: the handler's name, and where two handlers share one, the path behind it.
#[derive(Default)]
struct Ids(BTreeMap<String, usize>);

impl Ids {
    fn unique(&mut self, operation: &Operation) -> String {
        let name = operation.name.clone();
        if !self.0.contains_key(&name) {
            self.0.insert(name.clone(), 1);
            return name;
        }
        let path =
            operation.path.split(|ch: char| !ch.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
        let longer = std::iter::once(name.as_str()).chain(path).collect::<Vec<_>>().join("_");
        let count = self.0.entry(longer.clone()).or_default();
        *count += 1;
        if *count == 1 { longer } else { format!("{longer}_{count}") }
    }
}

#[cfg(test)]
mod tests;
