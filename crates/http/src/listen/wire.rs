//! The bytes below hyper.
//!
//! A wire tells its link when bytes come and when the peer stops taking them, gives back what was read to find out the
//! protocol, and puts problem details where hyper would answer a malformed head with nothing but a status.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use hyper::StatusCode;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use super::link::{Lease, Order, Stage};
use super::peer::{PeerAddress, Protocol};
use super::problem::WireProblem;
use super::socket::Transport;

/// How an HTTP/2 client with prior knowledge begins (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection's byte stream, with its place under the cap.
pub(super) struct Wire {
    transport: Transport,
    /// Read to find out the protocol, not yet given to hyper.
    ahead: Bytes,
    /// To be written before anything else.
    answer: Bytes,
    stalled: bool,
    ended: bool,
    peer: PeerAddress,
    pub(super) lease: Lease,
}

impl Wire {
    pub(super) fn new(transport: Transport, peer: PeerAddress, lease: Lease) -> Self {
        Self {
            transport,
            ahead: Bytes::new(),
            answer: Bytes::new(),
            stalled: false,
            ended: false,
            peer,
            lease,
        }
    }

    /// Whether the peer has sent all that it will.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Finds out what the peer speaks, by its first bytes. `None` if it went away without a word.
    pub(super) async fn sniff(&mut self) -> io::Result<Option<Protocol>> {
        // Room for most heads, so that hyper has a whole one at its first read.
        let mut seen = BytesMut::with_capacity(1024);
        let protocol = loop {
            let read = self.read_buf(&mut seen).await?;
            let compared = seen.len().min(PREFACE.len());
            if seen.is_empty() {
                return Ok(None);
            } else if read == 0 || seen[..compared] != PREFACE[..compared] {
                break Protocol::Http1;
            } else if compared == PREFACE.len() {
                break Protocol::Http2;
            }
        };
        self.ahead = seen.freeze();
        Ok(Some(protocol))
    }

    fn is_cut(&self, cx: &Context<'_>) -> bool {
        let link = &self.lease.link;
        if link.stage() != Stage::Upgraded {
            return false;
        }
        // The task of an upgraded connection is not ours: orders reach it through its reads and writes.
        link.watch(cx);
        link.order() == Order::Abort
    }

    fn wrote(&mut self, cx: &Context<'_>, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if result.is_pending() {
            if !self.stalled {
                self.stalled = true;
                self.lease.link.writes_stall();
            }
            if self.is_cut(cx) {
                return Poll::Ready(Err(cut()));
            }
        } else if self.stalled {
            self.stalled = false;
            self.lease.link.writes_flow();
        }
        result
    }

    /// Takes hyper's answer to a malformed head, if `bytes` is one, and prepares a better one.
    fn replace(&mut self, bytes: &[u8]) -> bool {
        if self.lease.link.open() > 0 || !self.answer.is_empty() {
            return false;
        }
        match automatic_answer(bytes) {
            Some((status, detail)) => {
                self.answer = WireProblem::new(status, detail, self.peer).last_words().into();
                true
            }
            None => false,
        }
    }

    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.answer.is_empty() {
            let result = Pin::new(&mut self.transport).poll_write(cx, &self.answer);
            match ready!(self.wrote(cx, result))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.answer.advance(written),
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// Recognises the answer that hyper gives by itself: a status of 4xx and nothing but these three fields.
fn automatic_answer(bytes: &[u8]) -> Option<(StatusCode, &'static str)> {
    if bytes.len() > 200 || !bytes.starts_with(b"HTTP/1.1 4") {
        return None;
    }
    let text = std::str::from_utf8(bytes).ok()?.strip_suffix("\r\n\r\n")?;
    let mut lines = text.split("\r\n");
    let status = lines.next()?.get(9..12)?.parse().ok()?;
    let mut closes = false;
    for line in lines {
        match line.split_once(": ")? {
            ("connection", "close") => closes = true,
            ("content-length", "0") | ("date", _) => {}
            _ => return None,
        }
    }
    match (status, closes) {
        (400, true) => Some((StatusCode::BAD_REQUEST, "This is not an HTTP request.")),
        (414, true) => Some((StatusCode::URI_TOO_LONG, "The address is too long.")),
        (431, true) => Some((
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "The request has too many header fields, or they are too long.",
        )),
        _ => None,
    }
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "the server is shutting down")
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.ahead.is_empty() {
            let given = this.ahead.len().min(buf.remaining());
            buf.put_slice(&this.ahead[..given]);
            this.ahead.advance(given);
            if this.ahead.is_empty() {
                this.ahead = Bytes::new();
            }
            return Poll::Ready(Ok(()));
        }
        if this.is_cut(cx) {
            return Poll::Ready(Err(cut()));
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.transport).poll_read(cx, buf))?;
        if buf.filled().len() > before {
            this.lease.link.bytes_came();
        } else if buf.remaining() > 0 {
            this.ended = true;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.replace(buf) {
            return Poll::Ready(Ok(buf.len()));
        }
        ready!(this.poll_answer(cx))?;
        let result = Pin::new(&mut this.transport).poll_write(cx, buf);
        this.wrote(cx, result)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if let [only] = bufs
            && this.replace(only)
        {
            return Poll::Ready(Ok(only.len()));
        }
        ready!(this.poll_answer(cx))?;
        let result = Pin::new(&mut this.transport).poll_write_vectored(cx, bufs);
        this.wrote(cx, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.transport.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_answer(cx))?;
        Pin::new(&mut this.transport).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_answer(cx))?;
        Pin::new(&mut this.transport).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recognises_only_the_automatic_answer() {
        let automatic =
            b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\
            date: Mon, 23 Nov 2026 10:00:00 GMT\r\n\r\n";
        assert_eq!(automatic_answer(automatic).unwrap().0, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        let ours =
            b"HTTP/1.1 400 Bad Request\r\nx-request-id: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        assert!(automatic_answer(ours).is_none());
        assert!(automatic_answer(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").is_none());
        assert!(automatic_answer(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").is_none());
    }
}
