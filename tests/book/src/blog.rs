//! The models of the page about models, for its other snippets.

#![allow(missing_docs, reason = "as the page shows them")]

use chrono::{DateTime, Utc};
use mainstay::db::{meta::meta_of, schema::create_tables};
use mainstay::prelude::*;

/// Somebody who writes.
#[model]
pub struct User {
    pub id: i64,
    #[field(unique, max_length = 60)]
    pub name: String,
}

/// How far an article is.
#[derive(DbEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Status {
    #[default]
    Draft,
    Published,
}

/// An article.
#[model]
#[index(author, published_at)]
pub struct Article {
    pub id: i64,
    #[field(unique, max_length = 120)]
    pub slug: String,
    #[field(min_length = 1, max_length = 200)]
    pub title: String,
    pub body: String,
    #[field(default)]
    pub status: Status,
    #[belongs_to(on_delete = cascade)]
    pub author: BelongsTo<User>,
    #[many_to_many(through = ArticleTag)]
    pub tags: ManyToMany<Tag>,
    pub published_at: Option<DateTime<Utc>>,
    #[field(created_at)]
    pub created_at: DateTime<Utc>,
}

/// What an article is about.
#[model]
pub struct Tag {
    pub id: i64,
    #[field(unique)]
    pub name: String,
}

/// Which article has which tag.
#[model]
pub struct ArticleTag {
    #[field(primary_key)]
    #[belongs_to(on_delete = cascade)]
    pub article: BelongsTo<Article>,
    #[field(primary_key)]
    #[belongs_to(on_delete = cascade)]
    pub tag: BelongsTo<Tag>,
}

/// A database in memory with the tables of the blog.
///
/// # Errors
///
/// What the database says.
pub async fn open() -> Result<Db> {
    let db = Db::open("sqlite::memory:").await?;
    create_tables(&[meta_of::<User>(), meta_of::<Article>(), meta_of::<Tag>(), meta_of::<ArticleTag>()], &db)
        .await?;
    Ok(db)
}

/// The same with two articles by Ann: `first`, which is published and about Rust, and `second`.
///
/// # Errors
///
/// What the database says.
pub async fn filled() -> Result<Db> {
    let db = open().await?;
    let ann = NewUser { name: "ann".into() }.insert(&db).await?;
    let rust = NewTag { name: "rust".into() }.insert(&db).await?;
    for (slug, status) in [("first", Status::Published), ("second", Status::Draft)] {
        let text = (slug.into(), format!("The {slug}"), "Hello.".into());
        let new = NewArticle { slug: text.0, title: text.1, body: text.2, author: ann.key() };
        let mut article = new.status(status).insert(&db).await?;
        if status == Status::Published {
            article.tags.add([&rust], &db).await?;
        }
    }
    Ok(db)
}
