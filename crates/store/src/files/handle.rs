//! What the application takes from the container.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{BoxStream, Fuse, Stream, StreamExt, TryStreamExt};
use mainstay_core::Result;
use mainstay_core::clock::Clock;
use mainstay_core::keys::Keys;
use mainstay_core::media_type::{SNIFFED, media_type, sniff};

use super::body::FileBody;
use super::contract::{FileInfo, FileStore, Found};
use super::error::{Border, FilesError};
use super::key::FileKey;
use super::link::FileUrl;
use super::memory::Memory;

/// The application's files: in a folder, in memory or in a bucket, as `files.url` says. Injectable; clones are the same store.
///
/// ```
/// use std::sync::Arc;
/// use mainstay_core::clock::SystemClock;
/// use mainstay_store::files::Files;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> mainstay_core::Result<()> {
/// let files = Files::in_memory(Arc::new(SystemClock));
/// files.put("invoices/17.txt", "three apples").await?;
/// let invoice = files.get("invoices/17.txt").await?;
/// assert_eq!(invoice.info().media_type, "text/plain; charset=utf-8");
/// assert_eq!(invoice.text().await?, "three apples");
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Files {
    store: Arc<dyn FileStore>,
    /// What paths of the application itself are signed with, and by which clock, where it serves the files of a store that is reached
    /// by it alone.
    served: Option<(Keys, Arc<dyn Clock>)>,
    lifetime: Duration,
}

impl Files {
    /// How large a file may be that is read into memory as a whole: 64 MiB.
    pub const MOST_IN_MEMORY: u64 = 64 << 20;
    /// Where the application serves the files of a store that signs no URLs itself.
    pub const PATH: &'static str = "/_files";
    /// How long a URL holds unless something else is said: `files.url_lifetime`.
    pub const LIFETIME: Duration = Duration::from_secs(10 * 60);

    /// The files of a store.
    pub fn over(store: Arc<dyn FileStore>) -> Self {
        Self { store, served: None, lifetime: Self::LIFETIME }
    }

    /// Files in memory.
    pub fn in_memory(clock: Arc<dyn Clock>) -> Self {
        Self::over(Arc::new(Memory::new(clock)))
    }

    /// The same, of which the application serves what is signed with these keys.
    #[must_use]
    pub fn served_with(self, keys: Keys, clock: Arc<dyn Clock>) -> Self {
        Self { served: Some((keys, clock)), ..self }
    }

    /// The same, whose URLs hold so long unless something else is said.
    #[must_use]
    pub fn url_lifetime(self, lifetime: Duration) -> Self {
        Self { lifetime, ..self }
    }

    /// Keeps a file, in place of what is kept under this key. It is there as a whole when this returns, on the disk of the store, or not
    /// at all: a body that fails or is dropped leaves what was there. What it is, is told by the ending of its key, or else by how it
    /// begins.
    ///
    /// # Errors
    ///
    /// Those of the body, and [`FilesError`].
    pub async fn put(&self, key: impl Into<String>, body: impl Into<FileBody>) -> Result<FileInfo> {
        let key = FileKey::parse(key).at_border()?;
        let FileBody(pieces) = body.into();
        let mut pieces = pieces.fuse();
        let beginning = beginning(&mut pieces).await?;
        let media_type = media_type(key.name()).unwrap_or_else(|| sniff(&beginning));
        let mut incoming = self.store.begin(&key, media_type).await.at_border()?;
        incoming.write(beginning).await.at_border()?;
        while let Some(piece) = pieces.try_next().await? {
            incoming.write(piece).await.at_border()?;
        }
        incoming.finish().await.at_border()
    }

    /// A file, to be read.
    ///
    /// # Errors
    ///
    /// 404 when there is none.
    pub async fn get(&self, key: impl Into<String>) -> Result<StoredFile> {
        Ok(StoredFile(self.store.get(&FileKey::parse(key).at_border()?, None).await.at_border()?))
    }

    /// The bytes of a file from `part.start` to before `part.end`, or its end.
    ///
    /// # Errors
    ///
    /// 404 when there is none, 416 when it has none of these bytes.
    pub async fn get_range(&self, key: impl Into<String>, part: Range<u64>) -> Result<StoredFile> {
        Ok(StoredFile(self.store.get(&FileKey::parse(key).at_border()?, Some(part)).await.at_border()?))
    }

    /// What is known of a file.
    ///
    /// # Errors
    ///
    /// 404 when there is none.
    pub async fn head(&self, key: impl Into<String>) -> Result<FileInfo> {
        self.store.head(&FileKey::parse(key).at_border()?).await.at_border()
    }

