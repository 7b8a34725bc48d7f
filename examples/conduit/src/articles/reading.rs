//! Reading: one article, lists of them, the feed.

use garde::Validate;
use mainstay::prelude::*;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Article, ArticleList, SingleArticle};
use crate::profiles::Reader;
use crate::users::User;
use crate::users::scopes::READ_ARTICLES;

/// Which articles, and how many of them.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
struct Filter {
    /// Only those with this tag.
    #[garde(skip)]
    tag: Option<String>,
    /// Only those by this user.
    #[garde(skip)]
    author: Option<String>,
    /// Only those that this user likes.
    #[garde(skip)]
    favorited: Option<String>,
    /// How many to return.
    #[garde(range(min = 1, max = 100))]
    #[serde(default = "usual_limit")]
    limit: u64,
    /// How many to skip.
    #[garde(skip)]
    #[serde(default)]
    offset: u64,
}

/// How many articles.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
struct Part {
    /// How many to return.
    #[garde(range(min = 1, max = 100))]
    #[serde(default = "usual_limit")]
    limit: u64,
    /// How many to skip.
    #[garde(skip)]
    #[serde(default)]
    offset: u64,
}

fn usual_limit() -> u64 {
    20
}

/// Lists articles, the newest first.
#[get("/api/articles", tag = "Articles")]
async fn list(
    Valid(Query(filter)): Valid<Query<Filter>>,
    reader: Option<SignedIn<User>>,
    db: Inject<Db>,
) -> Result<Json<ArticleList>> {
    let articles = Article::query()
        .filter_if(filter.tag, |article, name| article.tags.any(|tag| tag.name.eq(name)))
        .filter_if(filter.author, |article, name| article.author.is(|user| user.username.eq(name)))
        .filter_if(filter.favorited, |article, name| article.fans.any(|user| user.username.eq(name)));
    let part = PageRequest::slice(filter.offset, filter.limit);
    ArticleList::of(articles, Reader::of(reader), part, &db).await.map(Json)
}

/// Lists the articles of those whom the reader follows, the newest first.
#[get("/api/articles/feed", tag = "Articles")]
async fn feed(
    Valid(Query(part)): Valid<Query<Part>>,
    reader: SignedIn<User>,
    db: Inject<Db>,
) -> Result<Json<ArticleList>> {
    let reader = Reader::of(Some(reader));
    let articles = Article::filter(|article| {
        article.author.is(|author| author.followers.any(|follower| reader.is(follower)))
    });
    let part = PageRequest::slice(part.offset, part.limit);
    ArticleList::of(articles, reader, part, &db).await.map(Json)
}

/// Shows one article.
#[get("/api/articles/{slug}", name = "article", tag = "Articles")]
#[errors(NotFound)]
async fn show(
    Path(slug): Path<String>,
    reader: Option<SignedIn<User>>,
    db: Inject<Db>,
) -> Result<Json<SingleArticle>> {
    let article = Article::filter(|article| article.slug.eq(slug));
    SingleArticle::of(article, Reader::of(reader), &db).await.map(Json)
}

pub(super) fn routes() -> Routes {
    routes![list, feed, show].middleware(RequireScope::new(READ_ARTICLES))
}
