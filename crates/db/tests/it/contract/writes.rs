//! Inserting, updating, deleting; defaults, limits, constraints.

use chrono::{DateTime, Utc};
use mainstay_core::StatusCode;
use mainstay_db::{DbError, Dialect, Json};

use super::{Engine, blog, suite};
use crate::blog::{Article, ArticleTag, NewArticleTag, Status, User, article, comment, draft, tag, user};

suite!(
    an_insert_returns_what_is_stored,
    fills_defaults_and_times,
    round_trips_awkward_values,
    an_update_writes_only_what_changes,
    a_saved_model_writes_every_field,
    writes_many_rows_by_filter,
    inserts_many_rows_or_none,
    saves_many_rows_or_none,
    deletes_one_row_once,
    names_model_and_field_of_a_violated_constraint,
    names_the_relation_that_leads_nowhere,
    names_who_still_refers_to_a_row,
    refuses_values_outside_of_their_limits,
    the_table_refuses_what_the_code_would,
    follows_on_delete,
    finds_rows_by_keys_of_several_fields,
    links_and_unlinks_tags,
);

async fn an_insert_returns_what_is_stored(engine: Engine) {
    let db = blog(engine).await;
    let ann = user(&db, "ann").await;
    let stored = User::find(ann.id, &db).await.unwrap();
    assert_eq!(stored, ann);
    assert_eq!(User::get(ann.id + 1, &db).await.unwrap(), None);
    let missing = User::find(ann.id + 1, &db).await.unwrap_err();
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
    assert_eq!(missing.message(), "There is no such user.");
}

async fn fills_defaults_and_times(engine: Engine) {
    let db = blog(engine).await;
    let ann = user(&db, "ann").await;
    assert!(ann.active && ann.password_hash.is_empty() && ann.score.is_none());
    let before = Utc::now();
    let written = article(&db, &ann, "one").await;
    assert_eq!(written.status, Status::Draft);
    assert_eq!(written.images, Json(vec![]));
    assert_eq!(written.created_at, written.updated_at);
    assert!((written.created_at - before).num_milliseconds().abs() < 5_000);
    let given = draft(&ann, "two").status(Status::Published).published_at(before).insert(&db).await.unwrap();
    assert_eq!(given.status, Status::Published);
    assert_eq!(given.published_at.map(|time| time.timestamp_micros()), Some(before.timestamp_micros()));
}

async fn round_trips_awkward_values(engine: Engine) {
    let db = blog(engine).await;
    let hostile = "'; DROP TABLE users; -- \" ` \\ % _ ? $1 \u{202e}\u{1f469}\u{200d}\u{1f680} \n\t";
    let ann = user(&db, hostile).await;
    assert_eq!(User::find(ann.key(), &db).await.unwrap().name, hostile);
    assert_eq!(User::filter(|u| u.name.eq(hostile)).count(&db).await.unwrap(), 1);
    assert_eq!(User::filter(|u| u.name.contains("? $1")).count(&db).await.unwrap(), 1);
    assert_eq!(User::filter(|u| u.name.is_in([hostile])).count(&db).await.unwrap(), 1);

    for score in [0.1 + 0.2, -1.5e-300, f64::MAX, f64::MIN_POSITIVE, 1e15, 3.0] {
        let name = format!("score {score:e}");
        let mut bob = user(&db, &name).await;
        bob.update(|u| u.score(score), &db).await.unwrap();
        let stored = User::find(&bob, &db).await.unwrap().score.unwrap();
        assert_eq!(stored.to_bits(), score.to_bits(), "{score}");
    }
    let times = ["0001-01-01T00:00:00Z", "1969-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"];
    for (number, time) in times.into_iter().enumerate() {
        let time: DateTime<Utc> = time.parse().unwrap();
        let dated = draft(&ann, &format!("dated-{number}")).published_at(time).insert(&db).await.unwrap();
        assert_eq!(Article::find(dated.key(), &db).await.unwrap().published_at, Some(time));
    }
    let with_nul = draft(&ann, "nul").images(Json(vec!["a\u{0}b".to_owned()])).insert(&db).await;
    match with_nul {
        Ok(stored) => assert_eq!(stored.images.0, ["a\u{0}b"]),
        Err(fault) => {
            // Its documents hold no such character, not even an escaped one.
            assert_eq!(db.dialect(), Dialect::Postgres, "{fault:?}");
            assert_eq!(fault.status(), StatusCode::UNPROCESSABLE_ENTITY);
        }
    }
    let images = vec!["a\\b\"".to_owned(), "\u{1f600}".to_owned()];
    let pictured = draft(&ann, "pictured").images(Json(images.clone())).insert(&db).await.unwrap();
    assert_eq!(Article::find(&pictured, &db).await.unwrap().images.0, images);
    let long = "é".repeat(1_000_000);
    let mut big = draft(&ann, "big");
    big.body = long.clone();
    let big = big.insert(&db).await.unwrap();
    assert_eq!(Article::find(big.key(), &db).await.unwrap().body, long);
}

