//! Files that rows refer to.
//!
//! ```
//! use mainstay_core::{App, Contribute, Result};
//! use mainstay_db::{BelongsTo, Db, ModelsExt, model, models};
//! use mainstay_store::files::{Attachments, Blob, KeepsAttachments};
//!
//! #[model]
//! pub struct User {
//!     pub id: i64,
//!     pub name: String,
//!     #[belongs_to]
//!     pub avatar: Option<BelongsTo<Blob>>,
//! }
//!
//! async fn set_avatar(mut user: User, picture: Vec<u8>, attachments: &Attachments, db: &Db) -> Result<()> {
//!     let blob = attachments.keep("me.png", picture).await?;
//!     // From now on it is kept, and the file of before is not.
//!     user.update(|user| user.avatar(blob.key()), db).await
//! }
//!
//! let app = App::new().models(models![User]).contribute(KeepsAttachments);
//! ```
//!
//! **A file is kept as long as a row refers to it.** One that nothing refers to is deleted: because it was never attached, or because
//! the last row that did is gone or refers to another. That is within minutes, but not before `files.attach_within` has passed since it came; see
//! [`Attachments::purge`] for at once.
//!
//! How it is promised:
//!
//! - A reference is a foreign key to `mainstay_blobs` that restricts. The database itself refuses to delete the row of a file that is referred to,
//!   whoever attaches it at that moment; and the row goes before the file does.
//! - Before a file is written, a row of `mainstay_files_to_delete` says until when it has to be attached. The row of the file takes its place in one
//!   transaction. What is killed in between leaves a file that is deleted in time, and nothing else.
//! - Nothing waits for a store inside of a transaction. Files are written before one begins, and deleted by a service afterwards, so that one that
//!   is rolled back takes no file with it.
//!
//! In reading order: `blob` (the rows), `keep` (how a file becomes one), `direct` (uploads that go from a browser straight into the store),
//! `release` (how one goes), `references` (who refers to files), `sweep` (the service), `module`.

mod blob;
mod direct;
mod keep;
mod module;
mod references;
mod release;
mod sweep;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use mainstay_core::clock::Clock;
use mainstay_core::keys::Keys;
use mainstay_core::random::Random;
use mainstay_core::{Error, Result};
use mainstay_db::Db;
use serde::Serialize;

use super::handle::{Files, StoredFile};
use super::key::FileKey;
use super::link::FileUrl;
use references::References;

pub use blob::{Blob, BlobState};
pub use direct::{Announced, Arrived, LONGEST_UPLOAD};
pub use keep::NewFile;
pub use module::KeepsAttachments;

/// Files that rows refer to. Injectable; clones are the same.
#[derive(Clone)]
pub struct Attachments(Arc<Inner>);

struct Inner {
    db: Db,
    files: Files,
    keys: Keys,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    references: References,
    within: Duration,
    most_bytes: u64,
}

impl Attachments {
    /// A URL by which whoever has it reads the file for a while. It is called as the file is, and is what the file is.
    ///
    /// # Errors
    ///
    /// When its bytes have not come yet.
    pub fn url(&self, blob: &Blob) -> Result<FileUrl<'_>> {
        blob.is_kept()?;
        let url = self.0.files.url(blob.key.as_str()).media_type(&blob.media_type);
        Ok(if blob.name.is_empty() { url } else { url.named(&blob.name) })
    }

    /// The file, to be read.
    ///
    /// # Errors
    ///
    /// When its bytes have not come yet.
    pub async fn get(&self, blob: &Blob) -> Result<StoredFile> {
        blob.is_kept()?;
        self.0.files.get(blob.key.as_str()).await
    }

    /// What clients are shown of a file: its name, what it is, how large it is, and where to get it for a while.
    ///
    /// # Errors
    ///
    /// As [`url`](Self::url).
    pub async fn show(&self, blob: &Blob) -> Result<Attachment> {
        let url = self.url(blob)?.sign().await?;
        let (name, media_type) = (blob.name.clone(), blob.media_type.clone());
        Ok(Attachment { name, media_type, size: blob.size, url })
    }

    /// The store that they are in.
    pub fn files(&self) -> &Files {
        &self.0.files
    }

    fn now(&self) -> DateTime<Utc> {
        self.0.clock.now().into()
    }

    /// A key that nobody can guess, and nothing else is kept under, ever.
    fn new_key(&self, folder: &str) -> Result<FileKey> {
        let name = self.0.random.hex(20);
        // Spread: a folder with a million files is slow to look at.
        FileKey::parse(format!("{folder}/{}/{name}", &name[..2])).map_err(super::FilesError::into_error)
    }

    fn after(&self, time: Duration) -> Result<DateTime<Utc>> {
        let time = chrono::TimeDelta::from_std(time).ok();
        let at = time.and_then(|time| self.now().checked_add_signed(time));
        at.ok_or_else(|| Error::internal("`files.attach_within` ends after all time"))
    }
}

impl fmt::Debug for Attachments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attachments").field("references", &self.0.references).finish_non_exhaustive()
    }
}

/// What clients are shown of a file. As JSON: `{"name": "me.png", "media_type": "image/png", "size": 4711, "url": "…"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Attachment {
    /// What it is called.
    pub name: String,
    /// What it is.
    pub media_type: String,
    /// How large it is, in bytes.
    pub size: i64,
    /// Where it is for a while.
    pub url: String,
}
