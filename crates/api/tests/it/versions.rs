//! The documents of an API with versions.

use http::Method;
use mainstay_api::{Api, ApiExt};
use mainstay_core::App;
use mainstay_http::{ApiVersions, Deprecation, Route, RoutesExt, get, routes};
use mainstay_test::TestApp;
use serde_json::{Value, json};

/// Lists as it was.
#[get("/articles", versions = "..=1")]
async fn list_1() -> &'static str {
    "1"
}

/// Lists as it is.
#[get("/articles", versions = "2..")]
async fn list() -> &'static str {
    "2"
}

/// Counts.
#[get("/count")]
async fn count() -> &'static str {
    "3"
}

fn app(versions: ApiVersions) -> App {
    App::new().routes(routes![list_1, list, count]).api_versions(versions).api(Api::new())
}

async fn document(app: &TestApp, query: &str) -> Value {
    app.get(&format!("/openapi.json{query}")).send().await.assert_status(200).json()
}

#[tokio::test]
async fn each_version_has_a_document_of_what_is_there_in_it() {
    let leaving = Deprecation::since("2026-01-01").sunset("2026-12-31");
    let app = TestApp::start(app(ApiVersions::new([1, 2]).unless_said(1).deprecated(1, leaving))).await;
    let (first, second) = (document(&app, "?version=1").await, document(&app, "?version=2").await);
    assert_eq!(document(&app, "").await, first, "the version that is meant by a request that does not say");
    assert_eq!((&first["info"]["version"], &second["info"]["version"]), (&json!("1"), &json!("2")));

    let (old, new) = (&first["paths"]["/articles"]["get"], &second["paths"]["/articles"]["get"]);
    assert_eq!((&old["operationId"], &new["operationId"]), (&json!("list_1"), &json!("list")));
    assert_eq!((&old["deprecated"], &new["deprecated"]), (&json!(true), &Value::Null));
    let headers = |operation: &Value| {
        let headers = operation["responses"]["200"]["headers"].as_object().unwrap();
        headers.keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(headers(old), ["Api-Version", "Deprecation", "Sunset"]);
    assert_eq!(headers(new), ["Api-Version"]);
    // A request that does not say is for version 1, so one for version 2 has to say it.
    let parameter = |operation: &Value| operation["parameters"][0].clone();
    assert_eq!(parameter(old)["name"], "Api-Version");
    assert_eq!(
        (parameter(old)["in"].clone(), parameter(old)["required"].clone()),
        (json!("header"), Value::Null)
    );
    assert_eq!(
        (&parameter(new)["schema"]["enum"], &parameter(new)["required"]),
        (&json!(["2"]), &json!(true))
    );
    let refused = new["responses"]["400"]["description"].as_str().unwrap();
    assert!(refused.contains("`version_unsupported`"), "{refused}");

    for document in [&first, &second] {
        assert!(document["paths"]["/count"]["get"]["parameters"].is_null());
    }
    let nothing = app.get("/openapi.json?version=3").send().await;
    nothing.assert_problem(404, "version_unsupported").assert_text_contains("There are: 1, 2.");
}

#[tokio::test]
async fn where_no_version_is_meant_the_last_is_shown_and_without_versions_there_is_one_document() {
    let of_two = TestApp::start(app(ApiVersions::new([1, 2]))).await;
    assert_eq!(document(&of_two, "").await, document(&of_two, "?version=2").await);

    let leaving = Deprecation::since("2026-01-01").successor("/v2/articles");
    let route = Route::new(Method::GET, "/v1/articles", async || "old").deprecated(leaving);
    let plain = TestApp::start(App::new().route(route).api(Api::new())).await;
    let whole = document(&plain, "").await;
    assert_eq!(whole["paths"]["/v1/articles"]["get"]["deprecated"], true);
    plain.get("/openapi.json?version=1").send().await.assert_problem(404, "version_unsupported");
}

#[tokio::test]
async fn the_client_of_a_version_says_which_also_where_it_is_the_usual_one() {
    let app = TestApp::start(app(ApiVersions::new([1, 2]).unless_said(1))).await;
    for version in ["1", "2"] {
        let document = document(&app, &format!("?version={version}")).await;
        let client = mainstay_api::client::typescript(&document);
        let constant = format!(r#"constants: {{ "Api-Version": "{version}" }},"#);
        assert!(client.contains(&constant) && !client.contains("apiVersion"), "{client}");
    }
}
