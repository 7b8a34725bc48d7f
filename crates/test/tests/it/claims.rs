//! What a claim says when it fails.

use std::panic::{AssertUnwindSafe, catch_unwind};

use http::Method;
use mainstay_core::App;
use mainstay_http::{Json, Route, RoutesExt};
use mainstay_test::{TestApp, TestResponse};
use serde_json::json;

async fn response() -> TestResponse {
    let body = json!({ "article": { "slug": "hello", "tags": ["a", "b"] }, "page": 1 });
    let app = App::new().route(Route::new(Method::GET, "/it", async move || Json(body)));
    TestApp::start(app).await.get("/it?x=1").send().await
}

/// What the panic of a claim that fails says.
fn failure(claim: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(claim)).expect_err("the claim held");
    *panic.downcast::<String>().unwrap()
}

#[tokio::test]
async fn a_failure_shows_the_whole_response() {
    let response = response().await;
    let text = failure(|| {
        response.assert_status(404);
    });
    let shown = [
        "expected status 404",
        "GET /it?x=1 (sent at ",
        "claims.rs",
        "200 OK",
        "content-type: application/json",
        "\n    \"slug\": \"hello\"",
    ];
    for shown in shown {
        assert!(text.contains(shown), "no {shown:?} in:\n{text}");
    }
}

#[tokio::test]
async fn a_failure_shows_where_json_differs() {
    let response = response().await;
    let text = failure(|| {
        response.assert_json(json!({ "article": { "slug": "bye", "tags": ["a", "b"] } }));
    });
    assert!(text.contains("/article/slug: expected \"bye\", found \"hello\""), "{text}");
    assert!(text.contains("/page: not expected, and it is 1"), "{text}");
    let text = failure(|| {
        response.json::<Vec<u8>>();
    });
    assert!(text.contains("the body is no `alloc::vec::Vec<u8>`"), "{text}");
}

#[tokio::test]
async fn what_holds_can_be_chained() {
    let response = response().await;
    response
        .assert_success()
        .assert_json_contains(json!({ "article": { "slug": "hello" } }))
        .assert_json_at("/article/tags/1", json!("b"))
        .assert_no_header("x-nothing")
        .assert_text_contains("hello");
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn what_does_not_hold_fails() {
    let response = response().await;
    let claims: [&dyn Fn(&TestResponse); 8] = [
        &|it| _ = it.assert_header("content-type", "text/html"),
        &|it| _ = it.assert_no_header("content-type"),
        &|it| _ = it.assert_redirect("/"),
        &|it| _ = it.assert_text("hello"),
        &|it| _ = it.assert_text_contains("bye"),
        &|it| _ = it.assert_json_contains(json!({ "article": { "tags": ["a"] } })),
        &|it| _ = it.assert_json_at("/nothing", json!(null)),
        &|it| _ = it.assert_problem(200, "none"),
    ];
    for claim in claims {
        failure(|| claim(&response));
    }
}
