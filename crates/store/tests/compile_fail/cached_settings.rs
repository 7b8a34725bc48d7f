use mainstay_core::Result;
use mainstay_store::{Cache, cached};

#[cached(for = "5")]
async fn without_a_unit(_cache: &Cache) -> Result<u64> {
    Ok(1)
}

#[cached(for = "0s")]
async fn for_nothing(_cache: &Cache) -> Result<u64> {
    Ok(1)
}

#[cached(for = 5)]
async fn without_quotes(_cache: &Cache) -> Result<u64> {
    Ok(1)
}

#[cached(for = "5m", ttl = "5m")]
async fn unknown(_cache: &Cache) -> Result<u64> {
    Ok(1)
}

#[cached(for = "5m", for = "6m")]
async fn twice(_cache: &Cache) -> Result<u64> {
    Ok(1)
}

#[cached(for = "5m", tags = "articles")]
async fn tags_in_the_wrong_way(_cache: &Cache) -> Result<u64> {
    Ok(1)
}

fn main() {}
