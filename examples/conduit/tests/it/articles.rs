//! Reading.

use conduit::tags::NewTag;
use mainstay::prelude::*;
use mainstay_test::{Factory, TestApp};
use serde_json::{Value, json};

use crate::conduit;
use crate::factories::ArticleFactory;

fn seed() -> Value {
    serde_json::from_str(include_str!("../../data/seed.json")).expect("it is JSON")
}

fn strings<'a>(list: &'a Value, field: &str) -> Vec<&'a str> {
    list.as_array().expect("a list").iter().map(|item| item[field].as_str().expect("a text")).collect()
}

#[tokio::test]
async fn lists_the_newest_first_and_counts_all() {
    let app = conduit().await;
    let response = app.get("/api/articles").send().await;
    let list: Value = response.assert_status(200).json();
    assert_eq!(list["articlesCount"], 311);
    let times = strings(&list["articles"], "createdAt");
    assert_eq!(times.len(), 20);
    assert!(times.is_sorted_by(|newer, older| newer >= older), "{times:?}");
    assert!(list["articles"][0].get("body").is_none(), "a list has no bodies");
    app.stop().await;
}

#[tokio::test]
async fn pages_reach_every_article_once() {
    let app = conduit().await;
    let mut slugs = Vec::new();
    for offset in (0..400).step_by(100) {
        let page: Value = app.get(&format!("/api/articles?limit=100&offset={offset}")).send().await.json();
        slugs.extend(strings(&page["articles"], "slug").into_iter().map(str::to_owned));
    }
    slugs.sort();
    slugs.dedup();
    assert_eq!(slugs.len(), 311);
    app.stop().await;
}

#[tokio::test]
async fn filters_by_tag_and_by_author_in_any_script() {
    let app = conduit().await;
    let seed = seed();
    for author in ["ann_marlowe", "łukasz.żak", "اليازية"] {
        let expected =
            seed["articles"].as_array().expect("a list").iter().filter(|a| a["author"] == author).count();
        let response = app.get("/api/articles").query(&[("author", author), ("limit", "100")]).send().await;
        let list: Value = response.assert_status(200).json();
        assert_eq!(list["articlesCount"], expected, "{author}");
        assert!(
            list["articles"].as_array().expect("a list").iter().all(|a| a["author"]["username"] == author)
        );
    }
    let both = app.get("/api/articles").query(&[("tag", "history"), ("author", "ann_marlowe")]).send().await;
    let list: Value = both.json();
    assert!(list["articlesCount"].as_u64().expect("a number") > 0);
    for article in list["articles"].as_array().expect("a list") {
        assert!(article["tagList"].as_array().expect("a list").contains(&json!("history")), "{article}");
    }
    app.get("/api/articles?tag=no-such-tag")
        .send()
        .await
        .assert_json(json!({ "articles": [], "articlesCount": 0 }));
    app.stop().await;
}

#[tokio::test]
async fn gives_every_text_back_as_it_was_written() {
    let app = conduit().await;
    for expected in seed()["articles"].as_array().expect("a list") {
        let slug = expected["slug"].as_str().expect("a text");
        let shown: Value = app.get(&format!("/api/articles/{slug}")).send().await.assert_status(200).json();
        for field in ["slug", "title", "description", "body", "createdAt"] {
            assert_eq!(shown["article"][field], expected[field], "{slug}: {field}");
        }
        assert_eq!(shown["article"]["author"]["username"], expected["author"], "{slug}");
        let mut tags: Vec<_> = expected["tagList"].as_array().expect("a list").clone();
        tags.sort_by(|one, other| one.as_str().cmp(&other.as_str()));
        assert_eq!(shown["article"]["tagList"], json!(tags), "{slug}");
    }
    app.stop().await;
}

#[tokio::test]
async fn lists_the_tags_that_articles_have() {
    let app = TestApp::start(conduit::app()).await;
    let db = app.inject::<Db>().await;
    ArticleFactory { tags: &["rust", "databases"] }.create(&db).await.expect("an article");
    ArticleFactory { tags: &["rust", "web"] }.create(&db).await.expect("an article");
    NewTag { name: "unused".into() }.insert(&db).await.expect("a tag");
    let tags = app.get("/api/tags").send().await;
    tags.assert_status(200).assert_json(json!({ "tags": ["databases", "rust", "web"] }));
    app.stop().await;
}

#[tokio::test]
async fn asks_as_often_for_many_articles_as_for_one() {
    let app = TestApp::start(conduit::app()).await;
    let db = app.inject::<Db>().await;
    ArticleFactory { tags: &["rust", "web"] }.create_many(30, &db).await.expect("articles");
    let page = app.get("/api/articles?limit=30").send().await;
    page.assert_queries_at_most(4).assert_json_at("/articlesCount", json!(30));
    app.stop().await;
}

#[tokio::test]
async fn says_what_is_wrong_with_a_query() {
    let app = conduit().await;
    let wrong = app.get("/api/articles?limit=0").send().await;
    wrong.assert_status(422).assert_json(json!({ "errors": { "body": ["limit must be at least 1"] } }));
    let wrong = app.get("/api/articles?limit=many&offset=-1").send().await;
    wrong.assert_status(400).assert_text_contains("limit expected").assert_text_contains("offset expected");
    let unknown = app.get("/api/articles/no-such-slug").send().await;
    unknown.assert_status(404).assert_json(json!({ "errors": { "body": ["There is no such article."] } }));
    app.get("/api/articles/%ff").send().await.assert_status(400);
    app.stop().await;
}
