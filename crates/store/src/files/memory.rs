//! Files in memory: `memory:`. For tests; they go with the process.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{self, BoxStream, StreamExt};
use mainstay_core::Resolver;
use mainstay_core::clock::Clock;
use mainstay_core::keys::sha256;

use super::contract::{FileInfo, FileStore, FilesDriver, Found, Incoming, within};
use super::error::FilesError;
use super::key::FileKey;

pub(crate) const SCHEME: &str = "memory";

/// The driver `memory`.
pub(crate) fn driver() -> FilesDriver {
    FilesDriver::new(SCHEME, async |_: String, resolver: Resolver| {
        let store: Arc<dyn FileStore> = Arc::new(Memory::new(resolver.get::<dyn Clock>().await?.into_arc()));
        Ok(store)
    })
}

/// How much there is room for: more is no test any longer.
const ROOM: usize = 256 << 20;
/// How much is handed out at once.
const PIECE: usize = 64 * 1024;

/// Files in memory. Clones have the same ones.
#[derive(Clone)]
pub struct Memory {
    files: Arc<Mutex<BTreeMap<FileKey, Kept>>>,
    clock: Arc<dyn Clock>,
}

#[derive(Clone)]
struct Kept {
    bytes: Bytes,
    media_type: String,
    etag: String,
    modified: SystemTime,
}

impl Memory {
    /// A store without files.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { files: Arc::default(), clock }
    }

    fn files(&self) -> MutexGuard<'_, BTreeMap<FileKey, Kept>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, key: &FileKey) -> Result<Kept, FilesError> {
        self.files().get(key).cloned().ok_or_else(|| FilesError::NotFound(key.clone()))
    }

    fn keep(&self, key: FileKey, kept: Kept) -> Result<FileInfo, FilesError> {
        let mut files = self.files();
        let others: usize =
            files.iter().filter(|(other, _)| **other != key).map(|(_, kept)| kept.bytes.len()).sum();
        if others + kept.bytes.len() > ROOM {
            return Err(full());
        }
        let info = kept.info(&key);
        files.insert(key, kept);
        Ok(info)
    }
}

fn full() -> FilesError {
    FilesError::Full(io::Error::new(
        io::ErrorKind::StorageFull,
        "files in memory are for tests: 256 MiB of them",
    ))
}

impl Kept {
    fn info(&self, key: &FileKey) -> FileInfo {
        FileInfo {
            key: key.clone(),
            size: self.bytes.len() as u64,
            media_type: self.media_type.clone(),
            etag: self.etag.clone(),
            modified: self.modified,
        }
    }
}

impl FileStore for Memory {
    fn begin<'a>(
        &'a self,
        key: &'a FileKey,
        media_type: &'a str,
    ) -> BoxFuture<'a, Result<Box<dyn Incoming>, FilesError>> {
        let coming = Coming {
            store: self.clone(),
            key: key.clone(),
            media_type: media_type.to_owned(),
            bytes: BytesMut::new(),
        };
        async { Ok(Box::new(coming) as Box<dyn Incoming>) }.boxed()
    }

    fn get<'a>(
        &'a self,
        key: &'a FileKey,
        part: Option<Range<u64>>,
    ) -> BoxFuture<'a, Result<Found, FilesError>> {
        async move {
            let kept = self.find(key)?;
            let part = within(part, kept.bytes.len() as u64)?;
            // What is in memory fits into a usize.
            #[expect(clippy::cast_possible_truncation, reason = "both ends lie within bytes in memory")]
            let mut left = kept.bytes.slice(part.start as usize..part.end as usize);
            let pieces = std::iter::from_fn(move || {
                (!left.is_empty()).then(|| Ok(left.split_to(left.len().min(PIECE))))
            });
            Ok(Found { info: kept.info(key), part, stream: stream::iter(pieces).boxed() })
        }
        .boxed()
    }

    fn delete<'a>(&'a self, key: &'a FileKey) -> BoxFuture<'a, Result<(), FilesError>> {
        async {
            self.files().remove(key);
            Ok(())
        }
        .boxed()
    }

    fn copy<'a>(&'a self, from: &'a FileKey, to: &'a FileKey) -> BoxFuture<'a, Result<(), FilesError>> {
        async {
            let kept = Kept { modified: self.clock.now(), ..self.find(from)? };
            self.keep(to.clone(), kept).map(drop)
        }
        .boxed()
    }

    fn list(&self, folder: Option<&FileKey>) -> BoxStream<'_, Result<FileInfo, FilesError>> {
        let below = folder.map(|folder| format!("{folder}/"));
        let is_below = |key: &FileKey| below.as_deref().is_none_or(|below| key.as_str().starts_with(below));
        let files = self.files();
        let found: Vec<_> =
            files.iter().filter(|(key, _)| is_below(key)).map(|(key, kept)| Ok(kept.info(key))).collect();
        stream::iter(found).boxed()
    }
}

/// A file on its way.
struct Coming {
    store: Memory,
    key: FileKey,
    media_type: String,
    bytes: BytesMut,
}

impl Incoming for Coming {
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<(), FilesError>> {
        async move {
            if self.bytes.len() + bytes.len() > ROOM {
                return Err(full());
            }
            self.bytes.extend_from_slice(&bytes);
            Ok(())
        }
        .boxed()
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<FileInfo, FilesError>> {
        async move {
            let Self { store, key, media_type, bytes } = *self;
            let (bytes, modified) = (bytes.freeze(), store.clock.now());
            store.keep(key, Kept { etag: sha256::hex(&bytes), bytes, media_type, modified })
        }
        .boxed()
    }
}
