//! Publishing.

use conduit::users::User;
use mainstay::prelude::*;
use mainstay_test::{Factory, TestApp};
use serde_json::{Value, json};

use crate::factories::{ArticleFactory, header_of, writer};

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
async fn asks_as_often_for_many_tags_as_for_one() {
    let app = TestApp::start(conduit::app()).await;
    let (_, token) = writer(&app).await;
    let tags = &["one", "two", "three", "four", "five"];
    let known = ArticleFactory { tags }.create(&app.inject::<Db>().await).await;
    known.expect("an article");
    for number in [1, 5] {
        let article = json!({ "article": {
            "title": "T", "description": "D", "body": "B", "tagList": tags[..number],
        } });
        let created = app.post("/api/articles").header("authorization", &token).json(&article).send().await;
        // Who it is, and what they may do, the article, the tags, the links, the job that tells the followers.
        created.assert_status(201).assert_queries_at_most(6);
    }
    app.stop().await;
}

#[tokio::test]
async fn refuses_who_has_no_token_or_a_forged_one() {
    let app = TestApp::start(conduit::app()).await;
    let article = json!({ "article": { "title": "T", "description": "D", "body": "B" } });
    app.post("/api/articles").json(&article).send().await.assert_status(401);
    let (_, mut forged) = writer(&app).await;
    let last = if forged.ends_with('A') { 'B' } else { 'A' };
    forged.pop();
    forged.push(last);
    for header in [forged.as_str(), "Token ", "Token abc", "Bearer abc"] {
        let refused = app.post("/api/articles").header("authorization", header).json(&article).send().await;
        let challenge = if header.starts_with("Bearer") { "Token" } else { "Token error=\"invalid_token\"" };
        refused.assert_status(401).assert_header("www-authenticate", challenge);
        assert!(refused.json::<Value>()["errors"]["body"].is_array(), "{}", refused.text());
    }
    let list: Value = app.get("/api/articles").send().await.json();
    assert_eq!(list["articlesCount"], 0);
    app.stop().await;
}

#[tokio::test]
async fn names_every_fault_at_once_by_the_name_that_the_client_sent() {
    let app = TestApp::start(conduit::app()).await;
    let (_, token) = writer(&app).await;
    let publish = |body: String| {
        app.post("/api/articles").header("authorization", &token).body("application/json", body).send()
    };
    let article =
        json!({ "article": { "title": "", "description": "D", "body": "", "tagList": ["ok", ""] } });
    publish(article.to_string()).await.assert_status(422).assert_json(json!({ "errors": { "body": [
        "body must not be empty", "tagList/1 must not be empty", "title must not be empty",
    ] } }));
    let typed = publish(r#"{"article":{"title":7,"body":"B","description":"D"}}"#.to_owned()).await;
    typed.assert_status(422).assert_text_contains("title expected");
    for broken in ["{", "[]", "", "null", r#"{"article":{"title":"\ud800","body":"","description":""}}"#] {
        let refused = publish(broken.to_owned()).await;
        assert!(refused.status().is_client_error(), "{broken}: {}", refused.text());
        assert!(refused.json::<Value>()["errors"]["body"].is_array(), "{}", refused.text());
    }
    let foreign =
        app.post("/api/articles").header("authorization", &token).body("text/plain", "hello").send().await;
    foreign.assert_status(415);
    app.stop().await;
}

#[tokio::test]
async fn changes_what_is_named_and_moves_it_with_its_title() {
    let app = TestApp::start(conduit::app()).await;
    let (_, token) = writer(&app).await;
    let article =
        json!({ "article": { "title": "Before", "description": "D", "body": "B", "tagList": ["x"] } });
    let created: Value =
        app.post("/api/articles").header("authorization", &token).json(&article).send().await.json();
    let old = format!("/api/articles/{}", created["article"]["slug"].as_str().expect("a text"));

    let body = json!({ "article": { "body": "Better" } });
    let changed: Value = app.put(&old).header("authorization", &token).json(&body).send().await.json();
    for (field, expected) in
        [("slug", &created["article"]["slug"]), ("body", &json!("Better")), ("tagList", &json!(["x"]))]
    {
        assert_eq!(&changed["article"][field], expected, "{field}");
    }
    let title = json!({ "article": { "title": "After" } });
    let moved: Value = app.put(&old).header("authorization", &token).json(&title).send().await.json();
    let slug = moved["article"]["slug"].as_str().expect("a text");
    assert!(slug.starts_with("after-"), "{slug}");
    app.get(&old).send().await.assert_status(404);
    app.get(&format!("/api/articles/{slug}")).send().await.assert_json_at("/article/title", json!("After"));
    app.stop().await;
}

#[tokio::test]
async fn lets_nobody_else_change_or_remove_an_article() {
    let app = TestApp::start(conduit::app()).await;
    let db = app.inject::<Db>().await;
    let article = ArticleFactory::default().create(&db).await.expect("an article");
    let path = format!("/api/articles/{}", article.slug);
    let (_, stranger) = writer(&app).await;
    let change = json!({ "article": { "title": "Mine" } });
    app.put(&path).header("authorization", &stranger).json(&change).send().await.assert_status(403);
    app.delete(&path).header("authorization", &stranger).send().await.assert_status(403);
    app.put(&path).json(&change).send().await.assert_status(401);
    app.delete(&path).send().await.assert_status(401);
    app.get(&path).send().await.assert_json_at("/article/title", json!(article.title));

    let author = User::find(article.author.key(), &db).await.expect("its author");
    let token = header_of(&author, &app).await;
    app.delete(&path).header("authorization", &token).send().await.assert_status(204);
    app.delete(&path).header("authorization", &token).send().await.assert_status(404);
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
