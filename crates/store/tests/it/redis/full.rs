//! A server that is full, and was told to evict nothing.

use std::time::Duration;

use mainstay_store::redis::{Redis, RedisOptions};
use mainstay_store::{Cache, Entry, Growth, Keep, Locks, Quota, Store, StoreError};
use servers::{Durability, Server};

use super::{prefix, start};

fn room(server: &Server, bytes: u64) {
    room_by(server, bytes, "noeviction");
}

fn room_by(server: &Server, bytes: u64, policy: &str) {
    let mut connection = redis::Client::open(server.url()).unwrap().get_connection().unwrap();
    let set = |name: &str, value: &str| redis::cmd("CONFIG").arg("SET").arg(name).arg(value).to_owned();
    set("maxmemory-policy", policy).exec(&mut connection).unwrap();
    set("maxmemory", &bytes.to_string()).exec(&mut connection).unwrap();
}

fn entry(tag: &str) -> Entry {
    let lifetime = Duration::from_secs(600);
    Entry { value: "kept".into(), lifetime, tags: vec![tag.to_owned()], ..Entry::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_server_still_gives_and_forgets_and_says_that_it_keeps_nothing_more() {
    let Some(server) = start(Durability::Fast) else { return };
    let options = RedisOptions { prefix: prefix(), timeout: Duration::from_secs(20), clock: None };
    let store = Store::over(Redis::new(&server.url().parse().unwrap(), options));
    for (key, tag) in [("a", "red"), ("b", "blue"), ("c", "blue"), ("d", "green")] {
        store.set(key, entry(tag)).await.unwrap();
    }
    let since = Some(store.get("a").await.unwrap().stamp);
    room(&server, 1);
    let full = |error: StoreError| {
        assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
        assert_eq!(error.to_string(), format!("the store at redis://127.0.0.1:{}/0 is full", server.port()));
    };
    full(store.set("a", entry("red")).await.unwrap_err());
    full(store.set("e", entry("red")).await.unwrap_err());
    full(
        store
            .grow("number", Growth { by: 1, lifetime: Duration::from_secs(60), tags: vec![] })
            .await
            .unwrap_err(),
    );
    full(store.limit("ann", &[Quota::per_day(1)], 1).await.unwrap_err());
    for key in ["b", "c", "d"] {
        assert!(store.get(key).await.unwrap().value.is_some(), "{key}");
    }
    store.delete("d").await.unwrap();
    store.delete_tag("blue").await.unwrap();
    for key in ["b", "c", "d"] {
        assert_eq!(store.get(key).await.unwrap().value, None, "{key}");
    }
    let cache = Cache::over(store.clone());
    for turn in [1, 2] {
        let made = cache.remember("count", Keep::for_(Duration::from_secs(60)), async || Ok(turn)).await;
        assert_eq!(made.unwrap(), turn, "it is made each time");
    }
    let error = cache.set("count", &1, Duration::from_secs(60)).await.unwrap_err();
    assert_eq!((error.status().as_u16(), error.machine_code()), (503, "cache_unavailable"));
    assert!(error.to_string().contains("The cache is full."), "{error}");

    room(&server, 0);
    // What was deleted meanwhile is known: who has looked before that keeps nothing.
    assert_eq!(store.set("d", Entry { since, ..entry("green") }).await.unwrap(), None);
    let since = Some(store.get("d").await.unwrap().stamp);
    assert!(store.set("d", Entry { since, ..entry("green") }).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_drops_keys_says_so_to_whoever_holds_locks_on_it() {
    let Some(server) = start(Durability::Fast) else { return };
    let options = RedisOptions { prefix: prefix(), timeout: Duration::from_secs(20), clock: None };
    let redis = Redis::new(&server.url().parse().unwrap(), options);
    for (bytes, policy, drops) in [
        (100 << 20, "volatile-lru", Some("volatile-lru")),
        (100 << 20, "allkeys-lfu", Some("allkeys-lfu")),
        (100 << 20, "noeviction", None),
        (0, "volatile-lru", None),
    ] {
        room_by(&server, bytes, policy);
        assert_eq!(redis.evicts().await.unwrap().as_deref(), drops, "{policy} in {bytes}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_server_refuses_locks_and_prolongs_those_that_are_held() {
    let Some(server) = start(Durability::Fast) else { return };
    let options = RedisOptions { prefix: prefix(), timeout: Duration::from_secs(20), clock: None };
    let redis = Redis::new(&server.url().parse().unwrap(), options);
    let locks = Locks::over(redis, std::sync::Arc::new(mainstay_core::clock::SystemClock));
    let minute = Duration::from_secs(60);
    let lock = locks.try_acquire("held", minute).await.unwrap().unwrap();
    room(&server, 1);
    let error = locks.try_acquire("other", minute).await.unwrap_err();
    assert_eq!((error.status().as_u16(), error.machine_code()), (503, "locks_unavailable"));
    assert!(lock.renew().await.unwrap());
    assert!(locks.try_acquire("held", minute).await.unwrap().is_none());
    assert!(lock.release().await.unwrap());
    room(&server, 0);
    assert!(
        locks.try_acquire("other", minute).await.unwrap().is_some(),
        "nothing is left of what was refused"
    );
}
