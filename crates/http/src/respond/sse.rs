//! Server-sent events (WHATWG HTML, section 9.2).

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::future::{BoxFuture, select};
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, Stream, StreamExt};
use http::{HeaderName, HeaderValue, header};
use mainstay_core::service::Shutdown;
use mainstay_core::{Error, Result};
use serde::Serialize;
use tokio::time::{Instant, Sleep};

use super::stream::guarded;
use super::{json, typed};
use crate::describe::{Content, DescribeResponse, Operation, ResponseSpec};

/// Events for a browser's `EventSource`, as long as the stream gives some and the client listens.
///
/// Between events a comment is sent every 15 seconds, so that nothing on the way takes the connection for dead. After
/// a break the browser comes back by itself and says, with [`LastEventId`](crate::extract::LastEventId), what it saw
/// last: an [`EventLog`](super::EventLog) makes use of it. When the server is to stop, the stream ends at once: a
/// browser that listens does not hold it up, and comes back to the next one.
///
/// ```
/// use futures_util::stream;
/// use mainstay_core::Result;
/// use mainstay_http::respond::{Event, Sse};
///
/// async fn ticks() -> Sse {
///     Sse::new(stream::iter([Event::new("one").id("1"), Event::new("two").id("2")]).map(Ok::<_, mainstay_core::Error>))
/// }
/// # use futures_util::StreamExt;
/// ```
pub struct Sse {
    events: BoxStream<'static, Result<Event, Error>>,
    until: BoxFuture<'static, ()>,
    keep_alive: Duration,
}

impl Sse {
    /// How often a comment is sent where there are no events, unless [`Sse::keep_alive`] says otherwise.
    pub const KEEP_ALIVE: Duration = Duration::from_secs(15);

    /// Sends what `events` gives. An error ends the connection; the browser comes back.
    pub fn new<S, E>(events: S) -> Self
    where
        S: Stream<Item = Result<Event, E>> + Send + 'static,
        E: Into<Error> + 'static,
    {
        let events = events.map(|event| event.map_err(Into::into)).boxed();
        Self { events, until: futures_util::future::pending().boxed(), keep_alive: Self::KEEP_ALIVE }
    }

    /// Sends a comment after so long without an event.
    #[must_use]
    pub fn keep_alive(mut self, every: Duration) -> Self {
        self.keep_alive = every;
        self
    }

    /// Ends the stream when `end` is over, such as when somebody is signed out.
    #[must_use]
    pub fn until(mut self, end: impl Future<Output = ()> + Send + 'static) -> Self {
        self.until = end.boxed();
        self
    }
}

impl fmt::Debug for Sse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sse").field("keep_alive", &self.keep_alive).finish_non_exhaustive()
    }
}

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "an event is sent by a stream"]
pub struct Event {
    name: Option<String>,
    id: Option<String>,
    retry: Option<Duration>,
    data: Option<String>,
    comment: Option<String>,
}

impl Event {
    /// An event with this text, which may have several lines.
    pub fn new(data: impl Into<String>) -> Self {
        Self { data: Some(data.into()), ..Self::default() }
    }

    /// An event with a value, written as JSON.
    pub fn json<T: Serialize + ?Sized>(value: &T) -> Result<Self> {
        Self::default().with_json(value)
    }

    /// The same event with this value.
    pub(super) fn with_json<T: Serialize + ?Sized>(mut self, value: &T) -> Result<Self> {
        self.data = Some(String::from_utf8(json::write(value)?)?);
        Ok(self)
    }

    /// A comment, which browsers pass over.
    pub fn comment(text: impl Into<String>) -> Self {
        Self { comment: Some(text.into()), ..Self::default() }
    }

