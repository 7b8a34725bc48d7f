//! Fixtures: rows written by hand.

use mainstay_core::Result;
use mainstay_db::Db;
use mainstay_db::transfer::{self, Source};

use super::{Engine, blog, suite};
use crate::blog::{Article, Comment, Status, Tag, User, draft, models, tag, user};

suite!(
    a_row_is_named_by_what_it_holds,
    several_fixtures_are_loaded_together_or_not_at_all,
    a_line_that_is_wrong_is_named_and_nothing_is_written,
    a_row_that_the_database_refuses_is_named,
    a_fixture_that_was_changed_is_loaded_again,
);

async fn load(db: &Db, text: &str) -> Result<u64> {
    transfer::load(&models(), db, [Source::text("blog", text)]).await
}

async fn a_row_is_named_by_what_it_holds(engine: Engine) {
    let db = blog(engine).await;
    tag(&db, "web").await;
    let text = r#"
        {"model":"User","fields":{"name":"ann"}}
        {"model":"User","fields":{"name":"bob"}}
        {"model":"Tag","fields":{"name":"rust"}}

        {"model":"Article","fields":{"slug":"one","title":"One","body":"Text.","author":{"name":"ann"},"status":"public","tags":[{"name":"rust"},{"name":"web"}]}}
        {"model":"Comment","fields":{"text":"Well.","article":{"slug":"one","author":{"name":"ann"}},"author":{"name":"bob"}}}
        {"model":"Comment","fields":{"text":"Thanks.","article":{"slug":"one"},"author":{"name":"ann"},"parent":{"text":"Well.","parent":null}}}
    "#;
    assert_eq!(load(&db, text).await.unwrap(), 6);
    let one = Article::query()
        .with(|a| a.author)
        .with(|a| a.tags.order_by(|t| t.name.asc()))
        .one(&db)
        .await
        .unwrap();
    assert_eq!((one.author.get().unwrap().name.as_str(), one.status), ("ann", Status::Published));
    let tags: Vec<_> = one.tags.get().unwrap().iter().map(|tag| tag.name.as_str()).collect();
    assert_eq!(tags, ["rust", "web"]);
    let reply = Comment::filter(|c| c.text.eq("Thanks.")).with(|c| c.parent).one(&db).await.unwrap();
    assert_eq!(reply.parent.as_ref().unwrap().get().unwrap().text, "Well.");
}

