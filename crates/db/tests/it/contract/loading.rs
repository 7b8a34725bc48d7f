//! Relations loaded with a query: what comes, in how many statements.

use mainstay_core::StatusCode;
use mainstay_db::{Db, DbError};

use super::{Engine, blog, suite};
use crate::blog::{Article, Comment, NewComment, Tag, User, article, comment, draft, tag, user};

suite!(
    an_unloaded_relation_says_so,
    joins_relations_to_one,
    loads_relations_to_many_in_one_statement_each,
    loads_relations_of_relations,
    limits_and_sorts_for_each_owner,
    an_owner_that_is_there_twice_has_its_rows_twice,
    writes_loaded_relations_as_json,
    an_update_keeps_what_is_loaded,
);

/// Ann wrote `one` (rust, sql; three comments) and `two` (rust), Bob wrote `three`.
async fn filled(engine: Engine) -> (Db, User, User) {
    let db = blog(engine).await;
    let (ann, bob) = (user(&db, "ann").await, user(&db, "bob").await);
    let mut one = draft(&ann, "one").editor(bob.key()).insert(&db).await.unwrap();
    let mut two = article(&db, &ann, "two").await;
    article(&db, &bob, "three").await;
    let (rust, sql) = (tag(&db, "rust").await, tag(&db, "sql").await);
    one.tags.set([&rust, &sql], &db).await.unwrap();
    two.tags.set([&rust], &db).await.unwrap();
    for text in ["first", "second", "third"] {
        comment(&db, &one, &bob, text).await.unwrap();
    }
    comment(&db, &two, &ann, "only").await.unwrap();
    (db, ann, bob)
}

