//! The application that the tests beside it start, and mistreat.
//!
//! `E2E_FAULTS` builds faults into it: `routes` (two in conflict), `provider` (one that is missing), `secret` (something
//! that needs one).

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mainstay::prelude::*;
use serde::{Deserialize, Serialize};

/// How many requests for `/work/…` have reached their handler.
#[derive(Default)]
struct Tally(AtomicUsize);

#[get("/")]
async fn hello() -> &'static str {
    "hello"
}

/// Takes so many milliseconds.
#[get("/work/{millis}")]
async fn work(Path(millis): Path<u64>, tally: Inject<Tally>) -> &'static str {
    tally.0.fetch_add(1, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(millis)).await;
    "done"
}

/// Never ends.
#[get("/never")]
async fn never() -> &'static str {
    std::future::pending().await
}

#[get("/panic")]
async fn panics() -> &'static str {
    panic!("the recipe is secret")
}

#[get("/broken")]
async fn broken() -> Result<&'static str> {
    Err(Error::internal("the password of the database is secret"))
}

#[get("/names/{name}")]
async fn name(Path(name): Path<String>) -> String {
    name
}

#[derive(Serialize, Deserialize)]
struct Note {
    title: String,
    stars: u8,
}

#[post("/notes")]
async fn echo(Json(note): Json<Note>) -> Json<Note> {
    Json(note)
}

#[post("/bytes")]
async fn bytes(RawBody(body): RawBody) -> String {
    body.len().to_string()
}

/// Adds up the sizes of all files.
#[post("/upload")]
async fn upload(mut form: Multipart) -> Result<String> {
    let mut size = 0;
    while let Some(field) = form.next_field().await? {
        size += field.bytes().await?.len();
    }
    Ok(size.to_string())
}

/// Never ends, as fast as it is read.
#[get("/stream")]
async fn stream() -> Body {
    let piece = Bytes::from_static(&[b'x'; 16 * 1024]);
    Body::from_stream(futures_util::stream::repeat_with(move || Ok::<_, Infallible>(piece.clone())))
}

#[get("/same/{one}")]
async fn same() -> &'static str {
    ""
}

#[get("/same/{other}")]
async fn same_again() -> &'static str {
    ""
}

/// Provided by nobody.
struct Nowhere;

#[get("/needy")]
async fn needy(_: Inject<Nowhere>) -> &'static str {
    ""
}

#[get("/sealed")]
async fn sealed(keys: Inject<Keys>) -> String {
    keys.sign("e2e", b"it", None)
}

async fn tell(tally: Inject<Tally>) -> Result<()> {
    tracing::info!(handled = tally.0.load(Ordering::SeqCst), "tally");
    Ok(())
}

#[mainstay::main]
fn app() -> App {
    let faults = std::env::var("E2E_FAULTS").unwrap_or_default();
    let with = |fault: &str, routes: Routes| if faults.contains(fault) { routes } else { Routes::new() };
    App::new()
        .provide(Tally::default)
        .hook(Hook::on_stop("tell", tell))
        .routes(routes![hello, work, never, panics, broken, name, echo, bytes, upload, stream])
        .routes(with("routes", routes![same, same_again]))
        .routes(with("provider", routes![needy]))
        .routes(with("secret", routes![sealed]))
}
