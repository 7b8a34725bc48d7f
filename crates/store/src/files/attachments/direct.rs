//! Uploads that go from a browser straight into the store.
//!
//! Somebody announces a file, gets a request by which to send it, and a text by which to claim it afterwards. What was sent is worth nothing
//! until then: on being claimed it is copied to where nobody can send anything any more, and looked at there, since the request holds
//! for a while and what is behind it can be changed as often as somebody likes.

use std::time::Duration;

use mainstay_core::media_type::{SNIFFED, exact, sniff};
use mainstay_core::{Error, Result, StatusCode};
use mainstay_db::Uuid;
use serde::Serialize;

use super::Attachments;
use super::blob::{Blob, BlobState, NewBlob, NewFileToDelete};
use super::keep::shortened;
use crate::files::key::FileKey;
use crate::files::url::{Grant, Signed};

/// How long a request to send a file holds.
const TO_BEGIN: Duration = Duration::from_secs(60 * 60);
/// How long such a request may take, by whoever answers it.
pub const LONGEST_UPLOAD: Duration = Duration::from_secs(24 * 60 * 60);
/// When the last byte has come of what was begun in time.
pub(super) const LAST_BYTE: Duration = TO_BEGIN.saturating_add(LONGEST_UPLOAD);

/// What somebody is told who has announced a file.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Announced {
    /// The request that sends it, with the bytes as its body.
    pub upload: Signed,
    /// What it is claimed by afterwards.
    pub claim: String,
}

/// A file that has come, as it is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// What it is called, as was announced.
    pub name: String,
    /// What it is, by its content; the name counts among plain texts alone.
    pub media_type: &'static str,
    /// How large it is, in bytes.
    pub size: u64,
}

const CLAIM: &str = "claim a file";

impl Attachments {
    /// How large a file may be that is [announced](Self::announce), where nothing else says so: `files.most_bytes`.
    pub fn most_bytes(&self) -> u64 {
        self.0.most_bytes
    }

    /// Lets somebody send a file of this length, in bytes, straight into the store. What it says of itself is not believed: see
    /// [`claim`](Self::claim).
    ///
    /// # Errors
    ///
    /// When what it is said to be is no media type (400), or nothing can be sent to the store.
    pub async fn announce(&self, name: impl Into<String>, media_type: &str, size: u64) -> Result<Announced> {
        if !is_media_type(media_type) {
            return Err(Error::bad_request("This is no media type."));
        }
        let key = self.new_key("direct")?;
        let grant = Grant::Write { key: key.clone(), media_type: media_type.to_owned(), size };
        let upload = self.0.files.grant(&grant, TO_BEGIN).await?;
        let new = NewBlob {
            key: key.to_string(),
            name: shortened(name.into()),
            media_type: media_type.to_owned(),
            size: i64::try_from(size).map_err(|_| too_large())?,
            state: BlobState::Announced,
            created_at: self.now(),
        };
        let blob = new.insert(&self.0.db).await?;
        let claim = self.0.keys.sign(CLAIM, blob.id.as_bytes(), Some(self.0.within));
        Ok(Announced { upload, claim })
    }

