use mainstay_core::Result;
use mainstay_store::{Cache, cached};

#[cached(for = "5m", key = "article:{id}")]
async fn mixed_up(_cache: &Cache, id: u64, language: String) -> Result<u64> {
    let _ = language;
    Ok(id)
}

#[cached(for = "5m", key = "article:{slug}")]
async fn no_such_argument(_cache: &Cache, id: u64) -> Result<u64> {
    Ok(id)
}

#[cached(for = "5m", key = "article:{id}:{cache}")]
async fn the_cache_in_it(cache: &Cache, id: u64) -> Result<u64> {
    let _ = cache;
    Ok(id)
}

#[cached(for = "5m", tags("article:{id}"))]
async fn a_tag_of_what_is_skipped(_cache: &Cache, #[skip] id: u64) -> Result<u64> {
    Ok(id)
}

#[cached(for = "5m", key = "{a}{b}")]
async fn run_into_one_another(_cache: &Cache, a: u64, b: u64) -> Result<u64> {
    Ok(a + b)
}

#[cached(for = "5m", key = "article:{id")]
async fn not_closed(_cache: &Cache, id: u64) -> Result<u64> {
    Ok(id)
}

#[cached(for = "5m", key = "article:{}")]
async fn without_a_name(_cache: &Cache, id: u64) -> Result<u64> {
    Ok(id)
}

#[cached(for = "5m", key = "")]
async fn empty(_cache: &Cache) -> Result<u64> {
    Ok(1)
}

fn main() {}
