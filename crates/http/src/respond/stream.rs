//! Responses that are made while they are sent.

use std::fmt;
use std::marker::PhantomData;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{Stream as FuturesStream, StreamExt};
use http::{HeaderValue, header};
use mainstay_core::{Error, Result};
use serde::Serialize;

use super::{json, typed};
use crate::describe::arguments::media;
use crate::describe::{Content, DescribeResponse, Operation, OutlineResponse, ResponseSpec, Schematic};

/// A body that is sent piece by piece as a stream gives it, no faster than the client takes it.
///
/// An error in mid-stream breaks the connection off, so that the client cannot take what it has for all there is; it
/// is logged, and never sent.
///
/// ```
/// use futures_util::stream;
/// use mainstay_core::Result;
/// use mainstay_http::respond::Stream;
///
/// async fn export() -> Stream {
///     let lines = stream::iter(1..=3).map(|n| Ok::<_, mainstay_core::Error>(format!("{n},{}\n", n * n)));
///     Stream::new(lines).content_type("text/csv; charset=utf-8")
/// }
/// # use futures_util::StreamExt;
/// ```
pub struct Stream {
    body: Body,
    content_type: HeaderValue,
}

impl Stream {
    /// Sends what `chunks` gives, as `application/octet-stream` unless told otherwise.
    pub fn new<S, B, E>(chunks: S) -> Self
    where
        S: FuturesStream<Item = Result<B, E>> + Send + 'static,
        B: Into<Bytes> + 'static,
        E: Into<Error> + 'static,
    {
        Self { body: guarded(chunks), content_type: HeaderValue::from_static(media::BINARY) }
    }

    /// Says what it is.
    #[must_use]
    pub fn content_type(mut self, content_type: &'static str) -> Self {
        self.content_type = HeaderValue::from_static(content_type);
        self
    }
}

/// A body of chunks, whose errors are logged before they break the connection off.
pub(super) fn guarded<B, E>(chunks: impl FuturesStream<Item = Result<B, E>> + Send + 'static) -> Body
where
    B: Into<Bytes> + 'static,
    E: Into<Error> + 'static,
{
    // The span of the request is entered by whoever polls the handler, and that is over when the body is sent.
    let span = tracing::Span::current();
    Body::from_stream(chunks.map(move |chunk| {
        chunk.map(Into::into).map_err(|error| {
            let error: Error = error.into();
            let report = error.report();
            span.in_scope(|| tracing::error!(place = %error.place(), "a response broke off: {report}"));
            Interrupted
        })
    }))
}

/// All that the connection has to know.
#[derive(Debug, thiserror::Error)]
#[error("the stream of the response failed")]
struct Interrupted;

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("content_type", &self.content_type).finish_non_exhaustive()
    }
}

impl IntoResponse for Stream {
    fn into_response(self) -> Response {
        let mut response = Response::new(self.body);
        response.headers_mut().insert(header::CONTENT_TYPE, self.content_type);
        response
    }
}

impl DescribeResponse for Stream {
    fn describe(operation: &mut Operation) {
        operation.response(ResponseSpec::new(200).content(Content::new(media::ANY)));
    }
}

/// A stream of values, each written as JSON on a line of its own (`application/x-ndjson`): for lists that are too
/// long to be held in memory.
pub struct JsonLines<T> {
    body: Body,
    values: PhantomData<fn() -> T>,
}

impl<T: Serialize + 'static> JsonLines<T> {
    /// Sends what `values` gives.
    pub fn new<S, E>(values: S) -> Self
    where
        S: FuturesStream<Item = Result<T, E>> + Send + 'static,
        E: Into<Error> + 'static,
    {
        let lines = values.map(|value| {
            let mut line = json::write(&value.map_err(Into::into)?)?;
            line.push(b'\n');
            Ok::<_, Error>(line)
        });
        Self { body: guarded(lines), values: PhantomData }
    }
}

impl<T> fmt::Debug for JsonLines<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonLines").finish_non_exhaustive()
    }
}

const JSON_LINES: &str = "application/x-ndjson";

impl<T> IntoResponse for JsonLines<T> {
    fn into_response(self) -> Response {
        typed(JSON_LINES, self.body)
    }
}

impl<T: Schematic> DescribeResponse for JsonLines<T> {
    fn describe(operation: &mut Operation) {
        operation.response(ResponseSpec::new(200).content(Content::of::<T>(JSON_LINES)));
    }
}

impl<T> OutlineResponse for JsonLines<T> {
    fn outline(operation: &mut Operation) {
        operation.response(ResponseSpec::new(200).content(Content::new(JSON_LINES)));
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn sends_one_value_a_line() {
        let values = stream::iter([Ok::<_, Error>(vec!["a\nb"]), Ok(vec![])]);
        let response = JsonLines::new(values).into_response();
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/x-ndjson");
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "[\"a\\nb\"]\n[]\n");
    }

    #[tokio::test]
    async fn an_error_breaks_the_body_off_and_is_not_sent() {
        let chunks = stream::iter([Ok("one"), Err(Error::internal("the password is x"))]);
        let mut body = Stream::new(chunks).into_response().into_body();
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "one");
        let error = body.frame().await.unwrap().unwrap_err();
        assert!(!error.to_string().contains("password"));
    }
}
