//! A large result is read with flat memory. In a process of its own, whose memory nobody else uses.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

use std::time::Duration;

use mainstay_db::meta::meta_of;
use mainstay_db::scratch::{Engine, Scratch};
use mainstay_db::{Db, model, schema, sql};

/// A line of a log.
#[model(table = "log_lines")]
struct Line {
    id: i64,
    text: String,
}

/// Rows, as a power of two: 131,072.
const DOUBLINGS: u32 = 17;
/// So long is the text of each: they are 128 MB together.
const LENGTH: usize = 1_000;
/// So much may be in memory beside what was there before, in bytes. The result is four times as large.
const MOST: usize = 32 << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_a_large_result_with_flat_memory() {
    for engine in [
        #[cfg(feature = "sqlite")]
        Engine::Sqlite,
        #[cfg(feature = "postgres")]
        Engine::Postgres,
        #[cfg(feature = "mysql")]
        Engine::MySql,
    ] {
        let Ok(server) = engine.server() else { continue };
        let scratch = Scratch::new(&server).await.unwrap();
        let db = Db::open(scratch.url()).await.unwrap();
        streams(&db).await;
        db.close().await;
        scratch.remove().await.unwrap();
    }
}

async fn streams(db: &Db) {
    schema::create_tables(&[meta_of::<Line>()], db).await.unwrap();
    NewLine { text: "x".repeat(LENGTH) }.insert(db).await.unwrap();
    for _ in 0..DOUBLINGS {
        sql("INSERT INTO log_lines (text) SELECT text FROM log_lines").execute(db).await.unwrap();
    }
    let before = resident();
    let (mut rows, mut last, mut most) = (0_i64, 0, 0);
    let mut lines = Line::query().order_by(|l| l.id).stream(db);
    while let Some(line) = lines.try_next().await.unwrap() {
        assert!(line.id > last && line.text.len() == LENGTH);
        (rows, last) = (rows + 1, line.id);
        if rows % 10_000 == 0 {
            if rows == 20_000 {
                // A reader that falls behind: nobody may read ahead for it without end.
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            most = most.max(resident().saturating_sub(before));
        }
    }
    assert_eq!(rows, 1 << DOUBLINGS);
    assert!(most < MOST, "{} MB were held at a time, on {}", most >> 20, db.dialect().name());
}

/// The memory that this process has, in bytes; 0 where nobody says so.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    pages.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4096
}
