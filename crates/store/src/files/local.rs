//! Files in a folder: `file:var/files`, from the home folder on.
//!
//! A file lies at its key below the folder, readable for whoever runs the application alone. It is written into `.incoming` first,
//! brought to the disk, and given its name then. Links are followed nowhere below the folder.
//!
//! - `place`: from a key to a path, and never out of the folder.
//! - `coming`: a file that is being written.
//! - `walk`: all of them, one folder at a time.

mod coming;
mod place;
mod walk;

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{self, BoxStream, StreamExt};
use mainstay_core::config::Config;
use mainstay_core::media_type::{SNIFFED, media_type, sniff};
use mainstay_core::{Error, Resolver};

use self::coming::Coming;
use super::contract::{FileInfo, FileStore, FilesDriver, Found, Incoming, within};
use super::error::{Border, FilesError};
use super::key::FileKey;

pub(crate) const SCHEME: &str = "file";

/// The driver `file`.
pub(crate) fn driver() -> FilesDriver {
    FilesDriver::new(SCHEME, async |url: String, resolver: Resolver| {
        let path = url.strip_prefix("file:").unwrap_or_default();
        if path.is_empty() {
            return Err(Error::internal("`files.url` names no folder: write `file:var/files`"));
        }
        let config = resolver.get::<Config>().await?;
        let store: Arc<dyn FileStore> = Arc::new(Local::open(config.home().join(path)).await.at_border()?);
        Ok(store)
    })
}

/// How much is read and written at once.
const PIECE: usize = 256 * 1024;
/// What lies so long among the incoming files belongs to nobody any more: a process was killed.
const STRAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Where files are until they are complete. No key leads there.
const INCOMING: &str = ".incoming";

/// Files in a folder.
#[derive(Clone, Debug)]
pub struct Local(Arc<Path>);

impl Local {
    /// The files in this folder, which is made if it is not there.
    ///
    /// # Errors
    ///
    /// When it cannot be made, or is none.
    pub async fn open(folder: impl Into<PathBuf>) -> Result<Self, FilesError> {
        let folder = folder.into();
        let made = blocking(move || {
            fs::create_dir_all(folder.join(INCOMING))?;
            // Every file is looked for from here on: where the folder itself is reached by a link, that is the owner's choice.
            fs::canonicalize(folder)
        });
        Ok(Self(made.await?.into()))
    }

    fn incoming(&self) -> PathBuf {
        self.0.join(INCOMING)
    }

    /// Opens a file. What is in the way of one is none.
    async fn open_file(&self, key: &FileKey) -> Result<(File, FileInfo), FilesError> {
        self.with(key, open).await.map_err(|error| match error {
            FilesError::InTheWay(key) => FilesError::NotFound(key),
            error => error,
        })
    }

    /// Does with the file of this key what waits for the disk.
    async fn with<T: Send + 'static>(
        &self,
        key: &FileKey,
        work: impl FnOnce(&Path, &FileKey) -> io::Result<T> + Send + 'static,
    ) -> Result<T, FilesError> {
        let (root, of) = (Arc::clone(&self.0), key.clone());
        blocking(move || work(&root, &of)).await.map_err(|error| FilesError::of_disk(error, key))
    }
}

/// Does what waits for the disk.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

