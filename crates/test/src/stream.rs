//! An answer piece by piece.

use std::panic::Location;

use axum::body::Body;
use bytes::Bytes;
use http::response::Parts;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;

use crate::request::PATIENCE;

/// An answer that is still coming: a stream, server-sent events. Made by [`TestRequest::open`](crate::TestRequest::open).
///
/// Dropping it hangs up.
///
/// ```no_run
/// # async fn test(app: &mainstay_test::TestApp) {
/// let mut events = app.get("/events").open().await;
/// assert_eq!(events.status(), 200);
/// assert_eq!(events.event().await, "data: hello");
/// # }
/// ```
pub struct TestStream {
    line: String,
    place: &'static Location<'static>,
    parts: Parts,
    body: Body,
    /// What has come, and was not asked for yet.
    rest: Vec<u8>,
}

impl TestStream {
    pub(crate) fn new(line: String, place: &'static Location<'static>, parts: Parts, body: Body) -> Self {
        Self { line, place, parts, body, rest: Vec::new() }
    }

    /// The status. It can be compared with a number.
    pub fn status(&self) -> StatusCode {
        self.parts.status
    }

    /// The first header of that name, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.parts.headers.get(name)?.to_str().ok()
    }

    /// All headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.parts.headers
    }

    /// The next piece, as the application sends it; none at the end.
    ///
    /// # Panics
    /// When nothing comes within 30 seconds, or the stream breaks off.
    pub async fn next(&mut self) -> Option<Bytes> {
        if !self.rest.is_empty() {
            return Some(std::mem::take(&mut self.rest).into());
        }
        self.receive().await
    }

    /// Everything up to the end of the next `mark`, as text.
    ///
    /// # Panics
    /// When nothing comes within 30 seconds, the stream ends before the mark, or it is no text.
    pub async fn until(&mut self, mark: &str) -> String {
        loop {
            if let Some(start) = self.rest.windows(mark.len()).position(|part| part == mark.as_bytes()) {
                let rest = self.rest.split_off(start + mark.len());
                let text = std::mem::replace(&mut self.rest, rest);
                return match String::from_utf8(text) {
                    Ok(text) => text,
                    Err(error) => self.fail(&format!("is no text: {error}")),
                };
            }
            match self.receive().await {
                Some(piece) => self.rest.extend_from_slice(&piece),
                None => self.fail(&format!(
                    "ended without {mark:?}, after {:?}",
                    String::from_utf8_lossy(&self.rest)
                )),
            }
        }
    }

    /// The next server-sent event: its lines, without the empty one that ends it. Comments, which only keep the connection
    /// alive, are passed over.
    ///
    /// # Panics
    /// When nothing comes within 30 seconds, or the stream ends.
    pub async fn event(&mut self) -> String {
        loop {
            let event = self.until("\n\n").await;
            if event.lines().any(|line| !line.is_empty() && !line.starts_with(':')) {
                return event.trim_end_matches('\n').to_owned();
            }
        }
    }

    async fn receive(&mut self) -> Option<Bytes> {
        loop {
            match tokio::time::timeout(PATIENCE, self.body.frame()).await {
                Ok(None) => return None,
                // Trailers are no part of the body.
                Ok(Some(Ok(frame))) => {
                    if let Ok(piece) = frame.into_data() {
                        return Some(piece);
                    }
                }
                Ok(Some(Err(error))) => self.fail(&format!("broke off: {error}")),
                Err(_) => self.fail(&format!("says nothing for {PATIENCE:?}")),
            }
        }
    }

    fn fail(&self, what: &str) -> ! {
        panic!("the answer to {} (sent at {}) {what}", self.line, self.place)
    }
}
