//! The rows.

use chrono::{DateTime, Utc};
use mainstay_core::{Error, Result};
use mainstay_db::{DbEnum, Uuid, model};

/// A file that rows can refer to: `#[belongs_to] avatar: Option<BelongsTo<Blob>>`, or for many a model between. The reference restricts, as
/// it does unless it says something else.
///
/// [`Attachments`](super::Attachments) makes and deletes them. Read them, and write nothing else but the name.
#[model(table = "mainstay_blobs")]
pub struct Blob {
    /// Which it is. It tells nothing of where the file is.
    #[field(primary_key, default = Uuid::now_v7())]
    pub id: Uuid,
    /// Where it is in the store.
    #[field(hidden, unique, max_length = 255)]
    pub key: String,
    /// What it is called: for people, and never a path.
    #[field(max_length = 255)]
    pub name: String,
    /// What it is, by its content.
    #[field(max_length = 255)]
    pub media_type: String,
    /// How large it is, in bytes.
    pub size: i64,
    /// The SHA-256 of its content, in hexadecimal digits, where the application has seen it come.
    #[field(max_length = 64)]
    pub sha256: Option<String>,
    /// Whether it has come.
    pub state: BlobState,
    /// When it came, or was announced.
    #[field(index)]
    pub created_at: DateTime<Utc>,
}

/// Whether the bytes of a file have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, DbEnum)]
pub enum BlobState {
    /// They have been looked at, and stay as they are.
    Kept,
    /// Somebody may send them.
    Announced,
}

impl Blob {
    pub(super) fn is_kept(&self) -> Result<()> {
        match self.state {
            BlobState::Kept => Ok(()),
            BlobState::Announced => {
                Err(Error::conflict("The file has not come yet.").code("file_not_claimed"))
            }
        }
    }
}

/// A file of the store that is to be deleted, unless something happens before.
#[model(table = "mainstay_files_to_delete")]
pub(super) struct FileToDelete {
    #[field(primary_key, max_length = 255)]
    pub key: String,
    #[field(index)]
    pub due_at: DateTime<Utc>,
    /// Nothing else can happen to it any more.
    pub is_under_way: bool,
}
