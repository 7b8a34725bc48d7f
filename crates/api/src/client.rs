//! A typed client, generated from an OpenAPI document.
//!
//! [`typescript`] writes one file without dependencies: a class `Client` with a method for each operation, the types of everything
//! that goes out and comes in, and what sends requests and reads answers. It is made from the document alone, so that what the
//! client promises is what the document promises; two documents that are equal give files that are equal to the letter.
//!
//! Reading order:
//!
//! 1. this file: the order of the parts;
//! 2. `operations`: groups, methods, their input and their answers;
//! 3. `types`: schemas as types;
//! 4. `names`: what they are called where JavaScript wants an identifier, and nothing else has the name;
//! 5. `comments`: summaries, descriptions and limits as doc comments;
//! 6. `runtime.ts`: what sends requests, the same in every client.

mod comments;
mod names;
mod operations;
mod types;

use serde_json::Value;

use operations::Operations;
use types::Types;

/// What every client ends with.
const RUNTIME: &str = include_str!("client/runtime.ts");

/// A client in TypeScript for the API that a document of this crate describes.
///
/// Other OpenAPI documents may say in other ways what this crate says in one, and a client does not know of that: parameters of a
/// whole path, references other than to schemas, statuses such as `2XX`.
///
/// ```
/// let document = serde_json::json!({
///     "openapi": "3.1.1",
///     "info": { "title": "Shop", "version": "1" },
///     "paths": { "/orders": { "get": { "operationId": "list", "tags": ["Orders"], "responses": {
///         "200": { "description": "OK", "content": { "application/json": { "schema": { "type": "array", "items": { "type": "string" } } } } }
///     } } } },
/// });
/// let client = mainstay_api::client::typescript(&document);
/// assert!(client.contains("list(input: Record<string, never> = {}, options?: CallOptions): Call<string[], OrdersListReply>"));
/// ```
pub fn typescript(document: &Value) -> String {
    let types = Types::new(document);
    let operations = Operations::new(document, &types);
    let mut file = String::with_capacity(256 * 1024);
    file.push_str(&heading(document));
    operations.write_client(&mut file);
    operations.write_groups(&mut file);
    operations.write_inputs(&mut file);
    types.write(&mut file);
    operations.write_settings(&mut file);
    file.push('\n');
    file.push_str(RUNTIME);
    file
}

fn heading(document: &Value) -> String {
    // A line break would end the comment, and to JavaScript these two are line breaks.
    let breaks = |ch: char| ch.is_control() || matches!(ch, '\u{2028}' | '\u{2029}');
    let text = |key: &str| document["info"][key].as_str().unwrap_or_default().replace(breaks, " ");
    let (title, version) = (text("title"), text("version"));
    format!(
        "// The client of {title}, version {version}.\n//\n\
         // Made from its OpenAPI document by `openapi --client typescript`. Do not change it: make it anew.\n\
         /* eslint-disable */\n"
    )
}

#[cfg(test)]
mod tests;
