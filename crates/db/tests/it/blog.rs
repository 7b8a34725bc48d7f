//! The models that the tests are about: a blog.

use chrono::{DateTime, Utc};
use mainstay_core::Result;
use mainstay_db::meta::meta_of;
use mainstay_db::{BelongsTo, Db, DbEnum, HasMany, Json, ManyToMany, ModelMeta, model};

/// Somebody who writes.
#[model]
#[derive(PartialEq)]
pub(crate) struct User {
    pub id: i64,
    #[field(unique, max_length = 60, searchable)]
    pub name: String,
    #[field(hidden, default = "")]
    pub password_hash: String,
    #[field(default = true)]
    pub active: bool,
    pub score: Option<f64>,
}

/// How far an article is.
#[derive(DbEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Status {
    /// Only its author sees it.
    #[default]
    Draft,
    InReview,
    #[db(rename = "public")]
    Published,
}

/// An article.
///
/// With a second paragraph.
#[model]
#[derive(PartialEq)]
#[index(author, published_at)]
pub(crate) struct Article {
    pub id: i64,
    /// What the address ends with.
    #[field(unique, max_length = 120)]
    pub slug: String,
    #[field(min_length = 1, max_length = 200)]
    pub title: String,
    pub body: String,
    #[field(default)]
    pub status: Status,
    #[belongs_to(on_delete = cascade)]
    pub author: BelongsTo<User>,
    #[belongs_to(on_delete = set_null)]
    pub editor: Option<BelongsTo<User>>,
    #[has_many]
    pub comments: HasMany<Comment>,
    #[many_to_many(through = ArticleTag)]
    pub tags: ManyToMany<Tag>,
    #[field(default = Json(Vec::new()))]
    pub images: Json<Vec<String>>,
    pub published_at: Option<DateTime<Utc>>,
    #[field(created_at)]
    pub created_at: DateTime<Utc>,
    #[field(updated_at)]
    pub updated_at: DateTime<Utc>,
}

#[model]
pub(crate) struct Comment {
    pub id: i64,
    pub text: String,
    #[belongs_to(on_delete = cascade)]
    pub article: BelongsTo<Article>,
    #[belongs_to]
    pub author: BelongsTo<User>,
    #[belongs_to(on_delete = cascade)]
    pub parent: Option<BelongsTo<Self>>,
    #[has_many(by = parent)]
    pub replies: HasMany<Self>,
}

#[model]
pub(crate) struct Tag {
    pub id: i64,
    #[field(unique)]
    pub name: String,
    #[many_to_many(through = ArticleTag)]
    pub articles: ManyToMany<Article>,
}

/// Which article has which tag.
#[model]
pub(crate) struct ArticleTag {
    #[field(primary_key)]
    #[belongs_to(on_delete = cascade)]
    pub article: BelongsTo<Article>,
    #[field(primary_key)]
    #[belongs_to(on_delete = cascade)]
    pub tag: BelongsTo<Tag>,
    #[field(created_at)]
    pub since: DateTime<Utc>,
}

pub(crate) fn models() -> [&'static ModelMeta; 5] {
    // Not in the order in which their tables have to be made.
    [meta_of::<Comment>(), meta_of::<ArticleTag>(), meta_of::<Article>(), meta_of::<Tag>(), meta_of::<User>()]
}

pub(crate) async fn user(db: &Db, name: &str) -> User {
    NewUser { name: name.into() }.insert(db).await.unwrap()
}

pub(crate) async fn article(db: &Db, author: &User, slug: &str) -> Article {
    draft(author, slug).insert(db).await.unwrap()
}

pub(crate) fn draft(author: &User, slug: &str) -> NewArticle {
    NewArticle {
        slug: slug.into(),
        title: format!("About {slug}"),
        body: "Text.".into(),
        author: author.key(),
    }
}

pub(crate) async fn tag(db: &Db, name: &str) -> Tag {
    NewTag { name: name.into() }.insert(db).await.unwrap()
}

pub(crate) async fn comment(db: &Db, article: &Article, author: &User, text: &str) -> Result<Comment> {
    NewComment { text: text.into(), article: article.key(), author: author.key() }.insert(db).await
}
