//! The tables of articles.

use chrono::{DateTime, Utc};
use mainstay::prelude::*;

use crate::tags::Tag;
use crate::users::User;

/// An article.
#[model]
#[index(created_at)]
#[index(author, created_at)]
#[search(title, description, body, language = "english")]
pub struct Article {
    /// Its number.
    pub id: i64,
    /// What its address ends with.
    #[field(unique, min_length = 1, max_length = 120, read_only)]
    pub slug: String,
    /// Its title.
    #[field(min_length = 1, max_length = 200)]
    pub title: String,
    /// What it is about, in a sentence.
    #[field(max_length = 1000)]
    pub description: String,
    /// Its text, in Markdown.
    #[field(min_length = 1)]
    pub body: String,
    /// Who wrote it.
    #[field(read_only)]
    #[belongs_to(on_delete = cascade)]
    pub author: BelongsTo<User>,
    /// What it is about.
    #[many_to_many(through = ArticleTag)]
    pub tags: ManyToMany<Tag>,
    /// Who likes it.
    #[many_to_many(table = "favorites")]
    pub fans: ManyToMany<User>,
    /// When it was published.
    #[field(created_at)]
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    #[field(updated_at)]
    pub updated_at: DateTime<Utc>,
}

/// Which article has which tag.
#[model]
pub struct ArticleTag {
    /// The article.
    #[field(primary_key)]
    #[belongs_to(on_delete = cascade)]
    pub article: BelongsTo<Article>,
    /// The tag.
    #[field(primary_key)]
    #[belongs_to(on_delete = cascade)]
    pub tag: BelongsTo<Tag>,
}
