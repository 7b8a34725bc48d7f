//! Files that are not there, not readable, not databases, or locked.

use std::path::Path;
use std::time::Duration;

use mainstay_db::DbError;
use mainstay_db::driver::{Driver, Statement};
use mainstay_db::sqlite::{Location, Sqlite, SqliteOptions};

async fn open(path: &Path) -> Result<Sqlite, DbError> {
    Sqlite::open(Location::file(path), SqliteOptions::default()).await
}

fn detail(fault: Option<DbError>) -> String {
    match fault {
        Some(DbError::Unavailable { detail }) => detail,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn makes_the_folder_and_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data/deep/app.db");
    let database = open(&path).await.unwrap();
    database.run(Statement::script("CREATE TABLE t (id INTEGER)")).await.unwrap();
    database.run(Statement::write("INSERT INTO t VALUES (7)", vec![])).await.unwrap();
    database.close().await;
    // After a close the file alone holds everything.
    assert!(!folder.path().join("data/deep/app.db-wal").exists());
    let again = open(&path).await.unwrap();
    let reply = again.run(Statement::read("SELECT id FROM t", vec![])).await.unwrap();
    assert_eq!(reply.rows.first().unwrap().get::<i64>(0), Ok(7));
}

#[tokio::test]
async fn names_a_file_that_is_not_a_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    std::fs::write(&path, "This is a text and has been one for a long time. ".repeat(40)).unwrap();
    let detail = detail(open(&path).await.err());
    assert!(detail.contains("notes.txt") && detail.contains("not a database"), "{detail}");
}

#[tokio::test]
async fn names_a_file_that_cannot_be_opened() {
    let folder = tempfile::tempdir().unwrap();
    let detail = detail(open(folder.path()).await.err());
    assert!(detail.contains("cannot be opened"), "{detail}");
}

#[tokio::test]
async fn says_that_another_process_holds_the_lock() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    let options = SqliteOptions { acquire_timeout: Duration::from_millis(50), ..SqliteOptions::default() };
    let database = Sqlite::open(Location::file(&path), options).await.unwrap();
    database.run(Statement::script("CREATE TABLE t (id INTEGER)")).await.unwrap();
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let fault = database.run(Statement::write("INSERT INTO t VALUES (1)", vec![])).await.unwrap_err();
    assert!(matches!(&fault, DbError::Busy { what, .. } if what.contains("app.db")), "{fault:?}");
    other.execute_batch("COMMIT").unwrap();
    database.run(Statement::write("INSERT INTO t VALUES (1)", vec![])).await.unwrap();
}

#[tokio::test]
async fn a_group_that_cannot_commit_is_run_one_by_one() {
    // A deferred foreign key fails at COMMIT, long after its own statement has succeeded.
    let folder = tempfile::tempdir().unwrap();
    let database = open(&folder.path().join("app.db")).await.unwrap();
    let tables = "CREATE TABLE parent (id INTEGER PRIMARY KEY);
                  CREATE TABLE child (id INTEGER PRIMARY KEY,
                                      parent INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)";
    database.run(Statement::script(tables)).await.unwrap();
    let writes = (0..20).map(|id| {
        let parent = if id == 11 { "99".to_owned() } else { "NULL".to_owned() };
        database.run(Statement::write(format!("INSERT INTO child VALUES ({id}, {parent})"), vec![]))
    });
    let outcomes = futures_util::future::join_all(writes).await;
    for (id, outcome) in outcomes.iter().enumerate() {
        assert_eq!(outcome.is_err(), id == 11, "{id}: {outcome:?}");
    }
    let count = database.run(Statement::read("SELECT COUNT(*) FROM child", vec![])).await.unwrap();
    assert_eq!(count.rows.first().unwrap().get::<i64>(0), Ok(19));
}

#[tokio::test]
async fn a_database_in_memory_leaves_no_file() {
    let location = Location::memory();
    let path = location.path().to_path_buf();
    let database = Sqlite::open(location, SqliteOptions::default()).await.unwrap();
    database.run(Statement::script("CREATE TABLE t (id INTEGER)")).await.unwrap();
    assert!(path.exists());
    database.close().await;
    assert!(!path.exists());
}

#[tokio::test]
async fn a_dropped_database_ends_by_itself() {
    let location = Location::memory();
    let path = location.path().to_path_buf();
    let database = Sqlite::open(location, SqliteOptions::default()).await.unwrap();
    database.run(Statement::script("CREATE TABLE t (id INTEGER)")).await.unwrap();
    database.run(Statement::read("SELECT 1", vec![])).await.unwrap();
    drop(database);
    for _ in 0..200 {
        if !path.exists() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{} is still there", path.display());
}
