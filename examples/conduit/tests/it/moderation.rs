//! Moderators: who may remove what others have written.

use conduit::users::User;
use mainstay::core::principal::Principal;
use mainstay::prelude::*;
use mainstay_test::{Factory, TestApp};
use serde_json::json;

use crate::factories::{ArticleFactory, writer};

async fn appoint(user: &User, app: &TestApp) {
    let roles = app.inject::<Roles>().await;
    let changes = roles.change(&Principal::system("test")).expect("the system may");
    changes.give("moderator", &user.principal()).await.expect("there is such a role");
}

#[tokio::test]
async fn moderators_remove_what_others_have_written_and_change_none_of_it() {
    let app = TestApp::start(conduit::app()).await;
    let db = app.inject::<Db>().await;
    let (reader, reads) = writer(&app).await;
    let (mut articles, mut comments) = (Vec::new(), Vec::new());
    for _ in 0..2 {
        let article = ArticleFactory::default().create(&db).await.expect("an article");
        let path = format!("/api/articles/{}/comments", article.slug);
        let said =
            app.post(&path).header("authorization", &reads).json(&json!({ "comment": { "body": "Hm." } }));
        let said: serde_json::Value = said.send().await.assert_status(200).json();
        comments.push(format!("{path}/{}", said["comment"]["id"]));
        articles.push(article.slug);
    }
    let (moderator, may) = writer(&app).await;
    for header in [&reads, &may] {
        let path = format!("/api/articles/{}", articles[0]);
        app.delete(&path).header("authorization", header).send().await.assert_status(403);
        let path = format!("/api/v2/articles/{}", articles[0]);
        app.delete(&path).header("authorization", header).send().await.assert_problem(403, "forbidden");
    }
    app.delete(&comments[0]).header("authorization", &may).send().await.assert_status(403);

    appoint(&moderator, &app).await;
    app.delete(&comments[0]).header("authorization", &may).send().await.assert_status(204);
    let revised = json!({ "article": { "title": "Mine" } });
    let path = format!("/api/articles/{}", articles[0]);
    app.put(&path).header("authorization", &may).json(&revised).send().await.assert_status(403);
    app.delete(&path).header("authorization", &may).send().await.assert_status(204);
    let path = format!("/api/v2/articles/{}", articles[1]);
    let patched =
        app.patch(&path).header("authorization", &may).json(&json!({ "title": "Mine" })).send().await;
    patched.assert_status(403);
    app.delete(&path).header("authorization", &may).send().await.assert_status(204);
    assert_eq!(User::filter(|user| user.id.eq(reader.id)).count(&db).await.expect("it counts"), 1);
    drop(db);
    app.stop().await;
}
