//! A connection that is read line by line.
//!
//! After STARTTLS, lettre encrypts the stream below its buffer. What a server, or somebody between, has sent in the same packet as its
//! consent would stay in that buffer and be read later as if it had come encrypted. Here no read goes beyond the end of a line, so that such a
//! line is what the handshake reads, and fails on. (Poddebniak et al.: "Why TLS is better without STARTTLS", USENIX Security 2021.)

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// How much is read at once from the system.
const PIECE: usize = 4096;

/// A stream whose reads end with each line.
pub(super) struct Lines {
    stream: TcpStream,
    /// What has been read from the stream, and how much of it was handed out.
    read: Vec<u8>,
    handed_out: usize,
}

impl Lines {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, read: Vec::new(), handed_out: 0 }
    }

    fn hand_out(&mut self, into: &mut ReadBuf<'_>) {
        let rest = &self.read[self.handed_out..];
        let room = rest.len().min(into.remaining());
        let line = rest[..room].iter().position(|byte| *byte == b'\n').map_or(room, |end| end + 1);
        into.put_slice(&rest[..line]);
        self.handed_out += line;
    }
}

impl AsyncRead for Lines {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.handed_out == this.read.len() {
            this.handed_out = 0;
            this.read.resize(PIECE, 0);
            let mut piece = ReadBuf::new(&mut this.read);
            let outcome = Pin::new(&mut this.stream).poll_read(cx, &mut piece);
            let filled = piece.filled().len();
            this.read.truncate(filled);
            ready!(outcome)?;
        }
        this.hand_out(into);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Lines {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

impl AsyncTokioStream for Lines {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines").field("stream", &self.stream).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn no_read_goes_beyond_the_end_of_a_line() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut far = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (near, _) = listener.accept().await.unwrap();
        let long = "x".repeat(PIECE + 10);
        far.write_all(format!("220 go\r\n250 not yet\r\n{long}").as_bytes()).await.unwrap();
        drop(far);
        let mut lines = Lines::new(near);
        let mut room = vec![0; 2 * PIECE];
        let first = lines.read(&mut room).await.unwrap();
        assert_eq!(&room[..first], b"220 go\r\n");
        let second = lines.read(&mut room).await.unwrap();
        assert_eq!(&room[..second], b"250 not yet\r\n");
        let mut rest = String::new();
        lines.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, long);
    }
}
