//! A file that is complete, as the handler gets it.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use mainstay_core::container::Need;
use mainstay_core::{Error, Result};

use super::metadata::Metadata;
use super::store::{Uploads, sync_folder};
use crate::describe::{Describe, Operation};
use crate::extract::{blocking, give_name, unnamed_beside};

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
        Self(Arc::new(Facts { id, path, size, media_type, file_name, metadata }))
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
    /// Nothing is copied where both are on one file system that knows hard links. Never make the path from what the client
    /// sent: [`Finished::file_name`] is the most that may be part of it.
    ///
    /// # Errors
    ///
    /// 507 when the disk is full, else 500.
    pub async fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let (file, path) = (self.clone(), path.as_ref().to_owned());
        blocking(move || {
            let from = file.path();
            match link(from, &path) {
                // Another disk, or one that knows no links.
                Err(error) if error.kind() != io::ErrorKind::NotFound => copy(from, &path),
                linked => linked,
            }
        })
        .await
    }

    /// The SHA-256 of its content: for names by content, or to find what was sent twice.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub async fn sha256(&self) -> Result<[u8; 32]> {
        let file = self.clone();
        blocking(move || {
            let mut digest = Digest(ring::digest::Context::new(&ring::digest::SHA256));
            io::copy(&mut File::open(file.path())?, &mut digest)?;
            let mut value = [0; 32];
            value.copy_from_slice(digest.0.finish().as_ref());
            Ok(value)
        })
        .await
    }
}

struct Digest(ring::digest::Context);

impl io::Write for Digest {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Gives a file, which is on the disk already, one more name. Blocks.
fn link(from: &Path, to: &Path) -> io::Result<()> {
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let linked =
        tempfile::Builder::new().prefix(".upload-").make_in(folder, |path| fs::hard_link(from, path))?;
    let linked = linked.into_temp_path();
    fs::rename(&linked, to)?;
    // Where `to` was this file already, both names are still there: the first goes with `linked`.
    drop(linked);
    sync_folder(folder)
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut new = unnamed_beside(to)?;
    io::copy(&mut File::open(from)?, &mut new)?;
    give_name(new, to)
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
        parts.extensions.get().cloned().ok_or_else(|| {
            Error::internal(
                "there is a finished upload only in handlers that are given to `ResumableUploads`",
            )
        })
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
        copy(&from, &to).unwrap();
        assert_eq!(
            (fs::read_to_string(&to).unwrap(), fs::read_dir(folder.path()).unwrap().count()),
            ("hello".into(), 2)
        );
        fs::remove_file(&from).unwrap();
        assert!(finished.save(&to).await.is_err());
        assert_eq!(fs::read_to_string(&to).unwrap(), "hello");
    }
}
