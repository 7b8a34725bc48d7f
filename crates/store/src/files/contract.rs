//! The contract of a store of files.

use std::ops::Range;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::BoxStream;
use mainstay_core::driver::{Driver, Opened};
use mainstay_core::{Finding, Module};

use super::error::FilesError;
use super::key::FileKey;
use super::url::{Grant, Signed};

/// Keeps files.
///
/// - **A file is there as a whole or not at all.** What is written is seen after [`Incoming::finish`] alone, and is on the disk then; an
///   upload that is dropped, or dies with its process, leaves nothing that can be read. Of two that write one key at once, one wins,
///   whole.
/// - Who has begun to read a file reads that one to its end, or gets an error: never parts of two.
/// - Memory does not depend on the length of a file.
/// - A store that cannot be asked fails within a deadline of its own.
pub trait FileStore: Send + Sync + 'static {
    /// Begins to keep a file, in place of what is kept there.
    fn begin<'a>(
        &'a self,
        key: &'a FileKey,
        media_type: &'a str,
    ) -> BoxFuture<'a, Result<Box<dyn Incoming>, FilesError>>;

    /// Reads a file, or a part of it. A part that ends beyond the file ends with it; one that has no byte of it is an error.
    fn get<'a>(
        &'a self,
        key: &'a FileKey,
        part: Option<Range<u64>>,
    ) -> BoxFuture<'a, Result<Found, FilesError>>;

    /// Deletes a file. That there is none is no error.
    fn delete<'a>(&'a self, key: &'a FileKey) -> BoxFuture<'a, Result<(), FilesError>>;

    /// Keeps a copy under another key, in place of what is kept there.
    fn copy<'a>(&'a self, from: &'a FileKey, to: &'a FileKey) -> BoxFuture<'a, Result<(), FilesError>>;

    /// All files, or those below `folder`: of `avatars`, `avatars/7.png` and `avatars/old/7.png`, not `avatars2/7.png`. By their keys, in
    /// the order of their bytes. Those that are kept or deleted meanwhile may be among them or not.
    fn list(&self, folder: Option<&FileKey>) -> BoxStream<'_, Result<FileInfo, FilesError>>;

    /// What is known of a file.
    fn head<'a>(&'a self, key: &'a FileKey) -> BoxFuture<'a, Result<FileInfo, FilesError>> {
        async { Ok(self.get(key, None).await?.info) }.boxed()
    }

    /// A URL by which somebody does with the store itself what is granted. None: the store is reached by the application alone.
    fn sign<'a>(
        &'a self,
        grant: &'a Grant,
        lifetime: Duration,
    ) -> BoxFuture<'a, Result<Option<Signed>, FilesError>> {
        let _ = (grant, lifetime);
        async { Ok(None) }.boxed()
    }

    /// Whether the store lets this application in.
    fn reach(&self) -> BoxFuture<'_, Result<(), FilesError>> {
        async { Ok(()) }.boxed()
    }

    /// What is wrong with the store where it is deployed: looked at by `check --deploy`.
    fn inspect(&self) -> BoxFuture<'_, Vec<Finding>> {
        async { Vec::new() }.boxed()
    }

    /// Clears away what processes that were killed have left of uploads.
    fn sweep(&self) -> BoxFuture<'_, Result<(), FilesError>> {
        async { Ok(()) }.boxed()
    }
}

/// A file on its way into a store. Dropped, it leaves nothing.
pub trait Incoming: Send {
    /// Takes the next bytes.
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<(), FilesError>>;

    /// Keeps what has come. When this returns, the file is there, and stays after a power cut.
    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<FileInfo, FilesError>>;
}

/// A file as it is read.
pub struct Found {
    /// What is known of it.
    pub info: FileInfo,
    /// Which bytes of it come.
    pub part: Range<u64>,
    /// The bytes, in pieces. They end in an error where not all of them can be had.
    pub stream: BoxStream<'static, Result<Bytes, FilesError>>,
}

/// What is known of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileInfo {
    /// What it is kept under.
    pub key: FileKey,
    /// How large it is, in bytes.
    pub size: u64,
    /// What it is: `image/png`. By the ending of its key, and where that says nothing by how it begins.
    pub media_type: String,
    /// What tells it from a file that was kept there at another time, without quotation marks.
    pub etag: String,
    /// When it was kept.
    pub modified: SystemTime,
}

impl Opened for dyn FileStore {
    fn installs() -> Option<Module> {
        Some(super::module::module())
    }
}

/// A contribution: a kind of store, chosen by how `files.url` begins.
pub type FilesDriver = Driver<dyn FileStore>;

/// Which bytes a part has of a file of this size.
pub(crate) fn within(part: Option<Range<u64>>, size: u64) -> Result<Range<u64>, FilesError> {
    match part {
        None => Ok(0..size),
        Some(part) if part.start < part.end.min(size) => Ok(part.start..part.end.min(size)),
        Some(_) => Err(FilesError::NoSuchPart { size }),
    }
}
