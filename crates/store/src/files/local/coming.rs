//! A file that is being written.

use std::io::Write;

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt};
use tempfile::NamedTempFile;

use super::{Local, PIECE, blocking, describe, place};
use crate::files::contract::{FileInfo, Incoming};
use crate::files::error::FilesError;
use crate::files::key::FileKey;

/// A file without its name yet. Dropped, it is removed.
pub(super) struct Coming {
    store: Local,
    key: FileKey,
    media_type: String,
    /// None while it is being written, and after that has failed.
    file: Option<NamedTempFile>,
    /// What is not written yet: many small pieces would be many trips to another thread.
    waiting: Vec<u8>,
}

impl Coming {
    pub(super) async fn begin(store: Local, key: FileKey, media_type: String) -> Result<Self, FilesError> {
        let folder = store.incoming();
        let file = blocking(move || {
            // Somebody may have tidied up.
            std::fs::create_dir_all(&folder)?;
            NamedTempFile::new_in(folder)
        });
        let file = file.await.map_err(|error| FilesError::of_disk(error, &key))?;
        Ok(Self { store, key, media_type, file: Some(file), waiting: Vec::new() })
    }

    async fn flush(&mut self, more: Bytes) -> Result<(), FilesError> {
        let waiting = std::mem::take(&mut self.waiting);
        let mut file = self.taken()?;
        let written = blocking(move || {
            file.write_all(&waiting)?;
            file.write_all(&more)?;
            Ok(file)
        });
        self.file = Some(written.await.map_err(|error| FilesError::of_disk(error, &self.key))?);
        Ok(())
    }

    fn taken(&mut self) -> Result<NamedTempFile, FilesError> {
        let gone = || std::io::Error::other("a piece of this file could not be written before");
        self.file.take().ok_or_else(|| FilesError::Broken(gone()))
    }
}

impl Incoming for Coming {
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<(), FilesError>> {
        async move {
            if self.waiting.len() + bytes.len() < PIECE {
                self.waiting.extend_from_slice(&bytes);
                return Ok(());
            }
            self.flush(bytes).await
        }
        .boxed()
    }

    fn finish(mut self: Box<Self>) -> BoxFuture<'static, Result<FileInfo, FilesError>> {
        async move {
            self.flush(Bytes::new()).await?;
            let file = self.taken()?;
            let media_type = std::mem::take(&mut self.media_type);
            let kept = self.store.with(&self.key, move |root, key| {
                let mut file = place::give_name(file, root, key)?;
                // It was made by what came, and is described by its end.
                std::io::Seek::rewind(&mut file)?;
                describe(&mut file, key)
            });
            let mut info = kept.await?;
            if !media_type.is_empty() {
                info.media_type = media_type;
            }
            Ok(info)
        }
        .boxed()
    }
}
