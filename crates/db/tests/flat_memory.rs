//! What is large is read and written with flat memory. In a process of its own, whose memory nobody else uses.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::TryStreamExt;
use mainstay_db::meta::meta_of;
use mainstay_db::scratch::{Engine, Scratch};
use mainstay_db::transfer::{self, Chosen, Source};
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

/// Only one test at a time: they share the memory.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

const ENGINES: &[Engine] = &[
    #[cfg(feature = "sqlite")]
    Engine::Sqlite,
    #[cfg(feature = "postgres")]
    Engine::Postgres,
    #[cfg(feature = "mysql")]
    Engine::MySql,
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_a_large_result_with_flat_memory() {
    let _alone = ALONE.lock().await;
    for engine in ENGINES {
        let Ok(server) = engine.server() else { continue };
        let scratch = Scratch::new(&server).await.unwrap();
        let db = Db::open(scratch.url()).await.unwrap();
        fill(&db).await;
        streams(&db).await;
        db.close().await;
        scratch.remove().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dumps_and_loads_with_flat_memory() {
    let _alone = ALONE.lock().await;
    for engine in ENGINES {
        let Ok(server) = engine.server() else { continue };
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (Scratch::new(&server).await.unwrap(), Scratch::new(&server).await.unwrap());
        // In memory, all of a database would count.
        let file = |name| format!("sqlite:{}", folder.path().join(name).display());
        let (from, to) = match engine {
            Engine::Sqlite => (file("one.db"), file("other.db")),
            _ => (one.url().to_owned(), other.url().to_owned()),
        };
        let (from, to) = (Db::open(&from).await.unwrap(), Db::open(&to).await.unwrap());
        fill(&from).await;
        transfers(&from, &to, &folder.path().join("dump.jsonl")).await;
        from.close().await;
        to.close().await;
        one.remove().await.unwrap();
        other.remove().await.unwrap();
    }
}

async fn transfers(from: &Db, to: &Db, dump: &Path) {
    let models = [meta_of::<Line>()];
    schema::create_tables(&models, to).await.unwrap();
    let (before, most) = (resident(), Arc::new(AtomicUsize::new(0)));
    let seen = Arc::clone(&most);
    let watching = tokio::spawn(async move {
        loop {
            seen.fetch_max(resident().saturating_sub(before), Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    let snapshot = transfer::snapshot(from).await.unwrap();
    let mut file = BufWriter::new(File::create(dump).unwrap());
    let mut pieces = transfer::dump(&Chosen::all(&models), &snapshot);
    while let Some(piece) = pieces.try_next().await.unwrap() {
        file.write_all(piece.as_bytes()).unwrap();
    }
    file.flush().unwrap();
    let source = Source::file(dump).await.unwrap();
    assert_eq!(transfer::load(&models, to, [source]).await.unwrap(), 1 << DOUBLINGS);
    watching.abort();
    let most = most.load(Ordering::Relaxed);
    assert!(most < MOST, "{} MB were held at a time, on {}", most >> 20, from.dialect().name());
}

/// Makes the table and its rows.
async fn fill(db: &Db) {
    schema::create_tables(&[meta_of::<Line>()], db).await.unwrap();
    NewLine { text: "x".repeat(LENGTH) }.insert(db).await.unwrap();
    for _ in 0..DOUBLINGS {
        sql("INSERT INTO log_lines (text) SELECT text FROM log_lines").execute(db).await.unwrap();
    }
}

async fn streams(db: &Db) {
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