async fn an_update_writes_only_what_changes(engine: Engine) {
    let db = blog(engine).await;
    let ann = user(&db, "ann").await;
    let mut mine = article(&db, &ann, "one").await;
    let mut yours = Article::find(mine.key(), &db).await.unwrap();
    let before = mine.updated_at;
    mine.update(|a| a.title("Mine").editor(ann.key()), &db).await.unwrap();
    yours.update(|a| a.body("Yours"), &db).await.unwrap();
    let stored = Article::find(mine.key(), &db).await.unwrap();
    assert_eq!((stored.title.as_str(), stored.body.as_str()), ("Mine", "Yours"));
    assert_eq!(stored.editor.as_ref().map(|editor| editor.key()), Some(ann.key()));
    // What is stored has been taken over.
    assert_eq!(yours.title, "Mine");
    assert!(stored.updated_at > before && stored.created_at == mine.created_at);
    let log = db.record();
    yours.update(|a| a, &db).await.unwrap();
    assert_eq!(log.count(), 0, "no change, no statement");
    yours.update(|a| a.editor(None), &db).await.unwrap();
    assert!(yours.editor.is_none());
}

async fn a_saved_model_writes_every_field(engine: Engine) {
    let db = blog(engine).await;
    let mut ann = user(&db, "ann").await;
    ann.name = "Ann".into();
    ann.score = Some(1.5);
    ann.save(&db).await.unwrap();
    assert_eq!(User::find(ann.key(), &db).await.unwrap(), ann);
    let gone = ann.clone();
    ann.delete(&db).await.unwrap();
    let mut gone = gone;
    assert_eq!(gone.save(&db).await.unwrap_err().status(), StatusCode::NOT_FOUND);
}

async fn writes_many_rows_by_filter(engine: Engine) {
    let db = blog(engine).await;
    let (ann, bob) = (user(&db, "ann").await, user(&db, "bob").await);
    for number in 0..6 {
        article(&db, if number % 2 == 0 { &ann } else { &bob }, &format!("a{number}")).await;
    }
    let changed = Article::filter(|a| a.author.is(|u| u.name.eq("ann")))
        .update(|a| a.status(Status::Published), &db)
        .await
        .unwrap();
    assert_eq!(changed, 3);
    assert_eq!(Article::filter(|a| a.status.eq(Status::Published)).count(&db).await.unwrap(), 3);
    let gone = Article::filter(|a| a.author.eq(&bob)).delete(&db).await.unwrap();
    assert_eq!(gone, 3);
    assert_eq!(Article::query().count(&db).await.unwrap(), 3);
    let fault = Article::query().limit(1).delete(&db).await.unwrap_err();
    assert!(fault.report().contains("filters only"), "{fault:?}");
    assert_eq!(Article::query().count(&db).await.unwrap(), 3);
}

async fn inserts_many_rows_or_none(engine: Engine) {
    let db = blog(engine).await;
    let ann = user(&db, "ann").await;
    let many = (0..1_003).map(|number| draft(&ann, &format!("a{number}")));
    assert_eq!(Article::insert_all(many, &db).await.unwrap(), 1_003);
    let more = (2_000..2_500).chain([7]).map(|number| draft(&ann, &format!("a{number}")));
    let fault = Article::insert_all(more, &db).await.unwrap_err();
    assert_eq!(fault.status(), StatusCode::CONFLICT);
    assert_eq!(Article::query().count(&db).await.unwrap(), 1_003);
    assert_eq!(Article::insert_all(Vec::<crate::blog::NewArticle>::new(), &db).await.unwrap(), 0);
}