/// Sees to it that new names are not lost with the power.
fn sync_folder(folder: &Path) -> io::Result<()> {
    // Elsewhere a folder cannot be opened, and need not be.
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

impl FileStore for Local {
    fn begin<'a>(
        &'a self,
        key: &'a FileKey,
        media_type: &'a str,
    ) -> BoxFuture<'a, Result<Box<dyn Incoming>, FilesError>> {
        async move {
            let coming = Coming::begin(self.clone(), key.clone(), media_type.to_owned()).await?;
            Ok(Box::new(coming) as Box<dyn Incoming>)
        }
        .boxed()
    }

    fn get<'a>(
        &'a self,
        key: &'a FileKey,
        part: Option<Range<u64>>,
    ) -> BoxFuture<'a, Result<Found, FilesError>> {
        async move {
            let (mut file, info) = self.open_file(key).await?;
            let part = within(part, info.size)?;
            if part.start > 0 {
                let start = SeekFrom::Start(part.start);
                file = blocking(move || file.seek(start).map(|_| file)).await?;
            }
            let stream = pieces(file, part.end - part.start).boxed();
            Ok(Found { info, part, stream })
        }
        .boxed()
    }

    fn delete<'a>(&'a self, key: &'a FileKey) -> BoxFuture<'a, Result<(), FilesError>> {
        async {
            match self.with(key, place::remove).await {
                // What is in the way of a file is none.
                Err(FilesError::NotFound(_) | FilesError::InTheWay(_)) => Ok(()),
                done => done,
            }
        }
        .boxed()
    }

    fn copy<'a>(&'a self, from: &'a FileKey, to: &'a FileKey) -> BoxFuture<'a, Result<(), FilesError>> {
        async {
            let mut found = self.get(from, None).await?;
            let mut coming = Box::new(Coming::begin(self.clone(), to.clone(), String::new()).await?);
            while let Some(piece) = found.stream.next().await {
                coming.write(piece?).await?;
            }
            coming.finish().await.map(drop)
        }
        .boxed()
    }

    fn list(&self, folder: Option<&FileKey>) -> BoxStream<'_, Result<FileInfo, FilesError>> {
        walk::walk(Arc::clone(&self.0), folder.cloned()).boxed()
    }

    fn head<'a>(&'a self, key: &'a FileKey) -> BoxFuture<'a, Result<FileInfo, FilesError>> {
        async { Ok(self.open_file(key).await?.1) }.boxed()
    }

    fn sweep(&self) -> BoxFuture<'_, Result<(), FilesError>> {
        let folder = self.incoming();
        async { Ok(blocking(move || remove_strays(&folder)).await?) }.boxed()
    }
}

/// Opens the file of a key, and looks what it is. Blocks.
fn open(root: &Path, key: &FileKey) -> io::Result<(File, FileInfo)> {
    let path = place::find(root, key)?;
    // Before it is opened: opening a pipe waits for its writer.
    if !fs::symlink_metadata(&path)?.is_file() {
        return Err(ErrorKind::NotFound.into());
    }
    let mut file = place::reading().open(&path)?;
    let info = describe(&mut file, key)?;
    Ok((file, info))
}

/// What is known of a file that is open.
fn describe(file: &mut File, key: &FileKey) -> io::Result<FileInfo> {
    let metadata = file.metadata()?;
    let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
    let media_type = match media_type(key.name()) {
        Some(named) => named,
        None => {
            let mut beginning = Vec::with_capacity(SNIFFED);
            file.take(SNIFFED as u64).read_to_end(&mut beginning)?;
            file.rewind()?;
            sniff(&beginning)
        }
    };
    let (size, etag) = (metadata.len(), tag(&metadata, modified));
    Ok(FileInfo { key: key.clone(), size, media_type: media_type.to_owned(), etag, modified })
}

/// Every file that is kept is a new one to the file system, so that its number tells two apart that were kept within one tick of the clock.
fn tag(metadata: &fs::Metadata, modified: SystemTime) -> String {
    #[cfg(unix)]
    let number = std::os::unix::fs::MetadataExt::ino(metadata);
    #[cfg(not(unix))]
    let number = 0;
    let since = modified.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
    format!("{since:x}-{:x}-{number:x}", metadata.len())
}

/// The next so many bytes of a file.
fn pieces(file: File, left: u64) -> impl futures_util::Stream<Item = Result<Bytes, FilesError>> + Send {
    stream::try_unfold((file, left), |(file, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let wanted = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        let (file, bytes) = blocking(move || read(file, wanted)).await?;
        let left = left - bytes.len() as u64;
        Ok(Some((bytes, (file, left))))
    })
}

fn read(mut file: File, wanted: usize) -> io::Result<(File, Bytes)> {
    let mut bytes = BytesMut::zeroed(wanted);
    let read = file.read(&mut bytes)?;
    if read == 0 {
        // Nobody but somebody with an editor changes a file in its place.
        return Err(io::Error::new(ErrorKind::UnexpectedEof, "a file became shorter while it was read"));
    }
    bytes.truncate(read);
    Ok((file, bytes.freeze()))
}

/// Removes what has been incoming for a day. Blocks.
fn remove_strays(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let age = entry.metadata().and_then(|metadata| metadata.modified()).map(|at| at.elapsed());
        if age.is_ok_and(|age| age.is_ok_and(|age| age > STRAY)) {
            match fs::remove_file(entry.path()) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
    }
    Ok(())
}
