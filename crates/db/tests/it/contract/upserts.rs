//! Insert or update, insert or leave, and what a write returns.

use mainstay_core::StatusCode;
use mainstay_db::{DbError, on_conflict};

use super::{Engine, blog, suite};
use crate::blog::{Article, NewArticle, NewArticleTag, NewUser, Status, User, article, draft, tag, user};

suite!(
    inserts_or_updates_what_is_there,
    an_upsert_updates_what_it_is_told,
    an_upsert_overwrites_nobody_else,
    an_upsert_needs_unique_fields,
    upserts_by_a_key_of_several_fields,
    upserts_many_rows_or_none,
    inserts_what_is_not_there,
    inserts_many_rows_and_returns_them,
    updates_and_returns_what_is_stored,
    deletes_and_returns_what_was_stored,
    an_edit_writes_only_what_has_changed,
);

async fn inserts_or_updates_what_is_there(engine: Engine) {
    let db = blog(engine).await;
    let ann = user(&db, "ann").await;
    let first = draft(&ann, "one").status(Status::Published).upsert(|a| a.slug, &db).await.unwrap();
    assert_eq!((first.slug.as_str(), first.status), ("one", Status::Published));
    let again =
        NewArticle { title: "Newer".into(), ..draft(&ann, "one") }.upsert(|a| a.slug, &db).await.unwrap();
    assert_eq!((again.id, again.title.as_str()), (first.id, "Newer"));
    assert_eq!(again.status, Status::Published, "what the draft does not say stays");
    assert_eq!(again.created_at, first.created_at);
    assert!(again.updated_at > first.updated_at);
    assert_eq!(Article::query().all(&db).await.unwrap(), [again]);
    // Nothing to update but what makes them the same.
    let same = NewUser { name: "ann".into() }.upsert(|u| u.name, &db).await.unwrap();
    assert_eq!(same, ann);
    let other = NewUser { name: "bob".into() }.upsert(|u| u.name, &db).await.unwrap();
    assert_ne!(other.id, ann.id);
}

async fn an_upsert_updates_what_it_is_told(engine: Engine) {
    let db = blog(engine).await;
    let (ann, bob) = (user(&db, "ann").await, user(&db, "bob").await);
    let first = article(&db, &ann, "one").await;
    let newer = NewArticle { title: "Newer".into(), body: "Newer".into(), ..draft(&bob, "one") };
    let again = newer.upsert(|a| on_conflict(a.slug).update((a.title, a.author)), &db).await.unwrap();
    assert_eq!((again.id, again.title.as_str(), again.body.as_str()), (first.id, "Newer", "Text."));
    assert_eq!(again.author.key(), bob.key());
}

async fn an_upsert_overwrites_nobody_else(engine: Engine) {
    let db = blog(engine).await;
    let ann = user(&db, "ann").await;
    let (one, two) = (article(&db, &ann, "one").await, article(&db, &ann, "two").await);
    let fault = draft(&ann, "three").id(one.id).upsert(|a| a.slug, &db).await.unwrap_err();
    assert_eq!(fault.status(), StatusCode::CONFLICT);
    let expected = DbError::UniqueViolation { model: "Article".into(), fields: vec!["id".into()] };
    assert_eq!(fault.source_as::<DbError>(), Some(&expected));
    assert_eq!(Article::query().order_by(|a| a.id).all(&db).await.unwrap(), [one.clone(), two]);
    // By the key, it is the slug that another row has.
    let fault = draft(&ann, "two").id(77).upsert(|a| a.id, &db).await.unwrap_err();
    assert_eq!(fault.status(), StatusCode::CONFLICT);
    let renamed = draft(&ann, "renamed").id(one.id).upsert(|a| a.id, &db).await.unwrap();
    assert_eq!((renamed.id, renamed.slug.as_str()), (one.id, "renamed"));
    let nobody = mainstay_db::Key::<User>::new(ann.id + 1_000);
    let lost = NewArticle { author: nobody, ..draft(&ann, "one") }.upsert(|a| a.slug, &db).await.unwrap_err();
    let expected = DbError::UnknownReference { model: "Article".into(), field: "author".into() };
    assert_eq!(lost.source_as::<DbError>(), Some(&expected));
}

async fn an_upsert_needs_unique_fields(engine: Engine) {
    let db = blog(engine).await;
    let ann = user(&db, "ann").await;
    let fault = draft(&ann, "one").upsert(|a| (a.author, a.title), &db).await.unwrap_err();
    assert!(fault.report().contains("put `#[unique(author, title)]` above the model"), "{fault:?}");
}

async fn upserts_by_a_key_of_several_fields(engine: Engine) {
    let db = blog(engine).await;
    let ann = user(&db, "ann").await;
    let (text, rust) = (article(&db, &ann, "one").await, tag(&db, "rust").await);
    let link = || NewArticleTag { article: text.key(), tag: rust.key() };
    let first = link().upsert(|l| (l.article, l.tag), &db).await.unwrap();
    let again = link().upsert(|l| (l.article, l.tag), &db).await.unwrap();
    assert_eq!((again.key(), again.since), (first.key(), first.since));
    let earlier = first.since - chrono::TimeDelta::days(1);
    let dated = link().since(earlier).upsert(|l| (l.tag, l.article), &db).await.unwrap();
    assert_eq!(dated.since, earlier);
}

