//! A body that compresses another while it is read.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use async_compression::Level;
use async_compression::codecs::brotli::params::EncoderParams as BrotliParams;
use async_compression::codecs::flate::params::FlateEncoderParams;
use async_compression::codecs::zstd::params::CParameter;
use async_compression::codecs::{BrotliEncoder, EncodeV2, GzipEncoder, ZstdEncoder};
use async_compression::core::util::{PartialBuffer, WriteBuffer};
use axum::body::Body;
use bytes::{Buf, Bytes};
use http_body::{Body as _, Frame, SizeHint};

use super::Coding;

/// How much is handed on at once.
const PIECE: usize = 16 * 1024;

/// After this many bytes in one go, other tasks of the thread get their turn.
const TURN: usize = 128 * 1024;

/// How far back a compressor looks: 2^18 bytes. Larger windows gain little on pages and documents, and each open
/// response has one.
const WINDOW: u32 = 18;

/// A compressor with its output.
pub(super) struct Encoder {
    codec: Box<dyn EncodeV2 + Send>,
    output: Box<[u8]>,
    filled: usize,
    /// Something went in that did not come out yet.
    dirty: bool,
}

impl Encoder {
    pub(super) fn new(coding: Coding, level: i32, length: Option<u64>) -> Self {
        // Tables for a small body need not be larger than it.
        let window = match length {
            Some(length) => (u64::BITS - length.leading_zeros()).clamp(10, WINDOW),
            None => WINDOW,
        };
        let codec: Box<dyn EncodeV2 + Send> = match coding {
            Coding::Zstd => Box::new(ZstdEncoder::new_with_params(
                level,
                &[
                    CParameter::window_log(window),
                    CParameter::hash_log(window.min(16)),
                    CParameter::chain_log(window.min(16)),
                ],
            )),
            Coding::Brotli => Box::new(BrotliEncoder::new(
                BrotliParams::default()
                    .quality(Level::Precise(level))
                    .window_size(window.cast_signed())
                    .size_hint(length.and_then(|length| usize::try_from(length).ok()).unwrap_or(0)),
            )),
            Coding::Gzip => Box::new(GzipEncoder::new(FlateEncoderParams::from(Level::Precise(level)))),
        };
        let capacity = length.and_then(|length| usize::try_from(length).ok()).unwrap_or(PIECE);
        let output = vec![0; capacity.clamp(512, PIECE)].into_boxed_slice();
        Self { codec, output, filled: 0, dirty: false }
    }

    fn is_full(&self) -> bool {
        self.filled == self.output.len()
    }

    /// Takes in some of `input` and says how much.
    fn encode(&mut self, input: &[u8]) -> io::Result<usize> {
        let mut input = PartialBuffer::new(input);
        let mut output = WriteBuffer::new_initialized(&mut self.output[self.filled..]);
        self.codec.encode(&mut input, &mut output)?;
        let (read, written) = (input.written_len(), output.written_len());
        if read == 0 && written == 0 {
            return Err(io::Error::other("a compressor stands still"));
        }
        self.filled += written;
        self.dirty = true;
        Ok(read)
    }

    /// Gets out what went in. `false` when there is no room for more of it.
    fn flush(&mut self) -> io::Result<bool> {
        let mut output = WriteBuffer::new_initialized(&mut self.output[self.filled..]);
        let flushed = self.codec.flush(&mut output)?;
        self.filled += output.written_len();
        self.dirty = !flushed;
        Ok(flushed)
    }

    /// Gets out the end. `false` when there is no room for more of it.
    fn finish(&mut self) -> io::Result<bool> {
        let mut output = WriteBuffer::new_initialized(&mut self.output[self.filled..]);
        let finished = self.codec.finish(&mut output)?;
        self.filled += output.written_len();
        Ok(finished)
    }

    fn take(&mut self) -> Bytes {
        let piece = Bytes::copy_from_slice(&self.output[..self.filled]);
        self.filled = 0;
        piece
    }
}

/// The compressed form of a body.
///
/// It is flushed whenever the body has nothing to give for the moment, so that a client of a stream sees all that has
/// been sent.
pub(super) struct Encoded {
    body: Body,
    encoder: Encoder,
    input: Bytes,
    trailers: Option<Frame<Bytes>>,
    state: State,
    /// Bytes compressed since other tasks had their turn.
    spent: usize,
}

#[derive(PartialEq, Eq)]
enum State {
    Reading,
    Finishing,
    Ended,
}

impl Encoded {
    pub(super) fn new(body: Body, encoder: Encoder) -> Self {
        Self { body, encoder, input: Bytes::new(), trailers: None, state: State::Reading, spent: 0 }
    }

    fn piece(&mut self) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Poll::Ready(Some(Ok(Frame::data(self.encoder.take()))))
    }

    fn advance(&mut self, cx: &mut Context<'_>) -> io::Result<Poll<Step>> {
        if self.encoder.is_full() {
            return Ok(Poll::Ready(Step::Emit));
        }
        if !self.input.is_empty() {
            if self.spent >= TURN {
                self.spent = 0;
                cx.waker().wake_by_ref();
                return Ok(Poll::Pending);
            }
            let read = self.encoder.encode(&self.input[..self.input.len().min(PIECE)])?;
            self.input.advance(read);
            self.spent += read;
            return Ok(Poll::Ready(Step::Again));
        }
        match self.state {
            State::Reading => match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    match frame.into_data() {
                        Ok(data) => self.input = data,
                        Err(trailers) => self.trailers = Some(trailers),
                    }
                    Ok(Poll::Ready(Step::Again))
                }
                Poll::Ready(Some(Err(error))) => Err(io::Error::other(error)),
                Poll::Ready(None) => {
                    self.state = State::Finishing;
                    Ok(Poll::Ready(Step::Again))
                }
                Poll::Pending => {
                    self.spent = 0;
                    if self.encoder.dirty && !self.encoder.flush()? {
                        return Ok(Poll::Ready(Step::Emit));
                    }
                    Ok(if self.encoder.filled > 0 { Poll::Ready(Step::Emit) } else { Poll::Pending })
                }
            },
            State::Finishing => {
                if self.encoder.finish()? {
                    self.state = State::Ended;
                }
                Ok(Poll::Ready(Step::Again))
            }
            State::Ended => Ok(Poll::Ready(Step::End)),
        }
    }
}

enum Step {
    Again,
    Emit,
    End,
}

impl http_body::Body for Encoded {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        loop {
            let step = match this.advance(cx) {
                Ok(step) => ready!(step),
                Err(error) => {
                    this.state = State::Ended;
                    this.input.clear();
                    return Poll::Ready(Some(Err(axum::Error::new(error))));
                }
            };
            match step {
                Step::Again => {}
                Step::Emit => return this.piece(),
                Step::End if this.encoder.filled > 0 => return this.piece(),
                Step::End => return Poll::Ready(this.trailers.take().map(Ok)),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.state == State::Ended && self.encoder.filled == 0 && self.trailers.is_none()
    }
}

/// A body of which some pieces were read already.
pub(super) struct Resumed {
    first: VecDeque<Result<Frame<Bytes>, axum::Error>>,
    rest: Encoded,
}

impl Resumed {
    pub(super) fn new(first: VecDeque<Result<Frame<Bytes>, axum::Error>>, rest: Encoded) -> Self {
        Self { first, rest }
    }
}

impl http_body::Body for Resumed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        match this.first.pop_front() {
            Some(frame) => Poll::Ready(Some(frame)),
            None => Pin::new(&mut this.rest).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_empty() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
