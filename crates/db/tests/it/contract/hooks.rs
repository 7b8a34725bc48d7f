//! What a model does around its own writes.

use std::sync::atomic::Ordering;

use mainstay_core::StatusCode;
use mainstay_db::{Db, Settings, schema};

use super::{Engine, suite};
use crate::office::{self, COMMITTED, Entry, NewPage, Page};

suite!(
    hooks_change_what_is_written_and_follow_it,
    a_hook_that_refuses_leaves_nothing,
    hooks_join_the_transaction_that_there_is,
    bulk_work_does_not_call_hooks,
);

async fn office(engine: Engine) -> Db {
    let db = Db::over(engine.driver().await, Settings::default());
    schema::create_tables(&office::models(), &db).await.unwrap();
    db
}

async fn entries(db: &Db) -> Vec<String> {
    let all = Entry::query().order_by(|e| e.id).all(db).await.unwrap();
    all.into_iter().map(|entry| entry.text).collect()
}

fn page(title: &str) -> NewPage {
    NewPage { title: title.into() }
}

async fn hooks_change_what_is_written_and_follow_it(engine: Engine) {
    let db = office(engine).await;
    let before = COMMITTED.load(Ordering::SeqCst);
    let mut about = page("About Us").insert(&db).await.unwrap();
    assert_eq!((about.slug.as_str(), about.saves), ("about-us", 0));
    about.update(|p| p.title("Who We Are"), &db).await.unwrap();
    assert_eq!((about.slug.as_str(), about.saves), ("who-we-are", 1));
    about.save(&db).await.unwrap();
    about.edit(|p| p.title = "Us".into(), &db).await.unwrap();
    assert_eq!((about.slug.as_str(), about.saves), ("us", 3));
    assert_eq!(Page::find(&about, &db).await.unwrap(), about);
    let again = page("Us").upsert(|p| p.title, &db).await.unwrap();
    assert_eq!(again.id, about.id);
    assert_eq!(page("Us").insert_or_ignore(|p| p.title, &db).await.unwrap(), None);
    about.delete(&db).await.unwrap();
    let expected = [
        "Inserted about-us",
        "Updated who-we-are",
        "Updated who-we-are",
        "Updated us",
        "Upserted us",
        "Deleted us",
    ];
    assert_eq!(entries(&db).await, expected);
    // Other tests count too.
    assert!(COMMITTED.load(Ordering::SeqCst) >= before + 6);
}

async fn a_hook_that_refuses_leaves_nothing(engine: Engine) {
    let db = office(engine).await;
    assert_eq!(page("refused").insert(&db).await.unwrap_err().status(), StatusCode::BAD_REQUEST);
    assert_eq!(page("too late").insert(&db).await.unwrap_err().message(), "Not this title.");
    assert_eq!(Page::query().count(&db).await.unwrap(), 0);
    let mut home = page("Home").insert(&db).await.unwrap();
    let stored = home.clone();
    assert!(home.update(|p| p.title("refused"), &db).await.is_err());
    assert!(home.update(|p| p.title("too late"), &db).await.is_err());
    assert_eq!(home, stored, "as it was");
    assert_eq!(home.clone().delete(&db).await.unwrap_err().status(), StatusCode::CONFLICT);
    assert_eq!(Page::query().all(&db).await.unwrap(), [stored]);
    assert_eq!(entries(&db).await, ["Inserted home"]);
}

async fn hooks_join_the_transaction_that_there_is(engine: Engine) {
    let db = office(engine).await;
    db.transaction(async |tx| {
        page("One").insert(tx).await?;
        // What the hook refuses is undone, and the rest goes on.
        assert!(page("too late").insert(tx).await.is_err());
        page("Two").insert(tx).await
    })
    .await
    .unwrap();
    assert_eq!(entries(&db).await, ["Inserted one", "Inserted two"]);
    let failed = db
        .transaction(async |tx| {
            page("Three").insert(tx).await?;
            Err::<(), _>(mainstay_core::Error::bad_request("No."))
        })
        .await;
    assert!(failed.is_err());
    assert_eq!(Page::query().count(&db).await.unwrap(), 2);
}

async fn bulk_work_does_not_call_hooks(engine: Engine) {
    let db = office(engine).await;
    Page::insert_all([page("One"), page("Two")], &db).await.unwrap();
    Page::query().update(|p| p.saves(7), &db).await.unwrap();
    Page::filter(|p| p.title.eq("Two")).delete(&db).await.unwrap();
    let left = Page::query().one(&db).await.unwrap();
    assert_eq!((left.slug.as_str(), left.saves), ("", 7));
    assert!(entries(&db).await.is_empty());
}
