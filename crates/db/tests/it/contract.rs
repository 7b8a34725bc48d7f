//! What every driver promises: one suite, run for each engine.
//!
//! A test here takes an [`Engine`] that hands out an empty database. [`suite!`] makes one test per engine of it.

mod driver;
mod loading;
mod queries;
mod transactions;
mod writes;

use std::sync::Arc;

use mainstay_db::driver::{Driver, Reply, Statement};
use mainstay_db::value::Value;
use mainstay_db::{Db, DbError, Settings, schema, sqlite::Location, sqlite::Sqlite, sqlite::SqliteOptions};

use crate::blog;

/// An engine under test.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Engine {
    Sqlite,
}

impl Engine {
    /// A driver on a new, empty database.
    pub(crate) async fn driver(self) -> Arc<dyn Driver> {
        match self {
            Self::Sqlite => {
                Arc::new(Sqlite::open(Location::memory(), SqliteOptions::default()).await.unwrap())
            }
        }
    }
}

/// A new database with the tables of the blog.
pub(crate) async fn blog(engine: Engine) -> Db {
    let db = Db::over(engine.driver().await, Settings::default());
    let created = schema::create_tables(&blog::models(), &db).await.unwrap();
    assert_eq!(created.tables.len(), blog::models().len());
    db
}

/// Runs each of these for every engine.
macro_rules! suite {
    ($($name:ident),* $(,)?) => {
        mod on_sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name(crate::contract::Engine::Sqlite).await;
                }
            )*
        }
    };
}
pub(crate) use suite;

/// A table of notes to write to.
pub(crate) async fn notes(engine: Engine) -> Arc<dyn Driver> {
    let driver = engine.driver().await;
    let table = "CREATE TABLE notes (id BIGINT PRIMARY KEY, text VARCHAR(200) NOT NULL)";
    let unique = "CREATE UNIQUE INDEX notes_text ON notes (text)";
    driver.run(Statement::script(format!("{table}; {unique}"))).await.unwrap();
    driver
}

pub(crate) async fn add(driver: &Arc<dyn Driver>, id: i64, text: &str) -> Result<Reply, DbError> {
    driver.run(insert(driver, id, text)).await
}

pub(crate) fn insert(driver: &Arc<dyn Driver>, id: i64, text: &str) -> Statement {
    let (first, second) = (driver.dialect().placeholder(0), driver.dialect().placeholder(1));
    Statement::write(
        format!("INSERT INTO notes (id, text) VALUES ({first}, {second})"),
        vec![Value::Int(id), Value::Text(text.to_owned())],
    )
}

pub(crate) async fn ids(driver: &Arc<dyn Driver>) -> Vec<i64> {
    let reply = driver.run(Statement::read("SELECT id FROM notes ORDER BY id", vec![])).await.unwrap();
    reply.rows.iter().map(|row| row.get(0).unwrap()).collect()
}
