//! The TechEmpower database tests by hand: axum, rusqlite, and threads as the model layer has them.
//!
//! [`database`] has the reader threads and the group-committing writer, with the same durability (WAL,
//! `synchronous=FULL`). A statement is one visit to a thread, as in the model layer, which knows nothing of the
//! statement after it; with `VISITS=request` the statements of a request share one visit, which is what somebody who
//! writes everything by hand would do in the end.

mod database;

use std::fmt::Write;

use axum::{
    Json, Router,
    extract::{RawQuery, State},
    response::Html,
    routing::get,
    serve::ListenerExt,
};
use database::{Database, World};
use http::StatusCode;
use serde::Serialize;

/// Whatever goes wrong is a 500: this is a bench.
type Answer<T> = Result<T, StatusCode>;

#[tokio::main]
async fn main() -> Result<(), database::Failure> {
    let database = Database::open(&std::env::var("DATABASE_URL")?)?;
    let app = Router::new()
        .route("/db", get(db))
        .route("/queries", get(queries))
        .route("/updates", get(updates))
        .route("/fortunes", get(fortunes))
        .with_state(database);
    let listener = peers::listen().await?.tap_io(|stream| {
        let _delayed_at_worst = stream.set_nodelay(true);
    });
    axum::serve(listener, app).await?;
    Ok(())
}

/// The JSON of a row.
#[derive(Serialize)]
struct Row {
    id: i64,
    #[serde(rename = "randomNumber")]
    random_number: i64,
}

impl From<World> for Row {
    fn from(World { id, random_number }: World) -> Self {
        Self { id, random_number }
    }
}

async fn db(State(database): State<Database>) -> Answer<Json<Row>> {
    Ok(Json(database.world(random()).await.map_err(failed)?.into()))
}

async fn queries(State(database): State<Database>, RawQuery(query): RawQuery) -> Answer<Json<Vec<Row>>> {
    let ids = (0..count(query.as_deref())).map(|_| random()).collect();
    let worlds = database.worlds(ids).await.map_err(failed)?;
    Ok(Json(worlds.into_iter().map(Row::from).collect()))
}

async fn updates(State(database): State<Database>, RawQuery(query): RawQuery) -> Answer<Json<Vec<Row>>> {
    let ids = (0..count(query.as_deref())).map(|_| random()).collect();
    let mut worlds = database.worlds(ids).await.map_err(failed)?;
    for world in &mut worlds {
        world.random_number = random();
    }
    database.update(worlds.clone()).await.map_err(failed)?;
    Ok(Json(worlds.into_iter().map(Row::from).collect()))
}

async fn fortunes(State(database): State<Database>) -> Answer<Html<String>> {
    let mut fortunes = database.fortunes().await.map_err(failed)?;
    fortunes.push((0, "Additional fortune added at request time.".to_owned()));
    fortunes.sort_by(|one, other| one.1.cmp(&other.1));
    let mut page = String::with_capacity(2048);
    page += "<!DOCTYPE html><html><head><title>Fortunes</title></head><body><table>";
    page += "<tr><th>id</th><th>message</th></tr>";
    for (id, message) in &fortunes {
        let _infallible = write!(page, "<tr><td>{id}</td><td>");
        escape(message, &mut page);
        page += "</td></tr>";
    }
    page += "</table></body></html>";
    Ok(Html(page))
}

fn escape(text: &str, page: &mut String) {
    for character in text.chars() {
        match character {
            '&' => *page += "&amp;",
            '<' => *page += "&lt;",
            '>' => *page += "&gt;",
            '"' => *page += "&quot;",
            '\'' => *page += "&#39;",
            other => page.push(other),
        }
    }
}

/// `queries=N`, between 1 and 500; 1 when it is no number.
fn count(query: Option<&str>) -> usize {
    let value = query.unwrap_or("").split('&').find_map(|pair| pair.strip_prefix("queries="));
    value.and_then(|value| value.parse().ok()).unwrap_or(1).clamp(1, 500)
}

fn random() -> i64 {
    i64::from(peers::random(10_000)) + 1
}

fn failed(error: database::Failure) -> StatusCode {
    tracing::error!(%error, "a query failed");
    StatusCode::INTERNAL_SERVER_ERROR
}
