//! Versions and soft deletion: nobody's change is lost, and what is thrown away can be fetched back.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use mainstay_core::StatusCode;
use mainstay_core::clock::{Clock, TestClock};
use mainstay_db::{Db, DbError, Settings, schema};

use super::{Engine, suite};
use crate::office::{self, Document, Folder, NewDocument, NewFolder, NewShelf, Shelf};

suite!(
    counts_the_updates_of_a_row,
    refuses_a_write_that_has_seen_an_older_row,
    bulk_work_counts_versions_too,
    saves_many_rows_only_if_none_has_changed,
    a_deleted_row_is_left_out_and_can_be_restored,
    relations_leave_out_what_is_deleted,
    deletes_many_rows_softly,
    deletes_for_good,
    an_upsert_brings_a_deleted_row_back,
);

async fn office(engine: Engine) -> (Db, Folder) {
    let db = Db::over(engine.driver().await, Settings::default());
    schema::create_tables(&office::models(), &db).await.unwrap();
    let folder = NewFolder { name: "work".into() }.insert(&db).await.unwrap();
    (db, folder)
}

async fn document(db: &Db, folder: &Folder, title: &str) -> Document {
    NewDocument { title: title.into(), folder: folder.key() }.insert(db).await.unwrap()
}

fn stale() -> DbError {
    DbError::StaleVersion { model: "Document" }
}

async fn counts_the_updates_of_a_row(engine: Engine) {
    let (db, folder) = office(engine).await;
    let mut one = document(&db, &folder, "one").await;
    let first = one.version;
    one.update(|d| d.body("a"), &db).await.unwrap();
    one.save(&db).await.unwrap();
    one.edit(|d| d.body = "b".into(), &db).await.unwrap();
    assert_eq!(one.version, first + 3);
    assert_eq!(Document::find(&one, &db).await.unwrap(), one);
}

async fn refuses_a_write_that_has_seen_an_older_row(engine: Engine) {
    let (db, folder) = office(engine).await;
    let mut mine = document(&db, &folder, "one").await;
    let mut yours = mine.clone();
    mine.update(|d| d.body("mine"), &db).await.unwrap();
    for fault in [
        yours.update(|d| d.body("yours"), &db).await.unwrap_err(),
        yours.save(&db).await.unwrap_err(),
        yours.edit(|d| d.body = "yours".into(), &db).await.unwrap_err(),
        yours.clone().delete(&db).await.unwrap_err(),
        yours.clone().delete_for_good(&db).await.unwrap_err(),
    ] {
        assert_eq!(fault.source_as::<DbError>(), Some(&stale()));
        assert_eq!((fault.status(), fault.machine_code()), (StatusCode::CONFLICT, "stale_version"));
        assert_eq!(fault.message(), "The document has been changed by somebody else. Read it again.");
    }
    assert_eq!(Document::find(&mine, &db).await.unwrap(), mine);
    mine.clone().delete_for_good(&db).await.unwrap();
    let gone = mine.save(&db).await.unwrap_err();
    assert_eq!(gone.status(), StatusCode::NOT_FOUND, "gone, not stale");
}

async fn bulk_work_counts_versions_too(engine: Engine) {
    let (db, folder) = office(engine).await;
    let mut one = document(&db, &folder, "one").await;
    let changed = Document::filter(|d| d.folder.is(|f| f.name.eq("work"))).update(|d| d.body("x"), &db);
    assert_eq!(changed.await.unwrap(), 1);
    assert_eq!(Document::find(&one, &db).await.unwrap().version, one.version + 1);
    assert_eq!(one.save(&db).await.unwrap_err().source_as::<DbError>(), Some(&stale()));
    let again = NewDocument { title: "one".into(), folder: folder.key() }.body("y");
    assert_eq!(again.upsert(|d| d.title, &db).await.unwrap().version, one.version + 2);
}

async fn saves_many_rows_only_if_none_has_changed(engine: Engine) {
    let (db, folder) = office(engine).await;
    let mut all = Vec::new();
    for title in ["one", "two", "three"] {
        all.push(document(&db, &folder, title).await);
    }
    all.iter_mut().for_each(|document| document.body = "saved".into());
    assert_eq!(Document::save_all(&all, &db).await.unwrap(), 3);
    all[0].version += 1;
    all[0].body = "again".into();
    let fault = Document::save_all(&all, &db).await.unwrap_err();
    assert_eq!(fault.source_as::<DbError>(), Some(&stale()));
    db.transaction(async |tx| {
        assert!(Document::save_all(&all, tx).await.is_err());
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(Document::filter(|d| d.body.eq("saved")).count(&db).await.unwrap(), 3, "all or none");
}

async fn a_deleted_row_is_left_out_and_can_be_restored(engine: Engine) {
    let clock = Arc::new(TestClock::at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)));
    let settings = Settings { clock: Arc::clone(&clock) as Arc<dyn Clock>, ..Settings::default() };
    let db = Db::over(engine.driver().await, settings);
    schema::create_tables(&office::models(), &db).await.unwrap();
    let folder = NewFolder { name: "work".into() }.insert(&db).await.unwrap();
    let one = document(&db, &folder, "one").await;
    clock.advance(Duration::from_secs(60));
    one.clone().delete(&db).await.unwrap();
    assert_eq!(Document::get(&one, &db).await.unwrap(), None);
    assert_eq!(Document::query().count(&db).await.unwrap(), 0);
    assert!(!Document::query().exists(&db).await.unwrap());
    let again = one.clone().delete(&db).await.unwrap_err();
    assert_eq!(again.status(), StatusCode::NOT_FOUND);
    let mut found = Document::query().with_deleted().one(&db).await.unwrap();
    assert_eq!(Document::query().only_deleted().all(&db).await.unwrap(), std::slice::from_ref(&found));
    assert_eq!(found.deleted_at, Some(time(60)));
    assert_eq!(found.updated_at, time(60));
    found.restore(&db).await.unwrap();
    assert_eq!(found.deleted_at, None);
    assert_eq!(Document::find(&one, &db).await.unwrap(), found);
    // The title is still taken while the row is only deleted softly.
    found.clone().delete(&db).await.unwrap();
    let taken = NewDocument { title: "one".into(), folder: folder.key() }.insert(&db).await.unwrap_err();
    assert_eq!(taken.status(), StatusCode::CONFLICT);
}

