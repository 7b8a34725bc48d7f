use mainstay_core::Result;
use mainstay_store::{Cache, cached};

#[cached]
async fn count(cache: &Cache) -> Result<u64> {
    cache.get("other").await.map(Option::unwrap_or_default)
}

fn main() {}
