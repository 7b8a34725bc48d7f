//! What is PostgreSQL's own: its limits, its losses, its types, and what stands in between.

mod limits;
mod lost;
mod pooler;
pub(crate) mod proxy;
mod signals;
mod tls;
mod types;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mainstay_db::driver::{Driver, Reply, Statement};
use mainstay_db::postgres::{Location, Postgres, PostgresOptions};
use mainstay_db::scratch::{self, Scratch};
use mainstay_db::value::{Decode, Value};

use crate::contract;

/// Runs a test with the address of an empty database.
async fn on(test: impl AsyncFnOnce(String)) {
    contract::on(scratch::Engine::Postgres, |_| async move {
        let scratch = Scratch::new(&scratch::Engine::Postgres.server().unwrap()).await.unwrap();
        test(scratch.url().to_owned()).await;
        scratch.remove().await.unwrap();
    })
    .await;
}

async fn open(url: &str, options: PostgresOptions) -> Arc<Postgres> {
    Arc::new(Postgres::open(Location::parse(url, Path::new(".")).unwrap(), options).await.unwrap())
}

fn read(sql: &str) -> Statement {
    Statement::read(sql, vec![])
}

fn write(sql: &str) -> Statement {
    Statement::write(sql, vec![])
}

fn one<T: Decode>(reply: &Reply) -> T {
    reply.rows.first().unwrap().get(0).unwrap()
}

async fn ask<T: Decode>(driver: &dyn Driver, sql: &str) -> T {
    one(&driver.run(read(sql)).await.unwrap())
}

async fn insert(driver: &dyn Driver, id: i64) -> Result<Reply, mainstay_db::DbError> {
    driver.run(Statement::write("INSERT INTO notes (id) VALUES ($1)", vec![Value::Int(id)])).await
}

async fn notes(driver: &dyn Driver) {
    driver.run(Statement::script("CREATE TABLE notes (id bigint PRIMARY KEY)")).await.unwrap();
}

/// Waits until something is so, for at most five seconds.
async fn until(mut condition: impl AsyncFnMut() -> bool) {
    for _ in 0..100 {
        if condition().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it did not come to be within five seconds");
}
