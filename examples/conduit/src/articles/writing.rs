//! Writing: publish, change, remove.

use garde::Validate;
use mainstay::core::random::Random;
use mainstay::prelude::*;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Article, ArticleTag, NewArticle, NewArticleTag, SingleArticle, slug};
use crate::news::TellFollowers;
use crate::profiles::Reader;
use crate::tags::{self, Tag};
use crate::users::User;
use crate::users::scopes::WRITE_ARTICLES;

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
    author: SignedIn<User>,
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
    let (article, tags) = db
        .transaction(async |tx| {
            let article: Article = new.insert(tx).await?;
            let tags = tags::named(&draft.tag_list, tx).await?;
            let link = |tag: &Tag| NewArticleTag { article: article.key(), tag: tag.key() };
            ArticleTag::insert_all(tags.iter().map(link), tx).await?;
            TellFollowers { article: article.id }.enqueue(tx).await?;
            Ok((article, tags))
        })
        .await?;
    let address = format!("/api/articles/{}", article.slug);
    Ok(Created(address, Json(SingleArticle::published(article, tags, author.0))))
}

/// What is to be different.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
struct Revise {
    #[garde(dive)]
    article: Revision,
}

#[derive(Debug, Deserialize, JsonSchema, Validate)]
struct Revision {
    #[garde(length(chars, min = 1, max = 200))]
    title: Option<String>,
    #[garde(length(chars, max = 1000))]
    description: Option<String>,
    #[garde(length(min = 1, max = 200_000))]
    body: Option<String>,
}

/// Changes one's article.
///
/// With a new title it gets a new slug.
#[put("/api/articles/{slug}", tag = "Articles")]
#[errors(NotFound, Forbidden)]
async fn revise(
    Path(slug): Path<String>,
    author: SignedIn<User>,
    db: Inject<Db>,
    random: Inject<dyn Random>,
    Valid(Json(Revise { article: revision })): Valid<Json<Revise>>,
) -> Result<Json<SingleArticle>> {
    let mut article = own(slug, &author, &db).await?;
    let edited = article.edit(
        |article| {
            if let Some(title) = revision.title.filter(|title| *title != article.title) {
                article.slug = slug::from_title(&title, &*random);
                article.title = title;
            }
            article.description = revision.description.unwrap_or_else(|| article.description.clone());
            article.body = revision.body.unwrap_or_else(|| article.body.clone());
        },
        &db,
    );
    edited.await?;
    let query = Article::filter(|one| one.id.eq(article.id));
    SingleArticle::of(query, Reader::of(Some(author)), &db).await.map(Json)
}

/// Removes one's article, with the comments to it.
///
/// Moderators remove those of others too.
#[delete("/api/articles/{slug}", tag = "Articles")]
#[errors(NotFound, Forbidden)]
async fn remove(
    Path(slug): Path<String>,
    author: SignedIn<User>,
    who: Principal,
    db: Inject<Db>,
) -> Result<NoContent> {
    let article = if who.may("articles.delete") {
        Article::filter(|article| article.slug.eq(slug)).first_or_404(&db).await?
    } else {
        own(slug, &author, &db).await?
    };
    article.delete(&db).await?;
    Ok(NoContent)
}

/// The article, if it is this author's.
async fn own(slug: String, author: &User, db: &Db) -> Result<Article> {
    let article = Article::filter(|article| article.slug.eq(slug)).first_or_404(db).await?;
    if article.author.key() == author.key() {
        Ok(article)
    } else {
        Err(Error::forbidden("The article is somebody else's."))
    }
}

pub(super) fn routes() -> Routes {
    routes![publish, revise, remove].middleware(RequireScope::new(WRITE_ARTICLES))
}
