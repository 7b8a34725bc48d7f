//! Errors in the shape of FastAPI, for clients that expect it: `{"detail": [{"loc": ["body", "title"], "msg": …, "type": …}]}`.
//!
//! ```
//! use mainstay_api::fastapi;
//! use mainstay_core::{App, Contribute};
//!
//! let app = App::new().contribute(fastapi::errors());
//! ```
//!
//! What is wrong with an input is a list; every other error is one text: `{"detail": "Not Found"}`. Statuses stay as they are: a
//! parameter that cannot be read is a 400 here, and a 422 there. `type` is pydantic's where it has one of the same meaning, else
//! the code of the fault.

use http::HeaderValue;
use mainstay_core::pointer::unescaped;
use mainstay_core::{Error, Fault};
use mainstay_http::Exchange;
use mainstay_http::describe::Content;
use mainstay_http::render::{ErrorRenderer, Rendered};
use schemars::JsonSchema;
use serde::Serialize;

const JSON: &str = "application/json";

/// A renderer that writes errors so. [`below`](ErrorRenderer::below) limits it to a part of the addresses.
pub fn errors() -> ErrorRenderer {
    ErrorRenderer::new(write).documented(Content::of::<HttpError>(JSON))
}

/// An error.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "HTTPError")]
struct HttpError {
    /// What went wrong.
    detail: Detail,
}

#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
enum Detail {
    Faults(Vec<ValidationError>),
    Text(String),
}

/// One thing that is wrong with an input.
#[derive(Serialize, JsonSchema)]
struct ValidationError {
    /// Where: the part of the request, and the way within it.
    loc: Vec<Step>,
    /// What, for people.
    msg: String,
    /// What, for programs.
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
enum Step {
    Index(usize),
    Name(String),
}

fn write(error: &Error, _: &Exchange) -> Option<Rendered> {
    let detail = match error.faults() {
        [] => Detail::Text(error.message().to_owned()),
        faults => Detail::Faults(faults.iter().map(ValidationError::of).collect()),
    };
    let body = serde_json::to_vec(&HttpError { detail }).ok()?;
    Some(Rendered { content_type: HeaderValue::from_static(JSON), body })
}

impl ValidationError {
    fn of(fault: &Fault) -> Self {
        Self { loc: place(&fault.pointer), msg: fault.message.clone(), kind: kind(&fault.code).to_owned() }
    }
}

/// `/tags/0/name` is `["body", "tags", 0, "name"]`, and `query:limit` is `["query", "limit"]`.
fn place(pointer: &str) -> Vec<Step> {
    if let Some((place, name)) = pointer.split_once(':').filter(|_| !pointer.starts_with('/')) {
        return vec![Step::Name(place.to_owned()), Step::Name(name.to_owned())];
    }
    let steps = pointer.split('/').skip(1).map(|step| match step.parse() {
        Ok(index) => Step::Index(index),
        Err(_) => Step::Name(unescaped(step)),
    });
    std::iter::once(Step::Name("body".to_owned())).chain(steps).collect()
}

/// Pydantic's name of a fault, where it has one.
fn kind(code: &str) -> &str {
    match code {
        "required" => "missing",
        "unknown_field" => "extra_forbidden",
        "too_short" => "string_too_short",
        "too_long" => "string_too_long",
        "too_small" => "greater_than_equal",
        "too_large" => "less_than_equal",
        "pattern" => "string_pattern_mismatch",
        "choice" => "enum",
        "invalid" => "value_error",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_places_as_fastapi_does() {
        let of = |pointer: &str| serde_json::to_string(&place(pointer)).unwrap();
        assert_eq!(of("/tags/0/na~1me"), r#"["body","tags",0,"na/me"]"#);
        assert_eq!(of(""), r#"["body"]"#);
        assert_eq!(of("query:limit"), r#"["query","limit"]"#);
        assert_eq!(of("/a:b"), r#"["body","a:b"]"#);
    }
}
