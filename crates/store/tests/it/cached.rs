//! `#[cached]`: what is kept of a function, under which keys, and what is forgotten of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use mainstay_core::clock::{Clock, TestClock};
use mainstay_core::config::Sources;
use mainstay_core::lifecycle::Services;
use mainstay_core::{App, Error, Inject, Profile, Result};
use mainstay_store::{Cache, Store, cached, module};
use serde::{Deserialize, Serialize};

use crate::background::until;

/// Counts how often something is made.
type Made = AtomicU32;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Article {
    id: i64,
    title: String,
}

/// The article of this number.
#[cached(for = "5m", tags("articles", "article:{id}"))]
async fn article(mut id: i64, cache: &Cache, #[skip] made: &Made) -> Result<Article> {
    made.fetch_add(1, Ordering::SeqCst);
    if id < 0 {
        return Err(Error::not_found("no such article"));
    }
    let asked = id;
    id += 1;
    // What it needs may be cached, too.
    let title = title(&format!("Tea {id}"), cache).await?;
    Ok(Article { id: asked, title })
}

#[cached(for = "1h", key = "title:{text}")]
async fn title<'a>(text: &'a str, cache: &Cache) -> Result<String> {
    let _ = cache;
    Ok(text.to_uppercase())
}

#[cached(for = "1h", key = "price of {product}, in {country}")]
async fn price(product: &str, country: &str, #[skip] made: &Made, cache: &Cache) -> Result<u32> {
    let _ = (product, country, cache);
    Ok(made.fetch_add(1, Ordering::SeqCst))
}

#[cached(for = "50ms", stale = "1h", key = "rate")]
async fn rate(cache: Inject<Cache>, #[skip] made: Arc<Made>) -> Result<u32> {
    drop(cache);
    Ok(made.fetch_add(1, Ordering::SeqCst))
}

#[cached(for = "50ms", stale = "1h")]
async fn borrowed_rate(of: String, cache: &Cache, #[skip] made: Arc<Made>) -> Result<(String, u32)> {
    let _ = cache;
    Ok((of, made.fetch_add(1, Ordering::SeqCst)))
}

fn cache() -> (Cache, Arc<TestClock>) {
    let clock = Arc::new(TestClock::default());
    (Cache::over(Store::in_memory(Arc::clone(&clock) as Arc<dyn Clock>, 10)), clock)
}

#[tokio::test]
async fn runs_where_nothing_is_kept_for_its_arguments() {
    let ((cache, clock), made) = (cache(), Made::new(0));
    for _ in 0..3 {
        let found = article(1, &cache, &made).await.unwrap();
        assert_eq!(found, Article { id: 1, title: "TEA 2".to_owned() });
    }
    assert_eq!(made.load(Ordering::SeqCst), 1);
    assert_eq!(article(2, &cache, &made).await.unwrap().id, 2);
    assert_eq!(made.load(Ordering::SeqCst), 2);
    clock.advance(Duration::from_secs(300));
    article(1, &cache, &made).await.unwrap();
    assert_eq!(made.load(Ordering::SeqCst), 3, "its time is over");
}

#[tokio::test]
async fn a_failure_is_not_kept() {
    let ((cache, _), made) = (cache(), Made::new(0));
    for _ in 0..2 {
        assert_eq!(article(-1, &cache, &made).await.unwrap_err().status().as_u16(), 404);
    }
    assert_eq!(made.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn is_forgotten_by_its_arguments_and_by_tag() {
    let ((cache, _), made) = (cache(), Made::new(0));
    let count = || made.load(Ordering::SeqCst);
    for id in [1, 2, 3] {
        article(id, &cache, &made).await.unwrap();
    }
    article::forget(&cache, &1).await.unwrap();
    cache.forget_tag("article:2").await.unwrap();
    article(3, &cache, &made).await.unwrap();
    assert_eq!(count(), 3);
    article(1, &cache, &made).await.unwrap();
    article(2, &cache, &made).await.unwrap();
    assert_eq!(count(), 5);
    cache.forget_tag("articles").await.unwrap();
    article(3, &cache, &made).await.unwrap();
    assert_eq!(count(), 6);
}

#[tokio::test]
async fn what_is_kept_is_a_value_like_others() {
    let ((cache, _), made) = (cache(), Made::new(0));
    let kept = article(1, &cache, &made).await.unwrap();
    assert_eq!(article::key(&1).unwrap(), "it::cached::article(1)");
    assert_eq!(cache.get::<Article>(&article::key(&1).unwrap()).await.unwrap(), Some(kept));
    assert_eq!(title::key("Tea 2").unwrap(), "title:Tea 2");
    assert_eq!(cache.get::<String>("title:Tea 2").await.unwrap().as_deref(), Some("TEA 2"));
    cache.set("title:milk", "oat", Duration::from_secs(60)).await.unwrap();
    assert_eq!(title("milk", &cache).await.unwrap(), "oat");
}

#[tokio::test]
async fn arguments_do_not_run_into_one_another() {
    let ((cache, _), made) = (cache(), Made::new(0));
    let pairs = [
        ("tea", "de"),
        ("tea, in fr", "de"),
        ("tea", "fr, in de"),
        ("tea%2C", "de"),
        ("tea,", "de"),
        ("", "tea, in de"),
        ("", ""),
    ];
    for (number, (product, country)) in (0..).zip(pairs) {
        assert_eq!(price(product, country, &made, &cache).await.unwrap(), number, "{product} {country}");
        assert_eq!(price(product, country, &made, &cache).await.unwrap(), number);
    }
    assert_eq!(price::key("tea", "de").unwrap(), "price of tea, in de");
    assert_eq!(price::key("tea, in fr", "de").unwrap(), "price of tea%2C%20in%20fr, in de");
}

#[tokio::test]
async fn what_is_out_of_date_is_made_anew_in_the_background() {
    let app = App::new().profile(Profile::Test).module(module::module());
    let assembly = app.assemble(Sources::isolated());
    let _started = assembly.start(Services::Background).await.unwrap();
    let cache = assembly.resolver().get::<Cache>().await.unwrap();
    let made = Arc::new(Made::new(0));
    let ask = async || rate(cache.clone(), Arc::clone(&made)).await.unwrap();
    let other = async || borrowed_rate("EUR".to_owned(), &cache, Arc::clone(&made)).await.unwrap();
    assert_eq!((ask().await, other().await), (0, ("EUR".to_owned(), 1)));
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert_eq!((ask().await, other().await.1), (0, 1), "nobody waits");
    until(async || made.load(Ordering::SeqCst) >= 4).await;
    until(async || cache.get::<u32>("rate").await.unwrap() >= Some(2)).await;
    rate::forget(&cache).await.unwrap();
    borrowed_rate::forget(&cache, &"EUR".to_owned()).await.unwrap();
    assert_eq!(cache.get::<u32>("rate").await.unwrap(), None);
}
