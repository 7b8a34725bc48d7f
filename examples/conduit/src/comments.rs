//! Comments: what readers say to an article.

mod model;

use chrono::{DateTime, Utc};
use garde::Validate;
use mainstay::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::articles::{Article, milliseconds};
use crate::profiles::{Profile, Reader};
use crate::users::User;
use crate::users::scopes::{READ_ARTICLES, WRITE_COMMENTS};

pub use model::{Comment, NewComment};

/// A comment.
#[derive(Debug, FromRow, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ShownComment {
    id: i64,
    #[serde(serialize_with = "milliseconds")]
    created_at: DateTime<Utc>,
    #[serde(serialize_with = "milliseconds")]
    updated_at: DateTime<Utc>,
    /// Its text, in Markdown.
    body: String,
    #[db(flatten)]
    author: Profile,
}

#[derive(Debug, Serialize, JsonSchema)]
struct SingleComment {
    comment: ShownComment,
}

#[derive(Debug, Serialize, JsonSchema)]
struct CommentList {
    comments: Vec<ShownComment>,
}

/// Lists the comments to an article, the oldest first.
#[get("/api/articles/{slug}/comments", tag = "Comments")]
#[errors(NotFound)]
async fn list(
    Path(slug): Path<String>,
    reader: Option<SignedIn<User>>,
    db: Inject<Db>,
) -> Result<Json<CommentList>> {
    let reader = Reader::of(reader);
    let article = Article::filter(|article| article.slug.eq(slug)).first_or_404(&db).await?;
    let comments = Comment::filter(|comment| comment.article.eq(&article))
        .order_by(|comment| comment.id)
        .select(|comment| ShownCommentColumns {
            id: comment.id,
            created_at: comment.created_at,
            updated_at: comment.updated_at,
            body: comment.body,
            author: comment.author.select(|author| Profile::columns(author, reader)),
        })
        .all(&db)
        .await?;
    Ok(Json(CommentList { comments }))
}

/// What somebody says.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
struct Say {
    #[garde(dive)]
    comment: Said,
}

#[derive(Debug, Deserialize, JsonSchema, Validate)]
struct Said {
    #[garde(length(min = 1, max = 20_000))]
    body: String,
}

/// Says something to an article.
#[post("/api/articles/{slug}/comments", tag = "Comments")]
#[errors(NotFound)]
async fn say(
    Path(slug): Path<String>,
    SignedIn(author): SignedIn<User>,
    db: Inject<Db>,
    Valid(Json(Say { comment: Said { body } })): Valid<Json<Say>>,
) -> Result<Json<SingleComment>> {
    let article = Article::filter(|article| article.slug.eq(slug)).first_or_404(&db).await?;
    let new = NewComment { body, article: article.key(), author: author.key() };
    let Comment { id, created_at, updated_at, body, .. } = new.insert(&db).await?;
    // Nobody follows themselves.
    let author = Profile::new(author, false);
    Ok(Json(SingleComment { comment: ShownComment { id, created_at, updated_at, body, author } }))
}

/// Takes one's comment back.
///
/// Moderators remove those of others too.
#[delete("/api/articles/{slug}/comments/{id}", tag = "Comments")]
#[errors(NotFound, Forbidden)]
async fn take_back(
    Path((slug, id)): Path<(String, i64)>,
    SignedIn(author): SignedIn<User>,
    who: Principal,
    db: Inject<Db>,
) -> Result<NoContent> {
    let comment = Comment::filter(|comment| comment.id.eq(id))
        .filter(|comment| comment.article.is(|article| article.slug.eq(slug)))
        .first_or_404(&db)
        .await?;
    if comment.author.key() != author.key() && !who.may("comments.delete") {
        return Err(Error::forbidden("The comment is somebody else's."));
    }
    comment.delete(&db).await?;
    Ok(NoContent)
}

/// Comments.
pub fn module() -> Module {
    Module::new("comments")
        .models(models![Comment])
        .routes(routes![list].middleware(RequireScope::new(READ_ARTICLES)))
        .routes(routes![say, take_back].middleware(RequireScope::new(WRITE_COMMENTS)))
}
