//! OpenAPI 3.1 from what handlers say about themselves.
//!
//! A route keeps an [`Operation`]; a [`Document`] is what a list of them looks
//! like in the words of the specification (<https://spec.openapis.org/oas/v3.1.1>). It is built at run time, once, by
//! whoever asks first.
//!
//! Reading order: this file (the document), `paths` (addresses), `ids` (what operations are called), `operation` (one method of one
//! path), `schemas` (types that many operations share), [`compare`] (what has changed between two documents).

pub mod compare;
mod ids;
mod operation;
mod paths;
mod schemas;

use std::collections::BTreeSet;

use mainstay_http::describe::{Content, Operation, SecurityScheme, SecuritySpec};
use serde::Serialize;
use serde_json::{Map, Value, json};

use paths::Paths;
use schemas::Schemas;

pub(crate) use paths::left_out;

/// What a document says about the API as a whole.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Info {
    /// Its name.
    pub title: String,
    /// Its version, not that of the specification.
    pub version: String,
    /// What it is for, in Markdown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where its terms of use are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terms_of_service: Option<String>,
    /// Whom to ask.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<Contact>,
    /// On which terms it may be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub license: Option<License>,
}

/// Whom to ask about an API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Contact {
    /// A person, or a team.
    pub name: String,
    /// A page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// An address for mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

/// On which terms an API may be used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct License {
    /// What it is called.
    pub name: String,
    /// Its identifier (<https://spdx.org/licenses/>), where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identifier: Option<String>,
    /// Its text, where it has no identifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// What stands around the operations of a document.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    /// What the document says about the API as a whole.
    pub info: Info,
    /// Where the API is served. Empty: where the document is.
    pub servers: Vec<String>,
    /// What tags mean, by name, in the order in which they are shown.
    pub tags: Vec<(String, String)>,
    /// Where more is written: an address, and what is there.
    pub external_docs: Option<(String, String)>,
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
    pub fn build<'a>(frame: &Frame, operations: impl IntoIterator<Item = Listed<'a>>) -> Self {
        let mut schemas = Schemas::default();
        let mut security = Map::new();
        let mut used_tags = BTreeSet::new();
        let mut paths = Paths::default();
        let (mounted, handlers): (Vec<_>, Vec<_>) =
            operations.into_iter().partition(|listed| listed.kind == Kind::Mounted);
        for listed in mounted {
            let path = &mut paths.of(listed.operation).fields;
            path.insert("summary".to_owned(), json!("Answered by a router that does not describe itself."));
        }
        let all: Vec<_> = handlers.iter().map(|listed| listed.operation).collect();
        let left: BTreeSet<usize> = left_out(&all).into_iter().map(|(left, _)| left).collect();
        let handlers = handlers.into_iter().enumerate().filter(|(at, _)| !left.contains(at));
        let handlers: Vec<_> =
            handlers.map(|(_, listed)| listed).filter(|listed| METHODS.contains(&&*method(listed))).collect();
        for (listed, id) in handlers.iter().zip(ids::of(&handlers)) {
            for scheme in operation::proofs(listed.operation) {
                security.insert(scheme.name.to_string(), security_scheme(&scheme));
            }
            used_tags.extend(listed.tags().map(str::to_owned));
            let path = paths.of(listed.operation);
            let named = path.named(listed.operation);
            let described = operation::describe(&Listed { operation: &named, ..*listed }, id, &mut schemas);
            path.fields.insert(method(listed), described);
        }
        let (paths, definitions) = schemas.finish(paths.finish());

        let mut components = json!({ "schemas": definitions });
        if !security.is_empty() {
            components["securitySchemes"] = Value::Object(security);
        }
        // What the specification takes for granted where there are none; said, because readers and tools ask for it.
        let root = [String::from("/")];
        let servers = if frame.servers.is_empty() { &root[..] } else { &frame.servers };
        let servers: Vec<_> = servers.iter().map(|url| json!({ "url": url })).collect();
        let mut document = json!({
            "openapi": "3.1.1",
            "info": frame.info,
            "servers": servers,
            "tags": tags(frame, used_tags),
            // What is asked for is said by each operation.
            "security": [],
            "paths": paths,
            "components": components,
        });
        if let Some((url, description)) = &frame.external_docs {
            document["externalDocs"] = json!({ "url": url, "description": description });
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

/// Those with a description first, in the order in which they are described; then the others.
fn tags(frame: &Frame, mut used: BTreeSet<String>) -> Value {
    let described = frame.tags.iter().map(|(name, description)| {
        used.remove(name);
        json!({ "name": name, "description": description })
    });
    let mut tags: Vec<Value> = described.collect();
    tags.extend(used.into_iter().map(|name| json!({ "name": name })));
    tags.into()
}

fn method(listed: &Listed<'_>) -> String {
    listed.operation.method.as_str().to_ascii_lowercase()
}

impl Listed<'_> {
    /// What it is listed under: its own tags, else the module.
    pub(crate) fn tags(&self) -> impl Iterator<Item = &str> {
        let own = &self.operation.tags;
        own.iter().map(String::as_str).chain(self.module.filter(|_| own.is_empty()))
    }
}

#[cfg(test)]
mod tests;
