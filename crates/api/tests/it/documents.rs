//! What is found wrong with how an application is documented.

use mainstay_api::{Api, ApiExt};
use mainstay_core::config::Sources;
use mainstay_core::{App, Module};
use mainstay_http::{ApiVersions, Route, Routes, RoutesExt};

fn tags() -> App {
    let list = Route::new(http::Method::GET, "/tags", async || "none");
    App::new().module(Module::new("tags").routes(Routes::new().route(list))).set("log.level", "off")
}

fn findings(app: App) -> String {
    app.assemble(Sources::isolated()).findings().to_string()
}

#[test]
fn finds_tags_that_are_described_and_that_nothing_has() {
    let found =
        findings(tags().api(Api::new().tag("tags", "What things are about.").tag("Tag", "Misspelled.")));
    assert!(found.contains("api.W002") && found.contains("the tag `Tag` is described"), "{found}");
    let found = findings(tags().api(Api::new().tag("tags", "What things are about.")));
    assert!(!found.contains("api.W002"), "{found}");
}

#[test]
fn finds_an_application_that_is_described_twice() {
    let found = findings(tags().api(Api::new()).api(Api::new().document_at("/other.json")));
    assert!(found.contains("api.E001"), "{found}");
}

#[test]
fn finds_operations_that_the_document_has_no_room_for() {
    let route = |method: http::Method, path: &str| Route::new(method, path, async || "a file");
    let [get, put] = [http::Method::GET, http::Method::PUT];
    let two =
        Routes::new().route(route(get.clone(), "/files/{*path}")).route(route(get.clone(), "/files/{name}"));
    let found = findings(tags().routes(two).api(Api::new()));
    assert!(found.contains("api.W003"), "{found}");
    assert!(found.contains("no room for `GET /files/{*path}` beside `/files/{name}`"), "{found}");
    let apart = Routes::new()
        .route(route(put, "/files/{*path}"))
        .route(route(get.clone(), "/files/{name}").versions(1))
        .route(route(get, "/files/{id}").versions(2));
    let versions = ApiVersions::new([1, 2]);
    let found = findings(tags().api_versions(versions).routes(apart).api(Api::new()));
    assert!(!found.contains("api.W003"), "{found}");
}
