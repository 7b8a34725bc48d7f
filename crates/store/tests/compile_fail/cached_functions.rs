use mainstay_core::{Inject, Result};
use mainstay_store::{Cache, cached};

#[cached(for = "5m")]
fn not_async(_cache: &Cache) -> Result<u64> {
    Ok(1)
}

#[cached(for = "5m")]
async fn without_a_cache(_id: u64) -> Result<u64> {
    Ok(1)
}

#[cached(for = "5m")]
async fn with_two(_one: &Cache, _two: Inject<Cache>) -> Result<u64> {
    Ok(1)
}

#[cached(for = "5m")]
async fn generic<T: serde::Serialize>(_id: T, _cache: &Cache) -> Result<u64> {
    Ok(1)
}

#[cached(for = "5m")]
async fn no_result(_cache: &Cache) -> u64 {
    1
}

#[cached(for = "5m")]
async fn nothing(_cache: &Cache) {}

struct Shop;

impl Shop {
    #[cached(for = "5m")]
    async fn method(&self, _cache: &Cache) -> Result<u64> {
        Ok(1)
    }
}

#[cached(for = "5m")]
async fn without_a_name((_one, _two): (u64, u64), _cache: &Cache) -> Result<u64> {
    Ok(1)
}

#[cached(for = "5m")]
async fn without_a_type(_id: impl Into<u64>, _cache: &Cache) -> Result<u64> {
    Ok(1)
}

#[cached(for = "5m", stale = "1m")]
async fn borrowed_in_the_background(_name: &str, _cache: &Cache) -> Result<u64> {
    Ok(1)
}

fn main() {}
