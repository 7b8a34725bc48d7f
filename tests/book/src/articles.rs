//! The models of the page about search, for its other snippets.

#![allow(missing_docs, reason = "as the page shows them")]

use mainstay::db::{meta::meta_of, schema::create_tables};
use mainstay::prelude::*;

/// An article.
#[model]
#[search(title, description, body, language = "english")]
pub struct Article {
    pub id: i64,
    pub title: String,
    pub description: String,
    pub body: Option<String>,
    #[has_many]
    pub comments: HasMany<Comment>,
}

/// What somebody says of it.
#[model]
pub struct Comment {
    pub id: i64,
    pub text: String,
    #[belongs_to(on_delete = cascade)]
    pub article: BelongsTo<Article>,
}

/// A database in memory with three articles, two of which are about commits, and a comment on the third.
///
/// # Errors
///
/// What the database says.
pub async fn filled() -> Result<Db> {
    let db = Db::open("sqlite::memory:").await?;
    create_tables(&[meta_of::<Article>(), meta_of::<Comment>()], &db).await?;
    for (title, description, body) in [
        ("Writing less", "Many callers share one commit.", None),
        (
            "Group commit",
            "A commit for many writers",
            Some("Commits are slow, so that one commit serves all."),
        ),
        ("Async Rust", "Futures, and who polls them", None),
    ] {
        let new = NewArticle { title: title.into(), description: description.into() };
        new.body(body.map(str::to_owned)).insert(&db).await?;
    }
    NewComment { text: "Well said.".into(), article: 3.into() }.insert(&db).await?;
    Ok(db)
}