    /// Whether there is such a file.
    pub async fn exists(&self, key: impl Into<String>) -> Result<bool> {
        match self.store.head(&FileKey::parse(key).at_border()?).await {
            Ok(_) => Ok(true),
            Err(FilesError::NotFound(_)) => Ok(false),
            Err(error) => Err(error.into_error()),
        }
    }

    /// Deletes a file, if there is one.
    pub async fn delete(&self, key: impl Into<String>) -> Result<()> {
        self.store.delete(&FileKey::parse(key).at_border()?).await.at_border()
    }

    /// Keeps a copy under another key, in place of what is kept there.
    ///
    /// # Errors
    ///
    /// 404 when there is no such file.
    pub async fn copy(&self, from: impl Into<String>, to: impl Into<String>) -> Result<()> {
        self.store
            .copy(&FileKey::parse(from).at_border()?, &FileKey::parse(to).at_border()?)
            .await
            .at_border()
    }

    /// The files below a folder, in the order of their keys: of `avatars`, `avatars/7.png` and `avatars/old/7.png`. Of an empty one, all.
    pub fn list(&self, folder: &str) -> BoxStream<'_, Result<FileInfo>> {
        let folder = match folder.trim_end_matches('/') {
            "" => Ok(None),
            folder => FileKey::parse(folder).map(Some),
        };
        match folder {
            Ok(folder) => self.store.list(folder.as_ref()).map_err(FilesError::into_error).boxed(),
            Err(error) => futures_util::stream::iter([Err(error.into_error())]).boxed(),
        }
    }

    /// A URL by which whoever has it reads a file for a while: see [`FileUrl`].
    ///
    /// ```no_run
    /// # async fn example(files: mainstay_store::files::Files) -> mainstay_core::Result<()> {
    /// let url = files.url("invoices/17.pdf").attachment("Invoice 17.pdf").sign().await?;
    /// # Ok(()) }
    /// ```
    pub fn url(&self, key: impl Into<String>) -> FileUrl<'_> {
        FileUrl::new(self, key.into(), self.lifetime)
    }

    /// The store itself.
    pub fn store(&self) -> &Arc<dyn FileStore> {
        &self.store
    }

    pub(crate) fn served(&self) -> Option<&(Keys, Arc<dyn Clock>)> {
        self.served.as_ref()
    }
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Files").field("served", &self.served.is_some()).finish_non_exhaustive()
    }
}

/// A file as it is read.
pub struct StoredFile(Found);

impl StoredFile {
    /// What is known of it.
    pub fn info(&self) -> &FileInfo {
        &self.0.info
    }

    /// Which bytes of it come.
    pub fn part(&self) -> Range<u64> {
        self.0.part.clone()
    }

    /// The bytes, in pieces.
    pub fn stream(self) -> impl Stream<Item = Result<Bytes>> + Send + 'static {
        self.0.stream.map_err(FilesError::into_error)
    }

    /// All bytes that come.
    ///
    /// # Errors
    ///
    /// When they are more than [`Files::MOST_IN_MEMORY`] (413), or cannot be had.
    pub async fn bytes(mut self) -> Result<Bytes> {
        let length = self.0.part.end - self.0.part.start;
        let most = Files::MOST_IN_MEMORY;
        let room = usize::try_from(length).ok().filter(|_| length <= most);
        let mut all = BytesMut::with_capacity(room.ok_or(FilesError::TooLarge { most }).at_border()?);
        while let Some(piece) = self.0.stream.try_next().await.at_border()? {
            all.extend_from_slice(&piece);
        }
        Ok(all.freeze())
    }

    /// All that comes, as text.
    ///
    /// # Errors
    ///
    /// As [`bytes`](Self::bytes), and when it is not UTF-8.
    pub async fn text(self) -> Result<String> {
        Ok(String::from_utf8(self.bytes().await?.into())?)
    }
}

impl fmt::Debug for StoredFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredFile")
            .field("info", &self.0.info)
            .field("part", &self.0.part)
            .finish_non_exhaustive()
    }
}

/// As much as tells what a file is, before the store hears of it. One piece that does is not copied.
async fn beginning(pieces: &mut Fuse<BoxStream<'static, Result<Bytes>>>) -> Result<Bytes> {
    let first = pieces.try_next().await?.unwrap_or_default();
    if first.len() >= SNIFFED {
        return Ok(first);
    }
    let mut beginning = BytesMut::from(first);
    while beginning.len() < SNIFFED {
        match pieces.try_next().await? {
            Some(piece) => beginning.extend_from_slice(&piece),
            None => break,
        }
    }
    Ok(beginning.freeze())
}
