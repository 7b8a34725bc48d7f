//! A file that is complete, as the handler gets it.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::FromRequestParts;
use http::request::Parts;
use mainstay_core::container::Need;
use mainstay_core::{Error, Result};

use super::metadata::Metadata;
use super::store::Uploads;
use crate::describe::{Describe, Operation};
use crate::extract::{Kept, blocking, folder_of, sync_folder};

/// A file that has come as a whole: an argument of a handler that was given to
/// [`ResumableUploads`](super::ResumableUploads).
///
/// The file is there until the handler has ended: keep it with [`Finished::save`], or read what is at [`Finished::path`]. A
/// clone is another name for the same file.
#[derive(Clone)]
pub struct Finished(Arc<Facts>);

struct Facts {
    id: String,
    path: PathBuf,
    size: u64,
    media_type: &'static str,
    file_name: Option<String>,
    metadata: Metadata,
    taken: AtomicBool,
}

impl Finished {
    pub(super) fn new(
        id: &str,
        path: PathBuf,
        size: u64,
        media_type: &'static str,
        metadata: Metadata,
    ) -> Self {
        let (id, file_name) = (id.to_owned(), metadata.file_name());
        let taken = AtomicBool::new(false);
        Self(Arc::new(Facts { id, path, size, media_type, file_name, metadata, taken }))
    }

    /// Whether a handler has it: none does whose arguments before it were not to be had.
    pub(super) fn was_taken(&self) -> bool {
        self.0.taken.load(Ordering::Relaxed)
    }

    /// What tells this upload from all others: 32 hexadecimal digits, fit to be the name of a file. A handler that is called
    /// again for the same upload finds the same.
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// Its length in bytes.
    pub fn size(&self) -> u64 {
        self.0.size
    }

    /// What the file is called, safe to be used as the name of a file; see
    /// [`safe_file_name`](crate::extract::safe_file_name). Two clients may send the same.
    pub fn file_name(&self) -> Option<&str> {
        self.0.file_name.as_deref()
    }

    /// What it is, judged by its content; see [`sniff`](crate::files::sniff()).
    pub fn media_type(&self) -> &'static str {
        self.0.media_type
    }

    /// What the client says that it is. Do not believe it.
    pub fn claimed_type(&self) -> Option<&str> {
        self.0.metadata.claimed_type()
    }

    /// All that the client says about it.
    pub fn metadata(&self) -> &Metadata {
        &self.0.metadata
    }

    /// Where it is until the handler has ended, to be read.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Keeps it as a file of this name. It is there as a whole or not at all; one that is there already is replaced.
    ///
    /// Nothing is copied where both are on one file system that knows hard links: until the handler has ended it is then one file with
    /// [`Finished::path`], so change neither. Elsewhere the `timeout` of the route must be long enough for a copy. Never make the path from what the client
    /// sent: [`Finished::file_name`] is the most that may be part of it.
    ///
    /// # Errors
    ///
    /// 507 when the disk is full, else 500.
    pub async fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let (file, to) = (self.clone(), path.as_ref().to_owned());
        let linked = blocking(move || match link(file.path(), &to) {
            // Another disk, or one that knows no links.
            Err(error) if error.kind() != io::ErrorKind::NotFound => Ok(false),
            linked => linked.map(|()| true),
        });
        if linked.await? { Ok(()) } else { self.open().await?.save(path.as_ref()).await }
    }

    /// The SHA-256 of its content: for names by content, or to find what was sent twice.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub async fn sha256(&self) -> Result<[u8; 32]> {
        self.open().await?.sha256().await
    }

    async fn open(&self) -> Result<Kept> {
        let file = self.clone();
        blocking(move || Ok(Kept::Disk { file: Arc::new(File::open(file.path())?), length: file.size() }))
            .await
    }
}

/// Gives a file, which is on the disk already, one more name. Blocks.
fn link(from: &Path, to: &Path) -> io::Result<()> {
    let folder = folder_of(to);
    let linked =
        tempfile::Builder::new().prefix(".upload-").make_in(folder, |path| fs::hard_link(from, path))?;
    let linked = linked.into_temp_path();
    fs::rename(&linked, to)?;
    // Where `to` was this file already, both names are still there: the first goes with `linked`.
    drop(linked);
    sync_folder(folder)
}

impl fmt::Debug for Finished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Finished")
            .field("id", &self.id())
            .field("file_name", &self.file_name())
            .field("media_type", &self.media_type())
            .field("size", &self.size())
            .finish_non_exhaustive()
    }
}

impl<S: Sync> FromRequestParts<S> for Finished {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let finished: Self = parts.extensions.get().cloned().ok_or_else(|| {
            Error::internal(
                "there is a finished upload only in handlers that are given to `ResumableUploads`",
            )
        })?;
        finished.0.taken.store(true, Ordering::Relaxed);
        Ok(finished)
    }
}

impl Describe for Finished {
    /// The routes of the protocol say what is to be said. Without them there is no upload to be had, which is found at start.
    fn describe(operation: &mut Operation) {
        operation.needs.push(Need::of::<Uploads>());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn takes_the_file_without_a_copy_and_as_often_as_asked() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::write(&from, "hello").unwrap();
        fs::write(&to, "of before").unwrap();
        let finished = Finished::new("id", from.clone(), 5, "text/plain", Metadata::default());
        for _ in 0..2 {
            finished.save(&to).await.unwrap();
            assert_eq!(fs::read_to_string(&to).unwrap(), "hello");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            assert_eq!(fs::metadata(&from).unwrap().ino(), fs::metadata(&to).unwrap().ino());
        }
        assert_eq!(mainstay_core::random::hex(&finished.sha256().await.unwrap())[..8], *"2cf24dba");
        finished.open().await.unwrap().save(&to).await.unwrap();
        assert_eq!(
            (fs::read_to_string(&to).unwrap(), fs::read_dir(folder.path()).unwrap().count()),
            ("hello".into(), 2)
        );
        fs::remove_file(&from).unwrap();
        assert!(finished.save(&to).await.is_err());
        assert_eq!(fs::read_to_string(&to).unwrap(), "hello");
    }

    #[tokio::test]
    async fn a_copy_that_nobody_waits_for_ends_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        let size = 256 << 20;
        File::create(&from).unwrap().set_len(size).unwrap();
        let finished = Finished::new("id", from, size, "text/plain", Metadata::default());
        let kept = finished.open().await.unwrap();
        let names = || fs::read_dir(folder.path()).unwrap().count();
        tokio::select! {
            _ = kept.save(&to) => panic!("it was to be cut off"),
            () = async { while names() == 1 { tokio::task::yield_now().await } } => {}
        }
        for _ in 0..500 {
            if names() == 1 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        assert!(names() == 1 && !to.exists());
    }
}
