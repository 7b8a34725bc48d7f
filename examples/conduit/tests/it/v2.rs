//! The declared resources.

use mainstay::prelude::*;
use mainstay_test::{Factory, TestApp};
use serde_json::{Value, json};

use crate::conduit;
use crate::factories::{ArticleFactory, writer};

#[tokio::test]
async fn reads_what_the_first_version_reads() {
    let app = conduit().await;
    let page: Value =
        app.get("/api/v2/articles?sort=-created_at,-id&per_page=5").send().await.assert_status(200).json();
    let first: Value = app.get("/api/articles?limit=5").send().await.json();
    let slugs = |list: &Value| -> Vec<String> {
        list.as_array().expect("a list").iter().map(|item| item["slug"].to_string()).collect()
    };
    assert_eq!(slugs(&page["items"]), slugs(&first["articles"]));
    assert_eq!(page["total"], first["articlesCount"]);
    let found: Value = app
        .get("/api/v2/articles?search=%22peace+treaty%22+rebase+-almanac&fields=title,slug")
        .send()
        .await
        .json();
    assert_eq!(
        found["items"],
        json!([{
            "slug": "rebase-merge-and-other-religions", "title": "Rebase, merge and other religions",
        }])
    );
    let whole = app
        .get("/api/v2/articles?slug=rebase-merge-and-other-religions&include=author,tags&fields=title")
        .send()
        .await;
    let whole: Value = whole.assert_status(200).assert_queries_at_most(2).json();
    assert_eq!(whole["items"][0]["author"]["username"], "łukasz.żak");
    let tags: Vec<_> =
        whole["items"][0]["tags"].as_array().expect("a list").iter().map(|tag| &tag["name"]).collect();
    assert_eq!(tags, ["career", "git"]);
    let ann: Value = app.get("/api/v2/users?username=ann_marlowe").send().await.json();
    assert_eq!(ann["total"], 1);
    assert!(ann["items"][0].get("email").is_none() && ann["items"][0].get("password").is_none(), "{ann}");
    app.stop().await;
}

#[tokio::test]
async fn writes_for_who_is_signed_in_and_only_their_own() {
    let app = TestApp::start(conduit::app()).await;
    let (ann, token) = writer(&app).await;
    let new = json!({ "title": "One", "description": "First", "body": "Text" });
    app.post("/api/v2/articles").json(&new).send().await.assert_problem(401, "unauthorized");
    let made = app.post("/api/v2/articles").header("authorization", &token).json(&new).send().await;
    let article: Value = made.assert_status(201).json();
    assert_eq!(article["author_id"], ann.id);
    assert!(article["slug"].as_str().is_some_and(|slug| slug.starts_with("one-")), "{article}");
    let address = made.header("location").expect("its address").to_owned();

    let other = ArticleFactory::default().create(&app.inject::<Db>().await).await.expect("an article");
    let foreign = format!("/api/v2/articles/{}", other.slug);
    let change = json!({ "title": "Mine" });
    app.patch(&foreign)
        .header("authorization", &token)
        .json(&change)
        .send()
        .await
        .assert_problem(403, "forbidden");
    let forged = json!({ "author_id": other.author.key() });
    let refused = app.patch(&address).header("authorization", &token).json(&forged).send().await;
    refused.assert_problem(422, "validation_failed").assert_json_at("/errors/0/pointer", json!("/author_id"));
    let changed = app.patch(&address).header("authorization", &token).json(&change).send().await;
    changed.assert_status(200).assert_json_at("/title", json!("Mine"));
    let comments = format!("{foreign}/comments");
    let comment = json!({ "body": "Well said." });
    app.post(&comments).json(&comment).send().await.assert_problem(401, "unauthorized");
    let commented = app.post(&comments).header("authorization", &token).json(&comment).send().await;
    let comment: Value = commented.assert_status(201).json();
    assert_eq!((&comment["author_id"], &comment["article_id"]), (&json!(ann.id), &json!(other.id)));
    app.get(&comments).send().await.assert_json_at("/items", json!([comment]));
    app.get(&format!("{address}/comments")).send().await.assert_json_at("/total", json!(0));
    app.delete(&foreign).header("authorization", &token).send().await.assert_status(403);
    app.delete(&address).header("authorization", &token).send().await.assert_status(204);
    app.post("/api/v2/tags")
        .header("authorization", &token)
        .json(&json!({ "name": "x" }))
        .send()
        .await
        .assert_status(403);
    app.stop().await;
}
