//! How a file goes.

use mainstay_core::{Error, Result};
use mainstay_db::{DbError, Key, Tx, Uuid};

use super::Attachments;
use super::blob::{Blob, BlobState, FileToDelete, NewFileToDelete};
use super::direct::LAST_BYTE;
use crate::files::key::FileKey;

impl Attachments {
    /// Deletes a file as soon as the transaction has been committed, unless something refers to it then. It need not be called: the
    /// service finds what nothing refers to. With it, the file is gone at once.
    pub fn purge(&self, blob: Key<Blob>, tx: &Tx) {
        let attachments = self.clone();
        let id = blob.into_inner();
        tx.after_commit(async move { attachments.release(id).await.map(drop) });
    }

    /// Deletes the row of a file, and then the file, unless something refers to it. Says whether it did.
    pub(super) async fn release(&self, id: Uuid) -> Result<bool> {
        let db = self.0.db.primary();
        let released = db
            .transaction(async |tx| {
                let Some(blob) = Blob::get(id, tx).await? else {
                    return Ok(None);
                };
                // The database refuses it where somebody refers to it, and makes wait who begins to.
                if Blob::filter(|blob| blob.id.eq(id)).delete(tx).await? == 0 {
                    return Ok(None);
                }
                // Of one that was announced, the bytes may come yet: it is looked again when they cannot any more.
                let due_at = match blob.state {
                    BlobState::Kept => self.now(),
                    BlobState::Announced => self.after(LAST_BYTE)?,
                };
                let new = NewFileToDelete { key: blob.key.clone(), due_at, is_under_way: true };
                new.insert(tx).await?;
                Ok(Some(blob))
            })
            .await;
        match released {
            Ok(Some(blob)) => {
                match blob.state {
                    BlobState::Kept => self.delete_file(&blob.key).await?,
                    BlobState::Announced => self.0.files.delete(&blob.key).await?,
                }
                Ok(true)
            }
            Ok(None) => Ok(false),
            Err(error) if is_referred_to(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Deletes a file whose row says that it may go, and then that row.
    pub(super) async fn delete_file(&self, key: &str) -> Result<()> {
        self.0.files.delete(key).await?;
        let key = key.to_owned();
        FileToDelete::filter(|file| file.key.eq(key)).delete(&self.0.db).await?;
        Ok(())
    }

    /// Deletes a file that was expected and is not wanted, unless it was wanted after all, by a transaction of which nobody knows that it was
    /// committed. What does not succeed now is done by the service, which [looks again](Self::give_up) in any case.
    pub(super) async fn soon_delete(&self, key: &FileKey) {
        if let Err(error) = self.give_up(key.as_str()).await {
            tracing::debug!(target: "mainstay::files", error = %error.report(), "a file is deleted later");
        }
    }

    /// Deletes a file that was expected, and sees to it that nobody wants it any more: whoever is about to finds the row changed, or this one
    /// finds it gone. The row stays until the last byte must have come, and the file is deleted again then: what is still on its way
    /// to the store comes after this. Where there is no such row any more, the file has become one that is kept, or was forgotten.
    pub(super) async fn give_up(&self, key: &str) -> Result<()> {
        let again = self.after(LAST_BYTE)?;
        let expected = FileToDelete::filter(|file| file.key.eq(key.to_owned()));
        let given_up = expected.update(|file| file.due_at(again).is_under_way(true), &self.0.db).await? > 0;
        let kept = Blob::filter(|blob| blob.key.eq(key.to_owned()));
        if given_up || !kept.exists(&self.0.db.primary()).await? {
            self.0.files.delete(key).await?;
        }
        Ok(())
    }
}

/// Whether a row was not deleted because another refers to it.
fn is_referred_to(error: &Error) -> bool {
    matches!(
        error.source_as::<DbError>(),
        Some(DbError::StillReferenced { .. } | DbError::ForeignKeyViolation { .. })
    )
}
