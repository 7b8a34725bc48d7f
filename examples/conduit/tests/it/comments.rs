//! What readers say.

use mainstay::prelude::*;
use mainstay_test::{Factory, TestApp};
use serde_json::{Value, json};

use crate::factories::{ArticleFactory, header_of, writer};

#[tokio::test]
async fn says_lists_and_takes_back() {
    let app = TestApp::start(conduit::app()).await;
    let db = app.inject::<Db>().await;
    let article = ArticleFactory::default().create(&db).await.expect("an article");
    let comments = format!("/api/articles/{}/comments", article.slug);
    app.get(&comments).send().await.assert_status(200).assert_json(json!({ "comments": [] }));
    let ((ann, anns), (bob, bobs)) = (writer(&app).await, writer(&app).await);
    let mut ids = Vec::new();
    for (token, body) in [(&anns, "First! <b>👩‍👩‍👧</b>"), (&bobs, "Second")] {
        let said = json!({ "comment": { "body": body } });
        let said: Value = app
            .post(&comments)
            .header("authorization", token)
            .json(&said)
            .send()
            .await
            .assert_status(200)
            .json();
        assert_eq!(said["comment"]["body"], body);
        ids.push(said["comment"]["id"].as_i64().expect("a number"));
    }
    let follow = format!("/api/profiles/{}/follow", bob.username);
    app.post(&follow).header("authorization", &anns).send().await.assert_status(200);
    let list: Value = app.get(&comments).header("authorization", &anns).send().await.json();
    let seen: Vec<_> = list["comments"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|c| (c["author"]["username"].as_str(), c["author"]["following"].as_bool()))
        .collect();
    assert_eq!(seen, [(Some(ann.username.as_str()), Some(false)), (Some(bob.username.as_str()), Some(true))]);
    app.get(&comments).header("authorization", &anns).send().await.assert_queries_at_most(3);

    let first = format!("{comments}/{}", ids[0]);
    app.delete(&first).header("authorization", &bobs).send().await.assert_status(403);
    app.delete(&first).send().await.assert_status(401);
    app.delete(&first).header("authorization", &anns).send().await.assert_status(204);
    app.delete(&first).header("authorization", &anns).send().await.assert_status(404);
    app.stop().await;
}

#[tokio::test]
async fn knows_what_cannot_be_said_or_found() {
    let app = TestApp::start(conduit::app()).await;
    let db = app.inject::<Db>().await;
    let articles = ArticleFactory::default().create_many(2, &db).await.expect("articles");
    let (ann, token) = writer(&app).await;
    let comments = |slug: &str| format!("/api/articles/{slug}/comments");
    let empty = json!({ "comment": { "body": "" } });
    let refused =
        app.post(&comments(&articles[0].slug)).header("authorization", &token).json(&empty).send().await;
    refused.assert_status(422).assert_json(json!({ "errors": { "body": ["body must not be empty"] } }));
    let said = json!({ "comment": { "body": "Here" } });
    app.post(&comments("nowhere"))
        .header("authorization", &token)
        .json(&said)
        .send()
        .await
        .assert_status(404);
    app.get(&comments("nowhere")).send().await.assert_status(404);
    let said: Value = app
        .post(&comments(&articles[0].slug))
        .header("authorization", &token)
        .json(&said)
        .send()
        .await
        .json();
    let elsewhere = format!("{}/{}", comments(&articles[1].slug), said["comment"]["id"]);
    app.delete(&elsewhere).header("authorization", &token).send().await.assert_status(404);
    let unreadable = format!("{}/first", comments(&articles[0].slug));
    app.delete(&unreadable).header("authorization", &token).send().await.assert_status(400);

    // With the article goes what was said to it.
    let author = conduit::users::User::find(articles[0].author.key(), &db).await.expect("its author");
    let authors = header_of(&author, &app).await;
    let path = format!("/api/articles/{}", articles[0].slug);
    app.delete(&path).header("authorization", &authors).send().await.assert_status(204);
    assert_eq!(
        conduit::comments::Comment::filter(|c| c.author.eq(&ann)).count(&db).await.expect("a number"),
        0
    );
    app.stop().await;
}
