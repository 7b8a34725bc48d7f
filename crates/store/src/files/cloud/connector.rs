//! How requests are sent, and given up.

use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body::{Body, Frame, SizeHint};
use mainstay_core::Result;
use mainstay_outbound::Streaming;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse,
    HttpResponseBody, HttpService,
};
use tokio::time::Sleep;

/// Sends the requests of `object_store`, without a library of its own for that.
#[derive(Clone, Debug)]
pub(in crate::files) struct Connector {
    streaming: Streaming<HttpRequestBody>,
    timeout: Duration,
}

/// What Azure says of a copy, in the head of an answer: it goes with what `object_store` has found.
#[cfg(feature = "azure")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::files) enum CopyStatus {
    Pending,
    Complete,
    Failed,
}

#[cfg(feature = "azure")]
impl CopyStatus {
    fn of(headers: &http::HeaderMap) -> Option<Self> {
        Some(match headers.get("x-ms-copy-status")?.as_bytes() {
            b"pending" => Self::Pending,
            b"success" => Self::Complete,
            _ => Self::Failed,
        })
    }
}

/// A server was silent for too long.
#[derive(Debug, thiserror::Error)]
#[error("the server was silent for {} s", .0.as_secs_f32())]
struct Silent(Duration);

impl Connector {
    pub(in crate::files) async fn open(ca: Option<&Path>, timeout: Duration) -> Result<Self> {
        Ok(Self { streaming: Streaming::open(ca, timeout.min(Duration::from_secs(10))).await?, timeout })
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        // The time for the head of an answer has the time in it for sending the request, which is a part of a file at most.
        let sent = tokio::time::timeout(self.timeout, self.streaming.send(request)).await;
        let silent = |_| HttpError::new(HttpErrorKind::Timeout, Silent(self.timeout));
        let response = sent.map_err(silent)?.map_err(|error| {
            let kind = if error.is_connect() { HttpErrorKind::Connect } else { HttpErrorKind::Interrupted };
            HttpError::new(kind, error)
        })?;
        #[cfg_attr(not(feature = "azure"), expect(unused_mut, reason = "only Azure tells more"))]
        let (mut head, body) = response.into_parts();
        #[cfg(feature = "azure")]
        if let Some(status) = CopyStatus::of(&head.headers) {
            head.extensions.insert(status);
        }
        let body = Patient { body, timeout: self.timeout, until: None };
        Ok(HttpResponse::from_parts(head, HttpResponseBody::new(body)))
    }
}

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

impl HttpService for Connector {
    // What `async_trait` makes of `async fn call(&self, request: HttpRequest)`.
    fn call<'s, 'f>(&'s self, request: HttpRequest) -> BoxFuture<'f, Result<HttpResponse, HttpError>>
    where
        's: 'f,
        Self: 'f,
    {
        Box::pin(self.send(request))
    }
}

/// A body that is given up when nothing comes of it for a while.
struct Patient<B> {
    body: B,
    timeout: Duration,
    /// While it is waited for.
    until: Option<Pin<Box<Sleep>>>,
}

impl<B> Body for Patient<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) {
            // The time that the reader takes for it is not the server's.
            this.until = None;
            let frame =
                frame.map(|frame| frame.map_err(|error| HttpError::new(HttpErrorKind::Interrupted, error)));
            return Poll::Ready(frame);
        }
        let limit = this.timeout;
        let until = this.until.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        until
            .as_mut()
            .poll(context)
            .map(|()| Some(Err(HttpError::new(HttpErrorKind::Timeout, Silent(limit)))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