async fn saves_many_rows_or_none(engine: Engine) {
    let db = blog(engine).await;
    for name in ["ann", "bob", "cid"] {
        user(&db, name).await;
    }
    let mut all = User::query().order_by(|u| u.id).all(&db).await.unwrap();
    for (number, user) in all.iter_mut().enumerate() {
        user.score = Some(number as f64);
        user.name.push('!');
    }
    let log = db.record();
    assert_eq!(User::save_all(&all, &db).await.unwrap(), 3);
    assert_eq!(log.count(), 1);
    assert_eq!(User::query().order_by(|u| u.id).all(&db).await.unwrap(), all);
    let good = all.clone();
    all[0].name = "new".into();
    all[2].name = "bob!".into();
    assert_eq!(User::save_all(&all, &db).await.unwrap_err().status(), StatusCode::CONFLICT);
    assert_eq!(User::query().order_by(|u| u.id).all(&db).await.unwrap(), good);
    let survived = db
        .transaction(async |tx| {
            assert!(User::save_all(&all, tx).await.is_err());
            Ok(())
        })
        .await;
    // There, what fails ends the transaction.
    assert_eq!(survived.is_ok(), db.dialect() != Dialect::Postgres);
    assert_eq!(User::query().order_by(|u| u.id).all(&db).await.unwrap(), good);
    assert_eq!(User::save_all(&[], &db).await.unwrap(), 0);
}

async fn deletes_one_row_once(engine: Engine) {
    let db = blog(engine).await;
    let ann = user(&db, "ann").await;
    ann.clone().delete(&db).await.unwrap();
    assert_eq!(ann.delete(&db).await.unwrap_err().status(), StatusCode::NOT_FOUND);
}