async fn upserts_many_rows_or_none(engine: Engine) {
    let db = blog(engine).await;
    let ann = user(&db, "ann").await;
    article(&db, &ann, "a7").await;
    let many = (0..300).map(|number| draft(&ann, &format!("a{number}")));
    Article::upsert_all(many, |a| a.slug, &db).await.unwrap();
    assert_eq!(Article::query().count(&db).await.unwrap(), 300);
    let nobody = mainstay_db::Key::<User>::new(ann.id + 1_000);
    let newer = |number: i32| NewArticle { title: "Newer".into(), ..draft(&ann, &format!("a{number}")) };
    let mut many: Vec<NewArticle> = (0..300).map(newer).collect();
    many[299].author = nobody;
    assert!(Article::upsert_all(many, |a| a.slug, &db).await.is_err());
    assert_eq!(Article::filter(|a| a.title.eq("Newer")).count(&db).await.unwrap(), 0);
    Article::upsert_all((290..310).map(newer), |a| on_conflict(a.slug).update(a.title), &db).await.unwrap();
    assert_eq!(Article::filter(|a| a.title.eq("Newer")).count(&db).await.unwrap(), 20);
    assert_eq!(Article::query().count(&db).await.unwrap(), 310);
    Article::upsert_all(Vec::<NewArticle>::new(), |a| a.slug, &db).await.unwrap();
}

async fn inserts_what_is_not_there(engine: Engine) {
    let db = blog(engine).await;
    let ann = user(&db, "ann").await;
    let one = draft(&ann, "one").insert_or_ignore(|a| a.slug, &db).await.unwrap().unwrap();
    let other = NewArticle { title: "Other".into(), ..draft(&ann, "one") };
    assert_eq!(other.insert_or_ignore(|a| a.slug, &db).await.unwrap(), None);
    assert_eq!(Article::query().all(&db).await.unwrap(), std::slice::from_ref(&one));
    // Another constraint is still one.
    let fault = draft(&ann, "two").id(one.id).insert_or_ignore(|a| a.slug, &db).await.unwrap_err();
    assert_eq!(fault.status(), StatusCode::CONFLICT);
    let inside = db
        .transaction(async |tx| {
            let none = draft(&ann, "one").insert_or_ignore(|a| a.slug, tx).await?;
            assert!(none.is_none());
            draft(&ann, "three").insert(tx).await
        })
        .await
        .unwrap();
    assert_eq!(inside.slug, "three", "the transaction goes on");
}

async fn inserts_many_rows_and_returns_them(engine: Engine) {
    let db = blog(engine).await;
    let ann = user(&db, "ann").await;
    let many = (0..150).map(|number| draft(&ann, &format!("a{number}")));
    let rows = Article::insert_all_returning(many, &db).await.unwrap();
    let slugs: Vec<String> = rows.iter().map(|row| row.slug.clone()).collect();
    assert_eq!(slugs, (0..150).map(|number| format!("a{number}")).collect::<Vec<_>>(), "in their order");
    assert_eq!(Article::query().order_by(|a| a.id).all(&db).await.unwrap(), rows);
    let twice = [draft(&ann, "new"), draft(&ann, "a3")];
    assert_eq!(Article::insert_all_returning(twice, &db).await.unwrap_err().status(), StatusCode::CONFLICT);
    assert_eq!(Article::query().count(&db).await.unwrap(), 150);
    assert!(Article::insert_all_returning(Vec::<NewArticle>::new(), &db).await.unwrap().is_empty());
}

async fn updates_and_returns_what_is_stored(engine: Engine) {
    let db = blog(engine).await;
    let (ann, bob) = (user(&db, "ann").await, user(&db, "bob").await);
    for (author, slug) in [(&ann, "one"), (&bob, "two"), (&ann, "three")] {
        article(&db, author, slug).await;
    }
    let mut changed = Article::filter(|a| a.author.is(|u| u.name.eq("ann")))
        .update_returning(|a| a.status(Status::Published), &db)
        .await
        .unwrap();
    changed.sort_by_key(|article| article.id);
    assert_eq!(changed.iter().map(|a| a.slug.as_str()).collect::<Vec<_>>(), ["one", "three"]);
    assert!(changed.iter().all(|article| article.status == Status::Published));
    let stored =
        Article::filter(|a| a.status.eq(Status::Published)).order_by(|a| a.id).all(&db).await.unwrap();
    assert_eq!(stored, changed);
    let none = Article::filter(|a| a.id.lt(0)).update_returning(|a| a.title("x"), &db).await.unwrap();
    assert!(none.is_empty());
}

async fn deletes_and_returns_what_was_stored(engine: Engine) {
    let db = blog(engine).await;
    let ann = user(&db, "ann").await;
    let (one, two) = (article(&db, &ann, "one").await, article(&db, &ann, "two").await);
    let gone = Article::filter(|a| a.author.is(|u| u.name.eq("ann")) & a.slug.eq("one"));
    assert_eq!(gone.delete_returning(&db).await.unwrap(), [one]);
    assert_eq!(Article::query().all(&db).await.unwrap(), [two]);
}

async fn an_edit_writes_only_what_has_changed(engine: Engine) {
    let db = blog(engine).await;
    let mut ann = user(&db, "ann").await;
    let mut other = User::find(&ann, &db).await.unwrap();
    other.update(|u| u.score(2.0), &db).await.unwrap();
    ann.edit(|u| u.name.push_str(" B."), &db).await.unwrap();
    assert_eq!((ann.name.as_str(), ann.score), ("ann B.", Some(2.0)));
    assert_eq!(User::find(&ann, &db).await.unwrap(), ann);
    let log = db.record();
    ann.edit(|u| u.active = true, &db).await.unwrap();
    assert_eq!(log.count(), 0, "it was true before");
    user(&db, "bob").await;
    assert!(ann.edit(|u| u.name = "bob".into(), &db).await.is_err());
    assert_eq!(ann.name, "ann B.", "as before");
    let fault = ann.edit(|u| u.id += 1, &db).await.unwrap_err();
    assert!(fault.report().contains("cannot be changed"), "{fault:?}");
}
