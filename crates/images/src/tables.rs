//! Which variants were made.

use chrono::{DateTime, Utc};
use mainstay_db::{BelongsTo, Uuid, model};
use mainstay_store::files::Blob;

/// A variant of a picture.
#[model(table = "mainstay_image_variants")]
#[unique(original, name)]
pub(crate) struct StoredVariant {
    pub id: i64,
    /// Of which picture. Not a reference: that would keep the picture for ever.
    pub original: Uuid,
    #[field(max_length = 60)]
    pub name: String,
    /// How it was made.
    #[field(max_length = 60)]
    pub recipe: String,
    /// The file. None where the picture cannot be read.
    #[belongs_to]
    pub file: Option<BelongsTo<Blob>>,
    /// Why there is none.
    #[field(max_length = 255)]
    pub fault: Option<String>,
    pub made_at: DateTime<Utc>,
}
