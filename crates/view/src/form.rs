//! Forms that come back: with what was typed, and what is wrong with it.
//!
//! A browser shows whatever it is answered, so a form that is not accepted is answered with the same page, status 422, and:
//!
//! ```
//! use axum::response::{IntoResponse, Response};
//! use mainstay_core::Result;
//! use mainstay_http::{Form, Html, Redirect, get, post};
//! use mainstay_view::{FormState, Submitted, Views, context};
//! use serde::Deserialize;
//!
//! #[derive(Deserialize)]
//! struct SignUp {
//!     name: String,
//!     age: u8,
//! }
//!
//! #[get("/sign-up", hidden)]
//! async fn form(views: Views) -> Result<Html<String>> {
//!     views.render("sign_up.html", context! { form => FormState::blank() })
//! }
//!
//! #[post("/sign-up", hidden)]
//! async fn sign_up(views: Views, submitted: Submitted<Form<SignUp>>) -> Result<Response> {
//!     let accepted = submitted.accept(async |Form(sign_up)| Ok(sign_up.name)).await?;
//!     match accepted {
//!         Ok(name) => Ok(Redirect::see_other(&format!("/welcome/{name}")).into_response()),
//!         Err(form) => Ok((form.status(), views.render("sign_up.html", context! { form })?).into_response()),
//!     }
//! }
//! ```
//!
//! In the view, `{% from "mainstay/forms.html" import field, summary, submit %}` has the fields of a form: each with its label, what was
//! typed, and what is wrong, told to screen readers too. With `Valid<Form<SignUp>>` the rules of the type are a part of it.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use http::{Method, StatusCode, header};
use mainstay_core::{Error, Result, redaction};
use mainstay_http::RawBody;
use mainstay_http::describe::{Describe, Operation};
use serde::Serialize;
use serde_json::{Map, Value};

/// A form as a view shows it: what is in its fields, and what is wrong with them.
#[derive(Clone, Debug, Default, Serialize)]
pub struct FormState {
    values: Map<String, Value>,
    errors: BTreeMap<String, Vec<String>>,
    message: Option<String>,
    #[serde(skip)]
    status: Option<StatusCode>,
}

impl FormState {
    /// An empty form.
    pub fn blank() -> Self {
        Self::default()
    }

    /// A form to change something that is there: its fields are those of `value`.
    ///
    /// # Errors
    ///
    /// When it cannot be written as a JSON object.
    pub fn of(value: &impl Serialize) -> Result<Self> {
        match serde_json::to_value(value)? {
            Value::Object(values) => Ok(Self { values, ..Self::default() }),
            _ => Err(Error::internal("a form shows a struct, which this is not")),
        }
    }

    /// What was typed, and what is said of it.
    fn refused(values: Map<String, Value>, error: &Error) -> Self {
        let mut errors: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for fault in error.faults() {
            let name = fault.pointer.trim_start_matches('/').replace('/', ".");
            errors.entry(name).or_default().push(fault.message.to_string());
        }
        // Where fields say it, it need not be said above them too.
        let message = errors.is_empty().then(|| error.message().to_owned());
        Self { values, errors, message, status: Some(error.status()) }
    }

    /// Says that something is wrong with a field.
    #[must_use]
    pub fn with_error(mut self, field: &str, message: impl Into<String>) -> Self {
        self.errors.entry(field.to_owned()).or_default().push(message.into());
        self
    }

    /// What is wrong with a field.
    pub fn errors(&self, field: &str) -> &[String] {
        self.errors.get(field).map_or(&[], Vec::as_slice)
    }

    /// The status to answer with: that of what refused it; 422 where nothing else is said, 200 where nothing is wrong.
    pub fn status(&self) -> StatusCode {
        self.status.unwrap_or(if self.errors.is_empty() {
            StatusCode::OK
        } else {
            StatusCode::UNPROCESSABLE_ENTITY
        })
    }
}

/// A form that somebody has sent, accepted by the extractor `E` or not: `Submitted<Form<SignUp>>`, `Submitted<Valid<Form<SignUp>>>`.
///
/// What is typed into a field for a password does not come back.
#[derive(Debug)]
pub struct Submitted<E> {
    values: Map<String, Value>,
    outcome: Result<E>,
}

