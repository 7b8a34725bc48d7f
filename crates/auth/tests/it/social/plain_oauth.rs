//! Plain OAuth 2, as GitHub speaks it: a local imitation of its three endpoints.

use mainstay_auth::social::LinkedIdentity;
use mainstay_core::App;
use mainstay_db::Db;
use mainstay_test::{Client, TestApp, TestResponse};
use serde_json::{Value, json};

use super::provider::{Provider, Reply, Seen};
use super::world::{SECRET, Visit, app, assert_nobody, buyer};

fn github(provider: &Provider) -> App {
    let at = |path: &str| format!("{}{path}", provider.honest.issuer);
    app(provider)
        .set("auth.providers.github.preset", "github")
        .set("auth.providers.github.client_id", "shop at github")
        .set("auth.providers.github.client_secret", SECRET)
        .set("auth.providers.github.authorization_endpoint", at("/login/oauth/authorize"))
        .set("auth.providers.github.token_endpoint", at("/login/oauth/access_token"))
        .set("auth.providers.github.userinfo_endpoint", at("/user"))
        .set("auth.providers.github.emails_endpoint", at("/user/emails"))
}

fn bears(seen: &Seen) -> bool {
    seen.authorization.as_deref() == Some("Bearer gho_SECRET")
}

async fn start(emails: Value) -> (Provider, TestApp) {
    let provider = Provider::start().await;
    let app = TestApp::start(github(&provider)).await;
    // It answers 200 whatever it is asked, and says in the body what is wrong.
    provider.lies("/login/oauth/access_token", |seen, _| match seen.form.get("code").map(String::as_str) {
        Some("good") if seen.form.contains_key("code_verifier") => {
            Reply::Json(200, json!({ "access_token": "gho_SECRET", "scope": "read:user,user:email", "token_type": "bearer" }))
        }
        _ => Reply::Json(200, json!({ "error": "bad_verification_code", "error_description": "The code passed is incorrect or expired." })),
    });
    provider.lies("/user", |seen, _| {
        assert!(bears(seen), "{seen:?}");
        let user = json!({ "id": 583_231, "login": "octocat", "name": "The Octocat", "email": "shown@victim.example", "avatar_url": "https://example.org/octocat.png" });
        Reply::Json(200, user)
    });
    provider.lies("/user/emails", move |seen, _| {
        assert!(bears(seen), "{seen:?}");
        Reply::Json(200, emails.clone())
    });
    (provider, app)
}

async fn come_back(client: &Client, code: &str) -> TestResponse {
    let page = client.post("/account/login/github").form(&[("next", "/me")]).send().await;
    let visit = Visit::of(&page);
    let answer = [("code", code), ("state", &*visit.query["state"])];
    client.get("/account/login/github/callback").query(&answer).send().await
}

#[tokio::test]
async fn signs_in_by_the_primary_address_that_is_verified() {
    let emails = json!([
        { "email": "other@example.org", "primary": false, "verified": true },
        { "email": "octocat@example.org", "primary": true, "verified": true },
    ]);
    let (provider, app) = start(emails).await;
    let client = app.client();
    let page = client.post("/account/login/github").form(&[("next", "/me")]).send().await;
    let visit = Visit::of(&page);
    assert_eq!(visit.url.path(), "/login/oauth/authorize");
    assert_eq!(visit.query["scope"], "read:user user:email");
    assert_eq!(visit.query["redirect_uri"], "http://localhost/account/login/github/callback");
    assert!(!visit.query.contains_key("nonce"));
    let answer = [("code", "good"), ("state", &*visit.query["state"])];
    client.get("/account/login/github/callback").query(&answer).send().await.assert_redirect("/me");
    client.get("/me").send().await.assert_text("octocat@example.org The Octocat");
    let form = &provider.seen("/login/oauth/access_token")[0].form;
    assert_eq!((&*form["client_id"], &*form["client_secret"]), ("shop at github", SECRET));
    let db = app.inject::<Db>().await;
    let known = LinkedIdentity::query().one(&*db).await.unwrap();
    // By its number, since a name may be given to somebody else; and of this installation.
    assert_eq!((&*known.subject, &*known.issuer), ("583231", &*provider.honest.issuer));
}

#[tokio::test]
async fn an_address_that_is_only_shown_or_not_verified_counts_for_nothing() {
    for emails in [
        json!([]),
        json!([{ "email": "ann@example.org", "primary": true, "verified": false }]),
        json!([{ "email": "ann@example.org", "primary": false, "verified": true }]),
        json!([{ "email": 7, "primary": true, "verified": true }]),
    ] {
        let (_provider, app) = start(emails).await;
        buyer(&app, "ann@example.org").await;
        let client = app.client();
        come_back(&client, "good").await.assert_status(403);
        assert_nobody(&client).await;
    }
    let (_provider, app) = start(json!({ "message": "Not Found" })).await;
    come_back(&app.client(), "good").await.assert_status(502);
}

#[tokio::test]
async fn a_refusal_with_the_status_200_is_one() {
    let (_provider, app) = start(json!([])).await;
    let client = app.client();
    come_back(&client, "forged").await.assert_status(400).assert_text_contains("Begin again.");
    assert_nobody(&client).await;
}

#[tokio::test]
async fn an_answer_to_one_provider_is_none_to_another() {
    let (provider, app) = start(json!([])).await;
    let client = app.client();
    let visit = Visit::of(&client.post("/account/login/github").form(&[("next", "/me")]).send().await);
    // What was asked of GitHub comes back as if from the other one, whose code would then go to the wrong place.
    let answer = [("code", "good"), ("state", &*visit.query["state"]), ("iss", &*provider.honest.issuer)];
    client.get("/account/login/company/callback").query(&answer).send().await.assert_status(400);
    assert_eq!(provider.count("/token") + provider.count("/login/oauth/access_token"), 0);
}
