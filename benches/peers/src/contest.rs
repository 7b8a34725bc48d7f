//! The database tests over HTTP: one set of routes on axum for every way to reach the rows.
//!
//! A program that is measured implements [`Contest`] with the library that it stands for, and calls [`serve`].

use axum::{
    Json, Router,
    extract::{RawQuery, State},
    response::Html,
    routing::get,
    serve::ListenerExt,
};
use http::StatusCode;

use crate::{
    blog::{Note, Post},
    rows::{Row, fortune_page, random_id, wanted},
};

/// Whatever went wrong.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
/// What a test reads or writes.
pub type Outcome<T> = Result<T, Failure>;
type Answer<T> = Result<T, StatusCode>;

/// A way to reach the rows.
pub trait Contest: Clone + Send + Sync + 'static {
    /// One world.
    fn world(&self, id: i64) -> impl Future<Output = Outcome<Row>> + Send;
    /// So many random worlds, each by a query of its own.
    fn worlds(&self, number: usize) -> impl Future<Output = Outcome<Vec<Row>>> + Send;
    /// Writes the numbers of these worlds, each by a statement of its own.
    fn update(&self, worlds: &[Row]) -> impl Future<Output = Outcome<()>> + Send;
    /// All fortunes.
    fn fortunes(&self) -> impl Future<Output = Outcome<Vec<(i64, String)>>> + Send;
    /// Writes a note, and reads it back as it is stored.
    fn insert(&self) -> impl Future<Output = Outcome<Note>> + Send;
    /// Writes [`BULK`](crate::blog::BULK) notes at once. Returns how many.
    fn insert_many(&self) -> impl Future<Output = Outcome<i64>> + Send;
    /// The newest posts with their authors and comments.
    fn posts(&self) -> impl Future<Output = Outcome<Vec<Post>>> + Send;
    /// The posts after the first page of the newest, found by time and key.
    fn page(&self) -> impl Future<Output = Outcome<Vec<Post>>> + Send;
}

/// Serves the tests on the port in `PORT`.
///
/// # Errors
///
/// When it cannot listen.
pub async fn serve(database: impl Contest) -> Outcome<()> {
    let listener = crate::listen().await?.tap_io(|stream| {
        let _delayed_at_worst = stream.set_nodelay(true);
    });
    axum::serve(listener, router(database)).await?;
    Ok(())
}

fn router<D: Contest>(database: D) -> Router {
    Router::new()
        .route("/db", get(db::<D>))
        .route("/queries", get(queries::<D>))
        .route("/updates", get(updates::<D>))
        .route("/fortunes", get(fortunes::<D>))
        .route("/insert", get(insert::<D>))
        .route("/bulk", get(bulk::<D>))
        .route("/posts", get(posts::<D>))
        .route("/page", get(page::<D>))
        .with_state(database)
}

async fn db<D: Contest>(State(database): State<D>) -> Answer<Json<Row>> {
    database.world(random_id()).await.map(Json).map_err(failed)
}

async fn queries<D: Contest>(State(database): State<D>, query: RawQuery) -> Answer<Json<Vec<Row>>> {
    database.worlds(wanted(query.0.as_deref())).await.map(Json).map_err(failed)
}

async fn updates<D: Contest>(State(database): State<D>, query: RawQuery) -> Answer<Json<Vec<Row>>> {
    let mut worlds = database.worlds(wanted(query.0.as_deref())).await.map_err(failed)?;
    for world in &mut worlds {
        world.random_number = random_id();
    }
    // In one order, so that two requests do not wait for each other.
    worlds.sort_by_key(|world| world.id);
    database.update(&worlds).await.map_err(failed)?;
    Ok(Json(worlds))
}

async fn fortunes<D: Contest>(State(database): State<D>) -> Answer<Html<String>> {
    database.fortunes().await.map(|fortunes| Html(fortune_page(fortunes))).map_err(failed)
}

async fn insert<D: Contest>(State(database): State<D>) -> Answer<Json<Note>> {
    database.insert().await.map(Json).map_err(failed)
}

async fn bulk<D: Contest>(State(database): State<D>) -> Answer<String> {
    database.insert_many().await.map(|rows| rows.to_string()).map_err(failed)
}

async fn posts<D: Contest>(State(database): State<D>) -> Answer<Json<Vec<Post>>> {
    database.posts().await.map(Json).map_err(failed)
}

async fn page<D: Contest>(State(database): State<D>) -> Answer<Json<Vec<Post>>> {
    database.page().await.map(Json).map_err(failed)
}

fn failed(error: Failure) -> StatusCode {
    tracing::error!(%error, "a query failed");
    StatusCode::INTERNAL_SERVER_ERROR
}