impl<E> Submitted<E> {
    /// Does what the form is for. Where it is not accepted, or `act` ends in an error that the client can mend (400, 409, 422, or 401 for
    /// a wrong password), the form comes back with what is wrong; any other error is one.
    ///
    /// # Errors
    ///
    /// What else `act` ends in.
    pub async fn accept<T>(self, act: impl AsyncFnOnce(E) -> Result<T>) -> Result<Result<T, FormState>> {
        let outcome = match self.outcome {
            Ok(value) => act(value).await,
            Err(error) => Err(error),
        };
        match outcome {
            Ok(done) => Ok(Ok(done)),
            Err(error) if is_about_the_input(error.status()) => {
                Ok(Err(FormState::refused(self.values, &error)))
            }
            Err(error) => Err(error),
        }
    }
}

fn is_about_the_input(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_REQUEST
            | StatusCode::UNAUTHORIZED
            | StatusCode::CONFLICT
            | StatusCode::TOO_MANY_REQUESTS
            | StatusCode::UNPROCESSABLE_ENTITY
    )
}

impl<S, E> FromRequest<S> for Submitted<E>
where
    S: Send + Sync,
    E: FromRequest<S>,
    E::Rejection: Into<Error>,
{
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        let (request, values) = with_values(request, state).await?;
        match E::from_request(request, state).await.map_err(Into::into) {
            Err(error) if !is_about_the_input(error.status()) => Err(error),
            outcome => Ok(Self { values, outcome }),
        }
    }
}

/// The request, and the fields that it brings. Files and what comes with them are not kept.
async fn with_values<S: Send + Sync>(request: Request, state: &S) -> Result<(Request, Map<String, Value>)> {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        let values = read(request.uri().query().unwrap_or_default().as_bytes());
        return Ok((request, values));
    }
    let media_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_form = media_type.is_some_and(|text| text.starts_with("application/x-www-form-urlencoded"));
    if !is_form {
        return Ok((request, Map::new()));
    }
    let (parts, body) = request.into_parts();
    let again = parts.clone();
    let RawBody(bytes): RawBody = RawBody::from_request(Request::from_parts(parts, body), state).await?;
    let values = read(&bytes);
    Ok((Request::from_parts(again, axum::body::Body::from(Bytes::clone(&bytes))), values))
}

/// A name that is there several times has a list.
fn read(pairs: &[u8]) -> Map<String, Value> {
    let mut values = Map::new();
    for (name, value) in form_urlencoded::parse(pairs) {
        if is_secret(&name) {
            continue;
        }
        let value = Value::String(value.into_owned());
        match values.get_mut(&*name) {
            None => {
                values.insert(name.into_owned(), value);
            }
            Some(Value::Array(list)) => list.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }
    values
}

/// Whether a field holds what no page may show.
fn is_secret(name: &str) -> bool {
    let written_together = ["password", "passphrase", "secret"];
    redaction::is_secret(name) || written_together.iter().any(|word| name.to_ascii_lowercase().contains(word))
}

impl<E: Describe> Describe for Submitted<E> {
    fn describe(operation: &mut Operation) {
        E::describe(operation);
    }
}

#[cfg(test)]
mod tests {
    use mainstay_core::Fault;
    use serde_json::json;

    use super::*;

    #[test]
    fn keeps_what_was_typed_but_no_password() {
        let values = read(b"name=A+B&tag=x&tag=y&password=hunter2&new_password=z&tag=z&note=");
        assert_eq!(Value::Object(values), json!({ "name": "A B", "tag": ["x", "y", "z"], "note": "" }));
    }

    #[test]
    fn says_what_is_wrong_where_it_is_wrong() {
        let error = Error::invalid(vec![
            Fault::new("/age", "too_small", "You must be 18."),
            Fault::new("/address/city", "required", "This is missing."),
        ]);
        let form = FormState::refused(Map::new(), &error);
        assert_eq!(form.errors("age"), ["You must be 18."]);
        assert_eq!(form.errors("address.city"), ["This is missing."]);
        assert_eq!((form.status().as_u16(), form.message), (422, None));
        let form = FormState::refused(Map::new(), &Error::conflict("Somebody else was faster."));
        assert_eq!(
            (form.status().as_u16(), form.message.as_deref()),
            (409, Some("Somebody else was faster."))
        );
    }
}
