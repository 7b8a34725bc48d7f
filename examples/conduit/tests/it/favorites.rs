//! What readers like.

use mainstay::prelude::*;
use mainstay_test::{Factory, TestApp};
use serde_json::{Value, json};

use crate::factories::{ArticleFactory, writer};

#[tokio::test]
async fn counts_who_likes_an_article_and_says_whether_the_reader_does() {
    let app = TestApp::start(conduit::app()).await;
    let db = app.inject::<Db>().await;
    let article = ArticleFactory::default().create(&db).await.expect("an article");
    let path = format!("/api/articles/{}", article.slug);
    let favorite = format!("{path}/favorite");
    let ((ann, anns), (_, bobs)) = (writer(&app).await, writer(&app).await);
    for _ in 0..2 {
        let liked = app.post(&favorite).header("authorization", &anns).send().await;
        liked.assert_status(200).assert_json_at("/article/favorited", json!(true));
        liked.assert_json_at("/article/favoritesCount", json!(1));
    }
    app.post(&favorite)
        .header("authorization", &bobs)
        .send()
        .await
        .assert_json_at("/article/favoritesCount", json!(2));
    let stranger: Value = app.get(&path).send().await.json();
    assert_eq!(
        (&stranger["article"]["favorited"], &stranger["article"]["favoritesCount"]),
        (&json!(false), &json!(2))
    );

    let of_ann: Value = app.get("/api/articles").query(&[("favorited", &ann.username)]).send().await.json();
    assert_eq!(of_ann["articlesCount"], 1);
    for _ in 0..2 {
        let left = app.delete(&favorite).header("authorization", &anns).send().await;
        left.assert_status(200).assert_json_at("/article/favorited", json!(false));
        left.assert_json_at("/article/favoritesCount", json!(1));
    }
    let of_ann: Value = app.get("/api/articles").query(&[("favorited", &ann.username)]).send().await.json();
    assert_eq!(of_ann["articlesCount"], 0);
    let of_nobody: Value = app.get("/api/articles?favorited=nobody").send().await.json();
    assert_eq!(of_nobody["articlesCount"], 0);
    app.post("/api/articles/none/favorite").header("authorization", &anns).send().await.assert_status(404);
    app.post(&favorite).send().await.assert_status(401);
    app.stop().await;
}
