//! `kill -9` in the middle of writes loses nothing that was acknowledged.
//!
//! The test runs itself in a child process, which writes and prints each id once its write is acknowledged.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;

use mainstay_db::driver::{Begin, Driver, Ending, Statement};
use mainstay_db::sqlite::{Location, Sqlite, SqliteOptions};
use mainstay_db::value::Value;

const CHILD: &str = "MAINSTAY_TEST_CRASHING_DATABASE";
const KILLS: usize = 5;

#[test]
fn loses_no_acknowledged_write_when_it_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    let mut acknowledged = Vec::new();
    for round in 0..KILLS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "sqlite::crash::writes_until_it_is_killed", "--nocapture", "--ignored"])
            .env(CHILD, &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let enough = acknowledged.len() + 150 + 40 * round;
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            if let Some(id) = line.unwrap().strip_prefix("kept ") {
                acknowledged.push(id.to_owned());
            }
            if acknowledged.len() == enough {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(acknowledged.len() >= enough, "the child ended by itself");
    }
    let database = rusqlite::Connection::open(&path).unwrap();
    let sound: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
    let mut find = database.prepare("SELECT COUNT(*) FROM notes WHERE text = ?").unwrap();
    for id in &acknowledged {
        assert_eq!(find.query_row([id], |row| row.get::<_, i64>(0)).unwrap(), 1, "{id} was lost");
    }
    // A transaction writes two rows or none.
    let halves: i64 = database
        .query_row("SELECT COUNT(*) FROM (SELECT pair FROM notes WHERE pair IS NOT NULL GROUP BY pair HAVING COUNT(*) <> 2)", [], |row| row.get(0))
        .unwrap();
    assert_eq!(halves, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the child process of the test above"]
async fn writes_until_it_is_killed() {
    let Some(path) = std::env::var_os(CHILD) else { return };
    let database = Sqlite::open(Location::file(path), SqliteOptions::default()).await.unwrap();
    let table = "CREATE TABLE IF NOT EXISTS notes (text TEXT NOT NULL UNIQUE, pair TEXT)";
    database.run(Statement::script(table)).await.unwrap();
    let database: Arc<dyn Driver> = Arc::new(database);
    let process = std::process::id();
    let tasks = (0..8).map(|task| {
        let database = Arc::clone(&database);
        tokio::spawn(async move {
            for note in 0_u64.. {
                let name = format!("{process}-{task}-{note}");
                if task == 0 {
                    pair(&*database, &name).await;
                } else {
                    database.run(add(&name, Value::Null)).await.unwrap();
                }
                let mut out = std::io::stdout().lock();
                writeln!(out, "kept {name}").and_then(|()| out.flush()).unwrap();
            }
        })
    });
    futures_util::future::join_all(tasks).await;
}

fn add(name: &str, pair: Value) -> Statement {
    Statement::write("INSERT INTO notes VALUES (?, ?)", vec![Value::Text(name.to_owned()), pair])
}

async fn pair(database: &dyn Driver, name: &str) {
    let transaction = database.begin(Begin::default()).await.unwrap();
    let pair = || Value::Text(name.to_owned());
    transaction.run(add(name, pair())).await.unwrap();
    transaction.run(add(&format!("{name}-twin"), pair())).await.unwrap();
    transaction.end(Ending::Commit).await.unwrap();
}
