//! Writes on an engine that returns no rows from them.
//!
//! SQLite reads the quotes and placeholders of MySQL, so that a driver which says that it is MySQL, and hides what SQLite
//! returns, shows what the model layer does there without a server.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mainstay_core::StatusCode;
use mainstay_db::driver::{Begin, Driver, Reply, RowStream, Statement, Transaction};
use mainstay_db::sqlite::{Location, Sqlite, SqliteOptions};
use mainstay_db::{Db, DbError, Dialect, Settings, schema};

use crate::blog::{self, Article, Comment, Status, User, article, comment, draft, user};

struct Silent {
    inner: Arc<Sqlite>,
    dialect: Dialect,
}

impl Driver for Silent {
    fn dialect(&self) -> Dialect {
        self.dialect
    }

    fn run(&self, mut statement: Statement) -> BoxFuture<'_, Result<Reply, DbError>> {
        async move {
            let inserts = statement.sql.starts_with("INSERT") && !statement.sql.contains("RETURNING");
            if !inserts {
                return self.inner.run(statement).await;
            }
            statement.sql = format!("{} RETURNING rowid", statement.sql).into();
            let reply = self.inner.run(statement).await?;
            let generated_key = reply.rows.first().map(|row| row.get(0)).transpose()?;
            Ok(Reply { affected: reply.affected, generated_key, ..Reply::default() })
        }
        .boxed()
    }

    fn begin(&self, how: Begin) -> BoxFuture<'_, Result<Box<dyn Transaction>, DbError>> {
        self.inner.begin(how)
    }

    fn stream(&self, statement: Statement) -> BoxFuture<'_, Result<RowStream, DbError>> {
        self.inner.stream(statement)
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.inner.close()
    }
}

async fn open(dialect: Dialect) -> Db {
    let inner = Arc::new(Sqlite::open(Location::memory(), SqliteOptions::default()).await.unwrap());
    let sqlite = Db::over(Arc::clone(&inner) as Arc<dyn Driver>, Settings::default());
    schema::create_tables(&blog::models(), &sqlite).await.unwrap();
    Db::over(Arc::new(Silent { inner, dialect }), Settings::default())
}

#[tokio::test]
async fn reads_back_by_key_what_a_write_does_not_return() {
    for (dialect, statements) in [(Dialect::MySql, 2), (Dialect::MariaDb, 1)] {
        let db = open(dialect).await;
        let ann = user(&db, "ann").await;
        let log = db.record();
        let mut one = article(&db, &ann, "one").await;
        assert_eq!(log.count(), statements, "{dialect:?}");
        assert_eq!((one.status, one.author.key()), (Status::Draft, ann.key()));
        assert_eq!(Article::find(&one, &db).await.unwrap(), one);
        let given = draft(&ann, "two").id(77).insert(&db).await.unwrap();
        assert_eq!((given.id, given.slug.as_str()), (77, "two"));
        log.clear();
        one.update(|a| a.title("New"), &db).await.unwrap();
        assert_eq!((log.count(), one.title.as_str()), (2, "New"), "{dialect:?}");
        one.clone().delete(&db).await.unwrap();
        let gone = one.update(|a| a.title("Newer"), &db).await.unwrap_err();
        assert_eq!(gone.status(), StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn hides_the_table_that_it_changes_from_mysql() {
    let db = open(Dialect::MySql).await;
    let ann = user(&db, "ann").await;
    let text = article(&db, &ann, "one").await;
    comment(&db, &text, &ann, "first").await.unwrap();
    let log = db.record();
    let changed = Comment::filter(|c| c.article.is(|a| a.slug.eq("one"))).update(|c| c.text("new"), &db);
    assert_eq!(changed.await.unwrap(), 1);
    assert_eq!(Comment::filter(|c| c.parent.is(|p| p.id.gt(0))).delete(&db).await.unwrap(), 0);
    assert_eq!(User::filter(|u| u.id.lt(0)).delete(&db).await.unwrap(), 0);
    let statements: Vec<String> = log.queries().iter().map(|query| query.sql.to_string()).collect();
    insta::assert_snapshot!("subqueries_mysql", statements.join("\n"));
}
