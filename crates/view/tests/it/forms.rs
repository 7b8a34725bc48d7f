//! Forms that come back with what is wrong.

use axum::response::{IntoResponse, Response};
use mainstay_core::{App, Error, Result};
use mainstay_http::{Form, Html, Redirect, RoutesExt, get, post, routes};
use mainstay_test::TestApp;
use mainstay_view::{FormState, Submitted, ViewFolder, Views, ViewsExt, context};
use serde::{Deserialize, Serialize};

const VIEWS: ViewFolder = ViewFolder::embedded(
    "/nowhere",
    &[(
        "sign_up.html",
        r#"{% from "mainstay/forms.html" import field, choice, checkbox, summary, submit %}
{{ summary(form) }}
<form method="post">
{{ field(form, "name", "Your name", required=true, autocomplete="name") }}
{{ field(form, "age", "Your age", type="number", hint="In years.") }}
{{ field(form, "password", "Password", type="password") }}
{{ field(form, "about", "About you", type="textarea") }}
{{ choice(form, "plan", "Plan", [["s", "Small"], ["l", "Large"]], required=true) }}
{{ checkbox(form, "news", "Send me news") }}
{{ submit("Sign up") }}
</form>"#,
    )],
);

#[derive(Deserialize, Serialize)]
struct SignUp {
    name: String,
    age: Option<u8>,
    #[serde(default)]
    password: String,
    #[serde(default)]
    about: String,
    #[serde(default)]
    plan: String,
    #[serde(default)]
    news: bool,
}

/// An empty form.
#[get("/sign-up", hidden)]
async fn blank(views: Views) -> Result<Html<String>> {
    views.render("sign_up.html", context! { form => FormState::blank() })
}

/// A form that is filled in already.
#[get("/edit", hidden)]
async fn edit(views: Views) -> Result<Html<String>> {
    let ann = SignUp {
        name: "Ann".into(),
        age: None,
        password: "hunter2".into(),
        about: "\nI".into(),
        plan: "l".into(),
        news: true,
    };
    views.render("sign_up.html", context! { form => FormState::of(&ann)? })
}

/// Signs up.
#[post("/sign-up", hidden)]
async fn sign_up(views: Views, submitted: Submitted<Form<SignUp>>) -> Result<Response> {
    let accepted = submitted.accept(async |Form(it)| match it.name.as_str() {
        "taken" => Err(Error::conflict("Somebody has this name.")),
        "broken" => Err(Error::internal("broken")),
        name => Ok(name.to_owned()),
    });
    match accepted.await? {
        Ok(name) => Ok(Redirect::see_other(&format!("/welcome/{name}")).into_response()),
        Err(form) => Ok((form.status(), views.render("sign_up.html", context! { form })?).into_response()),
    }
}

fn app() -> App {
    App::new().views(VIEWS).routes(routes![blank, edit, sign_up])
}

/// The element that has this in it, up to its end.
fn element<'a>(page: &'a str, with: &str) -> &'a str {
    let at = page.find(with).unwrap_or_else(|| panic!("no {with} in {page}"));
    let start = page[..at].rfind('<').unwrap();
    &page[start..=at + page[at..].find('>').unwrap()]
}

#[tokio::test]
async fn an_empty_form_is_just_that() {
    let client = TestApp::start(app()).await.client();
    let page = client.get("/sign-up").send().await;
    page.assert_status(200);
    let page = page.text();
    assert_eq!(
        element(page, r#"name="name""#),
        r#"<input id="field-name" name="name" type="text" value="" required autocomplete="name">"#
    );
    assert_eq!(
        element(page, r#"name="age""#),
        r#"<input id="field-age" name="age" type="number" value="" aria-describedby="hint-age">"#
    );
    for absent in ["alert", "aria-invalid", "checked", "selected"] {
        assert!(!page.contains(absent), "{absent} in {page}");
    }
}

#[tokio::test]
async fn a_form_can_be_filled_in() {
    let client = TestApp::start(app()).await.client();
    let page = client.get("/edit").send().await;
    let page = page.text();
    assert!(element(page, r#"name="name""#).contains(r#"value="Ann""#), "{page}");
    assert!(element(page, r#"name="age""#).contains(r#"value="""#), "{page}");
    assert!(element(page, r#"value="l""#).contains("selected"), "{page}");
    assert!(!element(page, r#"value="s""#).contains("selected"), "{page}");
    assert!(element(page, r#"name="news""#).contains("checked"), "{page}");
    assert!(!page.contains("hunter2"), "{page}");
    // A browser drops the first line break of a text area: the one in the text must stay.
    assert!(page.contains(">\n\nI</textarea>"), "{page}");
}

#[tokio::test]
async fn comes_back_with_what_was_typed_and_what_is_wrong() {
    let client = TestApp::start(app()).await.client();
    let sent = [
        ("age", "300"),
        ("about", "</textarea><b>"),
        ("plan", "s"),
        ("news", "true"),
        ("password", "hunter2"),
    ];
    let page = client.post("/sign-up").form(&sent).send().await;
    page.assert_status(422).assert_header("content-type", "text/html; charset=utf-8");
    let page = page.text();
    let age = element(page, r#"name="age""#);
    assert!(age.contains(r#"value="300""#) && age.contains(r#"aria-invalid="true""#), "{age}");
    assert!(age.contains(r#"aria-describedby="hint-age error-age""#), "{age}");
    assert!(page.contains(r##"<a href="#field-age">expected an integer from 0 to 255"##), "{page}");
    assert!(page.contains(r#"id="error-name""#), "{page}");
    assert!(element(page, r#"value="s""#).contains("selected"), "{page}");
    assert!(page.contains("&lt;&#x2f;textarea&gt;&lt;b&gt;</textarea>"), "{page}");
    assert!(!page.contains("hunter2") && !page.contains("<b>"), "{page}");
}

#[tokio::test]
async fn says_what_only_the_action_finds_out() {
    let client = TestApp::start(app()).await.client();
    let page = client.post("/sign-up").form(&[("name", "taken")]).send().await;
    page.assert_status(409).assert_text_contains("<p>Somebody has this name.</p>");
    assert!(element(page.text(), r#"name="name""#).contains(r#"value="taken""#));
    client.post("/sign-up").form(&[("name", "Ann")]).send().await.assert_redirect("/welcome/Ann");
}

#[tokio::test]
async fn what_a_client_cannot_mend_stays_an_error() {
    let client = TestApp::start(app()).await.client();
    client
        .post("/sign-up")
        .form(&[("name", "broken")])
        .send()
        .await
        .assert_problem(500, "internal_server_error");
    client.post("/sign-up").json(&serde_json::json!({ "name": "x" })).send().await.assert_status(415);
}