fn time(seconds: i64) -> chrono::DateTime<chrono::Utc> {
    chrono::DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
}

async fn relations_leave_out_what_is_deleted(engine: Engine) {
    let (db, folder) = office(engine).await;
    let (one, two) = (document(&db, &folder, "one").await, document(&db, &folder, "two").await);
    let mut latest = document(&db, &folder, "latest").await;
    latest.update(|d| d.latest_in(folder.key()), &db).await.unwrap();
    for document in [&one, &two] {
        NewShelf { folder: folder.key(), document: document.key() }.insert(&db).await.unwrap();
    }
    one.clone().delete(&db).await.unwrap();
    latest.delete(&db).await.unwrap();
    let loaded = async || {
        Folder::query().with(|f| f.documents).with(|f| f.latest).with(|f| f.shelved).one(&db).await.unwrap()
    };
    let seen = loaded().await;
    assert_eq!(seen.documents.get().unwrap(), std::slice::from_ref(&two));
    assert_eq!(seen.latest.get().unwrap(), None);
    assert_eq!(seen.shelved.get().unwrap(), std::slice::from_ref(&two));
    assert_eq!(Folder::filter(|f| f.documents.any(|d| d.title.eq("one"))).count(&db).await.unwrap(), 0);
    assert_eq!(Folder::filter(|f| f.documents.count().eq(1)).count(&db).await.unwrap(), 1);
    assert_eq!(Folder::filter(|f| f.latest.exists()).count(&db).await.unwrap(), 0);
    // A link that is deleted is none.
    Shelf::query().delete(&db).await.unwrap();
    assert!(loaded().await.shelved.get().unwrap().is_empty());
    assert_eq!(Folder::filter(|f| f.shelved.exists()).count(&db).await.unwrap(), 0);
    // What a row belongs to is seen all the same.
    let shelf = Shelf::query().only_deleted().with(|s| s.document).order_by(|s| s.id).all(&db).await.unwrap();
    assert_eq!(shelf[0].document.get().unwrap().title, "one");
}

async fn deletes_many_rows_softly(engine: Engine) {
    let (db, folder) = office(engine).await;
    for title in ["one", "two", "three"] {
        document(&db, &folder, title).await;
    }
    assert_eq!(Document::filter(|d| d.title.ne("two")).delete(&db).await.unwrap(), 2);
    assert_eq!(Document::query().delete(&db).await.unwrap(), 1, "those that are not deleted yet");
    assert_eq!(Document::query().with_deleted().count(&db).await.unwrap(), 3);
    assert_eq!(Document::filter(|d| d.title.eq("two")).restore(&db).await.unwrap(), 1);
    assert_eq!(Document::query().one(&db).await.unwrap().title, "two");
    let gone = Document::query().delete_returning(&db).await.unwrap();
    assert!(gone.len() == 1 && gone[0].deleted_at.is_some());
    assert_eq!(Document::query().update(|d| d.body("x"), &db).await.unwrap(), 0);
    assert_eq!(Document::query().only_deleted().update(|d| d.body("x"), &db).await.unwrap(), 3);
}

async fn deletes_for_good(engine: Engine) {
    let (db, folder) = office(engine).await;
    let one = document(&db, &folder, "one").await;
    document(&db, &folder, "two").await;
    one.delete_for_good(&db).await.unwrap();
    assert_eq!(Document::query().with_deleted().count(&db).await.unwrap(), 1);
    Document::query().delete(&db).await.unwrap();
    assert_eq!(Document::query().delete_for_good(&db).await.unwrap(), 0, "none is left that is not deleted");
    assert_eq!(Document::query().only_deleted().delete_for_good(&db).await.unwrap(), 1);
    folder.delete(&db).await.unwrap();
}

async fn an_upsert_brings_a_deleted_row_back(engine: Engine) {
    let (db, folder) = office(engine).await;
    let one = document(&db, &folder, "one").await;
    one.clone().delete(&db).await.unwrap();
    let draft = NewDocument { title: "one".into(), folder: folder.key() };
    let back = draft.upsert(|d| d.title, &db).await.unwrap();
    assert_eq!((back.id, back.deleted_at), (one.id, None));
}
