use std::time::Duration;

use mainstay_core::Result;
use mainstay_store::{Cache, CacheKey};

const COUNT: CacheKey<u64, u32> = CacheKey::new("count", Duration::from_secs(60));

async fn another_type(cache: &Cache) -> Result<()> {
    cache.at(COUNT, &1).set("many").await
}

async fn another_parameter(cache: &Cache) -> Result<()> {
    cache.at(COUNT, "one").forget().await
}

async fn counts_what_is_no_counter(cache: &Cache) -> Result<i64> {
    cache.at(COUNT, &1).increment(1).await
}

fn main() {}
