//! Pages from views.

use mainstay_core::{App, Error, Result};
use mainstay_http::{Html, Path, Redirect, RoutesExt, Session, SessionsExt, get, post, routes};
use mainstay_test::TestApp;
use mainstay_view::{Templates, ViewFolder, Views, ViewsExt, context};

const VIEWS: ViewFolder = ViewFolder::embedded(
    "/nowhere",
    &[
        (
            "hello.html",
            r#"{% extends "mainstay/layout.html" %}
{% block title %}Hello{% endblock %}
{% block content %}<h1>Hello, {{ name }}!</h1>
{% block list %}<ul>{% for item in ["a", "b"] %}<li>{{ item }}</li>{% endfor %}</ul>{% endblock %}
<a href="{{ url_for("hello", name="A B", page=2) }}">again</a>
<script nonce="{{ request.nonce }}">let name = {{ name|tojson }};</script>
{% if principal.is_authenticated %}{{ principal.name }}{% elif not principal.may("look") %}nobody at {{ request.path }}{% endif %}
{% endblock %}"#,
        ),
        ("plain.txt", "{{ name }} & co"),
        ("titled.txt", "{% block title %}About {{ name }}{% endblock %}\n{{ name }} & co"),
        ("titled.html", "{% extends \"titled.txt\" %}"),
        ("misspelt.html", "\n{{ nmae }}"),
        ("deep.html", "{{ person.nobody.name }}"),
        ("includes.html", r#"{% include "parts/heder.html" %}"#),
        ("parts/header.html", "header"),
        ("fails.html", "{% for flash in flashes() %}{{ flash.message }}{% endfor %}{{ no_such_thing }}"),
        ("filter.html", "{{ 3|coins }}"),
    ],
);

/// Says hello.
#[get("/hello/{name}", name = "hello", hidden)]
async fn hello(Path(name): Path<String>, views: Views) -> Result<Html<String>> {
    views.render("hello.html", context! { name })
}

/// A part of it.
#[get("/list", hidden)]
async fn list(views: Views) -> Result<Html<String>> {
    views.render_block("hello.html", "list", context! { name => "x" })
}

/// Whatever is asked for.
#[get("/show/{*view}", hidden)]
async fn show(Path(view): Path<String>, views: Views) -> Result<Html<String>> {
    views.render(&view, context! { name => "Tom", person => context! {} })
}

fn app() -> App {
    let coins = |number: i64| format!("{number} coins");
    App::new()
        .views(VIEWS)
        .view_environment(move |views| views.add_filter("coins", coins))
        .routes(routes![hello, list, show])
}

#[tokio::test]
async fn escapes_what_it_is_given() {
    let client = TestApp::start(app()).await.client();
    let page = client.get("/hello/%3Cb%3E%3C%2Fscript%3E").send().await;
    page.assert_status(200).assert_header("content-type", "text/html; charset=utf-8");
    page.assert_text_contains("<h1>Hello, &lt;b&gt;&lt;&#x2f;script&gt;!</h1>");
    page.assert_text_contains(r#"let name = "\u003cb\u003e\u003c/script\u003e";"#);
    assert!(!page.text().contains("<b>"), "{}", page.text());
}

#[tokio::test]
async fn sees_the_request_and_who_sends_it() {
    let client = TestApp::start(app()).await.client();
    let page = client.get("/hello/Tom").send().await;
    page.assert_text_contains(r#"<a href="&#x2f;hello&#x2f;A%20B?page=2">"#);
    page.assert_text_contains("nobody at &#x2f;hello&#x2f;Tom");
    let nonce = page.text().split(r#"nonce=""#).nth(1).unwrap().split('"').next().unwrap();
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains(&format!("'nonce-{nonce}'")), "{policy}");
    // Nobody asks for a nonce here.
    let policy =
        client.get("/show/filter.html").send().await.header("content-security-policy").unwrap().to_owned();
    assert!(!policy.contains("nonce"), "{policy}");
}

#[tokio::test]
async fn a_message_is_shown_once() {
    /// Saves, and says so.
    #[post("/save", hidden)]
    async fn save(session: Session) -> Redirect {
        session.flash("success", "<Saved>");
        Redirect::see_other("/hello/Tom")
    }
    /// A view that fails.
    #[get("/fails", hidden)]
    async fn fails(views: Views) -> Result<Html<String>> {
        views.render("fails.html", context! {})
    }
    let client = TestApp::start(app().sessions().routes(routes![save, fails])).await.client();
    let page = client.get("/hello/Tom").send().await;
    assert!(!page.text().contains("role="), "{}", page.text());
    page.assert_header("vary", "cookie").assert_no_header("set-cookie");
    client.post("/save").send().await.assert_redirect("/hello/Tom");
    // Neither a part of a page nor one that fails shows it.
    client.get("/list").send().await.assert_status(200);
    client.get("/fails").send().await.assert_status(500);
    let page = client.get("/hello/Tom").send().await;
    page.assert_text_contains(r#"<p class="flash success" role="status">&lt;Saved&gt;</p>"#);
    page.assert_header("cache-control", "private, no-cache");
    let page = client.get("/hello/Tom").send().await;
    assert!(!page.text().contains("role="), "{}", page.text());
}

#[tokio::test]
async fn renders_a_part_of_a_page() {
    let client = TestApp::start(app()).await.client();
    client.get("/list").send().await.assert_text("<ul><li>a</li><li>b</li></ul>");
    client.get("/show/filter.html").send().await.assert_text("3 coins");
}

#[tokio::test]
async fn the_style_sheet_of_the_layout_is_there() {
    let client = TestApp::start(app()).await.client();
    let page = client.get("/hello/Tom").send().await;
    let style = page.text().split(r#"rel="stylesheet" href=""#).nth(1).unwrap().split('"').next().unwrap();
    client
        .get(style)
        .send()
        .await
        .assert_status(200)
        .assert_header("content-type", "text/css; charset=utf-8");
}

#[tokio::test]
async fn says_where_a_view_is_wrong() {
    let app = TestApp::start(app()).await;
    let templates = app.inject::<Templates>().await;
    let report = |error: Error| error.report();
    let render =
        |name: &str| templates.render(name, context! { person => context! {} }).map_err(report).unwrap_err();
    let misspelt = render("misspelt.html");
    assert!(misspelt.contains("`misspelt.html`, line 2"), "{misspelt}");
    assert!(misspelt.contains("nmae"), "{misspelt}");
    assert!(render("deep.html").contains("`deep.html`, line 1"), "{}", render("deep.html"));
    let unknown = render("mispelt.html");
    assert!(unknown.contains("no view `mispelt.html`") && unknown.contains("`misspelt.html`"), "{unknown}");
    let includes = render("includes.html");
    assert!(includes.contains("no view `parts/heder.html`"), "{includes}");
    assert!(includes.contains("`includes.html`, line 1"), "{includes}");
    // Nothing of it reaches the client.
    let page = app.client().get("/show/misspelt.html").send().await;
    page.assert_status(500);
    assert!(!page.text().contains("nmae"), "{}", page.text());
}

#[tokio::test]
async fn text_is_not_escaped() {
    let app = TestApp::start(app()).await;
    let templates = app.inject::<Templates>().await;
    assert_eq!(templates.render("plain.txt", context! { name => "<Tom>" }).unwrap(), "<Tom> & co");
}

#[tokio::test]
async fn a_view_can_be_rendered_without_one_of_its_blocks() {
    let templates = TestApp::start(app()).await.inject::<Templates>().await;
    let without = |name: &str| templates.render_without(name, "title", context! { name => "<Tom>" });
    assert_eq!(without("titled.txt").unwrap().trim(), "<Tom> & co");
    assert_eq!(without("titled.html").unwrap().trim(), "&lt;Tom&gt; & co");
    assert_eq!(without("plain.txt").unwrap(), "<Tom> & co");
    let fault = templates.render_without("misspelt.html", "title", context! {}).unwrap_err();
    assert!(fault.report().contains("`misspelt.html`, line 2"), "{}", fault.report());
    let fault = templates.render_without("plan.txt", "title", context! {}).unwrap_err();
    assert!(fault.report().contains("there is no view `plan.txt`"), "{}", fault.report());
}
