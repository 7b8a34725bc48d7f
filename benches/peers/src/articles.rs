//! Conduit's articles over HTTP by hand: a list, one article, and publishing. The JSON is that of the example.
//!
//! A program that is measured implements [`Articles`] with the driver that it stands for, and calls [`serve`]. The statements are
//! those of `benches/api/sql`, which the peers in other languages run as well. Who asks, says the header `Authorization: Token …`
//! ([`token`]): the signature is checked, and then that there still is such a user.

mod token;

use axum::{
    Json, Router,
    extract::{FromRequestParts, Path, Query, State, rejection::JsonRejection},
    response::{IntoResponse, Response},
    routing::get,
    serve::ListenerExt,
};
use chrono::{DateTime, SecondsFormat, Utc};
use http::{StatusCode, header, request::Parts};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::json;

use crate::contest::{Failure, Outcome};

/// A way to reach articles.
pub trait Articles: Clone + Send + Sync + 'static {
    /// The user of this number.
    fn user(&self, id: i64) -> impl Future<Output = Outcome<Option<User>>> + Send;
    /// Articles for a reader, the newest first, and how many there are.
    fn list(&self, reader: i64, part: Part) -> impl Future<Output = Outcome<(Vec<Article>, i64)>> + Send;
    /// One article for a reader.
    fn article(&self, reader: i64, slug: String) -> impl Future<Output = Outcome<Option<Article>>> + Send;
    /// Writes an article, with the tags that do not exist yet.
    fn publish(&self, new: New) -> impl Future<Output = Outcome<()>> + Send;
}

/// Which articles of a list.
#[derive(Clone, Copy, Deserialize)]
pub struct Part {
    /// How many.
    #[serde(default = "usual_limit")]
    pub limit: i64,
    /// How many come before.
    #[serde(default)]
    pub offset: i64,
}

const fn usual_limit() -> i64 {
    20
}

/// Who asks.
pub struct User {
    /// Its key.
    pub id: i64,
    /// Its name.
    pub username: String,
    /// What it says of itself.
    pub bio: String,
    /// The address of a picture.
    pub image: String,
}

/// An article as it is shown; its body only where it is shown alone.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Article {
    /// What its address ends with.
    pub slug: String,
    /// Its title.
    pub title: String,
    /// What it is about.
    pub description: String,
    /// Its tags, in alphabetical order.
    pub tag_list: Vec<String>,
    /// When it was published.
    #[serde(serialize_with = "milliseconds")]
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    #[serde(serialize_with = "milliseconds")]
    pub updated_at: DateTime<Utc>,
    /// Whether it is among the reader's favorites.
    pub favorited: bool,
    /// How many have it among their favorites.
    pub favorites_count: i64,
    /// Who wrote it.
    pub author: Profile,
    /// Its text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

/// What others see of a user.
#[derive(Serialize)]
pub struct Profile {
    /// Its name.
    pub username: String,
    /// What it says of itself.
    pub bio: String,
    /// The address of a picture.
    pub image: String,
    /// Whether the reader follows it.
    pub following: bool,
}

/// An article to be written.
#[derive(Clone)]
pub struct New {
    /// What its address ends with.
    pub slug: String,
    /// What it says.
    pub draft: Draft,
    /// Who writes it.
    pub author: i64,
    /// When.
    pub at: DateTime<Utc>,
}

/// What an author sends.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Draft {
    /// Its title.
    pub title: String,
    /// What it is about.
    pub description: String,
    /// Its text.
    pub body: String,
    /// What it is about, in words.
    #[serde(default)]
    pub tag_list: Vec<String>,
}

