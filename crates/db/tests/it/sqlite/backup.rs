//! Copies of a database that is in use.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use mainstay_db::meta::meta_of;
use mainstay_db::sqlite::{Existing, Location, backup, restore};
use mainstay_db::{Db, DbError, model, schema, sql};

async fn open(path: &Path) -> Db {
    Db::open(&format!("sqlite:{}", path.display())).await.unwrap()
}

fn detail<T: std::fmt::Debug>(outcome: Result<T, DbError>) -> String {
    match outcome {
        Err(DbError::Unavailable { detail }) => detail,
        other => panic!("{other:?}"),
    }
}

/// Accounts among which money is moved: together they always have 10,000.
async fn bank(path: &Path) -> Db {
    let db = open(path).await;
    sql("CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL, padding BLOB)")
        .execute(&db)
        .await
        .unwrap();
    sql("CREATE TABLE moves (id INTEGER PRIMARY KEY)").execute(&db).await.unwrap();
    let fill = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) \
                INSERT INTO accounts SELECT i, 100, randomblob(100000) FROM n";
    sql(fill).execute(&db).await.unwrap();
    db
}

async fn move_money(db: &Db, number: i64) {
    let (from, to) = (number % 100 + 1, (number * 7) % 100 + 1);
    db.transaction(async |tx| {
        sql("UPDATE accounts SET balance = balance - 1 WHERE id = ?").bind(from).execute(tx).await?;
        sql("UPDATE accounts SET balance = balance + 1 WHERE id = ?").bind(to).execute(tx).await?;
        sql("INSERT INTO moves VALUES (?)").bind(number).execute(tx).await
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_is_as_of_one_moment_while_others_write() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    let db = bank(&path).await;
    let (moved, stop) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicBool::new(false)));
    let writing = tokio::spawn({
        let (db, moved, stop) = (db.clone(), Arc::clone(&moved), Arc::clone(&stop));
        async move {
            let (mut number, mut longest) = (0, Duration::ZERO);
            while !stop.load(Ordering::SeqCst) {
                number += 1;
                let began = Instant::now();
                move_money(&db, number).await;
                longest = longest.max(began.elapsed());
                moved.store(number, Ordering::SeqCst);
            }
            longest
        }
    });
    for round in 0..5 {
        let copy = folder.path().join(format!("copy-{round}.db"));
        let acknowledged = moved.load(Ordering::SeqCst);
        let bytes = backup(&Location::file(&path), &copy, Existing::Keep).await.unwrap();
        let later = moved.load(Ordering::SeqCst) + 1;
        assert_eq!(std::fs::metadata(&copy).unwrap().len(), bytes);
        assert!(!folder.path().join(format!("copy-{round}.db-wal")).exists());
        // As somebody else's SQLite sees it.
        let opened = rusqlite::Connection::open(&copy).unwrap();
        let ask = |sql: &str| opened.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        let sound: String = opened.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(sound, "ok");
        assert_eq!(ask("SELECT sum(balance) FROM accounts"), 10_000);
        let moves = ask("SELECT count(*) FROM moves");
        assert!((acknowledged..=later).contains(&moves), "{acknowledged} {moves} {later}");
    }
    stop.store(true, Ordering::SeqCst);
    let longest = writing.await.unwrap();
    assert!(moved.load(Ordering::SeqCst) > 10, "the writer went on");
    assert!(longest < Duration::from_secs(4), "a write waited for {longest:?}");
    db.close().await;
}

