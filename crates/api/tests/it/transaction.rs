//! A transaction for a request.

use std::sync::Mutex;
use std::time::Duration;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode};
use mainstay_api::transaction::{self, RequestTx, transaction};
use mainstay_core::{App, Error, Inject, Result};
use mainstay_db::{Db, ModelsExt, model, models};
use mainstay_http::{Group, Json, Next, Route, RoutesExt};
use mainstay_test::TestApp;
use serde_json::json;

/// A note.
#[model]
pub struct Note {
    pub id: i64,
    #[field(unique)]
    pub text: String,
}

async fn write(text: &str, tx: &RequestTx) -> Result<Note> {
    NewNote { text: text.into() }.insert(tx).await
}

async fn created(tx: RequestTx) -> Result<StatusCode> {
    write("created", &tx).await?;
    Ok(StatusCode::CREATED)
}

async fn redirected(tx: RequestTx) -> Result<Response> {
    write("redirected", &tx).await?;
    Ok((StatusCode::SEE_OTHER, [("location", "/count")]).into_response())
}

async fn failed(tx: RequestTx) -> Result<()> {
    write("failed", &tx).await?;
    Err(Error::conflict("no"))
}

async fn refused(tx: RequestTx) -> Result<Response> {
    write("refused", &tx).await?;
    Ok(StatusCode::IM_A_TEAPOT.into_response())
}

async fn panicked(tx: RequestTx) -> Result<()> {
    write("panicked", &tx).await?;
    panic!("on purpose")
}

async fn slow(tx: RequestTx) -> Result<()> {
    write("slow", &tx).await?;
    tokio::time::sleep(Duration::from_secs(30)).await;
    Ok(())
}

/// Two extractors, one transaction; the closure form nests in it.
async fn shared(first: RequestTx, second: RequestTx) -> Result<Json<u64>> {
    write("first", &first).await?;
    let inner: Result<()> = second
        .transaction(async |tx| {
            NewNote { text: "undone".into() }.insert(tx).await?;
            Err(Error::conflict("no"))
        })
        .await;
    assert!(inner.is_err());
    Ok(Json(Note::query().count(&second).await?))
}

async fn beside(tx: RequestTx, db: Inject<Db>) -> Result<String> {
    write("inside", &tx).await?;
    let beside = NewNote { text: "beside".into() }.insert(&db).await;
    Ok(beside.err().map_or_else(String::new, |error| error.report()))
}

async fn before(db: Inject<Db>) -> Result<()> {
    NewNote { text: "nobody asked for a transaction".into() }.insert(&db).await?;
    Ok(())
}

static LEAKED: Mutex<Option<RequestTx>> = Mutex::new(None);

async fn leaked(tx: RequestTx) -> Result<()> {
    write("leaked", &tx).await?;
    *LEAKED.lock().unwrap() = Some(tx);
    Ok(())
}

async fn read_only(db: Inject<Db>, request: Request, next: Next) -> Result<Response> {
    transaction::around(db.transactions().read_only(), request, next).await
}

async fn count(db: Inject<Db>) -> Result<Json<u64>> {
    Ok(Json(Note::query().count(&db).await?))
}

fn app() -> App {
    let inside = Group::new("")
        .route(Route::new(Method::POST, "/created", created))
        .route(Route::new(Method::POST, "/redirected", redirected))
        .route(Route::new(Method::POST, "/failed", failed))
        .route(Route::new(Method::POST, "/refused", refused))
        .route(Route::new(Method::POST, "/panicked", panicked))
        .route(Route::new(Method::POST, "/slow", slow))
        .route(Route::new(Method::POST, "/shared", shared))
        .route(Route::new(Method::POST, "/beside", beside))
        .route(Route::new(Method::POST, "/before", before))
        .route(Route::new(Method::POST, "/leaked", leaked))
        .middleware(transaction);
    let reading =
        Group::new("/reading").route(Route::new(Method::POST, "/created", created)).middleware(read_only);
    App::new()
        .models(models![Note])
        .group(inside)
        .group(reading)
        .route(Route::new(Method::POST, "/without", created))
        .route(Route::new(Method::GET, "/count", count))
}

async fn notes(app: &TestApp) -> Vec<String> {
    let db = app.inject::<Db>().await;
    Note::query().order_by(|n| n.id).all(&db).await.unwrap().into_iter().map(|note| note.text).collect()
}

#[tokio::test]
async fn commits_when_the_answer_is_a_success() {
    let app = TestApp::start(app()).await;
    app.post("/created").send().await.assert_status(201);
    app.post("/redirected").send().await.assert_status(303);
    app.get("/count").send().await.assert_json(json!(2));
}

#[tokio::test]
async fn rolls_back_when_it_is_not() {
    let app = TestApp::of(app()).set("http.timeout", "200ms").start().await;
    app.post("/failed").send().await.assert_status(409);
    app.post("/refused").send().await.assert_status(418);
    app.post("/panicked").send().await.assert_status(500);
    app.post("/slow").send().await.assert_status(503);
    // The writer is free again at once.
    app.post("/created").send().await.assert_status(201);
    assert_eq!(notes(&app).await, ["created"]);
}

#[tokio::test]
async fn a_failing_commit_is_the_answer() {
    let app = TestApp::start(app()).await;
    app.post("/leaked").send().await.assert_status(500);
    LEAKED.lock().unwrap().take();
    app.post("/created").send().await.assert_status(201);
    assert_eq!(notes(&app).await, ["created"]);
}

#[tokio::test]
async fn everybody_in_the_request_has_the_same_one() {
    let app = TestApp::start(app()).await;
    app.post("/shared").send().await.assert_status(200).assert_json(json!(1));
    assert_eq!(notes(&app).await, ["first"]);
}

#[tokio::test]
async fn a_write_beside_it_does_not_hang() {
    let app = TestApp::start(app()).await;
    let answer = app.post("/beside").send().await;
    assert!(answer.text().contains("pass `tx`"), "{answer:?}");
    app.post("/before").send().await.assert_success();
    assert_eq!(notes(&app).await.len(), 2);
}

#[tokio::test]
async fn may_be_of_another_kind() {
    let app = TestApp::start(app()).await;
    app.post("/reading/created").send().await.assert_status(500);
    app.get("/count").send().await.assert_json(json!(0));
}

#[tokio::test]
async fn says_where_the_middleware_is_missing() {
    let app = TestApp::start(app()).await;
    app.post("/without").send().await.assert_status(500);
    app.get("/count").send().await.assert_json(json!(0));
}
