//! What is made anew in the background, in an application.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use mainstay_core::config::Sources;
use mainstay_core::lifecycle::Services;
use mainstay_core::metrics::Metrics;
use mainstay_core::{App, Assembly, Error, Profile, Result};
use mainstay_store::{Cache, Keep, module};
use tokio::sync::Semaphore;

/// Fresh for a moment, and then out of date for as long as a test takes.
fn keep() -> Keep {
    Keep::for_(Duration::from_millis(500)).stale_for(Duration::from_secs(60))
}

const LONGER: Duration = Duration::from_millis(600);

fn app() -> Arc<Assembly> {
    App::new().profile(Profile::Test).module(module::module()).assemble(Sources::isolated())
}

async fn ask(cache: &Cache, make: impl Future<Output = Result<u32>> + Send + 'static) -> u32 {
    cache.stale_while_revalidate("key", keep(), make).await.unwrap()
}

/// Waits until something is as it should be.
pub(crate) async fn until(mut it_is: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !it_is().await {
        assert!(start.elapsed() < Duration::from_secs(10), "it does not become so");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn what_is_out_of_date_is_given_at_once_while_one_makes_a_new_one() {
    let assembly = app();
    let started = assembly.start(Services::Background).await.unwrap();
    let cache = assembly.resolver().get::<Cache>().await.unwrap();
    let (go, made) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicU32::new(0)));
    assert_eq!(ask(&cache, async { Ok(1) }).await, 1);
    assert_eq!(ask(&cache, async { Ok(2) }).await, 1, "it is fresh");
    tokio::time::sleep(LONGER).await;
    for _ in 0..20 {
        let (go, made) = (Arc::clone(&go), Arc::clone(&made));
        let slow = async move {
            made.fetch_add(1, Ordering::SeqCst);
            go.acquire().await.unwrap().forget();
            Ok(2)
        };
        assert_eq!(ask(&cache, slow).await, 1, "nobody waits");
    }
    until(async || made.load(Ordering::SeqCst) == 1).await;
    go.add_permits(100);
    until(async || cache.get::<u32>("key").await.unwrap() == Some(2)).await;
    assert_eq!(made.load(Ordering::SeqCst), 1, "one made it");
    let metrics = assembly.resolver().get::<Metrics>().await.unwrap().render();
    assert!(metrics.contains("cache_requests_total{result=\"stale\"} "), "{metrics}");
    assert!(metrics.contains("cache_refreshes_total{result=\"made\"} 1\n"), "{metrics}");
    drop(started);
}

#[tokio::test]
async fn a_value_that_cannot_be_made_anew_is_given_as_it_is_and_not_tried_all_the_time() {
    let assembly = app();
    let _started = assembly.start(Services::Background).await.unwrap();
    let cache = assembly.resolver().get::<Cache>().await.unwrap();
    let tries = Arc::new(AtomicU32::new(0));
    assert_eq!(ask(&cache, async { Ok(1) }).await, 1);
    tokio::time::sleep(LONGER).await;
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(600) {
        let tries = Arc::clone(&tries);
        let failing = async move {
            if tries.fetch_add(1, Ordering::SeqCst) == 0 { Err(Error::conflict("no")) } else { panic!("no") }
        };
        assert_eq!(ask(&cache, failing).await, 1);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(tries.load(Ordering::SeqCst), 1);
    // A second later it is somebody's turn again.
    until(async || ask(&cache, async { Ok(2) }).await == 2).await;
}

#[tokio::test]
async fn what_was_forgotten_while_it_was_made_anew_is_not_kept() {
    let assembly = app();
    let _started = assembly.start(Services::Background).await.unwrap();
    let cache = assembly.resolver().get::<Cache>().await.unwrap();
    let (begun, go) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    assert_eq!(ask(&cache, async { Ok(1) }).await, 1);
    tokio::time::sleep(LONGER).await;
    let slow = {
        let (begun, go) = (Arc::clone(&begun), Arc::clone(&go));
        async move {
            begun.add_permits(1);
            go.acquire().await.unwrap().forget();
            Ok(2)
        }
    };
    assert_eq!(ask(&cache, slow).await, 1);
    begun.acquire().await.unwrap().forget();
    cache.forget("key").await.unwrap();
    go.add_permits(1);
    assert_eq!(ask(&cache, async { Ok(3) }).await, 3, "whoever comes later gets none that was begun before");
    assert_eq!(cache.get::<u32>("key").await.unwrap(), Some(3));
}