async fn several_fixtures_are_loaded_together_or_not_at_all(engine: Engine) {
    let db = blog(engine).await;
    let users = r#"{"model":"User","fields":{"name":"ann"}}"#;
    let articles =
        r#"{"model":"Article","fields":{"slug":"one","title":"One","body":"Text.","author":{"name":"ann"}}}"#;
    let sources = || [Source::text("users", users), Source::text("articles", articles)];
    assert_eq!(transfer::load(&models(), &db, sources()).await.unwrap(), 2);
    let first = Source::text("tags", r#"{"model":"Tag","fields":{"name":"x"}}"#);
    let again = transfer::load(&models(), &db, [first].into_iter().chain(sources())).await;
    assert_eq!(again.unwrap_err().message(), "users, line 1: another User has the same name");
    assert_eq!(Tag::query().count(&db).await.unwrap(), 0);
}

async fn a_line_that_is_wrong_is_named_and_nothing_is_written(engine: Engine) {
    let db = blog(engine).await;
    draft(&user(&db, "bob").await, "his").insert(&db).await.unwrap();
    let article = |more: &str| {
        format!(r#"{{"model":"Article","fields":{{"slug":"x","title":"x","body":"x",{more}}}}}"#)
    };
    let wrong = [
        ("no json".to_owned(), "expected ident at column 2; expected `{\"model\""),
        (r#"{"model":"Nobody","fields":{}}"#.to_owned(), "there is no model `Nobody`; there are: Comment, "),
        (
            r#"{"model":"Tag","fields":{"nam":"x"}}"#.to_owned(),
            "`Tag` has no field `nam`; it has: id, name, articles",
        ),
        (r#"{"model":"Tag","fields":{}}"#.to_owned(), "Tag.name must have a value"),
        (r#"{"model":"Tag","fields":{"name":5}}"#.to_owned(), "`Tag.name` must be a text"),
        (r#"{"model":"Tag","fields":{"name":null}}"#.to_owned(), "`Tag.name` must be a value, and not null"),
        (article(r#""author":{"name":"eve"}"#), "{\"name\":\"eve\"} of `User`: no row is like that"),
        (article(r#""author":{"age":5}"#), "{\"age\":5} of `User`: it has no field `age`"),
        (article(r#""author":{}"#), "{} of `User`: no field is named"),
        (
            article(r#""author":{"active":true}"#),
            "{\"active\":true} of `User`: more than one row is like that",
        ),
        (
            article(r#""author":1,"status":"lost""#),
            "`Article.status` must be one of `draft`, `in_review`, `public`",
        ),
        (article(r#""author":1,"tags":"rust""#), "`Article.tags` must be a list of rows"),
        (article(r#""author":1,"published_at":"yesterday""#), "`Article.published_at` must be a time, like"),
    ];
    user(&db, "cid").await;
    for (line, said) in wrong {
        let error = load(&db, &format!("{{\"model\":\"Tag\",\"fields\":{{\"name\":\"fine\"}}}}\n{line}"))
            .await
            .unwrap_err();
        assert_eq!(error.status().as_u16(), 422, "{}", error.report());
        let expected = format!("blog, line 2: {said}");
        assert!(error.message().starts_with(&expected), "{}\n{expected}", error.message());
    }
    assert_eq!(Tag::query().count(&db).await.unwrap(), 0);
}

async fn a_row_that_the_database_refuses_is_named(engine: Engine) {
    let db = blog(engine).await;
    let mut tags: Vec<String> =
        (0..300).map(|number| format!(r#"{{"model":"Tag","fields":{{"name":"{number}"}}}}"#)).collect();
    tags[280] = tags[7].clone();
    let refused = load(&db, &tags.join("\n")).await.unwrap_err();
    assert_eq!(refused.message(), "blog, line 281: another Tag has the same name");
    assert_eq!(refused.status().as_u16(), 409);
    let long = "x".repeat(61);
    let text = format!(
        "{{\"model\":\"User\",\"fields\":{{\"name\":\"ann\"}}}}\n{{\"model\":\"User\",\"fields\":{{\"name\":\"{long}\"}}}}"
    );
    let refused = load(&db, &text).await.unwrap_err();
    assert_eq!(refused.message(), "blog, line 2: `User.name` must have at most 60 characters");
    let nowhere = r#"{"model":"Article","fields":{"slug":"x","title":"x","body":"x","author":77}}"#;
    let refused = load(&db, nowhere).await.unwrap_err();
    assert_eq!(refused.message(), "blog, line 1: Article.author refers to a row that does not exist");
    assert_eq!(Tag::query().count(&db).await.unwrap(), 0);
}

async fn a_fixture_that_was_changed_is_loaded_again(engine: Engine) {
    let db = blog(engine).await;
    let text = r#"
        {"model":"User","fields":{"name":"ann","score":0.5}}
        {"model":"Tag","fields":{"name":"rust"}}
        {"model":"Article","fields":{"slug":"one","title":"One","body":"Text.","author":{"name":"ann"},"tags":[{"name":"rust"}]}}
    "#;
    let again =
        async |text: &str| transfer::load_or_update(&models(), &db, [Source::text("blog", text)]).await;
    assert_eq!(again(text).await.unwrap(), 3);
    let before = Article::query().one(&db).await.unwrap();
    // What the line does not say stays, and what is new is added.
    let changed = r#"
        {"model":"User","fields":{"name":"ann","active":false}}
        {"model":"User","fields":{"name":"bob"}}
        {"model":"Tag","fields":{"name":"web"}}
        {"model":"Article","fields":{"slug":"one","title":"Two","author":{"name":"bob"},"tags":[{"name":"rust"},{"name":"web"}]}}
    "#;
    assert_eq!(again(changed).await.unwrap(), 4);
    let article = Article::query().with(|a| a.author).with(|a| a.tags).one(&db).await.unwrap();
    assert_eq!((article.id, article.title.as_str(), article.body.as_str()), (before.id, "Two", "Text."));
    assert_eq!(article.author.get().unwrap().name, "bob");
    assert_eq!(article.tags.get().unwrap().len(), 2);
    assert!(article.updated_at >= before.updated_at && article.created_at == before.created_at);
    let ann = User::filter(|u| u.name.eq("ann")).one(&db).await.unwrap();
    assert_eq!((ann.score, ann.active), (Some(0.5), false));
    // By its key, even the unique field changes.
    let renamed = format!(r#"{{"model":"User","fields":{{"id":{},"name":"anna"}}}}"#, ann.id);
    again(&renamed).await.unwrap();
    assert_eq!(User::find(ann.id, &db).await.unwrap().name, "anna");
    let refused =
        again(r#"{"model":"Article","fields":{"slug":"two","title":"Two","author":1}}"#).await.unwrap_err();
    assert_eq!(refused.message(), "blog, line 1: Article.body must have a value");
    assert_eq!(refused.status().as_u16(), 422);
}
