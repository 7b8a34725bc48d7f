//! Which file is meant, and when it is read.

use mainstay_core::{App, Module, Profile, Result};
use mainstay_http::{Html, RoutesExt, get, routes};
use mainstay_test::TestApp;
use mainstay_view::{ViewFolder, Views, ViewsExt, context};

/// The only page.
#[get("/", hidden)]
async fn index(views: Views) -> Result<Html<String>> {
    views.render("index.html", context! {})
}

#[tokio::test]
async fn the_application_replaces_views_of_its_modules_and_of_the_framework() {
    const SHOP: ViewFolder = ViewFolder::embedded(
        "/nowhere",
        &[("index.html", r#"{% extends "mainstay/layout.html" %}{% block content %}shop{% endblock %}"#)],
    );
    let shop = || Module::new("shop").routes(routes![index]).views(SHOP);
    let client = TestApp::start(App::new().module(shop())).await.client();
    client.get("/").send().await.assert_text_contains("shop").assert_text_contains("<!doctype html>");

    let own = ViewFolder::embedded(
        "/nowhere",
        &[("mainstay/layout.html", "own: {% block content %}{% endblock %}")],
    );
    let client = TestApp::start(App::new().module(shop()).views(own)).await.client();
    client.get("/").send().await.assert_text("own: shop");

    let own = ViewFolder::embedded("/nowhere", &[("index.html", "replaced")]);
    let client = TestApp::start(App::new().views(own).module(shop())).await.client();
    client.get("/").send().await.assert_text("replaced");
}

#[tokio::test]
async fn in_development_an_edit_shows_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("index.html");
    std::fs::write(&file, "first").unwrap();
    let path: &'static str = String::leak(folder.path().to_str().unwrap().to_owned());
    let views = ViewFolder::embedded(path, &[("index.html", "embedded"), ("part.html", "embedded part")]);
    let app = || App::new().views(views.clone()).routes(routes![index]);

    let embedded = TestApp::of(app()).profile(Profile::Production).start().await;
    embedded.client().get("/").send().await.assert_text("embedded");

    let development = TestApp::of(app()).profile(Profile::Development).start().await;
    let client = development.client().with_header("accept", "text/html");
    client.get("/").send().await.assert_text("first");
    std::fs::write(&file, "second").unwrap();
    client.get("/").send().await.assert_text("second");
    std::fs::write(&file, r#"{% include "part.html" %}"#).unwrap();
    // It is not on the disk any more: what was embedded has been deleted since.
    client.get("/").send().await.assert_status(500).assert_text_contains("no view `part.html`");
    std::fs::write(folder.path().join("part.html"), "new part").unwrap();
    client.get("/").send().await.assert_text("new part");
    std::fs::write(&file, "\n\n{% if %}").unwrap();
    client.get("/").send().await.assert_status(500).assert_text_contains("`index.html`, line 3");
}

#[tokio::test]
async fn a_view_that_does_not_compile_keeps_the_application_from_starting() {
    let views =
        ViewFolder::embedded("/nowhere", &[("index.html", "\n{% for %}"), ("other.html", "{{ 1 + }}")]);
    let refused =
        TestApp::of(App::new().views(views).routes(routes![index])).try_start().await.err().unwrap();
    assert!(refused.contains("view.E001") && refused.contains("`index.html`, line 2"), "{refused}");
    assert!(refused.contains("`other.html`, line 1"), "{refused}");
}