async fn an_unloaded_relation_says_so(engine: Engine) {
    let (db, ann, _) = filled(engine).await;
    let one = Article::filter(|a| a.slug.eq("one")).one(&db).await.unwrap();
    assert_eq!(one.author.key(), ann.key(), "the key is always there");
    let fault = one.author.get().unwrap_err();
    assert_eq!(fault.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let expected = DbError::UnloadedRelation { model: "Article", relation: "author" };
    assert_eq!(fault.source_as::<DbError>(), Some(&expected));
    assert_eq!(
        expected.to_string(),
        "`Article.author` was not loaded: add `.with(|it| it.author)` to the query"
    );
    assert!(one.tags.get().is_err() && one.comments.loaded().is_none());
}

async fn joins_relations_to_one(engine: Engine) {
    let (db, ann, bob) = filled(engine).await;
    let log = db.record();
    let articles =
        Article::query().with(|a| a.author).with(|a| a.editor).order_by(|a| a.id).all(&db).await.unwrap();
    assert_eq!(log.count(), 1);
    let authors: Vec<_> = articles.iter().map(|a| a.author.get().unwrap().name.clone()).collect();
    assert_eq!(authors, ["ann", "ann", "bob"]);
    assert_eq!(articles[0].author.get().unwrap(), &ann);
    assert_eq!(articles[0].editor.as_ref().unwrap().get().unwrap(), &bob);
    assert!(articles[1].editor.is_none());
}

async fn loads_relations_to_many_in_one_statement_each(engine: Engine) {
    let (db, ..) = filled(engine).await;
    let log = db.record();
    let articles = Article::query()
        .with(|a| a.comments.order_by(|c| c.id))
        .with(|a| a.tags.order_by(|t| t.name))
        .order_by(|a| a.id)
        .all(&db)
        .await
        .unwrap();
    assert_eq!(log.count(), 3);
    let texts: Vec<Vec<&str>> = articles
        .iter()
        .map(|a| a.comments.get().unwrap().iter().map(|c| c.text.as_str()).collect())
        .collect();
    assert_eq!(texts, [vec!["first", "second", "third"], vec!["only"], vec![]]);
    let tags: Vec<Vec<&str>> =
        articles.iter().map(|a| a.tags.get().unwrap().iter().map(|t| t.name.as_str()).collect()).collect();
    assert_eq!(tags, [vec!["rust", "sql"], vec!["rust"], vec![]]);
    let filtered = Article::filter(|a| a.slug.eq("one"))
        .with(|a| a.comments.filter(|c| c.text.contains("ir")).order_by(|c| c.id.desc()))
        .one(&db)
        .await
        .unwrap();
    let texts: Vec<_> = filtered.comments.get().unwrap().iter().map(|c| c.text.as_str()).collect();
    assert_eq!(texts, ["third", "first"]);
    log.clear();
    assert!(Article::filter(|a| a.id.lt(0)).with(|a| a.tags).all(&db).await.unwrap().is_empty());
    assert_eq!(log.count(), 1, "no rows, nothing to load for them");
}

async fn loads_relations_of_relations(engine: Engine) {
    let (db, ..) = filled(engine).await;
    let log = db.record();
    let tags = Tag::query()
        .with(|t| {
            t.articles
                .order_by(|a| a.id)
                .with(|a| a.author)
                .with(|a| a.comments.order_by(|c| c.id).with(|c| c.author))
        })
        .order_by(|t| t.name)
        .all(&db)
        .await
        .unwrap();
    assert_eq!(log.count(), 3);
    let rust = tags[0].articles.get().unwrap();
    assert_eq!(rust.iter().map(|a| a.slug.as_str()).collect::<Vec<_>>(), ["one", "two"]);
    assert_eq!(rust[0].author.get().unwrap().name, "ann");
    assert_eq!(rust[0].comments.get().unwrap()[2].author.get().unwrap().name, "bob");

    log.clear();
    let comments = Comment::query()
        .with(|c| c.article.with(|a| a.author).with(|a| a.tags))
        .order_by(|c| c.id)
        .all(&db)
        .await
        .unwrap();
    assert_eq!(log.count(), 2);
    let text = comments[0].article.get().unwrap();
    assert_eq!((text.author.get().unwrap().name.as_str(), text.tags.get().unwrap().len()), ("ann", 2));
}

async fn limits_and_sorts_for_each_owner(engine: Engine) {
    let (db, ann, _) = filled(engine).await;
    let log = db.record();
    let articles = Article::query()
        .with(|a| a.comments.order_by(|c| c.id.desc()).limit(2).with(|c| c.author))
        .with(|a| a.tags.order_by(|t| t.name.desc()).limit(1))
        .order_by(|a| a.id)
        .all(&db)
        .await
        .unwrap();
    assert_eq!(log.count(), 3);
    let texts: Vec<Vec<&str>> = articles
        .iter()
        .map(|a| a.comments.get().unwrap().iter().map(|c| c.text.as_str()).collect())
        .collect();
    assert_eq!(texts, [vec!["third", "second"], vec!["only"], vec![]]);
    assert_eq!(articles[1].comments.get().unwrap()[0].author.get().unwrap(), &ann);
    assert_eq!(articles[0].tags.get().unwrap()[0].name, "sql");
}

async fn an_owner_that_is_there_twice_has_its_rows_twice(engine: Engine) {
    let (db, ..) = filled(engine).await;
    let comments = Comment::filter(|c| c.article.is(|a| a.slug.eq("one")))
        .with(|c| c.article.with(|a| a.tags))
        .all(&db)
        .await
        .unwrap();
    assert_eq!(comments.len(), 3);
    for comment in comments {
        assert_eq!(comment.article.get().unwrap().tags.get().unwrap().len(), 2);
    }
}

async fn writes_loaded_relations_as_json(engine: Engine) {
    let (db, ..) = filled(engine).await;
    let one = Article::filter(|a| a.slug.eq("one"))
        .with(|a| a.author)
        .with(|a| a.tags.order_by(|t| t.name))
        .one(&db)
        .await
        .unwrap();
    let json = serde_json::to_value(&one).unwrap();
    assert_eq!(json["slug"], "one");
    assert_eq!(json["status"], "draft");
    assert_eq!((&json["author_id"], &json["author"]["name"]), (&json["author"]["id"], &"ann".into()));
    assert_eq!(json["tags"][1]["name"], "sql");
    assert!(json["author"].get("password_hash").is_none(), "hidden");
    assert!(json.get("comments").is_none() && json.get("editor").is_none(), "not loaded");
    assert!(json["editor_id"].is_number());
    assert!(!format!("{one:?}").contains("password_hash"));
}

async fn an_update_keeps_what_is_loaded(engine: Engine) {
    let (db, ann, bob) = filled(engine).await;
    let mut one = Article::filter(|a| a.slug.eq("one")).with(|a| a.author).one(&db).await.unwrap();
    one.update(|a| a.title("New"), &db).await.unwrap();
    assert_eq!(one.author.get().unwrap(), &ann);
    one.update(|a| a.author(bob.key()), &db).await.unwrap();
    assert!(one.author.get().is_err(), "it is another row now");

    let answered = Comment::filter(|c| c.text.eq("first")).one(&db).await.unwrap();
    NewComment { text: "Yes".into(), article: one.key(), author: ann.key() }
        .parent(answered.key())
        .insert(&db)
        .await
        .unwrap();
    let answered = Comment::filter(|c| c.id.eq(answered.id)).with(|c| c.replies).one(&db).await.unwrap();
    assert_eq!(answered.replies.get().unwrap()[0].text, "Yes");
    assert_eq!(answered.replies.get().unwrap()[0].parent.as_ref().unwrap().key(), answered.key());
}
