//! Tasks that write for ever, and what must be left of it.

use std::collections::HashSet;
use std::time::Duration;

use mainstay_core::Result;
use mainstay_db::{Db, Dialect, Executor, sql};

/// How many write at the same time.
const TASKS: usize = 8;

/// Makes the table, if it is not there yet.
pub(super) async fn prepare(db: &Db) {
    let table = "CREATE TABLE IF NOT EXISTS notes (name VARCHAR(100) NOT NULL UNIQUE, pair VARCHAR(100))";
    sql(table).execute(db).await.unwrap();
}

/// Writes until it is dropped. `kept` is told each name once its write is acknowledged. A database that is not there is waited
/// for; that must be what the error says.
pub(super) async fn write(db: Db, kept: impl Fn(&str) + Clone + Send + 'static) {
    let process = std::process::id();
    let tasks = (0..TASKS).map(|task| {
        let (db, kept) = (db.clone(), kept.clone());
        async move {
            for note in 0_u64.. {
                let name = format!("{process}-{task}-{note}");
                let written = if task == 0 {
                    pair(&db, &name).await
                } else {
                    add(db.dialect(), &db, &name, None).await
                };
                match written {
                    Ok(()) => kept(&name),
                    Err(error) => {
                        assert_eq!(error.status(), 503, "{}", error.report());
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                }
            }
        }
    });
    // They end with this future: a task that panics does not go unseen.
    futures_util::future::join_all(tasks).await;
}

async fn add(dialect: Dialect, on: &impl Executor, name: &str, pair: Option<&str>) -> Result<()> {
    let (first, second) = (dialect.placeholder(0), dialect.placeholder(1));
    let insert = format!("INSERT INTO notes (name, pair) VALUES ({first}, {second})");
    sql(insert).bind(name.to_owned()).bind(pair.map(str::to_owned)).execute(on).await?;
    Ok(())
}

/// Two rows or none.
async fn pair(db: &Db, name: &str) -> Result<()> {
    db.transaction(async |tx| {
        add(db.dialect(), tx, name, Some(name)).await?;
        add(db.dialect(), tx, &format!("{name}-twin"), Some(name)).await
    })
    .await
}

/// Looks whether everything that was acknowledged is there, and nothing is there by half.
pub(super) async fn verify(db: &Db, acknowledged: &[String]) {
    if db.dialect() == Dialect::Sqlite {
        let sound = sql("PRAGMA integrity_check").rows(db).await.unwrap();
        assert_eq!(sound.first().unwrap().get::<String>(0).unwrap(), "ok");
    }
    let rows = sql("SELECT name FROM notes").rows(db).await.unwrap();
    let there: HashSet<String> = rows.iter().map(|row| row.get(0).unwrap()).collect();
    let lost: Vec<_> = acknowledged.iter().filter(|name| !there.contains(*name)).collect();
    assert!(lost.is_empty(), "{} of {} were lost: {lost:?}", lost.len(), acknowledged.len());
    let halves = "SELECT pair FROM notes WHERE pair IS NOT NULL GROUP BY pair HAVING COUNT(*) <> 2";
    assert_eq!(sql(halves).rows(db).await.unwrap().iter().count(), 0);
}