#[tokio::test]
async fn a_copy_is_put_back_where_nobody_has_the_database_open() {
    let folder = tempfile::tempdir().unwrap();
    let (path, copy) = (folder.path().join("app.db"), folder.path().join("copy.db"));
    let location = Location::file(&path);
    let db = bank(&path).await;
    backup(&location, &copy, Existing::Keep).await.unwrap();
    move_money(&db, 1).await;
    let in_use = detail(restore(&copy, &location, Existing::Replace).await);
    assert!(in_use.contains("is open in another process: stop it"), "{in_use}");
    move_money(&db, 2).await;
    db.close().await;

    let there = detail(restore(&copy, &location, Existing::Keep).await);
    assert!(there.ends_with("app.db` is a database already"), "{there}");
    restore(&copy, &location, Existing::Replace).await.unwrap();
    let db = open(&path).await;
    let moves: i64 = sql("SELECT count(*) FROM moves").fetch_one(&db).await.unwrap();
    assert_eq!(moves, 0);
    move_money(&db, 1).await;
    db.close().await;

    // Into a folder that is not there yet.
    let elsewhere = folder.path().join("new/app.db");
    restore(&copy, &Location::file(&elsewhere), Existing::Keep).await.unwrap();
    let db = open(&elsewhere).await;
    let sum: i64 = sql("SELECT sum(balance) FROM accounts").fetch_one(&db).await.unwrap();
    assert_eq!(sum, 10_000);
    db.close().await;
}

#[tokio::test]
async fn what_is_no_sound_copy_is_refused_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (path, copy) = (folder.path().join("app.db"), folder.path().join("copy.db"));
    let location = Location::file(&path);
    let db = bank(&path).await;
    backup(&location, &copy, Existing::Keep).await.unwrap();
    db.close().await;
    let before = std::fs::read(&path).unwrap();

    let text = folder.path().join("notes.txt");
    std::fs::write(&text, "This is a text and has been one for a long time. ".repeat(40)).unwrap();
    let empty = folder.path().join("empty.db");
    std::fs::write(&empty, "").unwrap();
    let damaged = folder.path().join("damaged.db");
    let mut bytes = std::fs::read(&copy).unwrap();
    let middle = bytes.len() / 2;
    bytes.truncate(middle);
    std::fs::write(&damaged, bytes).unwrap();
    for (file, said) in [
        (&text, "is not a database of SQLite"),
        (&empty, "has no tables"),
        (&damaged, "damaged.db` is damaged"),
        (&folder.path().join("nowhere.db"), "is not there"),
        (&path, "is the database itself"),
    ] {
        let refused = detail(restore(file, &location, Existing::Replace).await);
        assert!(refused.contains(said), "{refused}");
    }
    assert_eq!(std::fs::read(&path).unwrap(), before);

    let there = detail(backup(&location, &copy, Existing::Keep).await);
    assert!(there.ends_with("copy.db` is there already"), "{there}");
    backup(&location, &copy, Existing::Replace).await.unwrap();
    let nowhere = detail(backup(&location, &folder.path().join("no/copy.db"), Existing::Keep).await);
    assert!(nowhere.contains("cannot be written"), "{nowhere}");
    let missing =
        detail(backup(&Location::file(folder.path().join("no.db")), &copy, Existing::Replace).await);
    assert!(missing.contains("no.db` is not there"), "{missing}");
    assert!(copy.exists() && !folder.path().join("copy.db.part").exists());
}

#[model]
#[search(text)]
struct Letter {
    id: i64,
    text: String,
}

#[tokio::test]
async fn a_copy_has_what_is_searched() {
    let folder = tempfile::tempdir().unwrap();
    let (path, copy) = (folder.path().join("app.db"), folder.path().join("copy.db"));
    let db = open(&path).await;
    schema::create_tables(&[meta_of::<Letter>()], &db).await.unwrap();
    NewLetter { text: "Dear all".into() }.insert(&db).await.unwrap();
    backup(&Location::file(&path), &copy, Existing::Keep).await.unwrap();
    let copied = open(&copy).await;
    NewLetter { text: "Dear Ann".into() }.insert(&copied).await.unwrap();
    let found = |db: Db| async move { Letter::query().search("dear").count(&db).await.unwrap() };
    assert_eq!((found(db).await, found(copied).await), (1, 2));
}
