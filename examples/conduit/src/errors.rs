//! Errors as RealWorld clients expect them: `{"errors": {"body": ["title must not be empty"]}}`.

use mainstay::axum::http::HeaderValue;
use mainstay::http::describe::Content;
use mainstay::http::render::{ErrorRenderer, Rendered};
use mainstay::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

/// What is wrong.
#[derive(Serialize, JsonSchema)]
struct GenericError {
    errors: Messages,
}

#[derive(Serialize, JsonSchema)]
struct Messages {
    /// One line for each fault.
    body: Vec<String>,
}

/// Writes the errors of the API.
pub fn renderer() -> ErrorRenderer {
    let write = |error: &Error, _: &Exchange| {
        let body = match error.faults() {
            [] => vec![error.message().to_owned()],
            faults => faults.iter().map(line).collect(),
        };
        let body = serde_json::to_vec(&GenericError { errors: Messages { body } }).ok()?;
        Some(Rendered { content_type: HeaderValue::from_static("application/json"), body })
    };
    let content = Content::of::<GenericError>("application/json");
    ErrorRenderer::new(write).below("/api").except("/api/v2").documented(content)
}

/// `/article/title` and `must not be empty` as `title must not be empty`.
fn line(fault: &Fault) -> String {
    let place = fault.pointer.trim_start_matches('/');
    // A body has one part that has all others: `article`, `user`, `comment`.
    let place = place.split_once('/').map_or(place, |(_, inner)| inner);
    let place = place.split_once(':').map_or(place, |(_, name)| name);
    if place.is_empty() { fault.message.clone() } else { format!("{place} {}", fault.message) }
}

/// What is taken already is a 422 in this API, and not a 409.
pub fn unprocessable(error: Error) -> Error {
    match error.status() {
        StatusCode::CONFLICT => error.with_status(StatusCode::UNPROCESSABLE_ENTITY),
        _ => error,
    }
}
