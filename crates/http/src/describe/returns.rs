//! What common return types say about themselves: text, JSON, pages, and tuples with a status or headers.

use std::borrow::Cow;
use std::convert::Infallible;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::response::{AppendHeaders, Html, NoContent, Redirect, Response};
use http::{HeaderMap, StatusCode};
use mainstay_core::Error;

use super::arguments::media;
use super::{
    Content, DescribeResponse, Operation, OutlineResponse, Parameter, Place, ResponseSpec, Schematic,
};

/// What the error half of a `Result` says about itself.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not describe how it fails",
    note = "implement `mainstay_http::describe::DescribeError` for it, or return `mainstay_core::Error`"
)]
pub trait DescribeError {
    /// Adds the failures of `Self` to `operation`.
    fn describe(operation: &mut Operation);
}

/// What a part of a response (a status, headers) changes in the responses of the rest.
pub trait DescribeParts {
    /// Changes `responses`, which are those of the rest of the tuple.
    fn describe(responses: &mut [ResponseSpec]);
}

/// An error of the framework may be any error: what a handler can end in is said with `#[errors(…)]`.
impl DescribeError for Error {
    fn describe(_operation: &mut Operation) {}
}

impl DescribeError for Infallible {
    fn describe(_operation: &mut Operation) {}
}

/// Only the handler knows which.
impl DescribeError for StatusCode {
    fn describe(_operation: &mut Operation) {}
}

/// Only the handler knows which.
impl<T> DescribeError for (StatusCode, T) {
    fn describe(_operation: &mut Operation) {}
}

impl DescribeError for Response {
    fn describe(operation: &mut Operation) {
        operation.opaque::<Self>();
    }
}

impl DescribeError for axum::response::ErrorResponse {
    fn describe(operation: &mut Operation) {
        operation.opaque::<Self>();
    }
}

impl<T: DescribeResponse, E: DescribeError> DescribeResponse for Result<T, E> {
    fn describe(operation: &mut Operation) {
        T::describe(operation);
        E::describe(operation);
    }
}

impl<T: DescribeResponse, E> OutlineResponse for Result<T, E> {
    fn outline(operation: &mut Operation) {
        T::describe(operation);
    }
}

/// Implements [`DescribeResponse`] for types that answer 200 with one media type.
macro_rules! answers {
    ($($media:path: $($type:ty),+;)*) => {$($(
        impl DescribeResponse for $type {
            fn describe(operation: &mut Operation) {
                operation.response(ResponseSpec::new(200).content(Content::new($media)));
            }
        }
    )+)*};
}

answers! {
    media::BINARY: Bytes, Vec<u8>, Box<[u8]>, &'static [u8], Cow<'static, [u8]>;
    media::ANY: Body;
}

macro_rules! answers_text {
    ($($type:ty),+) => {$(
        impl DescribeResponse for $type {
            fn describe(operation: &mut Operation) {
                operation.response(ResponseSpec::new(200).content(Content::of::<str>(media::TEXT)));
            }
        }
    )+};
}

answers_text!(&'static str, String, Box<str>, Cow<'static, str>);

impl DescribeResponse for () {
    fn describe(operation: &mut Operation) {
        operation.response(ResponseSpec::new(200));
    }
}

impl DescribeResponse for StatusCode {
    fn describe(operation: &mut Operation) {
        operation.response(ResponseSpec::new(ResponseSpec::ANY));
    }
}

impl DescribeResponse for Response {
    fn describe(operation: &mut Operation) {
        operation.opaque::<Self>();
        operation.response(ResponseSpec::new(ResponseSpec::ANY));
    }
}

impl<T: Schematic> DescribeResponse for axum::Json<T> {
    fn describe(operation: &mut Operation) {
        operation.response(ResponseSpec::new(200).content(Content::of::<T>(media::JSON)));
    }
}

impl<T> OutlineResponse for axum::Json<T> {
    fn outline(operation: &mut Operation) {
        operation.response(ResponseSpec::new(200).content(Content::new(media::JSON)));
    }
}

impl<T> DescribeResponse for Html<T> {
    fn describe(operation: &mut Operation) {
        operation.response(ResponseSpec::new(200).content(Content::of::<str>(media::HTML)));
    }
}

impl DescribeResponse for NoContent {
    fn describe(operation: &mut Operation) {
        operation.response(ResponseSpec::new(204));
    }
}

/// Whether it is 303, 307 or 308 is known when it is made.
impl DescribeResponse for Redirect {
    fn describe(operation: &mut Operation) {
        let location = Parameter::new(Place::Header, "Location").required();
        let spec = ResponseSpec::new(ResponseSpec::ANY).description("See another address.");
        operation.response(spec.header(location));
    }
}

impl DescribeParts for StatusCode {
    fn describe(responses: &mut [ResponseSpec]) {
        for response in responses {
            *response = response.clone().with_status(ResponseSpec::ANY);
        }
    }
}

/// Implements [`DescribeParts`] for parts whose names only the handler knows.
macro_rules! unnamed_parts {
    ($($type:ty $(, <$($parameter:ident),+>)? $(, [$length:ident])?;)*) => {$(
        impl<$($($parameter,)+)? $(const $length: usize)?> DescribeParts for $type {
            fn describe(_responses: &mut [ResponseSpec]) {}
        }
    )*};
}

unnamed_parts! {
    ();
    HeaderMap;
    http::Extensions;
    Extension<T>, <T>;
    AppendHeaders<I>, <I>;
    [(K, V); N], <K, V>, [N];
}

impl<T: DescribeParts> DescribeParts for Option<T> {
    fn describe(responses: &mut [ResponseSpec]) {
        let headers: Vec<usize> = responses.iter().map(|response| response.headers.len()).collect();
        T::describe(responses);
        for (response, known) in responses.iter_mut().zip(headers) {
            for header in response.headers.iter_mut().skip(known) {
                header.required = false;
            }
        }
    }
}

macro_rules! tuples {
    ($(($($part:ident),+))*) => {$(
        impl<$($part: DescribeParts,)+ R: DescribeResponse> DescribeResponse for ($($part,)+ R) {
            fn describe(operation: &mut Operation) {
                let before = operation.responses.len();
                R::describe(operation);
                let responses = operation.responses.get_mut(before..).unwrap_or_default();
                $($part::describe(responses);)+
            }
        }
    )*};
}

tuples! { (A) (A, B) (A, B, C) (A, B, C, D) }

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    fn described<T: DescribeResponse>() -> Operation {
        let mut operation = Operation::new(Method::POST, "/", "create");
        T::describe(&mut operation);
        operation
    }

    #[test]
    fn a_status_in_a_tuple_hides_which_one_it_is() {
        let operation = described::<(StatusCode, HeaderMap, axum::Json<String>)>();
        let response = &operation.responses[0];
        assert_eq!(
            (response.status, response.contents[0].media_type),
            (ResponseSpec::ANY, "application/json")
        );
        assert_eq!(response.description, "The response.");
        assert_eq!(described::<([(&str, &str); 2], &'static str)>().responses[0].status, 200);
    }

    #[test]
    fn a_result_answers_as_its_good_half_does() {
        let operation = described::<Result<NoContent, Error>>();
        assert_eq!(operation.responses[0].status, 204);
        assert!(operation.opaque.is_empty());
    }

    #[test]
    fn a_bare_response_is_opaque() {
        let operation = described::<Result<Response, Error>>();
        assert_eq!(operation.opaque.len(), 1);
        assert_eq!(operation.responses[0].status, ResponseSpec::ANY);
    }
}
