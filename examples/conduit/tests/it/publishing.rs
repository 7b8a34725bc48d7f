//! Publishing.

use mainstay_test::TestApp;
use serde_json::{Value, json};

use crate::factories::writer;

#[tokio::test]
async fn publishes_for_who_has_a_token() {
    let app = TestApp::start(conduit::app()).await;
    let (ann, token) = writer(&app).await;
    let article = json!({ "article": {
        "title": "مرحبا & <b>welcome</b> 👩‍👩‍👧",
        "description": "Two scripts, some markup",
        "body": "# A body\n\n<script>alert(1)</script>",
        "tagList": ["databases", "a brand new tag"],
    } });
    let created = app.post("/api/articles").header("authorization", &token).json(&article).send().await;
    let created: Value = created.assert_status(201).json();
    assert_eq!(created["article"]["title"], article["article"]["title"]);
    assert_eq!(created["article"]["tagList"], json!(["a brand new tag", "databases"]));
    assert_eq!(created["article"]["author"]["username"], json!(ann.username));

    let slug = created["article"]["slug"].as_str().expect("a text");
    app.get(&format!("/api/articles/{slug}")).send().await.assert_json(created.clone());
    let newest: Value = app.get("/api/articles?limit=1").send().await.json();
    assert_eq!(newest["articles"][0]["slug"], slug);
    app.get("/api/tags").send().await.assert_text_contains("a brand new tag");
    app.stop().await;
}

#[tokio::test]
async fn refuses_who_has_no_token_or_a_forged_one() {
    let app = TestApp::start(conduit::app()).await;
    let article = json!({ "article": { "title": "T", "description": "D", "body": "B" } });
    app.post("/api/articles").json(&article).send().await.assert_problem(401, "unauthorized");
    let (_, mut forged) = writer(&app).await;
    let last = if forged.ends_with('A') { 'B' } else { 'A' };
    forged.pop();
    forged.push(last);
    for header in [forged.as_str(), "Token ", "Token abc", "Bearer abc"] {
        let refused = app.post("/api/articles").header("authorization", header).json(&article).send().await;
        refused.assert_problem(401, "unauthorized");
    }
    let list: Value = app.get("/api/articles").send().await.json();
    assert_eq!(list["articlesCount"], 0);
    app.stop().await;
}

#[tokio::test]
async fn names_every_fault_at_once_by_the_name_that_the_client_sent() {
    let app = TestApp::start(conduit::app()).await;
    let (_, token) = writer(&app).await;
    let article =
        json!({ "article": { "title": "", "description": "D", "body": "", "tagList": ["ok", ""] } });
    let refused = app.post("/api/articles").header("authorization", &token).json(&article).send().await;
    let problem: Value = refused.assert_problem(422, "validation_failed").json();
    let pointers: Vec<_> =
        problem["errors"].as_array().expect("a list").iter().map(|e| &e["pointer"]).collect();
    assert_eq!(pointers, ["/article/body", "/article/tagList/1", "/article/title"]);

    let typed = app
        .post("/api/articles")
        .header("authorization", &token)
        .body("application/json", r#"{"article":{"title":7,"body":"B","description":"D"}}"#)
        .send()
        .await;
    typed.assert_json_at("/errors/0/pointer", json!("/article/title"));
    let broken =
        app.post("/api/articles").header("authorization", &token).body("application/json", "{").send().await;
    assert!(broken.status().is_client_error(), "{}", broken.text());
    let foreign =
        app.post("/api/articles").header("authorization", &token).body("text/plain", "hello").send().await;
    foreign.assert_status(415);
    app.stop().await;
}

#[tokio::test]
async fn takes_a_tag_once_that_is_named_twice() {
    let app = TestApp::start(conduit::app()).await;
    let (_, token) = writer(&app).await;
    let article =
        json!({ "article": { "title": "T", "description": "D", "body": "B", "tagList": ["twin", "twin"] } });
    let response = app.post("/api/articles").header("authorization", &token).json(&article).send().await;
    let created: Value = response.assert_status(201).json();
    assert_eq!(created["article"]["tagList"], json!(["twin"]));
    let slug = created["article"]["slug"].as_str().expect("a text");
    response.assert_header("location", &format!("/api/articles/{slug}"));
    app.stop().await;
}
