//! Who ran what, and how much of it: the log, budgets, comments.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mainstay_core::origin::Origin;
use mainstay_db::driver::{Begin, Dialect, Driver, Reply, RowStream, Statement, StatementKind, Transaction};
use mainstay_db::sqlite::{Location, Sqlite, SqliteOptions};
use mainstay_db::{Db, DbError, Settings, schema, sql};

use crate::blog::{self, Article, Tag, User, article, tag, user};

async fn blog() -> Db {
    let db = Db::open("sqlite::memory:").await.unwrap();
    schema::create_tables(&blog::models(), &db).await.unwrap();
    db
}

/// Where the calling line is, as the log names it.
#[track_caller]
fn here(lines_up: u32) -> String {
    let place = std::panic::Location::caller();
    format!("{}:{}", place.file(), place.line() - lines_up)
}

/// The contract has a test of each operation that there is (`contract/lines.rs`); this is for those that are still to come.
#[test]
fn whatever_takes_an_executor_passes_the_line_of_its_caller_on() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = vec![crates.join("macros/src/model/companions.rs")];
    let mut folders = vec![crates.join("db/src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { &mut folders } else { &mut files }.push(path);
        }
    }
    let mut found = 0;
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        for (at, _) in text.match_indices("executor: &") {
            let head = &text[..at];
            let start = head.rfind("fn ").unwrap();
            let above = head[..start].rsplit("\n\n").next().unwrap();
            let name = head[start..].split(['(', '<']).next().unwrap();
            let place = file.display();
            assert!(above.contains("#[track_caller]"), "{place}: `{name}` wants `#[track_caller]`");
            assert!(!above.ends_with("async "), "{place}: `{name}` is an `async fn`, which has no caller");
            found += 1;
        }
    }
    assert!(found > 50, "{found}");
}

#[tokio::test]
async fn a_query_in_a_loop_is_over_the_budget_and_its_line_is_named() {
    let db = blog().await;
    let ann = user(&db, "ann").await;
    for number in 0..11 {
        article(&db, &ann, &format!("{number}")).await;
    }
    let budget = db.budget(100);
    let articles = Article::query().all(&db).await.unwrap();
    for article in &articles {
        User::find(article.author.key(), &db).await.unwrap();
    }
    let line = here(2);
    let overrun = budget.check().unwrap_err().to_string();
    assert!(overrun.contains("the same query 11 times"), "{overrun}");
    assert!(overrun.contains(&line) && overrun.contains(".with("), "{overrun}");
    let panic = catch_unwind(AssertUnwindSafe(|| drop(budget))).unwrap_err();
    let text = panic.downcast::<String>().unwrap();
    assert!(text.contains("over the budget of") && text.contains(&line), "{text}");
}

#[tokio::test]
async fn too_many_statements_are_over_the_budget() {
    let db = blog().await;
    let budget = db.budget(2);
    tag(&db, "one").await;
    tag(&db, "two").await;
    assert!(budget.check().is_ok());
    Tag::query().count(&db).await.unwrap();
    let overrun = budget.check().unwrap_err().to_string();
    assert!(overrun.contains("3 statements, and at most 2"), "{overrun}");
    assert!(catch_unwind(AssertUnwindSafe(|| drop(budget))).is_err());
    let roomy = db.budget(50).repeats(20);
    for _ in 0..15 {
        Tag::query().count(&db).await.unwrap();
    }
    drop(roomy);
}

/// Remembers the statements that reach the driver.
struct Spy(Sqlite, Arc<Mutex<Vec<String>>>);

impl Driver for Spy {
    fn dialect(&self) -> Dialect {
        self.0.dialect()
    }

    fn run(&self, statement: Statement) -> BoxFuture<'_, Result<Reply, DbError>> {
        self.1.lock().unwrap().push(statement.sql.to_string());
        self.0.run(statement)
    }

    fn begin(&self, how: Begin) -> BoxFuture<'_, Result<Box<dyn Transaction>, DbError>> {
        self.0.begin(how)
    }

    fn stream(&self, statement: Statement) -> BoxFuture<'_, Result<RowStream, DbError>> {
        self.0.stream(statement)
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        async { self.0.close().await }.boxed()
    }
}

#[tokio::test]
async fn names_the_route_in_a_comment_if_it_is_told_to() {
    for comments in [true, false] {
        let seen = Arc::default();
        let sqlite = Sqlite::open(Location::memory(), SqliteOptions::default()).await.unwrap();
        let db =
            Db::over(Arc::new(Spy(sqlite, Arc::clone(&seen))), Settings { comments, ..Settings::default() });
        let log = db.record();
        let route = Origin::new("/articles/{slug}");
        route.clone().scope(async { sql("SELECT 1").rows(&db).await }).await.unwrap();
        sql("SELECT 2").rows(&db).await.unwrap();
        let first = if comments { "SELECT 1 /* route=/articles/{slug} */" } else { "SELECT 1" };
        assert_eq!(*seen.lock().unwrap(), [first, "SELECT 2"]);
        let queries = log.queries();
        assert_eq!((&*queries[0].sql, queries[0].origin.as_ref()), ("SELECT 1", Some(&route)));
        assert_eq!((queries[0].kind, queries[1].origin.as_ref()), (StatementKind::Read, None));
    }
}

#[tokio::test]
async fn what_a_service_asks_by_itself_is_not_recorded() {
    let db = blog().await;
    let (log, background) = (db.record(), db.in_background());
    User::query().count(&background).await.unwrap();
    background.transaction(async |tx| User::query().count(tx).await).await.unwrap();
    assert_eq!(log.count(), 0);
    User::query().count(&db).await.unwrap();
    assert_eq!(log.count(), 1);
}
