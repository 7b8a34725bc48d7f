//! Profiles, following, and the feed.

use conduit::users::User;
use mainstay::prelude::*;
use mainstay_test::{Factory, TestApp};
use serde_json::{Value, json};

use crate::factories::{ArticleFactory, UserFactory, writer};

#[tokio::test]
async fn follows_and_unfollows() {
    let app = TestApp::start(conduit::app()).await;
    let db = app.inject::<Db>().await;
    let ann = UserFactory.create(&db).await.expect("a user");
    let (_, token) = writer(&app).await;
    let profile = format!("/api/profiles/{}", ann.username);
    let follow = format!("{profile}/follow");
    let shown = json!({ "profile": {
        "username": ann.username, "bio": ann.bio, "image": ann.image, "following": false,
    } });
    app.get(&profile).send().await.assert_status(200).assert_json(shown);
    for _ in 0..2 {
        let followed = app.post(&follow).header("authorization", &token).send().await;
        followed.assert_status(200).assert_json_at("/profile/following", json!(true));
    }
    let of_reader = app.get(&profile).header("authorization", &token).send().await;
    of_reader.assert_json_at("/profile/following", json!(true));
    app.get(&profile).send().await.assert_json_at("/profile/following", json!(false));
    for _ in 0..2 {
        let left = app.delete(&follow).header("authorization", &token).send().await;
        left.assert_status(200).assert_json_at("/profile/following", json!(false));
    }
    app.get(&profile)
        .header("authorization", &token)
        .send()
        .await
        .assert_json_at("/profile/following", json!(false));
    app.stop().await;
}

#[tokio::test]
async fn knows_who_cannot_be_followed() {
    let app = TestApp::start(conduit::app()).await;
    let (ann, token) = writer(&app).await;
    app.get("/api/profiles/nobody").send().await.assert_status(404);
    app.post("/api/profiles/nobody/follow").header("authorization", &token).send().await.assert_status(404);
    app.post("/api/profiles/nobody/follow").send().await.assert_status(401);
    let oneself = format!("/api/profiles/{}/follow", ann.username);
    app.post(&oneself).header("authorization", &token).send().await.assert_status(422);
    app.stop().await;
}

#[tokio::test]
async fn feeds_the_articles_of_those_whom_one_follows() {
    let app = TestApp::start(conduit::app()).await;
    let db = app.inject::<Db>().await;
    let articles = ArticleFactory::default().create_many(3, &db).await.expect("articles");
    let (_, token) = writer(&app).await;
    let feed = || async { app.get("/api/articles/feed").header("authorization", &token).send().await };
    feed().await.assert_status(200).assert_json(json!({ "articles": [], "articlesCount": 0 }));
    let author = User::find(articles[1].author.key(), &db).await.expect("its author");
    let follow = format!("/api/profiles/{}/follow", author.username);
    app.post(&follow).header("authorization", &token).send().await.assert_status(200);
    let list: Value = feed().await.json();
    assert_eq!((&list["articlesCount"], &list["articles"][0]["slug"]), (&json!(1), &json!(articles[1].slug)));
    assert_eq!(list["articles"][0]["author"]["following"], true);
    app.get("/api/articles/feed").send().await.assert_status(401);
    app.stop().await;
}
