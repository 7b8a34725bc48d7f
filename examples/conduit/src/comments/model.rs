//! The table of comments.

use chrono::{DateTime, Utc};
use mainstay::prelude::*;

use crate::articles::Article;
use crate::users::User;

/// What somebody says to an article.
#[model]
pub struct Comment {
    /// Its number.
    pub id: i64,
    /// Its text, in Markdown.
    #[field(min_length = 1)]
    pub body: String,
    /// What it is about.
    #[belongs_to(on_delete = cascade)]
    pub article: BelongsTo<Article>,
    /// Who says it.
    #[field(read_only)]
    #[belongs_to(on_delete = cascade)]
    pub author: BelongsTo<User>,
    /// When it was said.
    #[field(created_at)]
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    #[field(updated_at)]
    pub updated_at: DateTime<Utc>,
}