async fn names_model_and_field_of_a_violated_constraint(engine: Engine) {
    let db = blog(engine).await;
    let ann = user(&db, "ann").await;
    article(&db, &ann, "one").await;
    let fault = draft(&ann, "one").insert(&db).await.unwrap_err();
    assert_eq!(fault.status(), StatusCode::CONFLICT);
    assert_eq!(fault.message(), "Another one has the same `slug` already.");
    let expected = DbError::UniqueViolation { model: "Article".into(), fields: vec!["slug".into()] };
    assert_eq!(fault.source_as::<DbError>(), Some(&expected));

    let mut nobody = draft(&ann, "two");
    nobody.author = (ann.id + 1_000).into();
    let fault = nobody.insert(&db).await.unwrap_err();
    assert_eq!(fault.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let expected = DbError::UnknownReference { model: "Article".into(), field: "author".into() };
    assert_eq!(fault.source_as::<DbError>(), Some(&expected));
}

async fn names_the_relation_that_leads_nowhere(engine: Engine) {
    let db = blog(engine).await;
    let ann = user(&db, "ann").await;
    let mut one = article(&db, &ann, "one").await;
    let nobody = mainstay_db::Key::<User>::new(ann.id + 1_000);
    let expected = |field: &str| DbError::UnknownReference { model: "Article".into(), field: field.into() };
    let fault = one.update(|a| a.editor(nobody), &db).await.unwrap_err();
    assert_eq!(fault.source_as::<DbError>(), Some(&expected("editor")));
    assert_eq!(fault.message(), "`editor` refers to something that does not exist.");
    assert_eq!(fault.faults()[0].pointer, "/editor");
    let fault = Article::query().update(|a| a.author(nobody), &db).await.unwrap_err();
    assert_eq!(fault.source_as::<DbError>(), Some(&expected("author")));
    let many = [draft(&ann, "two").editor(ann.key()), draft(&ann, "three").editor(nobody)];
    let fault = Article::insert_all(many, &db).await.unwrap_err();
    assert_eq!(fault.source_as::<DbError>(), Some(&expected("editor")));
    assert_eq!(Article::query().count(&db).await.unwrap(), 1);
    let fault = one.tags.add([4_711], &db).await.unwrap_err();
    let expected = DbError::UnknownReference { model: "ArticleTag".into(), field: "tag".into() };
    assert_eq!(fault.source_as::<DbError>(), Some(&expected));
}

async fn names_who_still_refers_to_a_row(engine: Engine) {
    let db = blog(engine).await;
    let (ann, bob) = (user(&db, "ann").await, user(&db, "bob").await);
    let text = article(&db, &bob, "one").await;
    comment(&db, &text, &ann, "hello").await.unwrap();
    let expected =
        DbError::StillReferenced { model: "User".into(), by: "comments".into(), column: "author_id".into() };
    let fault = ann.clone().delete(&db).await.unwrap_err();
    assert_eq!(fault.source_as::<DbError>(), Some(&expected));
    assert_eq!(fault.status(), StatusCode::CONFLICT);
    assert_eq!(fault.message(), "It is still referred to by comments.");
    let fault = User::filter(|u| u.name.eq("ann")).delete(&db).await.unwrap_err();
    assert_eq!(fault.source_as::<DbError>(), Some(&expected));
    assert_eq!(User::query().count(&db).await.unwrap(), 2);
}

async fn refuses_values_outside_of_their_limits(engine: Engine) {
    let db = blog(engine).await;
    let ann = user(&db, "ann").await;
    let mut bad = draft(&ann, &"x".repeat(121));
    bad.title.clear();
    let log = db.record();
    let fault = bad.insert(&db).await.unwrap_err();
    assert_eq!(log.count(), 0, "it is refused before it is sent");
    assert_eq!(fault.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let faults: Vec<_> = fault.faults().iter().map(|f| (f.pointer.as_str(), f.message.as_str())).collect();
    assert_eq!(
        faults,
        [("/slug", "must have at most 120 characters"), ("/title", "must have at least 1 character")]
    );
    // Characters, not bytes.
    let mut wide = article(&db, &ann, &"é".repeat(120)).await;
    let fault = wide.update(|a| a.title(""), &db).await.unwrap_err();
    assert_eq!(fault.faults().len(), 1);
}

async fn the_table_refuses_what_the_code_would(engine: Engine) {
    let db = blog(engine).await;
    let ann = user(&db, "ann").await;
    article(&db, &ann, "one").await;
    for update in ["title = ''", "status = 'nonsense'", "title = NULL", "author_id = 999"] {
        let fault = mainstay_db::sql(format!("UPDATE articles SET {update}")).execute(&db).await.unwrap_err();
        assert!(fault.status().is_client_error(), "{update}: {fault:?}");
    }
}

async fn follows_on_delete(engine: Engine) {
    let db = blog(engine).await;
    let (ann, bob) = (user(&db, "ann").await, user(&db, "bob").await);
    let text = draft(&ann, "one").editor(bob.key()).insert(&db).await.unwrap();
    comment(&db, &text, &ann, "hello").await.unwrap();
    bob.delete(&db).await.unwrap();
    assert!(Article::find(&text, &db).await.unwrap().editor.is_none(), "set null");
    match ann.clone().delete(&db).await {
        Err(fault) => assert_eq!(fault.status(), StatusCode::CONFLICT, "a comment still needs its author"),
        // InnoDB follows cascades first: with the author went the article, and with that the comment.
        Ok(()) => {
            assert!(matches!(db.dialect(), Dialect::MySql | Dialect::MariaDb));
            return;
        }
    }
    text.delete(&db).await.unwrap();
    assert_eq!(crate::blog::Comment::query().count(&db).await.unwrap(), 0, "cascade");
    ann.delete(&db).await.unwrap();
}

async fn finds_rows_by_keys_of_several_fields(engine: Engine) {
    let db = blog(engine).await;
    let ann = user(&db, "ann").await;
    let (text, rust) = (article(&db, &ann, "one").await, tag(&db, "rust").await);
    let link = NewArticleTag { article: text.key(), tag: rust.key() }.insert(&db).await.unwrap();
    let found = ArticleTag::find(link.key(), &db).await.unwrap();
    assert_eq!(found.since, link.since);
    let again = NewArticleTag { article: text.key(), tag: rust.key() }.insert(&db).await.unwrap_err();
    let expected =
        DbError::UniqueViolation { model: "ArticleTag".into(), fields: vec!["article".into(), "tag".into()] };
    assert_eq!(again.source_as::<DbError>(), Some(&expected));
    found.delete(&db).await.unwrap();
    assert_eq!(ArticleTag::query().count(&db).await.unwrap(), 0);
}

async fn links_and_unlinks_tags(engine: Engine) {
    let db = blog(engine).await;
    let ann = user(&db, "ann").await;
    let (mut one, mut two) = (article(&db, &ann, "one").await, article(&db, &ann, "two").await);
    let (a, b, c) = (tag(&db, "a").await, tag(&db, "b").await, tag(&db, "c").await);
    one.tags.add([&a, &b, &a], &db).await.unwrap();
    two.tags.add([&b], &db).await.unwrap();
    one.tags.add([&b], &db).await.unwrap();
    let mut linked = one.tags.keys(&db).await.unwrap();
    linked.sort_by_key(|key| *key.value());
    assert_eq!(linked, [a.key(), b.key()]);
    one.tags.set([&c, &b], &db).await.unwrap();
    let mut linked = one.tags.keys(&db).await.unwrap();
    linked.sort_by_key(|key| *key.value());
    assert_eq!(linked, [b.key(), c.key()]);
    one.tags.remove([&b, &a], &db).await.unwrap();
    assert_eq!(one.tags.keys(&db).await.unwrap(), [c.key()]);
    assert_eq!(two.tags.keys(&db).await.unwrap(), [b.key()], "nobody else's links");
    one.tags.set(Vec::<mainstay_db::Key<crate::blog::Tag>>::new(), &db).await.unwrap();
    assert!(one.tags.keys(&db).await.unwrap().is_empty());
}
