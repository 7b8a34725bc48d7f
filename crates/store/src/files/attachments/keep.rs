//! How a file becomes a row.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::StreamExt;
use mainstay_core::media_type::exact;
use mainstay_core::random::hex;
use mainstay_core::{Error, Result};
use mainstay_db::Tx;
use ring::digest::{Context, SHA256};

use super::Attachments;
use super::blob::{Blob, BlobState, FileToDelete, NewBlob, NewFileToDelete};
use crate::files::body::FileBody;
use crate::files::contract::FileInfo;
use crate::files::key::FileKey;

/// A name for a file, and its bytes.
#[derive(Debug)]
pub struct NewFile {
    name: String,
    body: FileBody,
    media_type: Option<&'static str>,
}

impl NewFile {
    /// A file that is called so, where it has a name at all.
    pub fn new(name: impl Into<String>, body: impl Into<FileBody>) -> Self {
        Self { name: name.into(), body: body.into(), media_type: None }
    }

    /// Says what it is, where somebody has looked at its content already.
    #[must_use]
    pub fn media_type(self, media_type: &'static str) -> Self {
        Self { media_type: Some(media_type), ..self }
    }
}

impl Attachments {
    /// Keeps a file, which is to be attached within `files.attach_within`: refer to it from a row. What it is, is told by how it begins; the
    /// name counts among plain texts alone.
    ///
    /// Call it before a transaction begins, and not inside of one: nobody is to wait for the store meanwhile.
    ///
    /// # Errors
    ///
    /// Those of the body, and those of the store: nothing is kept then.
    pub async fn keep(&self, name: impl Into<String>, body: impl Into<FileBody>) -> Result<Blob> {
        self.keep_file(NewFile::new(name, body)).await
    }

    /// The same.
    ///
    /// # Errors
    ///
    /// As [`keep`](Self::keep).
    pub async fn keep_file(&self, file: NewFile) -> Result<Blob> {
        let key = self.expect_file("blobs").await?;
        let kept = self.keep_at(&key, file).await;
        if kept.is_err() {
            // There may be one that nobody asks for, now or in a moment: the last answer of the store was lost, or it came after it was given up.
            self.soon_delete(&key).await;
        }
        kept
    }

    async fn keep_at(&self, key: &FileKey, file: NewFile) -> Result<Blob> {
        let NewFile { name, body, media_type } = file;
        let digest = Arc::new(Mutex::new(Context::new(&SHA256)));
        let info = self.0.files.put(key.as_str(), digested(body, Arc::clone(&digest))).await?;
        let digest = digest.lock().unwrap_or_else(PoisonError::into_inner).clone().finish();
        let media_type = media_type.map_or_else(|| named(&info, &name), str::to_owned);
        let new = NewBlob {
            key: key.to_string(),
            name: shortened(name),
            media_type,
            size: i64::try_from(info.size).unwrap_or(i64::MAX),
            state: BlobState::Kept,
            created_at: self.now(),
        };
        let new = new.sha256(Some(hex(digest.as_ref())));
        self.0
            .db
            .transaction(async |tx| {
                self.is_wanted(key, tx).await?;
                new.insert(tx).await
            })
            .await
    }

    /// A key for a file that is about to come. It is deleted after a while, unless it [is wanted](Self::is_wanted).
    pub(super) async fn expect_file(&self, folder: &str) -> Result<FileKey> {
        let key = self.new_key(folder)?;
        let due_at = self.after(self.0.within)?;
        let new = NewFileToDelete { key: key.to_string(), due_at, is_under_way: false };
        new.insert(&self.0.db).await?;
        Ok(key)
    }

    /// Sees to it that a file that was expected is not deleted, if the transaction is committed.
    pub(super) async fn is_wanted(&self, key: &FileKey, tx: &Tx) -> Result<()> {
        let key = key.to_string();
        let in_time =
            FileToDelete::filter(|file| file.key.eq(key) & file.is_under_way.eq(false)).delete(tx).await?;
        if in_time == 0 {
            let message = "The file was too long on its way: send it again.";
            return Err(Error::unavailable(message).context("it took longer than `files.attach_within`"));
        }
        Ok(())
    }
}

/// The same bytes, noted as they come.
fn digested(FileBody(pieces): FileBody, digest: Arc<Mutex<Context>>) -> FileBody {
    let noted = pieces.map(move |piece: Result<Bytes>| {
        if let Ok(piece) = &piece {
            digest.lock().unwrap_or_else(PoisonError::into_inner).update(piece);
        }
        piece
    });
    FileBody(noted.boxed())
}

/// What a file is whose key says nothing.
fn named(info: &FileInfo, name: &str) -> String {
    exact(&info.media_type, Some(name)).to_owned()
}

/// As much of a name as there is room for. Its end says what it is.
pub(super) fn shortened(name: String) -> String {
    const ROOM: usize = 255;
    let count = name.chars().count();
    if count <= ROOM { name } else { name.chars().skip(count - ROOM).collect() }
}
