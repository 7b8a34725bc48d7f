use mainstay_core::{Inject, Result};
use mainstay_store::{Cache, cached};

struct Database;

#[cached(for = "5m")]
async fn not_skipped(_cache: &Cache, _database: &Database) -> Result<u64> {
    Ok(1)
}

struct Plain;

#[cached(for = "5m")]
async fn not_serializable(_cache: &Cache) -> Result<Plain> {
    Ok(Plain)
}

mod mine {
    pub struct Cache;
}

#[cached(for = "5m")]
async fn another_cache(_cache: &mine::Cache) -> Result<u64> {
    Ok(1)
}

async fn needs_inject(_: Inject<Cache>) {}

fn main() {}