    /// Says which listeners it is for: `addEventListener(name, …)`. It has one line; line breaks in it are dropped.
    pub fn event(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// What the browser repeats when it comes back. It has one line; line breaks and NUL in it are dropped.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// How long the browser waits before it comes back after a break.
    pub fn retry(mut self, after: Duration) -> Self {
        self.retry = Some(after);
        self
    }

    /// About how much memory it takes.
    pub(super) fn length(&self) -> usize {
        let texts = [&self.name, &self.id, &self.data, &self.comment];
        texts.into_iter().flatten().map(String::len).sum::<usize>() + size_of::<Self>()
    }

    /// The event as it is sent.
    fn frame(&self) -> Bytes {
        Bytes::from(self.text())
    }

    pub(super) fn text(&self) -> String {
        let mut frame = String::with_capacity(self.data.as_ref().map_or(0, String::len) + 64);
        for line in self.comment.iter().flat_map(|comment| lines(comment)) {
            push(&mut frame, "", line);
        }
        let plain = |text: &String| text.replace(['\r', '\n', '\0'], "");
        if let Some(name) = &self.name {
            push(&mut frame, "event", &plain(name));
        }
        if let Some(id) = &self.id {
            push(&mut frame, "id", &plain(id));
        }
        if let Some(retry) = self.retry {
            push(&mut frame, "retry", &retry.as_millis().to_string());
        }
        for line in self.data.iter().flat_map(|data| lines(data)) {
            push(&mut frame, "data", line);
        }
        frame.push('\n');
        frame
    }
}

fn push(frame: &mut String, field: &str, value: &str) {
    frame.push_str(field);
    // The space is always there: without it, one that a value begins with would be lost.
    frame.push_str(": ");
    frame.push_str(value);
    frame.push('\n');
}

/// The lines of a text, ended by any of the three line breaks that the format knows.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(end) = text.find(['\r', '\n']) else { return rest.take() };
        let after = &text[end..];
        rest = Some(after.strip_prefix("\r\n").unwrap_or(&after[1..]));
        Some(&text[..end])
    })
}

/// In the extensions of a response: where the listener leaves the request to stop, before the body is sent.
#[derive(Clone, Default)]
struct Ending(Arc<OnceLock<Shutdown>>);

impl Ending {
    /// Waits for the request to stop; for ever where nobody has left one, as in tests without a listener.
    async fn reached(self) {
        match self.0.get() {
            Some(shutdown) => shutdown.requested().await,
            None => std::future::pending().await,
        }
    }
}

/// Ends the events of this response, if it is one of events, when `shutdown` is requested.
pub(crate) fn end_at(response: &mut Response, shutdown: &Shutdown) {
    if let Some(ending) = response.extensions_mut().remove::<Ending>() {
        // It is set once for each response.
        let _ = ending.0.set(shutdown.clone());
    }
}

/// Frames of events, with comments in between.
struct Frames {
    events: BoxStream<'static, Result<Event, Error>>,
    until: BoxFuture<'static, ()>,
    keep_alive: Duration,
    pause: Pin<Box<Sleep>>,
}

impl Stream for Frames {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let frames = &mut *self;
        if frames.until.poll_unpin(context).is_ready() {
            // It is not polled again: the body ends here.
            return Poll::Ready(None);
        }
        let frame = match frames.events.poll_next_unpin(context) {
            Poll::Ready(Some(Ok(event))) => event.frame(),
            Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Pending => match frames.pause.poll_unpin(context) {
                Poll::Ready(()) => Bytes::from_static(b":\n\n"),
                Poll::Pending => return Poll::Pending,
            },
        };
        frames.pause.as_mut().reset(Instant::now() + frames.keep_alive);
        if frames.pause.poll_unpin(context).is_ready() {
            context.waker().wake_by_ref();
        }
        Poll::Ready(Some(Ok(frame)))
    }
}

pub(super) const EVENTS: &str = "text/event-stream";

impl IntoResponse for Sse {
    fn into_response(self) -> Response {
        let pause = Box::pin(tokio::time::sleep(self.keep_alive));
        let ending = Ending::default();
        let until = select(self.until, ending.clone().reached().boxed()).map(|_| ()).boxed();
        let frames = Frames { events: self.events, until, keep_alive: self.keep_alive, pause };
        // A comment at once, so that the browser knows that it is connected before there is something to tell.
        let hello = futures_util::stream::iter([Ok::<_, Infallible>(Bytes::from_static(b":\n\n"))]);
        let hello = hello.map(|frame| frame.map_err(Error::from));
        let mut response = typed(EVENTS, guarded(hello.chain(frames)));
        response.extensions_mut().insert(ending);
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        // nginx would otherwise hold events back until it has some kilobytes of them.
        headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
        response
    }
}

