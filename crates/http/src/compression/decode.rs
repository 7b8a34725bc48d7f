//! A body that decompresses another while it is read.

use std::error::Error as StdError;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use async_compression::codecs::zstd::params::DParameter;
use async_compression::codecs::{BrotliDecoder, DecodeV2, GzipDecoder, ZstdDecoder};
use async_compression::core::util::{PartialBuffer, WriteBuffer};
use axum::body::Body;
use bytes::{Buf, Bytes};
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING};
use http::{HeaderMap, HeaderValue};
use http_body::Frame;
use mainstay_core::{Error, Result, StatusCode};

use super::Coding;

/// How much is handed out at once: the most that a reader gets beyond its limit.
const PIECE: usize = 16 * 1024;

/// How far back zstd may look: 2^23 bytes, as RFC 8878 advises. Frames that want more are refused.
const ZSTD_WINDOW: u32 = 23;

/// The body is not what its `Content-Encoding` says, or ends too early.
#[derive(Debug, thiserror::Error)]
#[error("the compression ({}) is not valid", .coding.name())]
pub struct Malformed {
    coding: Coding,
    source: std::io::Error,
}

impl Malformed {
    /// Finds it among the causes of the error with which a body ended.
    pub fn among<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Self> {
        std::iter::successors(Some(error), |&error| error.source()).find_map(|error| error.downcast_ref())
    }
}

/// The body of a request, decompressed as its headers say.
///
/// It is decompressed piece by piece as it is read: whoever reads it counts what comes out, not what went in.
///
/// # Errors
/// 415 for an encoding that is not known, with `Accept-Encoding` in the answer (RFC 9110, section 15.5.16), also for
/// several on top of each other, which is how to make a bomb of a bomb. A body that turns out not to be valid ends with
/// an error whose source is [`Malformed`].
pub fn decompress(headers: &HeaderMap, body: Body) -> Result<Body> {
    let mut codings = headers.get_all(CONTENT_ENCODING).iter();
    let Some(value) = codings.next() else { return Ok(body) };
    let name = value.to_str().unwrap_or_default().trim();
    if codings.next().is_none() {
        if name.is_empty() || name.eq_ignore_ascii_case("identity") {
            return Ok(body);
        }
        if let Some(coding) = Coding::named(name) {
            return Ok(Body::new(Decoded::new(body, coding)));
        }
    }
    Err(Error::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "The encoding of the body is not understood: use gzip, br or zstd, or send it as it is.",
    )
    .code("unsupported_encoding")
    .header(ACCEPT_ENCODING, HeaderValue::from_static("gzip, br, zstd")))
}

struct Decoded {
    body: Body,
    coding: Coding,
    codec: Box<dyn DecodeV2 + Send>,
    input: Bytes,
    output: Box<[u8]>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing came yet: an empty body is valid without a header.
    Empty,
    Decoding,
    /// The compressed stream is complete; another may follow it.
    Between,
    Ended,
}

impl Decoded {
    fn new(body: Body, coding: Coding) -> Self {
        let codec: Box<dyn DecodeV2 + Send> = match coding {
            Coding::Zstd => {
                Box::new(ZstdDecoder::new_with_params(&[DParameter::window_log_max(ZSTD_WINDOW)]))
            }
            Coding::Brotli => Box::new(BrotliDecoder::new()),
            Coding::Gzip => Box::new(GzipDecoder::new()),
        };
        let output = vec![0; PIECE].into_boxed_slice();
        Self { body, coding, codec, input: Bytes::new(), output, state: State::Empty }
    }

    /// Decompresses some of the input. What comes out is in `output`.
    fn decode(&mut self) -> std::io::Result<usize> {
        if self.state == State::Between {
            // Members and frames may follow each other (RFC 1952, section 2.2; RFC 8878, section 3.1).
            self.codec.reinit()?;
        }
        self.state = State::Decoding;
        let mut input = PartialBuffer::new(&self.input[..]);
        let mut output = WriteBuffer::new_initialized(&mut self.output);
        let ended = self.codec.decode(&mut input, &mut output)?;
        let (read, written) = (input.written_len(), output.written_len());
        if ended {
            self.state = State::Between;
        } else if read == 0 && written == 0 {
            return Err(std::io::Error::other("no progress"));
        }
        self.input.advance(read);
        Ok(written)
    }

    /// Gets out what is still inside, at the end of the input.
    fn finish(&mut self) -> std::io::Result<usize> {
        let mut output = WriteBuffer::new_initialized(&mut self.output);
        let flushed = self.codec.flush(&mut output)?;
        let mut written = output.written_len();
        if flushed && written == 0 {
            let ended = self.codec.finish(&mut output)?;
            written = output.written_len();
            if ended {
                self.state = State::Ended;
            }
        }
        Ok(written)
    }

    fn fail(&mut self, source: std::io::Error) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.state = State::Ended;
        self.input.clear();
        Poll::Ready(Some(Err(axum::Error::new(Malformed { coding: self.coding, source }))))
    }
}

impl http_body::Body for Decoded {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        loop {
            let written = if !this.input.is_empty() {
                this.decode()
            } else if this.state == State::Ended {
                return Poll::Ready(None);
            } else {
                match ready!(Pin::new(&mut this.body).poll_frame(cx)) {
                    Some(Ok(frame)) => {
                        if let Ok(data) = frame.into_data() {
                            this.input = data;
                        }
                        continue;
                    }
                    Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                    None if this.state == State::Decoding => this.finish(),
                    None => {
                        this.state = State::Ended;
                        continue;
                    }
                }
            };
            match written {
                Ok(0) => {}
                Ok(written) => {
                    let piece = Bytes::copy_from_slice(&this.output[..written]);
                    return Poll::Ready(Some(Ok(Frame::data(piece))));
                }
                Err(error) => return this.fail(error),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.state == State::Ended || (self.state == State::Empty && self.body.is_end_stream())
    }
}
