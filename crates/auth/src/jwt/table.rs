//! What is kept of a device that is signed in, and of its refresh tokens.

use chrono::{DateTime, Utc};
use mainstay_db::{Query, model};

/// A device that is signed in, as a row: the family of its refresh tokens.
#[model(table = "mainstay_sign_ins")]
pub struct StoredSignIn {
    /// What it is called in addresses, and in access tokens: the claim `sid`.
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
    /// That of the password: it ends when that changes.
    #[field(hidden, max_length = 32)]
    pub stamp: String,
    /// What its tokens are good for, with spaces between.
    pub scopes: String,
    /// Which program last came with it, as it says itself.
    #[field(max_length = 255)]
    pub agent: Option<String>,
    /// From where it last came.
    #[field(max_length = 45)]
    pub address: Option<String>,
    /// When it signed in.
    pub created_at: DateTime<Utc>,
    /// When it last got new tokens.
    pub used_at: DateTime<Utc>,
    /// When it ends, however often it comes back.
    #[field(index)]
    pub expires_at: DateTime<Utc>,
    /// When it was ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// By what it was ended.
    #[field(max_length = 32)]
    pub ended_by: Option<String>,
}

impl StoredSignIn {
    /// The devices that are signed in now.
    pub(super) fn live(now: DateTime<Utc>) -> Query<Self> {
        Self::filter(|sign_in| sign_in.ended_at.is_null() & sign_in.expires_at.gt(now))
    }
}

/// A refresh token, as a row.
#[model(table = "mainstay_refresh_tokens")]
pub struct StoredRefreshToken {
    /// The SHA-256 of it, in hexadecimal digits.
    #[field(primary_key, max_length = 64)]
    pub digest: String,
    /// Of which device it is.
    #[field(index, max_length = 32)]
    pub sign_in: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends.
    #[field(index)]
    pub expires_at: DateTime<Utc>,
    /// When it was exchanged for its successor.
    pub spent_at: Option<DateTime<Utc>>,
}
