//! Forms as browsers send them.

use std::ops::Deref;

use axum::extract::{FromRequest, Request};
use http::Method;
use mainstay_core::{Error, Result};
use serde::de::DeserializeOwned;

use super::body::BodyStream;
use super::fields::{self, Origin};
use super::media_type;
use super::urlencoded;
use crate::describe::{Describe, Operation, Outline, Schematic};
use crate::stack::csrf;

/// A form (`application/x-www-form-urlencoded`), read into a struct as [`Query`](super::Query) is. With GET and HEAD
/// it is the query string.
///
/// A ticked box is `true`, and one that is not ticked is not sent: give it `#[serde(default)]`. Data that does not fit
/// is refused with 422 and one fault for each field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Form<T>(pub T);

impl<T> Deref for Form<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Form<T> {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self> {
        if matches!(*request.method(), Method::GET | Method::HEAD) {
            return super::Query::of(request.uri()).map(|query| Self(query.0));
        }
        const FORM: &str = "application/x-www-form-urlencoded";
        media_type::require(request.headers(), FORM, |found| found.is(FORM))?.require_utf8()?;
        let body = BodyStream::open(request)?.collect().await?;
        let mut pairs = urlencoded::parse(&body, Origin::Form)?;
        // Looked at before, and nothing that the form asks for.
        pairs.retain(|(name, _)| name != csrf::FIELD);
        fields::read(pairs, Origin::Form).map(Self)
    }
}

impl<T: Schematic> Describe for Form<T> {
    fn describe(operation: &mut Operation) {
        axum::Form::<T>::describe(operation);
    }
}

impl<T> Outline for Form<T> {
    fn outline(operation: &mut Operation) {
        axum::Form::<T>::outline(operation);
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::header;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct SignUp {
        name: String,
        age: Option<u8>,
        #[serde(default)]
        newsletter: bool,
    }

    async fn post(content_type: &str, body: &'static str) -> Result<Form<SignUp>> {
        let request = Request::post("/").header(header::CONTENT_TYPE, content_type).body(Body::from(body));
        Form::from_request(request.unwrap(), &()).await
    }

    const FORM: &str = "application/x-www-form-urlencoded";

    #[tokio::test]
    async fn reads_a_form() {
        let form = post(FORM, "name=A+B&age=&newsletter=on").await.unwrap();
        assert_eq!(form.0, SignUp { name: "A B".into(), age: None, newsletter: true });
        let request = Request::get("/?name=x").body(Body::empty()).unwrap();
        let form: Form<SignUp> = Form::from_request(request, &()).await.unwrap();
        assert_eq!(form.name, "x");
    }

    #[tokio::test]
    async fn points_to_each_wrong_field() {
        let error = post(FORM, "age=300").await.unwrap_err();
        assert_eq!((error.status().as_u16(), error.machine_code()), (422, "validation_failed"));
        let pointers: Vec<_> = error.faults().iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(pointers, ["/age", "/name"]);
        assert_eq!(
            error.message(),
            "The field `age`: expected an integer from 0 to 255, found `300`. And 1 more."
        );
    }

    #[tokio::test]
    async fn refuses_what_is_no_form() {
        assert_eq!(post("application/json", "{}").await.unwrap_err().status(), 415);
        assert_eq!(post(FORM, "name=%ff").await.unwrap_err().status(), 400);
    }
}
