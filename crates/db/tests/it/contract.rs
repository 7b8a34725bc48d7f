//! What every driver promises: one suite, run for each engine.
//!
//! A test here takes an [`Engine`] that hands out an empty database. [`suite!`] makes one test per engine of it, in the
//! modules `on_sqlite` and so on. Databases are removed when the test ends, also when it panics.

mod all_or_none;
mod computed;
mod constraints;
mod creation;
mod cursors;
mod driver;
mod embedded;
mod encrypted;
mod enums;
mod expressions;
mod factories;
mod fixtures;
mod hooks;
mod json;
mod keeping;
mod lines;
mod lists;
mod loading;
pub(crate) mod made_migrations;
pub(crate) mod migrations;
mod nesting;
mod projections;
mod queries;
mod raw;
mod references;
mod relations;
mod search;
mod search_any;
mod search_index;
pub(crate) mod signals;
mod streaming;
mod streams;
mod tenants;
mod transactions;
mod transfer;
mod upserts;
mod values;
mod writes;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mainstay_db::driver::{Driver, Reply, Statement};
use mainstay_db::scratch::{self, Scratch};
use mainstay_db::value::Value;
use mainstay_db::{DatabaseConfig, Db, DbError, Settings, schema};
use tempfile::TempDir;

use crate::blog;

/// An engine under test.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Engine(scratch::Engine);

tokio::task_local! {
    /// What the running test has made.
    static MADE: Arc<Mutex<Made>>;
}

/// What goes with the test.
#[derive(Default)]
struct Made {
    databases: Vec<Scratch>,
    folders: Vec<TempDir>,
}

impl Engine {
    /// A driver on a new, empty database.
    pub(crate) async fn driver(self) -> Arc<dyn Driver> {
        let scratch = Scratch::new(&self.0.server().unwrap()).await.unwrap();
        let driver = scratch.driver().await.unwrap();
        MADE.with(|made| made.lock().unwrap().databases.push(scratch));
        driver
    }

    /// The same, with so many connections, each of which is waited for so long.
    pub(crate) async fn driver_with(self, connections: usize, wait: Duration) -> Arc<dyn Driver> {
        let home = tempfile::tempdir().unwrap();
        let config = DatabaseConfig {
            url: self.lasting_url(home.path()).await,
            connections,
            acquire_timeout: wait,
            ..DatabaseConfig::default()
        };
        let driver = config.open(home.path()).await.unwrap();
        MADE.with(|made| made.lock().unwrap().folders.push(home));
        driver
    }

    /// The address of a new, empty database that stays when it is closed. On SQLite it is a file in `folder`.
    pub(crate) async fn lasting_url(self, folder: &Path) -> String {
        if self.0 == scratch::Engine::Sqlite {
            return format!("sqlite:{}", folder.join("app.db").display());
        }
        let scratch = Scratch::new(&self.0.server().unwrap()).await.unwrap();
        let url = scratch.url().to_owned();
        MADE.with(|made| made.lock().unwrap().databases.push(scratch));
        url
    }
}

/// A new database with the tables of the blog.
pub(crate) async fn blog(engine: Engine) -> Db {
    let db = Db::over(engine.driver().await, Settings::default());
    let created = schema::create_tables(&blog::models(), &db).await.unwrap();
    assert_eq!(created.tables.len(), blog::models().len());
    db
}

/// Runs a test on an engine, and removes what databases it has made. Without a server for the engine it says so; under
/// continuous integration that is a failure.
pub(crate) async fn on<F: Future<Output = ()>>(engine: scratch::Engine, test: impl FnOnce(Engine) -> F) {
    if let Err(missing) = engine.server() {
        return servers::not_run(&format!("on {}: {}", engine.name(), missing.message()));
    }
    let made = Arc::default();
    MADE.scope(Arc::clone(&made), test(Engine(engine))).await;
    let databases = std::mem::take(&mut made.lock().unwrap().databases);
    for scratch in databases {
        scratch.remove().await.unwrap();
    }
}

/// Runs each of these for every engine.
macro_rules! suite {
    ($($name:ident),* $(,)?) => {
        $crate::contract::suite!(@engine "mysql" on_mysql MySql [$($name)*]);
        $crate::contract::suite!(@engine "postgres" on_postgres Postgres [$($name)*]);
        $crate::contract::suite!(@engine "sqlite" on_sqlite Sqlite [$($name)*]);
    };
    (@engine $feature:literal $module:ident $engine:ident [$($name:ident)*]) => {
        #[cfg(feature = $feature)]
        mod $module {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    $crate::contract::on(mainstay_db::scratch::Engine::$engine, super::$name).await;
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
