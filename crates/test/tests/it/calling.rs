//! Requests and answers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use mainstay_core::clock::TestClock;
use mainstay_core::{App, Error};
use mainstay_http::extract::{ClientIp, Multipart};
use mainstay_http::respond::{Event, Redirect, SetCookie, Sse};
use mainstay_http::{Cookies, Form, Json, Query, Route, RoutesExt};
use mainstay_test::{TestApp, Upload};
use serde_json::{Value, json};

type Pairs = BTreeMap<String, String>;

fn app() -> App {
    App::new()
        .route(Route::new(Method::GET, "/query", async |Query(query): Query<Pairs>| Json(query)))
        .route(Route::new(Method::POST, "/json", async |Json(body): Json<Value>| Json(body)))
        .route(Route::new(Method::POST, "/form", async |Form(body): Form<Pairs>| Json(body)))
        .route(Route::new(Method::POST, "/upload", upload))
        .route(Route::new(Method::GET, "/agent", async |headers: http::HeaderMap| {
            headers.get("user-agent").map_or(String::new(), |agent| agent.to_str().unwrap().to_owned())
        }))
        .route(Route::new(Method::GET, "/ip", async |ClientIp(ip): ClientIp| ip.to_string()))
        .route(Route::new(Method::GET, "/away", async || Redirect::see_other("/json")))
        .route(Route::new(Method::POST, "/login", async || {
            (SetCookie::new("session", "s1").max_age(Duration::from_secs(60)), "welcome")
        }))
        .route(Route::new(Method::GET, "/who", async |cookies: Cookies| {
            cookies.get("session").unwrap_or("nobody").to_owned()
        }))
        .route(Route::new(Method::GET, "/events", async || {
            let events = (0_u32..).map(|number| Ok::<_, Error>(Event::new(number.to_string())));
            Sse::new(futures_util::stream::iter(events))
        }))
        .route(Route::new(Method::GET, "/panic", async || -> &'static str { panic!("boom") }))
}

async fn upload(mut form: Multipart) -> mainstay_core::Result<Json<Vec<Value>>> {
    let mut fields = Vec::new();
    while let Some(field) = form.next_field().await? {
        let (name, file) = (field.name().to_owned(), field.file_name());
        fields.push(json!([name, file, field.text().await?]));
    }
    Ok(Json(fields))
}

#[tokio::test]
async fn sends_queries_and_bodies() {
    let app = TestApp::start(app()).await;
    let query = app.get("/query?a=1").query(&[("tag", "ü &"), ("page", "2")]).send().await;
    query.assert_status(200).assert_json(json!({ "a": "1", "tag": "ü &", "page": "2" }));
    let body = json!({ "title": "Hello" });
    app.post("/json").json(&body).send().await.assert_json(body);
    app.post("/form").form(&[("a", "b c")]).send().await.assert_json(json!({ "a": "b c" }));
    let upload = Upload::new().text("title", "A cat").file("picture", "c\"at.txt", "text/plain", "meow");
    let fields = json!([["title", null, "A cat"], ["picture", "c%22at.txt", "meow"]]);
    app.post("/upload").upload(upload).send().await.assert_json(fields);
    let refused = app.post("/json").body("text/plain", "{}").send().await;
    refused.assert_status(415).assert_header("content-type", "application/problem+json");
}

#[tokio::test]
async fn a_header_of_the_request_goes_before_one_of_the_client() {
    let app = TestApp::start(app()).await;
    let client = app.client().with_header("user-agent", "client");
    client.get("/agent").send().await.assert_text("client");
    client.get("/agent").header("user-agent", "request").send().await.assert_text("request");
    app.get("/agent").send().await.assert_text("");
    app.get("/ip").send().await.assert_text("127.0.0.1");
    app.client()
        .with_address("203.0.113.9:1".parse().unwrap())
        .get("/ip")
        .send()
        .await
        .assert_text("203.0.113.9");
}

#[tokio::test]
async fn each_client_keeps_its_own_cookies_for_as_long_as_they_last() {
    let clock = Arc::new(TestClock::default());
    let app = TestApp::of(app()).clock(&clock).start().await;
    app.post("/login").send().await.assert_text("welcome");
    assert_eq!(app.cookie("session").as_deref(), Some("s1"));
    app.get("/who").send().await.assert_text("s1");
    app.client().get("/who").send().await.assert_text("nobody");

    clock.advance(Duration::from_secs(61));
    app.get("/who").send().await.assert_text("nobody");

    app.set_cookie("session", "s2");
    app.get("/who").send().await.assert_text("s2");
    app.clear_cookies();
    app.get("/who").send().await.assert_text("nobody");
}

#[tokio::test]
async fn follows_no_redirects_and_gives_the_whole_stack() {
    let app = TestApp::start(app()).await;
    app.get("/away").send().await.assert_redirect("/json");
    let failed = app.get("/panic").send().await;
    failed.assert_problem(500, "internal_server_error").assert_header("x-content-type-options", "nosniff");
    assert!(!failed.text().contains("boom"));
    let head = app.head("/who").send().await;
    head.assert_success().assert_header("content-length", "6").assert_text("");
    app.request(Method::OPTIONS, "/who").send().await.assert_status(204);
}

#[tokio::test]
#[should_panic(expected = "the application has no routes: GET / (sent at ")]
async fn an_application_without_routes_cannot_be_called() {
    TestApp::start(App::new()).await.get("/").send().await;
}

#[tokio::test]
async fn reads_an_endless_answer_piece_by_piece() {
    let app = TestApp::start(app()).await;
    let mut events = app.get("/events").open().await;
    assert_eq!((events.status().as_u16(), events.header("content-type")), (200, Some("text/event-stream")));
    for number in 0..3 {
        assert_eq!(events.event().await, format!("data: {number}"));
    }
    assert_eq!(events.until("3\n").await, "data: 3\n");
    assert!(events.next().await.is_some());
    drop(events);
    app.stop().await;
}
