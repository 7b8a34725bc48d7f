//! What is kept of a token.

use chrono::{DateTime, Utc};
use mainstay_db::{Query, model};

/// A personal access token, as a row.
#[model(table = "mainstay_access_tokens")]
pub struct StoredAccessToken {
    /// What it is called in addresses.
    #[field(primary_key, max_length = 32)]
    pub id: String,
    /// Whose it is.
    #[field(index, max_length = 255)]
    pub owner: String,
    /// Of which model its owner is.
    #[field(max_length = 100)]
    pub account: String,
    /// The key of its owner there, as JSON.
    #[field(max_length = 255)]
    pub account_key: String,
    /// What its owner calls it.
    #[field(max_length = 100)]
    pub name: String,
    /// How it begins.
    #[field(max_length = 32)]
    pub starts_with: String,
    /// The SHA-256 of it, in hexadecimal digits.
    #[field(unique, hidden, max_length = 64)]
    pub digest: String,
    /// What it is good for, with spaces between.
    pub scopes: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends.
    #[field(index)]
    pub expires_at: DateTime<Utc>,
    /// When a request last came with it, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When its owner ended it.
    pub revoked_at: Option<DateTime<Utc>>,
}

impl StoredAccessToken {
    /// Those that are good now.
    pub(super) fn live(now: DateTime<Utc>) -> Query<Self> {
        Self::filter(|token| token.revoked_at.is_null() & token.expires_at.gt(now))
    }
}