    /// Takes a file that was announced and has been sent, if `accept` does: it returns what the file is. The row is to be
    /// referred to as one that was [kept](Self::keep). Claimed twice, it is the same.
    ///
    /// # Errors
    ///
    /// Those of `accept`: the file is gone then. 400 where the text is none to claim by, 404 where it is too late, 409 where nothing has
    /// been sent, or something of another length.
    pub async fn claim(
        &self,
        claim: &str,
        accept: impl FnOnce(&Arrived) -> Result<&'static str>,
    ) -> Result<Blob> {
        let id = self.0.keys.verify(CLAIM, claim).ok().and_then(|id| Uuid::from_slice(&id).ok());
        let none = || Error::bad_request("This is nothing to claim a file by, or not any longer.");
        let id = id.ok_or_else(|| none().code("claim_invalid"))?;
        let gone = || Error::not_found("There is no such file any more.");
        let blob = Blob::get(id, &self.0.db.primary()).await?.ok_or_else(gone)?;
        if blob.state == BlobState::Kept {
            // Claimed before, perhaps where other files are welcome.
            accept(&self.arrived(&blob.key, &blob.name).await?)?;
            return Ok(blob);
        }
        // Where nobody can send anything. Each who claims has a copy of their own, and one of them becomes the file.
        let own = self.expect_file("blobs").await?;
        let taken = self.take(&blob, &own, accept).await;
        match taken {
            Ok(Some(kept)) => Ok(kept),
            Ok(None) => {
                self.soon_delete(&own).await;
                let now = Blob::get(id, &self.0.db.primary()).await?;
                now.filter(|blob| blob.state == BlobState::Kept).ok_or_else(gone)
            }
            Err(error) => {
                self.soon_delete(&own).await;
                Err(error)
            }
        }
    }

    /// What is there, by a look at its beginning.
    async fn arrived(&self, key: &str, name: &str) -> Result<Arrived> {
        let files = &self.0.files;
        let size = files.head(key).await?.size;
        let beginning = match size {
            0 => bytes::Bytes::new(),
            _ => files.get_range(key, 0..SNIFFED as u64).await?.bytes().await?,
        };
        Ok(Arrived { name: name.to_owned(), media_type: exact(sniff(&beginning), Some(name)), size })
    }

    /// Copies what was sent, looks at it, and makes it the file. None: somebody else has, or it was released.
    async fn take(
        &self,
        blob: &Blob,
        own: &FileKey,
        accept: impl FnOnce(&Arrived) -> Result<&'static str>,
    ) -> Result<Option<Blob>> {
        let files = &self.0.files;
        if let Err(error) = files.copy(blob.key.as_str(), own.as_str()).await {
            let missing = error.status() == StatusCode::NOT_FOUND;
            let not_there = || Error::conflict("The file has not been sent.").code("file_not_sent");
            return Err(if missing { not_there() } else { error });
        }
        let arrived = self.arrived(own.as_str(), &blob.name).await?;
        if i64::try_from(arrived.size) != Ok(blob.size) {
            return Err(
                Error::conflict("The file has another length than was announced.").code("file_not_sent")
            );
        }
        let media_type = match accept(&arrived) {
            Ok(media_type) => media_type,
            Err(error) => {
                // It never becomes anything else: what is sent again is announced again.
                self.release(blob.id).await?;
                return Err(error);
            }
        };
        let (id, until) = (blob.id, self.after(LAST_BYTE)?);
        self.0
            .db
            .transaction(async |tx| {
                let key = own.to_string();
                let announced = Blob::filter(|blob| blob.id.eq(id) & blob.state.eq(BlobState::Announced));
                let now = self.now();
                let taken = announced
                    .update(
                        |blob| {
                            blob.key(key)
                                .media_type(media_type.to_owned())
                                .state(BlobState::Kept)
                                .created_at(now)
                        },
                        tx,
                    )
                    .await?;
                if taken == 0 {
                    return Ok(None);
                }
                self.is_wanted(own, tx).await?;
                // As long as something can still be sent there, it would come back.
                let sent = NewFileToDelete { key: blob.key.clone(), due_at: until, is_under_way: true };
                sent.insert(tx).await?;
                Blob::get(id, tx).await
            })
            .await
    }
}

fn too_large() -> Error {
    Error::new(StatusCode::PAYLOAD_TOO_LARGE, "The file is larger than it may be.")
}

/// `type/subtype`, without parameters: what browsers say of a file.
fn is_media_type(text: &str) -> bool {
    let is_token = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    text.len() <= 255 && text.split_once('/').is_some_and(|(kind, rest)| is_token(kind) && is_token(rest))
}
