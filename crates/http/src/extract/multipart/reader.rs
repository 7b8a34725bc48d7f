//! The format of a form with files: parts between boundaries (RFC 2046, section 5.1; RFC 7578).

use bytes::{Buf, Bytes, BytesMut};
use futures_util::StreamExt;
use mainstay_core::Result;
use memchr::memmem::Finder;

use super::head::Head;
use super::malformed;
use crate::extract::body::BodyStream;

/// How long the head of a part may be, and what stands before the first one. A head that does not end would otherwise
/// fill the memory.
const MOST_HEAD: usize = 16 * 1024;

/// How many spaces may follow a boundary.
const MOST_PADDING: usize = 128;

/// Reads parts from a body. Holds no more than a chunk of it, and the head of one part.
#[derive(Debug)]
pub(super) struct Reader {
    body: BodyStream,
    buffer: BytesMut,
    /// A line break, two dashes and the boundary.
    delimiter: Finder<'static>,
    state: State,
}

/// What the buffer begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// What stands before the first boundary, and means nothing.
    Preamble,
    /// The content of a part.
    Content,
    /// What follows a boundary.
    Boundary,
    /// Nothing that matters.
    End,
}

impl Reader {
    pub(super) fn new(body: BodyStream, boundary: &str) -> Self {
        let delimiter = Finder::new(format!("\r\n--{boundary}").as_bytes()).into_owned();
        // The first boundary may do without the line break that all others have in front.
        Self { body, buffer: BytesMut::from("\r\n"), delimiter, state: State::Preamble }
    }

    /// How many bytes of the body have been read.
    pub(super) fn taken(&self) -> u64 {
        self.body.taken()
    }

    /// The head of the next part, after all that is left of this one.
    pub(super) async fn next_part(&mut self) -> Result<Option<Head>> {
        if self.state == State::Preamble {
            self.skip_preamble().await?;
        }
        while self.chunk().await?.is_some() {}
        if self.state == State::End {
            return Ok(None);
        }
        loop {
            let padding = self.buffer.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            match self.buffer.get(padding..padding + 2) {
                Some(b"\r\n") => {
                    self.buffer.advance(padding);
                    return self.head().await.map(Some);
                }
                // What follows the closing boundary means nothing, and is not waited for.
                Some(b"--") if padding == 0 => {
                    self.state = State::End;
                    return Ok(None);
                }
                None if padding <= MOST_PADDING => self.read_on().await?,
                _ => return Err(malformed("a boundary does not end its line")),
            }
        }
    }

    async fn skip_preamble(&mut self) -> Result<()> {
        loop {
            if let Some(at) = self.delimiter.find(&self.buffer) {
                self.pass_delimiter(at);
                return Ok(());
            }
            if self.buffer.len() > MOST_HEAD {
                return Err(malformed("it does not begin with its boundary"));
            }
            self.read_on().await?;
        }
    }

    /// The buffer begins with the line break that ends the line of the boundary.
    async fn head(&mut self) -> Result<Head> {
        loop {
            if let Some(end) = memchr::memmem::find(&self.buffer, b"\r\n\r\n") {
                let head = self.buffer.split_to(end + 4);
                self.state = State::Content;
                return Head::parse(head.get(2..end + 2).unwrap_or_default());
            }
            if self.buffer.len() > MOST_HEAD {
                return Err(malformed("the head of a part is longer than 16 KiB"));
            }
            self.read_on().await?;
        }
    }

    /// The next piece of the content; none at its end.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>> {
        if self.state != State::Content {
            return Ok(None);
        }
        loop {
            match self.ready() {
                Ready::All(0) => {
                    self.pass_delimiter(0);
                    return Ok(None);
                }
                Ready::All(length) | Ready::Some(length @ 1..) => {
                    return Ok(Some(self.buffer.split_to(length).freeze()));
                }
                Ready::Some(_) => self.read_on().await?,
            }
        }
    }

    /// The first bytes of the content that is left: so many, or all.
    pub(super) async fn peek(&mut self, wanted: usize) -> Result<&[u8]> {
        if self.state != State::Content {
            return Ok(&[]);
        }
        loop {
            match self.ready() {
                Ready::All(length) => return Ok(self.buffer.get(..length.min(wanted)).unwrap_or_default()),
                Ready::Some(length) if length >= wanted => {
                    return Ok(self.buffer.get(..wanted).unwrap_or_default());
                }
                Ready::Some(_) => self.read_on().await?,
            }
        }
    }

    /// How much of the buffer is content for sure.
    fn ready(&self) -> Ready {
        match self.delimiter.find(&self.buffer) {
            Some(at) => Ready::All(at),
            // The end may be the beginning of a boundary.
            None => Ready::Some(self.buffer.len().saturating_sub(self.delimiter.needle().len() - 1)),
        }
    }

    fn pass_delimiter(&mut self, at: usize) {
        self.buffer.advance(at + self.delimiter.needle().len());
        self.state = State::Boundary;
    }

    async fn read_on(&mut self) -> Result<()> {
        match self.body.next().await {
            Some(chunk) => self.buffer.extend_from_slice(&chunk?),
            None => return Err(malformed("it ends before its closing boundary")),
        }
        Ok(())
    }
}

/// How much content the buffer begins with.
enum Ready {
    /// So much, and then a boundary.
    All(usize),
    /// So much at least.
    Some(usize),
}
