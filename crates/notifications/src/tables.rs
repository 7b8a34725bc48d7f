//! What is stored.

use chrono::{DateTime, Utc};
use mainstay_db::{Json, Uuid, model};
use serde_json::Value;

use crate::notification::Via;

/// What somebody was told.
#[model(table = "mainstay_notifications")]
#[index(recipient, id)]
#[index(recipient, read_at)]
pub(crate) struct StoredNotification {
    /// Rises with time.
    #[field(primary_key)]
    pub id: Uuid,
    #[field(max_length = 255)]
    pub recipient: String,
    #[field(max_length = 100)]
    pub name: String,
    pub data: Json<Value>,
    pub read_at: Option<DateTime<Utc>>,
    #[field(index)]
    pub created_at: DateTime<Utc>,
}

/// What somebody wants otherwise than the notification says.
#[model(table = "mainstay_notification_preferences")]
#[unique(recipient, name, via)]
pub(crate) struct StoredPreference {
    pub id: i64,
    #[field(max_length = 255)]
    pub recipient: String,
    #[field(max_length = 100)]
    pub name: String,
    pub via: Via,
    pub wanted: bool,
}
