//! The room in memory.

use std::sync::Arc;
use std::time::Duration;

use mainstay_core::clock::{Clock, TestClock};
use mainstay_store::drivers::Memory;
use mainstay_store::locks::drivers::MemoryLocks;
use mainstay_store::locks::{Claim, Claimed};
use mainstay_store::{Counting, Decision, Driver, Entry, Growth, LockDriver, Old, Quota, StoreError};

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

fn entry(size: usize, tag: &str) -> Entry {
    Entry {
        value: vec![b'x'; size].into(),
        lifetime: Duration::from_secs(60),
        tags: vec![tag.to_owned()],
        ..Entry::default()
    }
}

#[tokio::test]
async fn values_take_no_more_than_the_room_however_many_there_are() {
    const ROOM: usize = 1 << 20;
    let (memory, _) = memory(10);
    let memory = memory.room_for_values(ROOM);
    for key in 0..20_000 {
        memory.set(&format!("small {key}"), entry(10, &format!("tag {key}"))).await.unwrap();
        assert!(memory.usage().bytes <= ROOM);
    }
    let small = memory.usage();
    assert!(small.values < ROOM / 512, "what the tables need is counted: {small:?}");
    assert!(small.values > 1000 && small.evicted > 15_000, "{small:?}");
    for key in 0..20 {
        memory.set(&format!("large {key}"), entry(ROOM / 4, "large")).await.unwrap();
        assert!(memory.usage().bytes <= ROOM);
    }
    assert_eq!(memory.usage().values, 3);
    let refused = memory.set("huge", entry(ROOM, "huge")).await.unwrap_err();
    assert!(matches!(refused, StoreError::TooLarge { most: ROOM, .. }), "{refused}");
    assert_eq!(memory.usage().values, 3);
    memory.delete_tag("large").await.unwrap();
    assert_eq!((memory.usage().values, memory.usage().bytes), (0, 0));
}

#[tokio::test]
async fn of_values_what_has_expired_goes_first_and_then_what_was_not_asked_for_the_longest() {
    let (memory, clock) = memory(10);
    let memory = memory.room_for_values(40_000);
    for key in ["short", "one", "two", "three"] {
        let mut entry = entry(9000, key);
        if key == "short" {
            entry.lifetime = Duration::from_secs(1);
        }
        memory.set(key, entry).await.unwrap();
    }
    for key in ["one", "short", "three"] {
        assert!(memory.get(key).await.unwrap().value.is_some());
    }
    clock.advance(Duration::from_secs(1));
    memory.set("four", entry(9000, "four")).await.unwrap();
    assert_eq!((memory.usage().values, memory.usage().evicted), (4, 0), "the expired one made room");
    memory.set("five", entry(9000, "five")).await.unwrap();
    assert_eq!(memory.usage().evicted, 1);
    for (key, is_there) in [("one", true), ("two", false), ("three", true), ("four", true), ("five", true)] {
        assert_eq!(memory.get(key).await.unwrap().value.is_some(), is_there, "{key}");
    }
}

#[tokio::test]
async fn who_walks_over_everything_drives_out_nothing_that_is_asked_for_again() {
    let (memory, _) = memory(10);
    let memory = memory.room_for_values(1 << 20);
    let is_there = async |key: String| memory.get(&key).await.unwrap().value.is_some();
    for key in 0..200 {
        memory.set(&format!("popular {key}"), entry(1000, "popular")).await.unwrap();
        assert!(is_there(format!("popular {key}")).await);
    }
    for key in 0..5000 {
        memory.set(&format!("once {key}"), entry(1000, "once")).await.unwrap();
    }
    for key in 0..200 {
        // Made anew, it is as popular as before.
        assert!(is_there(format!("popular {key}")).await, "{key}");
        memory.set(&format!("popular {key}"), entry(1000, "popular")).await.unwrap();
    }
    for key in 0..5000 {
        memory.set(&format!("again {key}"), entry(1000, "again")).await.unwrap();
        assert!(is_there(format!("again {key}")).await, "what is new has its place");
        assert!(memory.usage().bytes <= 1 << 20);
    }
    for key in 0..200 {
        assert!(!is_there(format!("popular {key}")).await, "{key} is popular no more");
    }
    memory.delete_tag("again").await.unwrap();
    memory.delete_tag("once").await.unwrap();
    assert_eq!((memory.usage().values, memory.usage().bytes), (0, 0));
}

#[tokio::test]
async fn a_value_is_not_held_by_what_it_was_a_part_of() {
    let (memory, _) = memory(10);
    let whole = bytes::Bytes::from(vec![b'x'; 1 << 20]);
    let kept = Entry { value: whole.slice(..10), lifetime: Duration::from_secs(1), ..Entry::default() };
    memory.set("part", kept).await.unwrap();
    assert!(whole.is_unique(), "the whole is free again");
}

#[tokio::test]
async fn more_deletions_than_are_remembered_keep_nothing_that_is_out_of_date() {
    let (memory, _) = memory(10);
    let since = Some(memory.get("page").await.unwrap().stamp);
    memory.delete_tag("articles").await.unwrap();
    for other in 0..10_000 {
        memory.delete(&format!("other {other}"), Old::Dropped).await.unwrap();
    }
    let late = Entry { since, ..entry(10, "articles") };
    assert_eq!(memory.set("page", late).await.unwrap(), None);
    let since = Some(memory.get("page").await.unwrap().stamp);
    assert!(memory.set("page", Entry { since, ..entry(10, "articles") }).await.unwrap().is_some());
}

#[tokio::test]
async fn numbers_under_made_up_keys_take_no_more_than_the_room() {
    let (memory, _) = memory(10);
    let memory = memory.room_for_values(1 << 20);
    let by = |by| Growth { by, lifetime: Duration::from_secs(60), tags: vec!["visits".to_owned()] };
    for key in 0..20_000 {
        assert_eq!(memory.grow("popular", by(1)).await.unwrap(), key + 1, "what grows again and again stays");
        memory.grow(&format!("visits of {key}"), by(i64::MIN)).await.unwrap();
        assert!(memory.usage().bytes <= 1 << 20);
    }
    assert!(memory.usage().evicted > 15_000, "{:?}", memory.usage());
}

#[tokio::test]
async fn locks_that_nobody_has_given_back_take_no_room_for_ever() {
    let clock = Arc::new(TestClock::default());
    let locks = MemoryLocks::new(Arc::clone(&clock) as Arc<dyn Clock>);
    for number in 0..10_000 {
        let (name, lifetime) = (format!("article {number}"), Duration::from_secs(10));
        let claim = Claim { name: &name, owner: "somebody who crashed", lifetime };
        assert!(matches!(locks.claim(claim).await.unwrap(), Claimed::Taken(_)));
        clock.advance(Duration::from_secs(1));
    }
    assert!(locks.len() < 100, "{locks:?}");
}
