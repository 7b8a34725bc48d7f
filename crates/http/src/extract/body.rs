//! Bodies, whole or as they come, and never more of them than allowed.

use std::error::Error as StdError;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use http::{Extensions, StatusCode};
use http_body::Body as _;
use http_body_util::LengthLimitError;
use mainstay_core::{Error, Result};

use super::media_type::MediaType;
use crate::compression::{Malformed, decompress};
use crate::describe::{Describe, Operation};

/// How many bytes of a body are read at most. It is looked for in the extensions of a request; the stack puts it
/// there for routes that differ from [`BodyLimit::DEFAULT`].
///
/// Bytes are counted as they are read, so that a body without `Content-Length` is cut off too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyLimit(pub u64);

impl BodyLimit {
    /// 2 MiB.
    pub const DEFAULT: Self = Self(2 * 1024 * 1024);

    /// The limit of the request with these extensions.
    pub fn of(extensions: &Extensions) -> Self {
        extensions.get().copied().unwrap_or(Self::DEFAULT)
    }

    /// The error of a body beyond this limit: 413.
    #[track_caller]
    pub fn exceeded(self) -> Error {
        let message =
            format!("The body is larger than {}, which is the most that is accepted here.", size(self.0));
        Error::new(StatusCode::PAYLOAD_TOO_LARGE, message).code("body_too_large")
    }
}

/// A number of bytes for people.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{} KiB", bytes / 1024),
        _ if bytes.is_multiple_of(1_048_576) => format!("{} MiB", bytes / 1_048_576),
        #[expect(clippy::cast_precision_loss, reason = "it is shown with one digit")]
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}

/// A body as it comes: a stream of chunks. Nothing is read before it is asked for, so a slow handler slows the
/// client down instead of filling the memory.
///
/// ```
/// use futures_util::StreamExt;
/// use mainstay_core::Result;
/// use mainstay_http::extract::BodyStream;
///
/// async fn measure(mut body: BodyStream) -> Result<String> {
///     let mut length = 0;
///     while let Some(chunk) = body.next().await {
///         length += chunk?.len();
///     }
///     Ok(format!("{length} bytes"))
/// }
/// ```
#[derive(Debug)]
pub struct BodyStream {
    body: Body,
    limit: BodyLimit,
    read: u64,
    done: bool,
}

impl BodyStream {
    /// The body of a request. Fails at once where its head already says that it is too large, or that it is
    /// compressed in a way that is not understood.
    pub(crate) fn open(request: Request) -> Result<Self> {
        let limit = BodyLimit::of(request.extensions());
        let (head, body) = request.into_parts();
        if body.size_hint().lower() > limit.0 {
            return Err(limit.exceeded());
        }
        // What is counted from here on is what comes out of the decompressor.
        let body = decompress(&head.headers, body)?;
        Ok(Self { body, limit, read: 0, done: false })
    }

    /// How many bytes have been read.
    pub(crate) fn taken(&self) -> u64 {
        self.read
    }

    /// Whether it is known to be empty.
    pub(crate) fn is_empty(&self) -> bool {
        self.body.is_end_stream()
    }

    /// Reads all that is left.
    pub async fn collect(mut self) -> Result<Bytes> {
        let Some(first) = self.next().await.transpose()? else { return Ok(Bytes::new()) };
        // Most bodies come in one piece, which is not copied.
        let Some(second) = self.next().await.transpose()? else { return Ok(first) };
        let announced = usize::try_from(self.body.size_hint().lower()).unwrap_or(0);
        let mut whole = BytesMut::with_capacity(first.len() + second.len() + announced);
        whole.extend_from_slice(&first);
        whole.extend_from_slice(&second);
        while let Some(chunk) = self.next().await.transpose()? {
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }
}

impl Stream for BodyStream {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.done {
            return Poll::Ready(None);
        }
        loop {
            let outcome = match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                None => None,
                Some(Err(error)) => Some(Err(broken(error, self.limit))),
                Some(Ok(frame)) => match frame.into_data() {
                    Err(_trailers) => continue,
                    Ok(chunk) => {
                        self.read += chunk.len() as u64;
                        Some(if self.read > self.limit.0 { Err(self.limit.exceeded()) } else { Ok(chunk) })
                    }
                },
            };
            self.done = !matches!(outcome, Some(Ok(_)));
            return Poll::Ready(outcome);
        }
    }
}

/// What it means that a body cannot be read on.
fn broken(error: axum::Error, limit: BodyLimit) -> Error {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(&error);
    while let Some(current) = cause {
        if current.is::<LengthLimitError>() {
            return limit.exceeded();
        }
        cause = current.source();
    }
    if let Some(malformed) = Malformed::among(&error) {
        let message = format!("The body cannot be read: {malformed}.");
        return Error::bad_request(message).code("malformed_encoding").caused_by(error);
    }
    Error::bad_request("The body ended before it was complete.").code("incomplete_body").caused_by(error)
}

