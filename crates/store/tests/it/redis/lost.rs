//! A server that is killed, comes back, or does not answer.

use std::time::{Duration, Instant};

use mainstay_store::redis::{Redis, RedisOptions};
use mainstay_store::{Cache, Entry, Keep, Quota, Store, StoreError};
use servers::{Durability, Server};

use super::{prefix, start};

const TIMEOUT: Duration = Duration::from_millis(500);

fn connect(server: &Server) -> Store {
    let options = RedisOptions { prefix: prefix(), timeout: TIMEOUT, clock: None };
    Store::over(Redis::new(&server.url().parse().unwrap(), options))
}

fn entry(value: &'static str) -> Entry {
    Entry {
        value: value.into(),
        lifetime: Duration::from_secs(600),
        tags: vec!["red".to_owned()],
        ..Entry::default()
    }
}

/// Asks until there is an answer.
async fn answered(store: &Store) -> Duration {
    let start = Instant::now();
    while store.get("key").await.is_err() {
        assert!(start.elapsed() < Duration::from_secs(20), "it does not recover");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    start.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_gone_is_noticed_at_once_and_one_that_is_back_is_used_again() {
    let Some(mut server) = start(Durability::Durable) else { return };
    let store = connect(&server);
    let quota = [Quota::per_day(10)];
    store.set("key", entry("kept")).await.unwrap();
    assert!(store.limit("ann", &quota, 7).await.unwrap()[0].allowed);

    server.kill();
    for turn in 0..200 {
        let start = Instant::now();
        let error = store.get("key").await.unwrap_err();
        assert!(matches!(error, StoreError::OutOfReach { .. }), "{error}");
        assert!(start.elapsed() < TIMEOUT, "turn {turn}: {:?}", start.elapsed());
        assert_eq!(
            error.to_string(),
            format!("the store at redis://127.0.0.1:{}/0 is out of reach", server.port())
        );
        assert!(!format!("{error:?}").contains("mainstay@"), "{error:?}");
    }
    assert!(store.limit("ann", &quota, 1).await.is_err());
    // The cache goes on without it.
    let cache = Cache::over(store.clone());
    let made: u32 = cache.remember("count", Duration::from_secs(60), async || Ok(42)).await.unwrap();
    assert_eq!(made, 42);
    let start = Instant::now();
    for turn in 0..1000 {
        let keep = Keep::for_(Duration::from_secs(60)).stale_for(Duration::from_secs(60));
        let made = cache.stale_while_revalidate("count", keep, async move { Ok(turn) }).await;
        assert_eq!(made.unwrap(), turn);
    }
    assert!(start.elapsed() < 2 * TIMEOUT, "without it is no slower: {:?}", start.elapsed());
    // Who counts must not be told a number that somebody else is told, too.
    let error = cache.increment("visits", 1, Duration::from_secs(60)).await.unwrap_err();
    assert_eq!((error.status().as_u16(), error.machine_code()), (503, "cache_unavailable"));

    server.start_again().unwrap();
    let after = answered(&store).await;
    assert!(after < Duration::from_secs(1), "{after:?}");
    // It has read its log, and the scripts, which it has forgotten, are sent again.
    assert_eq!(store.get("key").await.unwrap().value.as_deref(), Some(&b"kept"[..]));
    assert_eq!(store.limit("ann", &quota, 0).await.unwrap()[0].remaining, 3);
    store.delete_tag("red").await.unwrap();
    assert_eq!(store.get("key").await.unwrap().value, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_between_two_questions_is_not_noticed() {
    let Some(mut server) = start(Durability::Durable) else { return };
    let store = connect(&server);
    store.set("key", entry("kept")).await.unwrap();
    server.kill();
    server.start_again().unwrap();
    assert_eq!(store.get("key").await.unwrap().value.as_deref(), Some(&b"kept"[..]), "the first question");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_hangs_when_the_server_is_killed_under_load_and_no_count_is_given_twice() {
    let Some(mut server) = start(Durability::Durable) else { return };
    let store = connect(&server);
    let quota = [Quota::per_day(1_000_000)];
    let workers: Vec<_> = (0..16)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                let (mut counted, mut failed) = (0_u32, 0_u32);
                let end = Instant::now() + Duration::from_secs(3);
                while Instant::now() < end {
                    let start = Instant::now();
                    match store.limit("all", &quota, 1).await {
                        Ok(_) => counted += 1,
                        Err(_) => {
                            failed += 1;
                            tokio::time::sleep(Duration::from_millis(5)).await;
                        }
                    }
                    // The deadline, and what a busy machine adds.
                    assert!(start.elapsed() < 4 * TIMEOUT, "{:?}", start.elapsed());
                }
                (counted, failed)
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(800)).await;
    tokio::task::block_in_place(|| {
        server.kill();
        std::thread::sleep(Duration::from_millis(500));
        server.start_again().unwrap();
    });
    let (mut counted, mut failed) = (0, 0);
    for worker in workers {
        let (yes, no) = worker.await.unwrap();
        (counted, failed) = (counted + yes, failed + no);
    }
    answered(&store).await;
    let taken = 1_000_000 - store.limit("all", &quota, 0).await.unwrap()[0].remaining;
    assert!(failed > 0 && counted > 100, "{counted} counted, {failed} refused");
    // Its log is on the disk before it answers: what was acknowledged is there. What was not may have been counted too. One comes
    // back in 86 ms.
    assert!(taken + 200 >= counted, "{taken} of {counted}");
    assert!(taken <= counted + failed + 32, "{taken} of {counted} and {failed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_does_not_answer_costs_its_deadline_and_then_nothing() {
    // It takes every connection and says nothing.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let address = format!("redis://:secret@127.0.0.1:{port}").parse().unwrap();
    let options = RedisOptions { prefix: prefix(), timeout: TIMEOUT, clock: None };
    let store = Store::over(Redis::new(&address, options));
    let start = Instant::now();
    let error = store.get("key").await.unwrap_err();
    let first = start.elapsed();
    assert!(first >= TIMEOUT / 2 && first < 4 * TIMEOUT, "{first:?}");
    let start = Instant::now();
    store.get("key").await.unwrap_err();
    assert!(start.elapsed() < TIMEOUT / 2, "{:?}", start.elapsed());
    assert!(!format!("{error:?}").contains("secret"), "{error:?}");
}
