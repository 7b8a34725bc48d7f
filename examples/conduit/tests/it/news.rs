//! What people are told by mail, and the pictures that they send.

use std::sync::Arc;
use std::time::Duration;

use conduit::users::User;
use mainstay::core::clock::TestClock;
use mainstay::prelude::*;
use mainstay_test::{Factory, TestApp};
use serde_json::json;

use crate::factories::{ArticleFactory, UserFactory, writer};

/// Delivers events, and runs jobs until there are none.
async fn settle(app: &TestApp) {
    app.inject::<Outbox>().await.settled(Duration::from_secs(10)).await.expect("events are delivered");
    app.run_jobs().await;
}

async fn subjects_to(app: &TestApp, user: &User) -> Vec<String> {
    app.mails_to(&user.email).await.into_iter().map(|mail| mail.subject).collect()
}

#[tokio::test]
async fn who_is_followed_is_told_once() {
    let app = TestApp::start(conduit::app()).await;
    let db = app.inject::<Db>().await;
    let ann = UserFactory.create(&db).await.expect("a user");
    let mut silent = UserFactory.create(&db).await.expect("a user");
    silent.update(|user| user.wants_mails(false), &db).await.expect("a change");
    let (reader, token) = writer(&app).await;
    for user in [&ann, &ann, &silent] {
        let follow = format!("/api/profiles/{}/follow", user.username);
        app.post(&follow).header("authorization", &token).send().await.assert_status(200);
    }
    settle(&app).await;
    assert_eq!(subjects_to(&app, &ann).await, [format!("{} follows you", reader.username)]);
    assert!(subjects_to(&app, &silent).await.is_empty());
    app.stop().await;
}

#[tokio::test]
async fn followers_are_told_of_an_article_and_nobody_of_one_that_was_not_published() {
    let app = TestApp::start(conduit::app()).await;
    let db = app.inject::<Db>().await;
    let (author, token) = writer(&app).await;
    let mut followers = Vec::new();
    for _ in 0..3 {
        let mut follower = UserFactory.create(&db).await.expect("a user");
        follower.follows.add([&author], &db).await.expect("a link");
        followers.push(follower);
    }
    let stranger = UserFactory.create(&db).await.expect("a user");
    let publish = async |title: &str| {
        let article =
            json!({ "article": { "title": title, "description": "In short", "body": "At length" } });
        app.post("/api/articles").header("authorization", &token).json(&article).send().await
    };
    publish("").await.assert_status(422);
    publish("On jobs").await.assert_status(201);
    settle(&app).await;
    for follower in &followers {
        let told = format!("{} has published \"On jobs\"", author.username);
        assert_eq!(subjects_to(&app, follower).await, [told]);
    }
    assert!(subjects_to(&app, &stranger).await.is_empty());
    let mail = app.mails().await.into_iter().next().expect("a mail");
    assert!(mail.text.contains("/api/articles/on-jobs"), "{}", mail.text);
    assert!(mail.text.contains("/account/profile"), "{}", mail.text);
    app.stop().await;
}

#[tokio::test]
async fn the_week_is_told_on_monday_morning() {
    let clock = Arc::new(TestClock::default());
    let app = TestApp::of(conduit::app()).clock(&clock).start().await;
    let db = app.inject::<Db>().await;
    // The clock begins on a Thursday at noon; the first look notes the next Monday.
    app.run_jobs().await;
    let articles = ArticleFactory::default().create_many(2, &db).await.expect("articles");
    let mut reader = UserFactory.create(&db).await.expect("a user");
    reader.follows.add(articles.iter().map(|article| article.author.key()), &db).await.expect("links");
    let lonely = UserFactory.create(&db).await.expect("a user");
    clock.advance(Duration::from_secs(3 * 24 * 3600));
    assert_eq!(app.run_jobs().await, 0, "it is not Monday yet");
    clock.advance(Duration::from_secs(24 * 3600));
    app.run_jobs().await;
    assert_eq!(subjects_to(&app, &reader).await, ["Your week on Conduit"]);
    assert!(subjects_to(&app, &lonely).await.is_empty());
    let mail = app.mails().await.into_iter().next().expect("a mail");
    for article in &articles {
        assert!(mail.text.contains(&article.title), "{}", mail.text);
    }
    // Nothing new in the week after.
    clock.advance(Duration::from_secs(7 * 24 * 3600));
    app.run_jobs().await;
    assert_eq!(subjects_to(&app, &reader).await.len(), 1);
    app.stop().await;
}

