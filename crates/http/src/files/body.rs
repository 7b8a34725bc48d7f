//! Sends a file, or parts of it, in bounded pieces.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body::{Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncSeek};
use tokio_util::io::poll_read_buf;

/// How much of a file is in memory at once.
const PIECE: usize = 64 * 1024;

/// The bytes of a file.
pub(super) enum Content {
    /// In memory: embedded, or small.
    Memory(Bytes),
    /// Open: on disk, or wherever a handler has it.
    Source { source: Pin<Box<dyn Source>>, length: u64 },
}

/// What can be read from any place.
pub(super) trait Source: AsyncRead + AsyncSeek + Send {}

impl<S: AsyncRead + AsyncSeek + Send> Source for S {}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Content").field("length", &self.length()).finish_non_exhaustive()
    }
}

/// What a body is made of.
#[derive(Debug)]
pub(super) enum Piece {
    /// These bytes: the head of a part.
    Bytes(Bytes),
    /// This range of the file.
    Range(Range<u64>),
}

impl Content {
    pub(super) fn length(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::Source { length, .. } => *length,
        }
    }

    /// The whole as a body.
    pub(super) fn whole(self) -> Body {
        match self {
            Self::Memory(bytes) => Body::from(bytes),
            source => {
                let all = Piece::Range(0..source.length());
                Body::new(source.pieces(VecDeque::from([all])))
            }
        }
    }

    /// These pieces, one after the other, as a body. Ranges lie within the file.
    pub(super) fn pieces(self, pieces: VecDeque<Piece>) -> Sending {
        let left = pieces
            .iter()
            .map(|piece| match piece {
                Piece::Bytes(bytes) => bytes.len() as u64,
                Piece::Range(range) => range.end - range.start,
            })
            .sum();
        Sending { content: self, pieces, left, seek: Seek::Needed }
    }
}

#[derive(Clone, Copy, Debug)]
enum Seek {
    Needed,
    UnderWay,
    Done,
}

/// A body of pieces of a file.
#[derive(Debug)]
pub(super) struct Sending {
    content: Content,
    pieces: VecDeque<Piece>,
    left: u64,
    /// Where the file stands, with regard to the first piece.
    seek: Seek,
}

impl Sending {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        let bytes = match (self.pieces.front_mut(), &mut self.content) {
            (None, _) => return Poll::Ready(Ok(None)),
            (Some(Piece::Bytes(bytes)), _) => {
                let bytes = std::mem::take(bytes);
                self.pieces.pop_front();
                bytes
            }
            (Some(Piece::Range(range)), Content::Memory(all)) => {
                // Ranges lie within the file, and what is in memory fits into a usize.
                #[expect(clippy::cast_possible_truncation, reason = "both ends lie within bytes in memory")]
                let bytes = all.slice(range.start as usize..range.end as usize);
                self.pieces.pop_front();
                bytes
            }
            (Some(Piece::Range(range)), Content::Source { source, .. }) => {
                let mut source = source.as_mut();
                if let Seek::Needed = self.seek {
                    source.as_mut().start_seek(io::SeekFrom::Start(range.start))?;
                    self.seek = Seek::UnderWay;
                }
                if let Seek::UnderWay = self.seek {
                    ready!(source.as_mut().poll_complete(cx))?;
                    self.seek = Seek::Done;
                }
                let wanted = usize::try_from(range.end - range.start).unwrap_or(PIECE).min(PIECE);
                let mut buffer = BytesMut::with_capacity(wanted);
                if ready!(poll_read_buf(source, cx, &mut buffer))? == 0 {
                    // The length is promised already: only a broken connection tells the client.
                    let message = "a file became shorter while it was sent";
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::UnexpectedEof, message)));
                }
                buffer.truncate(wanted);
                range.start += buffer.len() as u64;
                if range.is_empty() {
                    self.pieces.pop_front();
                    self.seek = Seek::Needed;
                }
                buffer.freeze()
            }
        };
        self.left = self.left.saturating_sub(bytes.len() as u64);
        Poll::Ready(Ok(Some(bytes)))
    }
}

impl http_body::Body for Sending {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        loop {
            match ready!(this.poll_piece(cx)) {
                Ok(Some(bytes)) if bytes.is_empty() => {}
                Ok(Some(bytes)) => return Poll::Ready(Some(Ok(Frame::data(bytes)))),
                Ok(None) => return Poll::Ready(None),
                Err(error) => {
                    this.pieces.clear();
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
