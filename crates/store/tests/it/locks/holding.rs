//! What a lock does by itself: it is prolonged, tells when it is lost, and is refused where nobody can be asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use mainstay_core::clock::{Clock, SystemClock, TestClock};
use mainstay_store::locks::drivers::MemoryLocks;
use mainstay_store::locks::{Claim, Claimed};
use mainstay_store::{Hold, LockDriver, Locks, StoreError};
use tokio::sync::Notify;

use crate::background::until;

const SHORT: Duration = Duration::from_millis(900);
const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_lock_is_prolonged_for_as_long_as_it_is_there() {
    let locks = Locks::in_memory(Arc::new(SystemClock));
    let lock = locks.try_acquire("imports", SHORT).await.unwrap().unwrap();
    let start = Instant::now();
    while start.elapsed() < 4 * SHORT {
        assert!(locks.try_acquire("imports", SHORT).await.unwrap().is_none());
        assert!(lock.is_held());
        tokio::time::sleep(SHORT / 9).await;
    }
    assert!(lock.release().await.unwrap());
    assert!(locks.try_acquire("imports", SHORT).await.unwrap().is_some());
}

#[tokio::test]
async fn a_lock_by_hand_ends_although_its_holder_is_there() {
    let locks = Locks::in_memory(Arc::new(SystemClock));
    let lock = locks.try_acquire("imports", Hold::for_(SHORT).by_hand()).await.unwrap().unwrap();
    let next = locks.acquire("imports", LONG, LONG).await.unwrap();
    assert!(next.token() > lock.token() && !lock.is_held());
    tokio::time::timeout(LONG, lock.lost()).await.unwrap();
    assert!(!lock.release().await.unwrap());
    assert!(next.is_held());
}

#[tokio::test]
async fn who_waits_in_vain_is_told_that_somebody_else_does_it() {
    let locks = Locks::in_memory(Arc::new(SystemClock));
    let _held = locks.try_acquire("imports", LONG).await.unwrap().unwrap();
    let start = Instant::now();
    let error = locks.acquire("imports", LONG, SHORT).await.unwrap_err();
    assert!(start.elapsed() >= SHORT, "{:?}", start.elapsed());
    assert_eq!((error.status().as_u16(), error.machine_code()), (409, "lock_held"));
    let error = locks.acquire("imports", LONG, Duration::ZERO).await.unwrap_err();
    assert_eq!(error.machine_code(), "lock_held", "not to wait is a wait, too");
}

#[tokio::test]
async fn work_ends_when_its_lock_is_lost() {
    let clock = Arc::new(TestClock::default());
    let locks = Locks::in_memory(Arc::clone(&clock) as Arc<dyn Clock>);
    let lock = locks.try_acquire("imports", SHORT).await.unwrap().unwrap();
    assert_eq!(lock.while_held(async { 42 }).await.unwrap(), 42);
    let paused = async {
        clock.advance(SHORT);
        std::future::pending::<()>().await
    };
    let error = tokio::time::timeout(LONG, lock.while_held(paused)).await.unwrap().unwrap_err();
    assert_eq!((error.status().as_u16(), error.machine_code()), (503, "lock_lost"));
    assert!(error.report().contains("the lock `imports` was lost"), "{}", error.report());
    let late = lock.while_held(async { 42 }).await.unwrap_err();
    assert_eq!(late.machine_code(), "lock_lost");
}

/// An engine that cannot be asked while it is switched off, and answers when it is let.
struct Switched {
    locks: MemoryLocks,
    is_on: Arc<AtomicBool>,
    slow: Option<Arc<Notify>>,
}

impl Switched {
    fn or<'a, T>(
        &'a self,
        ask: impl FnOnce(&'a MemoryLocks) -> BoxFuture<'a, Result<T, StoreError>>,
    ) -> BoxFuture<'a, Result<T, StoreError>> {
        if self.is_on.load(Ordering::SeqCst) {
            return ask(&self.locks);
        }
        Box::pin(async { Err(StoreError::out_of_reach("a test", "switched off")) })
    }
}

impl LockDriver for Switched {
    fn claim<'a>(&'a self, claim: Claim<'a>) -> BoxFuture<'a, Result<Claimed, StoreError>> {
        let claimed = self.or(|locks| locks.claim(claim));
        Box::pin(async move {
            if let Some(slow) = &self.slow {
                slow.notified().await;
            }
            claimed.await
        })
    }

    fn renew<'a>(&'a self, claim: Claim<'a>) -> BoxFuture<'a, Result<bool, StoreError>> {
        self.or(|locks| locks.renew(claim))
    }

    fn release<'a>(&'a self, claim: Claim<'a>) -> BoxFuture<'a, Result<bool, StoreError>> {
        self.or(|locks| locks.release(claim))
    }
}

fn switched(slow: Option<Arc<Notify>>) -> (Locks, Arc<AtomicBool>) {
    let (clock, is_on) = (Arc::new(SystemClock), Arc::new(AtomicBool::new(true)));
    let driver = Switched { locks: MemoryLocks::new(clock.clone()), is_on: Arc::clone(&is_on), slow };
    (Locks::over(driver, clock), is_on)
}

#[tokio::test]
async fn a_lock_is_refused_where_nobody_can_be_asked_and_lost_where_that_lasts() {
    let (locks, is_on) = switched(None);
    let lock = locks.try_acquire("imports", Duration::from_secs(3)).await.unwrap().unwrap();
    is_on.store(false, Ordering::SeqCst);
    let start = Instant::now();
    for outcome in [
        locks.try_acquire("other", LONG).await.map(drop),
        locks.acquire("other", LONG, LONG).await.map(drop),
        lock.renew().await.map(drop),
    ] {
        let error = outcome.unwrap_err();
        assert_eq!((error.status().as_u16(), error.machine_code()), (503, "locks_unavailable"));
        assert_eq!(error.message(), "Locks are out of reach.");
    }
    assert!(start.elapsed() < Duration::from_millis(2_500) && lock.is_held(), "a moment does not matter");
    tokio::time::timeout(LONG, lock.lost()).await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(20) && !lock.is_held());
    let error = lock.release().await.unwrap_err();
    assert_eq!(error.machine_code(), "locks_unavailable");
    is_on.store(true, Ordering::SeqCst);
    assert!(locks.acquire("imports", LONG, LONG).await.unwrap().is_held());
}

#[tokio::test]
async fn an_outage_that_is_over_in_time_is_not_noticed() {
    let (locks, is_on) = switched(None);
    let lock = locks.try_acquire("imports", Duration::from_secs(3)).await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    is_on.store(false, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_secs(1)).await;
    is_on.store(true, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(lock.is_held());
}

#[tokio::test]
async fn a_claim_that_is_given_up_leaves_nothing_held() {
    let answer = Arc::new(Notify::new());
    let (locks, _) = switched(Some(Arc::clone(&answer)));
    // The engine has granted it, and its answer does not come.
    let given_up = tokio::time::timeout(SHORT, locks.try_acquire("imports", LONG)).await;
    assert!(given_up.is_err());
    until(async || {
        answer.notify_one();
        locks.try_acquire("imports", LONG).await.unwrap().is_some()
    })
    .await;
}
