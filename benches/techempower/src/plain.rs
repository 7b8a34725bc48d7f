//! The tests without a database.

use mainstay::prelude::*;
use serde::Serialize;

const HELLO: &str = "Hello, World!";

/// The object of the JSON test, made and serialised anew for each request.
#[derive(Serialize)]
pub(crate) struct Message {
    message: &'static str,
}

/// Test 6: a line of text.
#[get("/plaintext")]
pub(crate) async fn plaintext() -> &'static str {
    HELLO
}

/// Test 1: an object as JSON.
#[get("/json")]
pub(crate) async fn json() -> Json<Message> {
    Json(Message { message: HELLO })
}
