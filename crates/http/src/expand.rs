//! What the route macros write calls of. Not meant to be called by hand.

use axum::extract::{FromRequest, FromRequestParts};
use axum::response::IntoResponse;
use http::Method;
use mainstay_core::StatusCode;

use crate::describe::ErrorSpec;

/// The method of this name, which the macro has looked at.
pub fn method(name: &str) -> Method {
    Method::from_bytes(name.as_bytes()).unwrap_or_default()
}

/// A failure, from `#[errors]`.
pub fn error(status: u16, code: &str, description: &str) -> ErrorSpec {
    let spec = ErrorSpec::new(StatusCode::from_u16(status).unwrap_or_default(), description);
    if code.is_empty() { spec } else { spec.code(code) }
}

/// Stands for a return type that has no name.
pub struct Unnamed;

/// What an argument of a handler must be, but for the last.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a handler",
    label = "not an extractor, or one that reads the body",
    note = "an argument is `Path`, `Query`, `Inject<T>`, … or implements `FromRequestParts<()>`; one that reads the body comes last"
)]
pub trait EarlyArgument {}

#[diagnostic::do_not_recommend]
impl<T: FromRequestParts<()> + Send> EarlyArgument for T {}

/// What the last argument of a handler must be.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a handler",
    label = "not an extractor",
    note = "an argument is `Path`, `Query`, `Inject<T>`, `Json<T>`, … or implements `FromRequestParts<()>` or `FromRequest<()>`",
    note = "`Json<T>`, `Query<T>` and `Path<T>` need `T: serde::Deserialize`"
)]
pub trait LastArgument<M> {}

#[diagnostic::do_not_recommend]
impl<T: FromRequest<(), M> + Send, M> LastArgument<M> for T {}

/// What a handler must return.
#[diagnostic::on_unimplemented(
    message = "a handler cannot return `{Self}`",
    label = "not a response",
    note = "return a text, `Json<T>`, `Result<T>`, … or implement `IntoResponse`"
)]
pub trait Answer {}

#[diagnostic::do_not_recommend]
impl<T: IntoResponse> Answer for T {}

/// Asserts that `T` can be an argument before the last.
pub fn early_argument<T: EarlyArgument>() {}

/// Asserts that `T` can be the last argument.
pub fn last_argument<T: LastArgument<M>, M>() {}

/// Asserts that `T` can be returned.
pub fn answer<T: Answer>() {}

/// Asserts that a handler's future can move between threads.
pub fn future<F: Future + Send>(_: F) {}
