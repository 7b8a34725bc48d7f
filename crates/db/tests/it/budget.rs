//! Who ran what, and how much of it: the log, budgets, comments.

use std::panic::{AssertUnwindSafe, catch_unwind};
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

#[tokio::test]
async fn knows_the_line_that_runs_each_statement() {
    let db = blog().await;
    let log = db.record();
    let ann = user(&db, "ann").await;
    log.clear();
    let mut expected = Vec::new();
    Article::query().all(&db).await.unwrap();
    expected.push(here(1));
    Tag::filter(|t| t.name.eq("x")).first(&db).await.unwrap();
    expected.push(here(1));
    User::query().count(&db).await.unwrap();
    expected.push(here(1));
    User::get(ann.key(), &db).await.unwrap();
    expected.push(here(1));
    sql("SELECT 1").rows(&db).await.unwrap();
    expected.push(here(1));
    let tx = db.begin().await.unwrap();
    User::query().exists(&tx).await.unwrap();
    expected.push(here(1));
    tx.commit().await.unwrap();
    let _ = User::query().stream(&db).try_next().await.unwrap();
    expected.push(here(1));
    db.transaction(async |tx| blog::NewTag { name: "x".into() }.insert(tx).await).await.unwrap();
    expected.push(here(1));
    let found = log.queries();
    let found: Vec<String> = found
        .iter()
        .map(|query| query.caller.map_or_else(String::new, |at| format!("{}:{}", at.file(), at.line())))
        .collect();
    assert_eq!(found, expected);
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
