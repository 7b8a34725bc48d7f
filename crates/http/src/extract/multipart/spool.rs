//! Where files are kept: in memory as long as they are small, and then in a temporary file without a name.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use mainstay_core::{Error, Result, StatusCode};
use ring::digest::{Context, SHA256};
use tempfile::NamedTempFile;

/// In the extensions of a request: where temporary files are made.
#[derive(Clone, Debug)]
pub(crate) struct UploadFolder(pub(crate) Arc<Path>);

/// How much is written at once.
pub(crate) const PIECE: usize = 256 * 1024;

/// The bytes of a file that has been kept.
#[derive(Clone, Debug)]
pub(crate) enum Kept {
    Memory(Bytes),
    /// A file without a name: it is gone when the last of these is.
    Disk {
        file: Arc<File>,
        length: u64,
    },
}

impl Default for Kept {
    fn default() -> Self {
        Self::Memory(Bytes::new())
    }
}

impl Kept {
    pub(crate) fn length(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::Disk { length, .. } => *length,
        }
    }

    /// The next piece from here on; empty at the end.
    pub(super) async fn piece(&self, from: u64) -> Result<Bytes> {
        let kept = self.clone();
        blocking(move || kept.read(from, PIECE)).await
    }

    /// Copies it to this path, as a whole or not at all. Piece by piece, so that a copy that nobody waits for any more ends, and its
    /// temporary file with it.
    pub(crate) async fn save(&self, path: &Path) -> Result<()> {
        let (mut new, mut at) = (NewFile::beside(path).await?, 0);
        while at < self.length() {
            let piece = self.piece(at).await?;
            at += piece.len() as u64;
            new.write(piece).await?;
        }
        new.finish().await
    }

    /// The SHA-256 of it, piece by piece for the same reason.
    pub(crate) async fn sha256(&self) -> Result<[u8; 32]> {
        let (mut digest, mut at) = (Context::new(&SHA256), 0);
        while at < self.length() {
            let kept = self.clone();
            (digest, at) = blocking(move || {
                let piece = kept.read(at, PIECE)?;
                digest.update(&piece);
                Ok((digest, at + piece.len() as u64))
            })
            .await?;
        }
        let mut value = [0; 32];
        value.copy_from_slice(digest.finish().as_ref());
        Ok(value)
    }

    /// The bytes from here on, at most so many. Blocks.
    pub(super) fn read(&self, from: u64, most: usize) -> io::Result<Bytes> {
        match self {
            Self::Memory(bytes) => {
                let start = usize::try_from(from).unwrap_or(usize::MAX).min(bytes.len());
                Ok(bytes.slice(start..bytes.len().min(start.saturating_add(most))))
            }
            Self::Disk { file, length } => {
                let left = usize::try_from(length.saturating_sub(from)).unwrap_or(usize::MAX);
                let mut piece = BytesMut::zeroed(left.min(most));
                let mut filled = 0;
                while let Some(rest) = piece.get_mut(filled..).filter(|rest| !rest.is_empty()) {
                    match read_at(file, rest, from + filled as u64)? {
                        0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                        count => filled += count,
                    }
                }
                Ok(piece.freeze())
            }
        }
    }
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, at)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, at)
}

/// A file on its way in.
pub(super) struct Spool<'m> {
    /// How much more of all the files may be in memory.
    room: &'m mut usize,
    folder: Option<UploadFolder>,
    pending: BytesMut,
    file: Option<File>,
    length: u64,
}

impl<'m> Spool<'m> {
    pub(super) fn new(room: &'m mut usize, folder: Option<UploadFolder>) -> Self {
        Self { room, folder, pending: BytesMut::new(), file: None, length: 0 }
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    pub(super) async fn write(&mut self, chunk: &[u8]) -> Result<()> {
        self.length += chunk.len() as u64;
        self.pending.extend_from_slice(chunk);
        let most = if self.file.is_some() { PIECE } else { *self.room };
        if self.pending.len() > most { self.write_out().await } else { Ok(()) }
    }

    async fn write_out(&mut self) -> Result<()> {
        let (file, folder) = (self.file.take(), self.folder.clone());
        let mut pending = std::mem::take(&mut self.pending);
        let (file, pending) = blocking(move || {
            let mut file = match (file, folder) {
                (Some(file), _) => file,
                (None, Some(folder)) => tempfile::tempfile_in(folder.0)?,
                (None, None) => tempfile::tempfile()?,
            };
            file.write_all(&pending)?;
            pending.clear();
            Ok((file, pending))
        })
        .await?;
        (self.file, self.pending) = (Some(file), pending);
        Ok(())
    }

    pub(super) async fn finish(mut self) -> Result<Kept> {
        if self.file.is_none() {
            *self.room -= self.pending.len();
            return Ok(Kept::Memory(self.pending.freeze()));
        }
        self.write_out().await?;
        match self.file {
            Some(file) => Ok(Kept::Disk { file: Arc::new(file), length: self.length }),
            None => Ok(Kept::default()),
        }
    }
}

/// A file that gets its name when it is complete.
pub(super) struct NewFile {
    file: Option<NamedTempFile>,
    pending: BytesMut,
    path: PathBuf,
}

impl NewFile {
    pub(super) async fn beside(path: &Path) -> Result<Self> {
        let path = path.to_owned();
        blocking(move || Ok(Self { file: Some(unnamed_beside(&path)?), pending: BytesMut::new(), path }))
            .await
    }

    pub(super) async fn write(&mut self, chunk: Bytes) -> Result<()> {
        self.pending.extend_from_slice(&chunk);
        if self.pending.len() > PIECE { self.write_out().await } else { Ok(()) }
    }

    async fn write_out(&mut self) -> Result<()> {
        let Some(mut file) = self.file.take() else { return Ok(()) };
        let mut pending = std::mem::take(&mut self.pending);
        let (file, pending) = blocking(move || {
            file.write_all(&pending)?;
            pending.clear();
            Ok((file, pending))
        })
        .await?;
        (self.file, self.pending) = (Some(file), pending);
        Ok(())
    }

    pub(super) async fn finish(mut self) -> Result<()> {
        self.write_out().await?;
        let (Some(file), path) = (self.file, self.path) else { return Ok(()) };
        blocking(move || give_name(file, &path)).await
    }
}

/// A file in the folder of this path, under a name for the time being. Blocks.
fn unnamed_beside(path: &Path) -> io::Result<NamedTempFile> {
    tempfile::Builder::new().prefix(".upload-").tempfile_in(folder_of(path))
}

/// The folder that this path is in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Gives a complete file its name. What is named must not be lost with the power. Blocks.
fn give_name(file: NamedTempFile, path: &Path) -> io::Result<()> {
    file.as_file().sync_data()?;
    file.persist(path).map_err(|error| error.error)?;
    sync_folder(folder_of(path))
}

/// Sees to it that new names are not lost with the power. Blocks.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    // Elsewhere a folder cannot be opened, and need not be.
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}

/// Does what waits for a disk.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await? {
        Err(error) if [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded].contains(&error.kind()) => {
            let error = Error::new(StatusCode::INSUFFICIENT_STORAGE, "There is no room for the upload.")
                .caused_by(error);
            Err(error.code("storage_full"))
        }
        outcome => outcome.map_err(|error| Error::from(error).context("keeping an upload")),
    }
}
