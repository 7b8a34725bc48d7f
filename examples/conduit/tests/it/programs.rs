//! Tokens that people make for programs: what they open, and what they do not.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use mainstay::core::clock::TestClock;
use mainstay_test::{Client, TestApp};
use serde_json::{Value, json};

use crate::{conduit, conduit_at};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A browser in which an author is signed in.
async fn browser(app: &TestApp) -> Client {
    let client = app.client();
    let form = [("name", "priya@example.net"), ("password", conduit::seed::PASSWORD)];
    client.post("/account/login").form(&form).send().await.assert_redirect("/");
    client
}

/// The header with a token of these scopes, and the id of the token.
async fn made(client: &Client, scopes: &[&str]) -> (String, String) {
    let wanted = json!({ "name": "a program", "scopes": scopes, "expires_in_days": 7 });
    let made: Value = client.post("/account/tokens").json(&wanted).send().await.assert_status(201).json();
    let text = |name: &str| made[name].as_str().expect("a text").to_owned();
    (format!("Token {}", text("token")), text("id"))
}

async fn status(app: &TestApp, (method, path): (&str, &str), header: &str) -> u16 {
    let method = method.parse().expect("a method");
    let request = app.client().request(method, path).header("authorization", header);
    let article = json!({ "article": { "title": "T", "description": "D", "body": "B" } });
    let request = match path {
        "/api/articles" => request.json(&article),
        "/api/user" => request.json(&json!({ "user": { "bio": "Changed by a program." } })),
        _ => request,
    };
    request.send().await.status().as_u16()
}

const FEED: (&str, &str) = ("GET", "/api/articles/feed");
const PUBLISH: (&str, &str) = ("POST", "/api/articles");
const FOLLOW: (&str, &str) = ("POST", "/api/profiles/iryna/follow");
const ACCOUNT: (&str, &str) = ("GET", "/api/user");
const CHANGE: (&str, &str) = ("PUT", "/api/user");

#[tokio::test]
async fn a_token_opens_what_its_scopes_say_and_nothing_else() {
    let app = conduit().await;
    let client = browser(&app).await;
    let (reads, _) = made(&client, &["articles.read"]).await;
    let (writes, _) = made(&client, &["articles.*"]).await;
    let (everything, _) = made(&client, &["*"]).await;
    for (header, expected) in [
        (&reads, [200, 403, 403, 403, 403]),
        (&writes, [200, 201, 403, 403, 403]),
        // Not even that changes the account: it is for its owner, in person.
        (&everything, [200, 201, 200, 200, 403]),
    ] {
        let mut found = Vec::new();
        for asked in [FEED, PUBLISH, FOLLOW, ACCOUNT, CHANGE] {
            found.push(status(&app, asked, header).await);
        }
        assert_eq!(found, expected, "{header}");
    }
    let refused = app.post("/api/profiles/iryna/follow").header("authorization", &reads).send().await;
    let challenge = "Token error=\"insufficient_scope\", scope=\"favorites.write\"";
    refused.assert_header("www-authenticate", challenge).assert_text_contains("favorites.write");
    // Nobody has thought of limited tokens there.
    assert_eq!(status(&app, ("GET", "/api/v2/tags"), &reads).await, 403);
    app.stop().await;
}

#[tokio::test]
async fn a_token_buys_no_other_one() {
    let app = conduit().await;
    let client = browser(&app).await;
    let (header, _) = made(&client, &["account.read"]).await;
    let own: Value = app.get("/api/user").header("authorization", &header).send().await.json();
    assert_eq!(format!("Token {}", own["user"]["token"].as_str().expect("a text")), header);
    let wanted = json!({ "name": "another", "scopes": ["*"] });
    let more = app.post("/account/tokens").header("authorization", &header).json(&wanted).send().await;
    more.assert_problem(403, "insufficient_scope");
    let (everything, _) = made(&client, &["*"]).await;
    let more = app.post("/account/tokens").header("authorization", &everything).json(&wanted).send().await;
    more.assert_problem(403, "sign_in_required");
    app.stop().await;
}

#[tokio::test]
async fn a_token_ends_with_its_time_and_when_it_is_revoked() {
    let clock = Arc::new(TestClock::at(SystemTime::now()));
    let app = conduit_at(&clock).await;
    let client = browser(&app).await;
    let ((first, id), (second, _)) =
        (made(&client, &["articles.read"]).await, made(&client, &["articles.read"]).await);
    client.delete(&format!("/account/tokens/{id}")).send().await.assert_status(204);
    client.delete(&format!("/account/tokens/{id}")).send().await.assert_status(404);
    let refused = app.get("/api/articles/feed").header("authorization", &first).send().await;
    refused.assert_status(401).assert_header("www-authenticate", "Token error=\"invalid_token\"");
    assert_eq!(status(&app, FEED, &second).await, 200);
    clock.advance(DAY * 7);
    assert_eq!(status(&app, FEED, &second).await, 401);
    app.stop().await;
}

#[tokio::test]
async fn what_cannot_be_a_token_is_refused_when_it_is_made() {
    let app = conduit().await;
    let client = browser(&app).await;
    for (wanted, code) in [
        (json!({ "name": "x", "scopes": [] }), "invalid_scope"),
        (json!({ "name": "x", "scopes": ["articles.wrte"] }), "invalid_scope"),
        (json!({ "name": " ", "scopes": ["*"] }), "invalid_name"),
        (json!({ "name": "x", "scopes": ["*"], "expires_in_days": 0 }), "invalid_lifetime"),
        (json!({ "name": "x", "scopes": ["*"], "expires_in_days": 4000 }), "invalid_lifetime"),
    ] {
        client.post("/account/tokens").json(&wanted).send().await.assert_problem(400, code);
    }
    let wanted = json!({ "name": "x", "scopes": ["*"] });
    client.stranger().post("/account/tokens").json(&wanted).send().await.assert_status(401);
    // Somebody else's is none.
    let (_, id) = made(&client, &["*"]).await;
    let (_, other) = crate::factories::writer(&app).await;
    let foreign = app.delete(&format!("/account/tokens/{id}")).header("authorization", &other).send().await;
    foreign.assert_status(404);
    app.stop().await;
}

#[tokio::test]
async fn the_page_says_what_each_scope_means() {
    let app = conduit().await;
    let client = browser(&app).await;
    client.get("/account").send().await.assert_text_contains("Access tokens");
    let page = client.get("/account/access-tokens").send().await;
    for means in ["See your account, with your address", "Like articles, and follow people", "Everything"] {
        page.assert_text_contains(means);
    }
    let form =
        [("name", "my laptop"), ("scopes", "articles.read"), ("scopes", "comments.write"), ("days", "7")];
    let made = client.post("/account/access-tokens").form(&form).send().await;
    let text = made.assert_status(200).text();
    let at = text.find("mst_").expect("the token is shown");
    assert_eq!(status(&app, FEED, &format!("Token {}", &text[at..at + 40])).await, 200);
    app.stop().await;
}
