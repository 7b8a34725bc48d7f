//! Locks on a server: shared by processes, and what becomes of them when it is killed in mid-hold.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mainstay_core::clock::SystemClock;
use mainstay_store::redis::{Redis, RedisOptions};
use mainstay_store::{Hold, Locks};
use servers::{Durability, Server};

use super::{connect_as, prefix, server, start};

const HOLD: Duration = Duration::from_secs(3);
const WAIT: Duration = Duration::from_secs(20);

/// Another process: with a connection of its own.
fn process(server: &Server, prefix: &str) -> Locks {
    let options =
        RedisOptions { prefix: prefix.to_owned(), timeout: Duration::from_millis(500), clock: None };
    Locks::over(Redis::new(&server.url().parse().unwrap(), options), Arc::new(SystemClock))
}

/// Asks until there is an answer.
async fn answered(locks: &Locks) {
    let start = Instant::now();
    while locks.try_acquire("is it there?", HOLD).await.is_err() {
        assert!(start.elapsed() < WAIT, "it does not come back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn refused(locks: &Locks) {
    let start = Instant::now();
    let error = locks.acquire("imports", HOLD, WAIT).await.unwrap_err();
    assert_eq!((error.status().as_u16(), error.machine_code()), (503, "locks_unavailable"));
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}

#[tokio::test]
async fn what_one_process_holds_the_other_does_not_get() {
    let Some(address) = server() else { return };
    let (ours, theirs) = (prefix(), prefix());
    let [one, two, other] = [&ours, &ours, &theirs]
        .map(|prefix| Locks::over(connect_as(&address, prefix), Arc::new(SystemClock)));
    let lock = one.try_acquire("imports", HOLD).await.unwrap().unwrap();
    assert!(two.try_acquire("imports", HOLD).await.unwrap().is_none());
    assert!(other.try_acquire("imports", HOLD).await.unwrap().is_some(), "another application");
    let waiting = tokio::spawn(async move { two.acquire("imports", HOLD, WAIT).await.unwrap().token() });
    tokio::time::sleep(Duration::from_millis(50)).await;
    let token = lock.token();
    assert!(!waiting.is_finished());
    assert!(lock.release().await.unwrap());
    assert!(waiting.await.unwrap() > token);
}

#[tokio::test]
async fn a_process_that_has_crashed_keeps_nobody_waiting_for_longer_than_it_has_said() {
    let Some(address) = server() else { return };
    let prefix = prefix();
    let [one, two] = [(), ()].map(|()| Locks::over(connect_as(&address, &prefix), Arc::new(SystemClock)));
    let short = Duration::from_millis(400);
    let lock = one.try_acquire("imports", Hold::for_(short).by_hand()).await.unwrap().unwrap();
    let token = lock.token();
    // Nothing of it is left that could give it back.
    std::mem::forget(lock);
    let start = Instant::now();
    let next = two.acquire("imports", HOLD, WAIT).await.unwrap();
    assert!(next.token() > token);
    assert!(start.elapsed() >= short / 2 && start.elapsed() < 10 * short, "{:?}", start.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_keeps_a_log_holds_a_lock_through_its_own_death() {
    let Some(mut server) = start(Durability::Durable) else { return };
    let prefix = prefix();
    let (one, two) = (process(&server, &prefix), process(&server, &prefix));
    let lock = one.try_acquire("imports", Duration::from_secs(60)).await.unwrap().unwrap();
    server.kill();
    refused(&one).await;
    refused(&two).await;
    assert!(lock.is_held(), "nobody else can have it");
    server.start_again().unwrap();
    answered(&two).await;
    assert!(two.try_acquire("imports", HOLD).await.unwrap().is_none(), "it is still held");
    assert!(lock.renew().await.unwrap());
    assert!(lock.release().await.unwrap());
    assert!(two.acquire("imports", HOLD, WAIT).await.unwrap().is_held());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_holder_learns_that_the_server_does_not_come_back_in_time() {
    let Some(mut server) = start(Durability::Durable) else { return };
    let prefix = prefix();
    let (one, two) = (process(&server, &prefix), process(&server, &prefix));
    let lock = one.try_acquire("imports", HOLD).await.unwrap().unwrap();
    let start = Instant::now();
    server.kill();
    tokio::time::timeout(WAIT, lock.lost()).await.unwrap();
    assert!(!lock.is_held());
    assert!(start.elapsed() < 2 * HOLD, "{:?}", start.elapsed());
    server.start_again().unwrap();
    answered(&two).await;
    let next = two.acquire("imports", HOLD, WAIT).await.unwrap();
    assert!(next.token() > lock.token());
    answered(&one).await;
    assert!(!lock.release().await.unwrap());
    assert!(next.renew().await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_the_server_has_forgotten_everything_the_token_tells_who_came_later() {
    let Some(mut server) = start(Durability::Fast) else { return };
    let prefix = prefix();
    let (one, two) = (process(&server, &prefix), process(&server, &prefix));
    let lock = one.try_acquire("imports", HOLD).await.unwrap().unwrap();
    server.kill();
    server.start_again().unwrap();
    answered(&two).await;
    let next = two.acquire("imports", HOLD, WAIT).await.unwrap();
    assert!(next.token() > lock.token());
    // The first one learns of it when its lock is prolonged next.
    tokio::time::timeout(HOLD, lock.lost()).await.unwrap();
    assert!(!lock.release().await.unwrap());
    assert!(next.is_held() && next.renew().await.unwrap());
}