#[tokio::test]
async fn a_picture_that_is_sent_is_what_others_see() {
    /// Four red pixels.
    const RED: &[u8] = b"\x89\x50\x4e\x47\x0d\x0a\x1a\x0a\x00\x00\x00\x0d\x49\x48\x44\x52\x00\x00\x00\x02\x00\x00\x00\x02\x08\
        \x02\x00\x00\x00\xfd\xd4\x9a\x73\x00\x00\x00\x10\x49\x44\x41\x54\x78\x9c\x63\x38\x21\x27\x07\x44\x0c\
        \x10\x0a\x00\x1f\x26\x04\x11\xa2\x8f\x22\xaf\x00\x00\x00\x00\x49\x45\x4e\x44\xae\x42\x60\x82";
    let app = TestApp::start(conduit::app()).await;
    let (user, token) = writer(&app).await;
    let send = async |content: &[u8]| {
        let picture = mainstay_test::Upload::new().file("picture", "me.png", "image/png", content);
        app.post("/account/picture").header("authorization", &token).upload(picture).send().await
    };
    let image = async || {
        let profile = app.get(&format!("/api/profiles/{}", user.username)).send().await;
        profile.json::<serde_json::Value>()["profile"]["image"].as_str().expect("a text").to_owned()
    };
    send(b"<script>alert(1)</script>").await.assert_status(415);
    send(&RED[..50]).await.assert_status(422);
    assert_eq!(image().await, "");
    send(RED).await.assert_status(303);
    let first = image().await;
    let shown = app.get(&first).send().await;
    shown.assert_status(200).assert_header("content-type", "image/jpeg");
    assert_ne!(shown.bytes(), RED, "it is not what was sent, which may say where it was taken");
    send(RED).await.assert_status(303);
    assert_ne!(image().await, first);
    app.get(&image().await).send().await.assert_status(200);
    app.get("/pictures/999").send().await.assert_status(404);
    app.stop().await;
}

#[tokio::test]
async fn operators_see_the_jobs_and_nobody_else_does() {
    let app = TestApp::start(conduit::app()).await;
    let (user, token) = writer(&app).await;
    app.get("/jobs").send().await.assert_status(401);
    app.get("/jobs").header("authorization", &token).send().await.assert_status(403);
    let roles = app.inject::<Roles>().await;
    let changes =
        roles.change(&mainstay::core::principal::Principal::system("test")).expect("the system may");
    changes.give("operator", &user.principal()).await.expect("there is such a role");
    app.get("/jobs").header("authorization", &token).send().await.assert_status(200);
    app.stop().await;
}

#[tokio::test]
async fn what_one_was_told_is_listed_read_and_switched_off() {
    let app = TestApp::start(conduit::app()).await;
    let (author, anns) = writer(&app).await;
    let (reader, token) = writer(&app).await;
    let stranger = writer(&app).await.1;
    let follow = format!("/api/profiles/{}/follow", author.username);
    let list = async |token: &str| -> serde_json::Value {
        app.get("/api/notifications").header("authorization", token).send().await.assert_status(200).json()
    };
    app.get("/api/notifications").send().await.assert_status(401);
    app.post(&follow).header("authorization", &token).send().await.assert_status(200);
    settle(&app).await;
    let listed = list(&anns).await;
    assert_eq!(listed["unread"], 1);
    let told = &listed["notifications"][0];
    assert_eq!(
        (&told["name"], &told["data"]["follower"]),
        (&json!("user.followed"), &json!(reader.username))
    );
    assert_eq!(list(&stranger).await["unread"], 0);

    let read = format!("/api/notifications/{}/read", told["id"].as_str().expect("an id"));
    app.post(&read).header("authorization", &stranger).send().await.assert_status(404);
    app.post(&read).header("authorization", &anns).send().await.assert_status(204);
    app.post("/api/notifications/not-an-id/read")
        .header("authorization", &anns)
        .send()
        .await
        .assert_status(400);
    assert_eq!(list(&anns).await["unread"], 0);

    let wish = |name: &str, via: &str| json!({ "name": name, "via": via, "wanted": false });
    let prefer = async |wish| {
        let to = "/api/notifications/preferences";
        app.put(to).header("authorization", &anns).json(&wish).send().await
    };
    prefer(wish("user.followed", "pigeon")).await.assert_status(422);
    prefer(wish("nonsense", "mail")).await.assert_status(404);
    prefer(wish("user.followed", "mail")).await.assert_status(200);
    prefer(wish("user.followed", "database")).await.assert_status(200);
    let before = app.mails_to(&author.email).await.len();
    app.delete(&follow).header("authorization", &token).send().await.assert_status(200);
    app.post(&follow).header("authorization", &token).send().await.assert_status(200);
    settle(&app).await;
    assert_eq!(list(&anns).await["unread"], 0);
    assert_eq!(app.mails_to(&author.email).await.len(), before, "no mail any more");
    app.stop().await;
}

#[tokio::test]
async fn an_open_page_hears_what_one_is_told() {
    let app = TestApp::start(conduit::app()).await;
    let (author, anns) = writer(&app).await;
    let token = writer(&app).await.1;
    let mut page = app.get("/api/notifications/live").header("authorization", &anns).open().await;
    let follow = format!("/api/profiles/{}/follow", author.username);
    app.post(&follow).header("authorization", &token).send().await.assert_status(200);
    settle(&app).await;
    let heard = page.event().await;
    assert!(heard.starts_with("data: {") && heard.contains(r#""name":"user.followed""#), "{heard}");
    app.stop().await;
}
