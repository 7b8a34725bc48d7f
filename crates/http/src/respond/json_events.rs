//! Server-sent events whose data is JSON of one type.

use std::fmt;
use std::marker::PhantomData;

use axum::response::{IntoResponse, Response};
use futures_util::{Stream, StreamExt};
use mainstay_core::{Error, Result};
use serde::Serialize;

use super::sse::{EVENTS, Event, Sse};
use crate::describe::{Content, DescribeResponse, Operation, OutlineResponse, ResponseSpec, Schematic};

/// An [`Sse`] stream of values, each an event with the value as JSON: documents and typed clients know what is in it.
///
/// ```
/// use futures_util::stream;
/// use mainstay_core::Error;
/// use mainstay_http::respond::JsonEvents;
///
/// async fn squares() -> JsonEvents<u32> {
///     JsonEvents::new(stream::iter((1..=3).map(|n| Ok::<_, Error>(n * n))))
/// }
/// ```
pub struct JsonEvents<T> {
    events: Sse,
    values: PhantomData<fn() -> T>,
}

impl<T: Serialize + 'static> JsonEvents<T> {
    /// Sends what `values` gives. An error ends the connection; the browser comes back.
    pub fn new<S, E>(values: S) -> Self
    where
        S: Stream<Item = Result<T, E>> + Send + 'static,
        E: Into<Error> + 'static,
    {
        Self::with(values.map(|value| value.map(|value| (Event::default(), value))))
    }

    /// The same, where an event has a name or an id besides: its data is the value.
    pub fn with<S, E>(values: S) -> Self
    where
        S: Stream<Item = Result<(Event, T), E>> + Send + 'static,
        E: Into<Error> + 'static,
    {
        let events = values.map(|value| {
            let (event, value) = value.map_err(Into::into)?;
            event.with_json(&value)
        });
        Self { events: Sse::new(events), values: PhantomData }
    }

    /// Changes how the stream is kept alive, and when it ends.
    #[must_use]
    pub fn map(mut self, change: impl FnOnce(Sse) -> Sse) -> Self {
        self.events = change(self.events);
        self
    }
}

impl<T> fmt::Debug for JsonEvents<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonEvents").field("events", &self.events).finish()
    }
}

impl<T> IntoResponse for JsonEvents<T> {
    fn into_response(self) -> Response {
        self.events.into_response()
    }
}

fn described(operation: &mut Operation, content: Content) {
    operation.response(ResponseSpec::new(200).description("A stream of events.").content(content));
}

impl<T: Schematic> DescribeResponse for JsonEvents<T> {
    fn describe(operation: &mut Operation) {
        described(operation, Content::of::<T>(EVENTS));
    }
}

impl<T> OutlineResponse for JsonEvents<T> {
    fn outline(operation: &mut Operation) {
        described(operation, Content::new(EVENTS));
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use http::Method;
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn sends_one_value_an_event() {
        let values =
            [Ok::<_, Error>((Event::default().event("word").id("1"), "a\nb")), Ok((Event::default(), "c"))];
        let response = JsonEvents::with(stream::iter(values)).into_response();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, ":\n\nevent: word\nid: 1\ndata: \"a\\nb\"\n\ndata: \"c\"\n\n");
    }

    #[test]
    fn says_what_is_in_an_event() {
        let mut operation = Operation::new(Method::GET, "/", "words");
        JsonEvents::<u8>::describe(&mut operation);
        let content = &operation.responses[0].contents[0];
        assert_eq!(
            (content.media_type, content.schema.is_some()),
            ("text/event-stream", cfg!(feature = "schema"))
        );
    }
}
