//! The room in memory.

use std::sync::Arc;
use std::time::Duration;

use mainstay_core::clock::{Clock, TestClock};
use mainstay_store::drivers::Memory;
use mainstay_store::{Decision, Driver, Quota};

fn memory(capacity: usize) -> (Memory, Arc<TestClock>) {
    let clock = Arc::new(TestClock::default());
    (Memory::new(Arc::clone(&clock) as Arc<dyn Clock>, capacity), clock)
}

async fn take(memory: &Memory, key: &str, quota: Quota, cost: u32) -> Decision {
    memory.limit(key, &[quota], cost).await.unwrap()[0]
}

#[tokio::test]
async fn a_flood_of_made_up_keys_fills_no_more_than_the_room_and_frees_nobody() {
    let (memory, _) = memory(1000);
    let quota = Quota::per_hour(10);
    assert!(take(&memory, "the attacker", quota, 10).await.allowed);
    for made_up in 0..20_000 {
        assert!(take(&memory, &format!("key {made_up}"), quota, 1).await.allowed);
    }
    assert!(memory.len() <= 1000, "{}", memory.len());
    assert!(memory.evicted() >= 19_000, "{}", memory.evicted());
    assert!(!take(&memory, "the attacker", quota, 1).await.allowed, "who has used a quota up is kept");
}

#[tokio::test]
async fn a_flood_of_one_limit_frees_nobody_whom_another_holds() {
    let (memory, _) = memory(1000);
    let (minute, day) = (Quota::per_minute(5), Quota::per_day(1000));
    assert!(take(&memory, "login:the attacker", minute, 5).await.allowed);
    for made_up in 0..20_000 {
        take(&memory, &format!("api:{made_up}"), day, 1).await;
    }
    assert!(memory.len() <= 1000, "{}", memory.len());
    assert!(!take(&memory, "login:the attacker", minute, 1).await.allowed);
}

#[tokio::test]
async fn what_has_expired_goes_first() {
    let (memory, clock) = memory(2);
    take(&memory, "long", Quota::per_hour(10), 1).await;
    take(&memory, "short", Quota::per_second(10), 10).await;
    clock.advance(Duration::from_secs(1));
    take(&memory, "new", Quota::per_second(10), 10).await;
    assert_eq!((memory.len(), memory.evicted()), (2, 0));
    assert_eq!(take(&memory, "long", Quota::per_hour(10), 0).await.remaining, 9);
    assert_eq!(take(&memory, "new", Quota::per_second(10), 0).await.remaining, 0);
}

#[tokio::test]
async fn a_table_that_was_full_becomes_small_again() {
    let (memory, clock) = memory(1000);
    for key in 0..2000 {
        take(&memory, &format!("key {key}"), Quota::per_second(10), 1).await;
    }
    assert!(memory.len() > 900, "{}", memory.len());
    clock.advance(Duration::from_secs(1));
    for key in 0..500 {
        take(&memory, &format!("later {key}"), Quota::per_second(10), 1).await;
    }
    assert!(memory.len() < 600, "{}", memory.len());
}

#[tokio::test]
async fn a_look_keeps_nothing() {
    let (memory, _) = memory(10);
    take(&memory, "ann", Quota::per_hour(10), 0).await;
    assert!(memory.is_empty());
}