impl DescribeResponse for Sse {
    fn describe(operation: &mut Operation) {
        let spec = ResponseSpec::new(200).description("A stream of events.");
        operation.response(spec.content(Content::of::<str>(EVENTS)));
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use http_body_util::BodyExt;

    use super::*;

    fn text(event: &Event) -> String {
        String::from_utf8(event.frame().to_vec()).unwrap()
    }

    #[test]
    fn writes_every_field() {
        let event = Event::new("a\r\nb\rc\n").event("na\nme").id("1\0").retry(Duration::from_secs(2));
        assert_eq!(text(&event), "event: name\nid: 1\nretry: 2000\ndata: a\ndata: b\ndata: c\ndata: \n\n");
        assert_eq!(text(&Event::comment("x\ny")), ": x\n: y\n\n");
        assert_eq!(text(&Event::new("")), "data: \n\n");
        assert_eq!(text(&Event::json(&vec![1]).unwrap()), "data: [1]\n\n");
    }

    async fn body(sse: Sse) -> String {
        let body = sse.into_response().into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(body.to_vec()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn keeps_the_connection_alive_between_events() {
        let late = stream::once(async {
            tokio::time::sleep(Duration::from_secs(35)).await;
            Ok::<_, Error>(Event::new("late"))
        });
        assert_eq!(body(Sse::new(late)).await, ":\n\n:\n\n:\n\ndata: late\n\n");
    }

    #[tokio::test(start_paused = true)]
    async fn ends_when_the_server_is_to_stop() {
        let (trigger, shutdown) = Shutdown::channel();
        let mut response = Sse::new(stream::pending::<Result<Event>>()).into_response();
        end_at(&mut response, &shutdown);
        let mut body = response.into_body();
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), ":\n\n");
        let rest = tokio::spawn(body.collect());
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!rest.is_finished());
        trigger.request(None);
        assert!(rest.await.unwrap().unwrap().to_bytes().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn ends_when_it_is_told_to() {
        let end = tokio::time::sleep(Duration::from_secs(20));
        let sse = Sse::new(stream::pending::<Result<Event>>()).until(end);
        assert_eq!(body(sse).await, ":\n\n:\n\n");
    }

    #[tokio::test]
    async fn tells_everybody_on_the_way_not_to_hold_it_back() {
        let response = Sse::new(stream::empty::<Result<Event>>()).into_response();
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-cache");
        assert_eq!(response.headers()["x-accel-buffering"], "no");
    }

    /// What a browser makes of a frame, by the algorithm of the standard: name, id, data.
    fn parsed(frame: &str) -> (String, String, Option<String>) {
        let (mut name, mut id, mut data) = (String::new(), String::new(), None::<String>);
        for line in frame.replace("\r\n", "\n").split(['\r', '\n']) {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "event" => name = value.to_owned(),
                "id" => id = value.to_owned(),
                "data" => {
                    data = Some(data.map_or_else(|| value.to_owned(), |known| format!("{known}\n{value}")));
                }
                _ => {}
            }
        }
        (name, id, data)
    }

    proptest::proptest! {
        #[test]
        fn a_browser_reads_what_was_meant(data in "[ :a\r\né]{0,20}", name in "[ :a\r\n]{0,5}", id in "[ a\n\\x00]{0,5}") {
            let frame = text(&Event::new(data.clone()).event(name.clone()).id(id.clone()));
            proptest::prop_assert!(frame.ends_with("\n\n") && !frame.trim_end_matches('\n').contains("\n\n"));
            let clean = |text: String| text.replace(['\r', '\n', '\0'], "");
            let expected = data.replace("\r\n", "\n").replace('\r', "\n");
            proptest::prop_assert_eq!(parsed(&frame), (clean(name), clean(id), Some(expected)));
        }
    }
}
