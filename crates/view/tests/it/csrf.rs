//! Forms that prove that they are the application's own.

use mainstay_core::{App, Result};
use mainstay_http::{Form, Html, RoutesExt, get, post, routes};
use mainstay_test::{TestApp, TestResponse};
use mainstay_view::{FormState, Submitted, ViewFolder, Views, ViewsExt, context};
use serde::Deserialize;

const VIEWS: ViewFolder = ViewFolder::embedded(
    "/nowhere",
    &[
        (
            "call.html",
            r#"{% extends "mainstay/layout.html" %}
{% from "mainstay/forms.html" import form, field, submit %}
{% block content %}
{% call form("/note?a=1&b=2", files=true) %}{{ field(state, "text", "Text") }}{{ submit("Save") }}{% endcall %}
{% call form("/search", method="GET") %}{{ submit("Search") }}{% endcall %}
{% endblock %}"#,
        ),
        (
            "own.html",
            r#"{% from "mainstay/forms.html" import csrf %}<form method="post">{{ csrf() }}</form>
<meta name="csrf-token" content="{{ csrf_token() }}">"#,
        ),
        ("part.html", r#"{% block part %}<form method="post">{{ csrf_field() }}</form>{% endblock %}"#),
        ("plain.html", "no form"),
    ],
);

/// A view.
#[get("/show/{view}", hidden)]
async fn show(mainstay_http::Path(view): mainstay_http::Path<String>, views: Views) -> Result<Html<String>> {
    views.render(&view, context! { state => FormState::blank() })
}

/// A part of one.
#[get("/part", hidden)]
async fn part(views: Views) -> Result<Html<String>> {
    views.render_block("part.html", "part", context! {})
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    text: String,
}

/// Takes a form.
#[post("/note", hidden)]
async fn note(submitted: Submitted<Form<Note>>) -> Result<String> {
    let accepted = submitted.accept(async |Form(note)| Ok(note.text)).await?;
    Ok(accepted.unwrap_or_else(|form| format!("{form:?}")))
}

fn app() -> App {
    App::new().views(VIEWS).routes(routes![show, part, note])
}

fn tokens(page: &TestResponse) -> Vec<String> {
    let tokens = page.text().split(r#"name="_csrf" value=""#).skip(1);
    tokens.map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

/// As a browser that says nothing of where a request comes from.
async fn post(app: &TestApp, cookie: &str, body: &[(&str, &str)]) -> TestResponse {
    app.client().post("/note").header("cookie", cookie).form(body).send().await
}

#[tokio::test]
async fn forms_of_the_macros_carry_a_token() {
    let app = TestApp::start(app()).await;
    for (view, forms) in [("call.html", 1), ("own.html", 1)] {
        let client = app.client();
        let page = client.get(&format!("/show/{view}")).send().await;
        page.assert_status(200);
        let tokens = tokens(&page);
        assert_eq!(tokens.len(), forms, "{}", page.text());
        let cookie = format!("csrf={}", client.cookie("csrf").unwrap());
        post(&app, &cookie, &[("_csrf", &tokens[0]), ("text", "hello")]).await.assert_text("hello");
        post(&app, &cookie, &[("text", "hello")]).await.assert_problem(403, "csrf_token_missing");
        let refused = post(&app, &cookie, &[("_csrf", &tokens[0])]).await;
        assert!(!refused.text().contains(&tokens[0]), "{}", refused.text());
    }
    let page = app.get("/show/call.html").send().await;
    page.assert_text_contains(
        r#"<form method="post" action="&#x2f;note?a=1&amp;b=2" enctype="multipart/form-data">"#,
    )
    .assert_text_contains(r#"<form method="GET" action="&#x2f;search">"#);
    let page = app.get("/show/own.html").send().await;
    let token = page.text().split(r#"content=""#).nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(token.len(), tokens(&page)[0].len());
    assert_eq!(tokens(&app.get("/part").send().await).len(), 1);
}

#[tokio::test]
async fn a_page_without_a_form_sets_no_cookie() {
    let app = TestApp::start(app()).await;
    app.get("/show/plain.html").send().await.assert_no_header("set-cookie").assert_no_header("cache-control");
}
