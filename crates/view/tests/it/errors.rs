//! Error pages of one's own.

use mainstay_core::{App, Error, Profile, Result};
use mainstay_http::{RoutesExt, get, routes};
use mainstay_test::{TestApp, TestResponse};
use mainstay_view::{ViewFolder, ViewsExt};

const VIEWS: ViewFolder = ViewFolder::embedded(
    "/nowhere",
    &[
        ("errors/404.html", "lost: {{ message }} at {{ request.path }}"),
        ("errors/4xx.html", "{{ status }} {{ reason }}"),
        ("errors/5xx.html", "sorry, {{ request.id }}"),
        ("errors/503.html", "{{ no_such_thing }}"),
    ],
);

/// It fails.
#[get("/broken", hidden)]
async fn broken() -> Result<&'static str> {
    Err(Error::internal("the <secret>"))
}

/// It is busy.
#[get("/busy", hidden)]
async fn busy() -> Result<&'static str> {
    Err(Error::unavailable("Come back later."))
}

fn app() -> App {
    App::new().views(VIEWS).routes(routes![broken, busy])
}

async fn ask(app: &TestApp, path: &str, accept: &str) -> TestResponse {
    app.client().get(path).header("accept", accept).send().await
}

#[tokio::test]
async fn people_see_the_pages_of_the_application() {
    for profile in [Profile::Production, Profile::Test] {
        let app = TestApp::of(app()).profile(profile).start().await;
        let lost = ask(&app, "/%3Cnowhere%3E", "text/html").await;
        lost.assert_status(404).assert_header("content-type", "text/html; charset=utf-8");
        lost.assert_text_contains("lost: ").assert_text_contains(" at &#x2f;%3Cnowhere%3E");
        app.client()
            .post("/broken")
            .header("accept", "text/html")
            .send()
            .await
            .assert_text("405 Method Not Allowed");
        let broken = ask(&app, "/broken", "text/html").await;
        broken.assert_text(&format!("sorry, {}", broken.header("x-request-id").unwrap()));
    }
}

#[tokio::test]
async fn programs_and_developers_get_what_helps_them() {
    let app = TestApp::of(app()).profile(Profile::Development).start().await;
    ask(&app, "/nowhere", "application/json").await.assert_problem(404, "not_found");
    ask(&app, "/nowhere", "text/html").await.assert_text_contains("lost: ");
    ask(&app, "/broken", "text/html").await.assert_text_contains("the &lt;secret&gt;");
}

#[tokio::test]
async fn a_page_that_fails_itself_is_replaced() {
    let app = TestApp::of(app()).profile(Profile::Production).start().await;
    let busy = ask(&app, "/busy", "text/html").await;
    busy.assert_status(503).assert_text_contains("Come back later.").assert_text_contains("<!doctype html>");
}