impl<S: Sync> FromRequest<S> for BodyStream {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self> {
        Self::open(request)
    }
}

impl Describe for BodyStream {
    fn describe(operation: &mut Operation) {
        Bytes::describe(operation);
    }
}

/// The whole body as it came, of any type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawBody(pub Bytes);

impl<S: Sync> FromRequest<S> for RawBody {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self> {
        BodyStream::open(request)?.collect().await.map(Self)
    }
}

impl Describe for RawBody {
    fn describe(operation: &mut Operation) {
        Bytes::describe(operation);
    }
}

/// The whole body as text. It must be UTF-8, whatever its content type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text(pub String);

impl<S: Sync> FromRequest<S> for Text {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self> {
        if let Some(media_type) = MediaType::of(request.headers()) {
            media_type.require_utf8()?;
        }
        let body = BodyStream::open(request)?.collect().await?;
        match String::from_utf8(body.into()) {
            Ok(text) => Ok(Self(text)),
            Err(error) => Err(not_utf8(error.utf8_error().valid_up_to())),
        }
    }
}

impl Describe for Text {
    fn describe(operation: &mut Operation) {
        String::describe(operation);
    }
}

/// The error of a text that is no text from this byte on.
#[track_caller]
pub(crate) fn not_utf8(at: usize) -> Error {
    Error::bad_request(format!("The body is not valid UTF-8 (byte {at}).")).code("invalid_utf8")
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream;

    use http::{HeaderValue, header};

    use super::*;

    fn streamed(chunks: &'static [&'static str]) -> Body {
        Body::from_stream(stream::iter(chunks.iter().map(|chunk| Ok::<_, Infallible>(*chunk))))
    }

    fn request(body: Body, limit: u64) -> Request {
        let mut request = Request::new(body);
        request.extensions_mut().insert(BodyLimit(limit));
        request
    }

    #[tokio::test]
    async fn reads_a_body_in_pieces() {
        let body = RawBody::from_request(request(streamed(&["ab", "", "cd", "e"]), 5), &()).await.unwrap();
        assert_eq!(body.0, "abcde");
        let empty = RawBody::from_request(Request::new(Body::empty()), &()).await.unwrap();
        assert!(empty.0.is_empty());
    }

    #[tokio::test]
    async fn counts_what_it_reads() {
        let error = RawBody::from_request(request(streamed(&["ab", "cd"]), 3), &()).await.unwrap_err();
        assert_eq!(error.status(), 413);
        assert_eq!(
            error.message(),
            "The body is larger than 3 bytes, which is the most that is accepted here."
        );
        let error = RawBody::from_request(request(Body::from("abcd"), 3), &()).await.unwrap_err();
        assert_eq!(error.status(), 413);
    }

    #[tokio::test]
    async fn a_limit_further_out_is_the_same_failure() {
        let body = Body::new(http_body_util::Limited::new(streamed(&["ab", "cd"]), 3));
        let error = RawBody::from_request(Request::new(body), &()).await.unwrap_err();
        assert_eq!(error.status(), 413);
    }

    #[tokio::test]
    async fn a_broken_body_is_the_client_s_fault() {
        let chunks = stream::iter([Ok("ab"), Err(std::io::Error::other("reset by 10.0.0.1"))]);
        let error = RawBody::from_request(Request::new(Body::from_stream(chunks)), &()).await.unwrap_err();
        assert_eq!((error.status().as_u16(), error.machine_code()), (400, "incomplete_body"));
        assert!(!error.message().contains("10.0.0.1"));
        assert!(error.report().contains("10.0.0.1"));
    }

    #[tokio::test]
    async fn a_text_must_be_utf8() {
        let error = Text::from_request(Request::new(Body::from(&b"ab\xff"[..])), &()).await.unwrap_err();
        assert_eq!(error.message(), "The body is not valid UTF-8 (byte 2).");
    }

    #[tokio::test]
    async fn refuses_an_encoding_that_it_does_not_understand() {
        let mut request = Request::new(Body::from("x"));
        request.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("compress"));
        let error = RawBody::from_request(request, &()).await.unwrap_err();
        assert_eq!((error.status().as_u16(), error.machine_code()), (415, "unsupported_encoding"));
    }

    #[test]
    fn writes_sizes_for_people() {
        assert_eq!(size(BodyLimit::DEFAULT.0), "2 MiB");
        assert_eq!(size(1_500_000), "1.4 MiB");
        assert_eq!(size(1023), "1023 bytes");
        assert_eq!(size(4096), "4 KiB");
    }
}