#[derive(Deserialize)]
struct Publish {
    article: Draft,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List {
    articles: Vec<Article>,
    articles_count: i64,
}

#[derive(Serialize)]
struct Single {
    article: Article,
}

/// Serves them on the port in `PORT`.
///
/// # Errors
///
/// When it cannot listen.
pub async fn serve(articles: impl Articles) -> Outcome<()> {
    let listener = crate::listen().await?.tap_io(|stream| {
        let _delayed_at_worst = stream.set_nodelay(true);
    });
    axum::serve(listener, router(articles)).await?;
    Ok(())
}

fn router<A: Articles>(articles: A) -> Router {
    Router::new()
        .route("/api/articles", get(list::<A>).post(publish::<A>))
        .route("/api/articles/{slug}", get(show::<A>))
        .with_state(articles)
}

async fn list<A: Articles>(
    reader: Option<User>,
    Query(part): Query<Part>,
    State(articles): State<A>,
) -> Result<Json<List>, Refusal> {
    if !(1..=100).contains(&part.limit) || part.offset < 0 {
        return Err(Refusal::unprocessable("limit must be between 1 and 100"));
    }
    let (articles, articles_count) = articles.list(reader.map_or(0, |reader| reader.id), part).await?;
    Ok(Json(List { articles, articles_count }))
}

async fn show<A: Articles>(
    reader: Option<User>,
    Path(slug): Path<String>,
    State(articles): State<A>,
) -> Result<Json<Single>, Refusal> {
    match articles.article(reader.map_or(0, |reader| reader.id), slug).await? {
        Some(article) => Ok(Json(Single { article })),
        None => Err(Refusal(StatusCode::NOT_FOUND, "there is no such article")),
    }
}

async fn publish<A: Articles>(
    author: User,
    State(articles): State<A>,
    body: Result<Json<Publish>, JsonRejection>,
) -> Result<Response, Refusal> {
    let Json(Publish { article: mut draft }) =
        body.map_err(|_| Refusal::unprocessable("the body is no article"))?;
    check(&draft)?;
    draft.tag_list.sort_unstable();
    draft.tag_list.dedup();
    let (slug, at) = (slug(&draft.title), Utc::now());
    let new = New { slug: slug.clone(), draft: draft.clone(), author: author.id, at };
    articles.publish(new).await?;
    // All of it is known: nobody has it among their favorites yet, and nobody follows themselves.
    let location = format!("/api/articles/{slug}");
    let User { username, bio, image, .. } = author;
    let article = Article {
        slug,
        title: draft.title,
        description: draft.description,
        tag_list: draft.tag_list,
        created_at: at,
        updated_at: at,
        favorited: false,
        favorites_count: 0,
        author: Profile { username, bio, image, following: false },
        body: Some(draft.body),
    };
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(Single { article })).into_response())
}

fn check(draft: &Draft) -> Result<(), Refusal> {
    if !(1..=200).contains(&draft.title.chars().count()) {
        return Err(Refusal::unprocessable("title must have 1 to 200 characters"));
    }
    if draft.description.chars().count() > 1000 {
        return Err(Refusal::unprocessable("description must have at most 1000 characters"));
    }
    if !(1..=200_000).contains(&draft.body.len()) {
        return Err(Refusal::unprocessable("body must have 1 to 200000 characters"));
    }
    let fits = |tag: &String| (1..=60).contains(&tag.chars().count());
    if draft.tag_list.len() > 20 || !draft.tag_list.iter().all(fits) {
        return Err(Refusal::unprocessable("tagList must have at most 20 tags of 1 to 60 characters"));
    }
    Ok(())
}

/// The title's letters and digits, and twelve random digits.
fn slug(title: &str) -> String {
    let mut slug = String::with_capacity(title.len() + 7);
    for word in title.split(|ch: char| !ch.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
        if slug.len() + word.len() >= 100 {
            break;
        }
        slug.push_str(&word.to_ascii_lowercase());
        slug.push('-');
    }
    slug + &format!("{:06x}{:06x}", crate::random(0x100_0000), crate::random(0x100_0000))
}

fn milliseconds<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true))
}

/// Why something is not done: the status, and a line that says it.
pub struct Refusal(StatusCode, &'static str);

impl Refusal {
    const fn unprocessable(message: &'static str) -> Self {
        Self(StatusCode::UNPROCESSABLE_ENTITY, message)
    }
}

impl From<Failure> for Refusal {
    fn from(error: Failure) -> Self {
        tracing::error!(%error, "a query failed");
        Self(StatusCode::INTERNAL_SERVER_ERROR, "something went wrong")
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "errors": { "body": [self.1] } }))).into_response()
    }
}

const SIGN_IN: Refusal = Refusal(StatusCode::UNAUTHORIZED, "sign in");

/// Who asks, if they say so. A token that is not good is refused wherever it is sent.
async fn reader<A: Articles>(parts: &Parts, articles: &A) -> Result<Option<User>, Refusal> {
    let Some(header) = parts.headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let token = header.to_str().ok().and_then(|text| text.strip_prefix("Token "));
    let id = token.and_then(token::read).ok_or(SIGN_IN)?;
    articles.user(id).await?.ok_or(SIGN_IN).map(Some)
}

impl<A: Articles> FromRequestParts<A> for User {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, articles: &A) -> Result<Self, Refusal> {
        reader(parts, articles).await?.ok_or(SIGN_IN)
    }
}

impl<A: Articles> axum::extract::OptionalFromRequestParts<A> for User {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, articles: &A) -> Result<Option<Self>, Refusal> {
        reader(parts, articles).await
    }
}
