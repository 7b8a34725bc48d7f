//! One field of a form.

use std::path::Path;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use mainstay_core::{Error, Fault, Result, StatusCode};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::file_name::safe_file_name;
use super::head::Head;
use super::reader::Reader;
use super::spool::NewFile;
use crate::extract::body::size;
use crate::extract::fields::Origin;
use crate::files::sniff;

/// One field of a [`Multipart`](super::Multipart) form.
#[derive(Debug)]
pub struct Field<'f> {
    reader: &'f mut Reader,
    head: Head,
    limit: u64,
    /// What [`Field::limit`] allows of it, wherever it goes.
    most: Option<u64>,
    read: u64,
}

impl<'f> Field<'f> {
    pub(super) fn new(reader: &'f mut Reader, head: Head, limit: u64) -> Self {
        Self { reader, head, limit, most: None, read: 0 }
    }

    /// How many bytes of the form have been read.
    pub(super) fn taken(&self) -> u64 {
        self.reader.taken()
    }

    /// Whether nothing more comes.
    pub(super) async fn is_over(&mut self) -> Result<bool> {
        Ok(self.reader.peek(1).await?.is_empty())
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.head.name
    }

    /// Whether it is a file: it says what the file is called, even if that is nothing.
    pub fn is_file(&self) -> bool {
        self.head.file_name.is_some()
    }

    /// What the file is called, made safe: without folders, control characters, leading dots and what is special on
    /// some system. None where nothing is left.
    pub fn file_name(&self) -> Option<String> {
        self.head.file_name.as_deref().and_then(safe_file_name)
    }

    /// What the client calls the file: anything at all. Never use it as a path.
    pub fn raw_file_name(&self) -> Option<&str> {
        self.head.file_name.as_deref()
    }

    /// What the client says that it is. Do not believe it: [`Field::sniff`] looks.
    pub fn content_type(&self) -> Option<&str> {
        self.headers().get(http::header::CONTENT_TYPE)?.to_str().ok()
    }

    /// Its headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// Limits it to so many bytes, whatever is done with them.
    #[must_use]
    pub fn limit(mut self, bytes: u64) -> Self {
        self.most = Some(bytes);
        self
    }

    /// What it is, judged by how it begins: see [`sniff`](sniff()). What has been read is not looked at again, so ask
    /// first.
    pub async fn sniff(&mut self) -> Result<&'static str> {
        Ok(sniff(self.reader.peek(crate::files::SNIFFED).await?))
    }

    /// The next piece of it.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        let Some(chunk) = self.reader.chunk().await? else { return Ok(None) };
        self.read += chunk.len() as u64;
        match self.most {
            Some(most) if self.read > most => Err(self.too_large(most)),
            _ => Ok(Some(chunk)),
        }
    }

    /// All of it.
    pub async fn bytes(mut self) -> Result<Bytes> {
        let mut whole = BytesMut::new();
        while let Some(chunk) = self.chunk().await? {
            if (whole.len() + chunk.len()) as u64 > self.limit {
                return Err(self.too_large(self.limit));
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }

    /// All of it as text, which must be UTF-8.
    pub async fn text(self) -> Result<String> {
        let pointer = Origin::Form.pointer(self.name());
        String::from_utf8(self.bytes().await?.into()).map_err(|_| {
            let fault = Fault::new(pointer, "encoding", "it is not valid UTF-8");
            Origin::Form.refuse(vec![fault]).with_status(StatusCode::BAD_REQUEST)
        })
    }

    /// Writes it somewhere, piece by piece; says how many bytes it has.
    ///
    /// # Errors
    ///
    /// When the form ends in the middle, or the writer fails: what has been written until then is the caller's to
    /// clear away. [`Field::save`] does that by itself.
    pub async fn copy_to(mut self, writer: &mut (impl AsyncWrite + Unpin)) -> Result<u64> {
        while let Some(chunk) = self.chunk().await? {
            writer.write_all(&chunk).await?;
        }
        writer.flush().await?;
        Ok(self.read)
    }

    /// Writes it into a file, piece by piece; says how many bytes it has. The file is there as a whole or not at all:
    /// until then it has another name in the same folder, and a form that ends in the middle leaves nothing behind.
    /// A file that is there already is replaced.
    ///
    /// Never make the path from what the client sent: [`Field::file_name`] is the most that may be part of it.
    pub async fn save(mut self, path: impl AsRef<Path>) -> Result<u64> {
        let mut file = NewFile::beside(path.as_ref()).await?;
        while let Some(chunk) = self.chunk().await? {
            file.write(chunk).await?;
        }
        file.finish().await?;
        Ok(self.read)
    }

    #[track_caller]
    fn too_large(&self, most: u64) -> Error {
        let fault = too_large(Origin::Form.pointer(self.name()), most);
        Origin::Form.refuse(vec![fault]).with_status(StatusCode::PAYLOAD_TOO_LARGE)
    }
}

/// The fault of a field with too many bytes.
pub(super) fn too_large(pointer: String, most: u64) -> Fault {
    let message = format!("it is larger than {}, which is the most that is accepted", size(most));
    Fault::new(pointer, "size", message)
}
