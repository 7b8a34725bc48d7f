//! How errors are written, for programs and for people.

use http::{HeaderValue, Method, StatusCode};
use mainstay_core::error::Context;
use mainstay_core::{App, Contribute, Error, Fault, Profile, Result};
use mainstay_http::render::{ErrorRenderer, Rendered};
use mainstay_http::{Route, RoutesExt};

use crate::calling::{Answer, caller, caller_in};

const HTML: [(&str, &str); 1] = [("accept", "text/html,application/xhtml+xml,*/*;q=0.8")];

async fn missing() -> Result<&'static str> {
    Err(Error::not_found("No article is called <x>.").code("article_not_found"))
}

async fn invalid() -> Result<&'static str> {
    Err(Error::invalid(vec![Fault::new("/title", "required", "It is required.")]))
}

async fn broken() -> Result<&'static str> {
    std::fs::read_to_string("/nowhere/secret.txt").context("reading the <secret> report")?;
    Ok("")
}

async fn panics() -> &'static str {
    panic!("the <roof> is on fire")
}

fn app() -> App {
    App::new()
        .route(Route::new(Method::GET, "/missing", missing))
        .route(Route::new(Method::GET, "/invalid", invalid))
        .route(Route::new(Method::GET, "/broken", broken))
        .route(Route::new(Method::GET, "/panics", panics))
        .route(Route::new(Method::GET, "/foreign", async || (StatusCode::BAD_REQUEST, "plain text")))
}

/// The body with what differs each time taken out.
fn stable(answer: &Answer) -> serde_json::Value {
    let mut body = answer.json();
    assert_eq!(body["request_id"], answer.header("x-request-id"));
    body["request_id"] = "ID".into();
    body
}

#[tokio::test]
async fn programs_get_problem_details() {
    let caller = caller(app()).await;
    let missing = caller.get("/missing").await;
    assert_eq!(missing.header("content-type"), "application/problem+json");
    assert_eq!(missing.header("vary"), "accept");
    insta::assert_json_snapshot!("not_found", stable(&missing));
    insta::assert_json_snapshot!("validation", stable(&caller.get("/invalid").await));
    insta::assert_json_snapshot!("internal", stable(&caller.get("/broken").await));
    insta::assert_json_snapshot!("no_route", stable(&caller.get("/nowhere").await));
    insta::assert_json_snapshot!("wrong_method", stable(&caller.ask("POST", "/missing", &[]).await));
}

#[tokio::test]
async fn people_get_a_page_without_internals() {
    for profile in [Profile::Production, Profile::Test, Profile::named("staging")] {
        let caller = caller_in(profile, app()).await;
        for path in ["/broken", "/panics"] {
            let page = caller.ask("GET", path, &HTML).await;
            assert_eq!(page.status, 500);
            assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
            assert_eq!(page.header("cache-control"), "no-store");
            for inside in ["secret", "No such file", "roof", ".rs", "handler"] {
                assert!(!page.body.contains(inside), "{inside} in {}", page.body);
            }
            assert!(page.body.contains(page.header("x-request-id")));
        }
        let missing = caller.ask("GET", "/missing", &HTML).await;
        assert!(missing.body.contains("No article is called &lt;x&gt;."), "{}", missing.body);
    }
}

#[tokio::test]
async fn a_page_is_styled_under_our_own_policy() {
    let caller = caller(app()).await;
    let page = caller.ask("GET", "/missing", &HTML).await;
    let nonce = page.body.split("nonce=\"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(nonce.len(), 32);
    assert!(page.header("content-security-policy").contains(&format!("'nonce-{nonce}'")));
}

#[tokio::test]
async fn developers_see_what_went_wrong_and_where() {
    let caller = caller_in(Profile::Development, app()).await;
    let headers =
        [HTML[0], ("cookie", "session=s3cret"), ("authorization", "Bearer s3cret"), ("x-shown", "<b>")];
    let page = caller.ask("GET", "/broken?q=1", &headers).await;
    for part in [
        "No such file",
        "reading the &lt;secret&gt; report",
        "errors.rs:",
        "std::fs::read_to_string(",
        "GET /broken?q=1",
        "&lt;b&gt;",
        "broken (",
    ] {
        assert!(page.body.contains(part), "{part} in {}", page.body);
    }
    assert!(!page.body.contains("s3cret"), "{}", page.body);
    let marked = page.body.split("<mark>").nth(1).unwrap();
    assert!(marked.split("</mark>").next().unwrap().contains("reading the &lt;secret&gt; report"));
}

#[tokio::test]
async fn developers_see_where_it_panicked() {
    let caller = caller_in(Profile::Development, app()).await;
    let page = caller.ask("GET", "/panics", &HTML).await;
    assert!(page.body.contains("the &lt;roof&gt; is on fire"));
    let marked = page.body.split("<mark>").nth(1).unwrap();
    assert!(
        marked.split("</mark>").next().unwrap().contains("panic!(&quot;the &lt;roof&gt;"),
        "{}",
        page.body
    );
    // A program is told no more than elsewhere.
    assert!(!caller.get("/panics").await.body.contains("roof"));
}

#[tokio::test]
async fn a_body_that_is_there_is_left_alone() {
    let answer = caller(app()).await.get("/foreign").await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (400, "plain text"));
}

#[tokio::test]
async fn errors_may_have_a_shape_of_their_own() {
    let renderer = ErrorRenderer::new(|error, exchange| {
        if exchange.uri().query() == Some("usual") {
            return None;
        }
        let body = format!(r#"{{"errors":{{"body":["{}"]}}}}"#, error.machine_code());
        Some(Rendered { content_type: HeaderValue::from_static("application/json"), body: body.into_bytes() })
    });
    let caller = caller(app().contribute(renderer.below("/missing/").except("/missing/usual"))).await;
    let own = caller.get("/missing").await;
    assert_eq!(own.body, r#"{"errors":{"body":["article_not_found"]}}"#);
    assert_eq!((own.status.as_u16(), own.header("content-type")), (404, "application/json"));
    for usual in ["/missing?usual", "/missing/usual", "/missing/usual/too", "/missing-too", "/invalid"] {
        assert_eq!(caller.get(usual).await.header("content-type"), "application/problem+json", "{usual}");
    }
    assert_eq!(caller.get("/missing/too").await.header("content-type"), "application/json");
}

#[tokio::test]
async fn developers_who_are_lost_see_what_there_is() {
    let page = caller_in(Profile::Development, app()).await.ask("GET", "/nowhere", &HTML).await;
    assert_eq!(page.status, 404);
    for part in ["/missing", "errors.rs:", "missing ("] {
        assert!(page.body.contains(part), "{part} in {}", page.body);
    }
    let other = caller_in(Profile::Production, app()).await.ask("GET", "/nowhere", &HTML).await;
    assert!(!other.body.contains("/missing"), "{}", other.body);
}
