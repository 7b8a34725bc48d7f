//! A file of the store, read from anywhere.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{BoxStream, StreamExt};
use mainstay_core::{Error, Result};
use mainstay_store::files::{Files, StoredFile};
use tokio::io::{AsyncRead, AsyncSeek, ReadBuf};

/// Reads a file from one place after another, each by a request of its own to the store.
pub(super) struct Source {
    files: Files,
    key: String,
    etag: String,
    size: u64,
    at: u64,
    state: State,
}

enum State {
    Idle,
    Opening(BoxFuture<'static, Result<StoredFile>>),
    Reading { pieces: BoxStream<'static, Result<Bytes>>, rest: Bytes },
}

impl Source {
    /// A file whose beginning is there already.
    pub(super) fn new(files: Files, found: StoredFile) -> Self {
        let info = found.info();
        let (key, etag, size) = (info.key.to_string(), info.etag.clone(), info.size);
        let state = State::Reading { pieces: found.stream().boxed(), rest: Bytes::new() };
        Self { files, key, etag, size, at: 0, state }
    }

    fn open(&self) -> State {
        let (files, key, part) = (self.files.clone(), self.key.clone(), self.at..self.size);
        State::Opening(async move { files.get_range(key, part).await }.boxed())
    }
}

fn broken(error: Error) -> io::Error {
    io::Error::other(error.report().to_string())
}

impl AsyncRead for Source {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            match &mut this.state {
                State::Idle if this.at >= this.size => return Poll::Ready(Ok(())),
                State::Idle => this.state = this.open(),
                State::Opening(opening) => {
                    let found = ready!(opening.poll_unpin(context)).map_err(broken)?;
                    if found.info().etag != this.etag {
                        // Its beginning was sent as that of another.
                        return Poll::Ready(Err(io::Error::other("the file was replaced while it was sent")));
                    }
                    this.state = State::Reading { pieces: found.stream().boxed(), rest: Bytes::new() };
                }
                State::Reading { pieces, rest } => {
                    if rest.is_empty() {
                        match ready!(pieces.poll_next_unpin(context)) {
                            Some(piece) => *rest = piece.map_err(broken)?,
                            None => return Poll::Ready(Ok(())),
                        }
                        continue;
                    }
                    let piece = rest.split_to(rest.len().min(buffer.remaining()));
                    buffer.put_slice(&piece);
                    this.at += piece.len() as u64;
                    return Poll::Ready(Ok(()));
                }
            }
        }
    }
}

impl AsyncSeek for Source {
    fn start_seek(mut self: Pin<&mut Self>, to: io::SeekFrom) -> io::Result<()> {
        let at = match to {
            io::SeekFrom::Start(at) => Some(at),
            io::SeekFrom::Current(by) => self.at.checked_add_signed(by),
            io::SeekFrom::End(by) => self.size.checked_add_signed(by),
        };
        let at = at.ok_or(io::ErrorKind::InvalidInput)?;
        if at != self.at {
            self.at = at;
            self.state = State::Idle;
        }
        Ok(())
    }

    fn poll_complete(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Poll::Ready(Ok(self.at))
    }
}
