//! Articles: list, read, publish.

mod model;
mod slug;
mod view;

use garde::Validate;
use mainstay::core::random::Random;
use mainstay::prelude::*;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::tags;
use crate::users::Author;

pub use model::{Article, ArticleDraft, ArticleTag, NewArticle, NewArticleTag};
pub use view::{ArticleList, ArticleSummary, FullArticle, SingleArticle};

/// Which articles, and how many of them.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
struct Filter {
    /// Only those with this tag.
    #[garde(skip)]
    tag: Option<String>,
    /// Only those by this user.
    #[garde(skip)]
    author: Option<String>,
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
async fn list(Valid(Query(filter)): Valid<Query<Filter>>, db: Inject<Db>) -> Result<Json<ArticleList>> {
    let page = Article::query()
        .filter_if(filter.tag, |article, name| article.tags.any(|tag| tag.name.eq(name)))
        .filter_if(filter.author, |article, name| article.author.is(|user| user.username.eq(name)))
        .with(|article| article.author)
        .with(|article| article.tags.order_by(|tag| tag.name.asc()))
        .order_by(|article| article.created_at.desc())
        .order_by(|article| article.id.desc())
        .paginate(PageRequest::slice(filter.offset, filter.limit), &db)
        .await?;
    ArticleList::new(page).map(Json)
}

/// Shows one article.
#[get("/api/articles/{slug}", tag = "Articles")]
#[errors(NotFound)]
async fn show(Path(slug): Path<String>, db: Inject<Db>) -> Result<Json<SingleArticle>> {
    let article = Article::filter(|article| article.slug.eq(slug))
        .with(|article| article.author)
        .with(|article| article.tags.order_by(|tag| tag.name.asc()))
        .first(&db)
        .await?;
    let article = article.or_not_found("No article has this slug.")?;
    SingleArticle::new(&article).map(Json)
}

/// The article to publish.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
struct Publish {
    #[garde(dive)]
    article: Draft,
}

/// An article that is not published yet.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
struct Draft {
    #[garde(length(chars, min = 1, max = 200))]
    title: String,
    #[garde(length(chars, max = 1000))]
    description: String,
    #[garde(length(min = 1, max = 200_000))]
    body: String,
    /// What it is about.
    #[garde(length(max = 20), inner(length(chars, min = 1, max = 60)))]
    #[serde(default)]
    tag_list: Vec<String>,
}

/// Publishes an article.
///
/// Its slug is made from the title. Tags that do not exist yet are made.
#[post("/api/articles", tag = "Articles")]
async fn publish(
    Author(author): Author,
    db: Inject<Db>,
    random: Inject<dyn Random>,
    Valid(Json(Publish { article: draft })): Valid<Json<Publish>>,
) -> Result<Created<Json<SingleArticle>>> {
    let new = NewArticle {
        slug: slug::from_title(&draft.title, &*random),
        title: draft.title,
        description: draft.description,
        body: draft.body,
        author: author.key(),
    };
    let id = db
        .transaction(async |tx| {
            let mut article = new.insert(tx).await?;
            let tags = tags::named(&draft.tag_list, tx).await?;
            article.tags.set(tags.iter().map(|tag| tag.key()), tx).await?;
            Ok(article.key())
        })
        .await?;
    let article = Article::filter(|article| article.id.eq(id.into_inner()))
        .with(|article| article.author)
        .with(|article| article.tags.order_by(|tag| tag.name.asc()))
        .one(&db)
        .await?;
    Ok(Created(format!("/api/articles/{}", article.slug), Json(SingleArticle::new(&article)?)))
}

/// Articles.
pub fn module() -> Module {
    Module::new("articles").models(models![Article, ArticleTag]).routes(routes![list, show, publish])
}
