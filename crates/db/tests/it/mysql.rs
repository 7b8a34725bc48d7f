//! What only MySQL and MariaDB have: limits, lost connections, locks, and words of their own.
//!
//! A test gets the address of a new database, on the server that `MAINSTAY_MYSQL_URL` names.

mod limits;
mod locks;
mod lost;
mod session;

use std::path::Path;
use std::sync::Arc;

use mainstay_db::driver::{Driver, Statement};
use mainstay_db::mysql::{Location, MySql, MySqlOptions};
use mainstay_db::scratch::{Engine, Scratch};

/// Counts for minutes unless it is stopped.
const ENDLESS: &str = "SELECT COUNT(*) FROM information_schema.collations a, information_schema.collations b, \
                       information_schema.collations c, information_schema.collations d \
                       WHERE a.id + b.id + c.id + d.id < 0";

/// Runs a test on a new database.
async fn on<F: Future<Output = ()>>(test: impl FnOnce(String) -> F) {
    crate::contract::on(Engine::MySql, |_| async {
        let scratch = Scratch::new(&Engine::MySql.server().unwrap()).await.unwrap();
        test(scratch.url().to_owned()).await;
        scratch.remove().await.unwrap();
    })
    .await;
}

/// Opens it, with a table of notes.
async fn open(url: &str, options: MySqlOptions) -> Arc<dyn Driver> {
    let location = Location::parse(url, Path::new(".")).unwrap();
    let driver = MySql::open(location, options).await.unwrap();
    let table = "CREATE TABLE IF NOT EXISTS notes (id BIGINT PRIMARY KEY AUTO_INCREMENT, text VARCHAR(20))";
    driver.run(Statement::script(table)).await.unwrap();
    Arc::new(driver)
}

fn add(id: i64) -> Statement {
    Statement::write(format!("INSERT INTO notes (id) VALUES ({id})"), vec![])
}

async fn ids(driver: &Arc<dyn Driver>) -> Vec<i64> {
    let reply = driver.run(Statement::read("SELECT id FROM notes ORDER BY id", vec![])).await.unwrap();
    reply.rows.iter().map(|row| row.get(0).unwrap()).collect()
}

/// The one value that a statement returns.
async fn value<T: mainstay_db::value::Decode>(driver: &Arc<dyn Driver>, sql: &str) -> T {
    let reply = driver.run(Statement::read(sql, vec![])).await.unwrap();
    reply.rows.first().unwrap().get(0).unwrap()
}
