//! The articles of `/api/v2` with handlers, as one would write them who does without declared resources: the same JSON.
//!
//! They answer what the bench asks and no more: one order, always with author and tags, no tags of entities.

use conduit::articles::{Article, NewArticle, slug};
use conduit::users::User;
use mainstay::core::random::Random;
use mainstay::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which page, and of how many.
#[derive(Deserialize, JsonSchema)]
struct Part {
    #[serde(default = "first")]
    page: u64,
    #[serde(default = "usual")]
    per_page: u64,
}

fn first() -> u64 {
    1
}

fn usual() -> u64 {
    20
}

/// A page of articles.
#[derive(Serialize)]
struct Listed {
    items: Vec<Article>,
    total: u64,
    page: u64,
    per_page: u64,
    pages: u64,
}

/// Some articles, the newest first.
#[get("/api/v2/articles", hidden)]
async fn list(Query(part): Query<Part>, db: Inject<Db>) -> Result<Json<Listed>> {
    let page = Article::query()
        .with(|article| article.author)
        .with(|article| article.tags.order_by(|tag| tag.name))
        .order_by(|article| (article.created_at.desc(), article.id.desc()))
        .paginate(PageRequest::number(part.page, part.per_page.clamp(1, 100)), &db)
        .await?;
    let Page { items, total, page, per_page, pages, .. } = page;
    Ok(Json(Listed { items, total, page, per_page, pages }))
}

/// One article.
#[get("/api/v2/articles/{slug}", hidden)]
async fn show(Path(slug): Path<String>, db: Inject<Db>) -> Result<Json<Article>> {
    Article::filter(|article| article.slug.eq(slug)).first_or_404(&db).await.map(Json)
}

/// The article to publish.
#[derive(Deserialize, JsonSchema)]
struct Draft {
    title: String,
    description: String,
    body: String,
}

/// Publishes an article.
#[post("/api/v2/articles", hidden)]
async fn publish(
    author: SignedIn<User>,
    db: Inject<Db>,
    random: Inject<dyn Random>,
    Json(Draft { title, description, body }): Json<Draft>,
) -> Result<Created<Json<Article>>> {
    let slug = slug::from_title(&title, &*random);
    let new = NewArticle { slug, title, description, body, author: author.key() };
    // A transaction, as behind the declared resource: what is stored can still be refused.
    let article: Article = db.transaction(async |tx| new.insert(tx).await).await?;
    Ok(Created(format!("/api/v2/articles/{}", article.slug), Json(article)))
}

pub(crate) fn module() -> Module {
    Module::new("by hand").routes(routes![list, show, publish])
}
