//! What every driver has to do. A driver joins by a line in `every_driver`, with a clock that the tests move.

use std::sync::Arc;
use std::time::Duration;

use mainstay_core::clock::{Clock, TestClock};
use mainstay_store::{Entry, Growth, Place, Quota, Store, StoreError};
use proptest::prelude::*;

/// A driver, empty, and its clock.
struct Subject {
    name: &'static str,
    store: Store,
    clock: Arc<TestClock>,
}

fn every_driver() -> Vec<Subject> {
    [Some(memory()), redis(), near()].into_iter().flatten().collect()
}

fn memory() -> Subject {
    let clock = Arc::new(TestClock::default());
    let store = Store::in_memory(Arc::clone(&clock) as Arc<dyn Clock>, 10_000);
    Subject { name: "memory", store, clock }
}

/// With a connection of its own, since each test has a runtime of its own.
#[cfg(feature = "redis")]
fn redis() -> Option<Subject> {
    let clock = Arc::new(TestClock::default());
    let address = crate::redis::server()?;
    let store = Store::over(crate::redis::connect(&address, Arc::clone(&clock) as Arc<dyn Clock>));
    Some(Subject { name: "redis", store, clock })
}

/// The same with memory in front of it.
#[cfg(feature = "redis")]
fn near() -> Option<Subject> {
    use mainstay_store::drivers::Near;

    let clock = Arc::new(TestClock::default());
    let far = crate::redis::connect(&crate::redis::server()?, Arc::clone(&clock) as Arc<dyn Clock>);
    let near = Near::new(far, Arc::clone(&clock) as Arc<dyn Clock>, 1 << 20, Duration::from_secs(1));
    Some(Subject { name: "near", store: Store::over(near), clock })
}

#[cfg(not(feature = "redis"))]
fn redis() -> Option<Subject> {
    None
}

#[cfg(not(feature = "redis"))]
fn near() -> Option<Subject> {
    None
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[tokio::test]
async fn gives_as_much_as_there_is_and_then_one_by_one() {
    for Subject { name, store, clock } in every_driver() {
        let quota = [Quota::per_minute(3)];
        for remaining in [2, 1, 0] {
            let decision = store.limit("ann", &quota, 1).await.unwrap()[0];
            assert!(decision.allowed, "{name}");
            assert_eq!((decision.limit, decision.remaining), (3, remaining), "{name}");
        }
        let refused = store.limit("ann", &quota, 1).await.unwrap()[0];
        assert!(!refused.allowed, "{name}");
        assert_eq!(refused.retry_after, Duration::from_secs(20), "{name}");
        assert_eq!(refused.reset_after, Duration::from_secs(60), "{name}");

        clock.advance(Duration::from_millis(19_999));
        assert!(!store.limit("ann", &quota, 1).await.unwrap()[0].allowed, "{name}");
        clock.advance(Duration::from_millis(1));
        assert!(store.limit("ann", &quota, 1).await.unwrap()[0].allowed, "{name}");
        assert!(!store.limit("ann", &quota, 1).await.unwrap()[0].allowed, "{name}");

        clock.advance(Duration::from_secs(60));
        assert_eq!(store.limit("ann", &quota, 1).await.unwrap()[0].remaining, 2, "{name}");
    }
}

#[tokio::test]
async fn keys_know_nothing_of_one_another() {
    for Subject { name, store, .. } in every_driver() {
        let quota = [Quota::per_minute(1)];
        // The second differs from the first only where a key is long.
        let long = "k".repeat(5000);
        for key in ["ann", "bob", "", "ann ", "a\u{0}nn", &long, &format!("{long}2")] {
            assert!(store.limit(key, &quota, 1).await.unwrap()[0].allowed, "{name}: {key:?}");
            assert!(!store.limit(key, &quota, 1).await.unwrap()[0].allowed, "{name}: {key:?}");
        }
    }
}

#[tokio::test]
async fn takes_from_all_quotas_or_from_none() {
    for Subject { name, store, clock } in every_driver() {
        let quotas = [Quota::per_second(2), Quota::per_hour(3)];
        for _ in 0..2 {
            assert!(store.limit("ann", &quotas, 1).await.unwrap().iter().all(|one| one.allowed), "{name}");
        }
        let refused = store.limit("ann", &quotas, 1).await.unwrap();
        assert_eq!(refused.iter().map(|one| one.allowed).collect::<Vec<_>>(), [false, true], "{name}");
        assert_eq!(refused[1].remaining, 1, "{name}: nothing was taken from the quota that had enough");

        clock.advance(Duration::from_secs(1));
        assert!(store.limit("ann", &quotas, 1).await.unwrap().iter().all(|one| one.allowed), "{name}");
        let refused = store.limit("ann", &quotas, 1).await.unwrap();
        assert_eq!(refused.iter().map(|one| one.allowed).collect::<Vec<_>>(), [true, false], "{name}");
    }
}

#[tokio::test]
async fn costs_count_at_once_or_not_at_all() {
    for Subject { name, store, clock } in every_driver() {
        let quota = [Quota::per_second(10)];
        assert_eq!(store.limit("ann", &quota, 7).await.unwrap()[0].remaining, 3, "{name}");
        let refused = store.limit("ann", &quota, 4).await.unwrap()[0];
        assert_eq!((refused.allowed, refused.remaining), (false, 3), "{name}");
        assert_eq!(refused.retry_after, Duration::from_millis(100), "{name}");
        // To look costs nothing, and is never refused.
        let looked = store.limit("ann", &quota, 0).await.unwrap()[0];
        assert_eq!((looked.allowed, looked.remaining), (true, 3), "{name}");
        assert!(store.limit("ann", &quota, 3).await.unwrap()[0].allowed, "{name}");
        assert!(store.limit("ann", &quota, 0).await.unwrap()[0].allowed, "{name}");
        // What costs more than there ever is takes all that there is.
        clock.advance(Duration::from_millis(999));
        assert!(!store.limit("ann", &quota, 1000).await.unwrap()[0].allowed, "{name}");
        clock.advance(Duration::from_millis(1));
        let whole = store.limit("ann", &quota, 1000).await.unwrap()[0];
        assert_eq!((whole.allowed, whole.remaining), (true, 0), "{name}");
    }
}

#[tokio::test]
async fn what_one_quota_has_counted_holds_nobody_under_another() {
    for Subject { name, store, clock } in every_driver() {
        let (hour, second) = ([Quota::per_hour(1)], [Quota::per_second(1)]);
        assert!(store.limit("ann", &hour, 1).await.unwrap()[0].allowed, "{name}");
        assert!(store.limit("ann", &second, 1).await.unwrap()[0].allowed, "{name}");
        let refused = store.limit("ann", &second, 1).await.unwrap()[0];
        clock.advance(refused.retry_after);
        assert!(store.limit("ann", &second, 1).await.unwrap()[0].allowed, "{name}: after {refused:?}");
        assert!(!store.limit("ann", &hour, 1).await.unwrap()[0].allowed, "{name}: the hour is not over");
    }
}

#[tokio::test]
async fn a_quota_is_as_it_was_left_when_it_comes_back_wherever_it_is() {
    for Subject { name, store, clock } in every_driver() {
        let (minute, day) = (Quota::per_minute(2), Quota::per_day(2));
        let allowed = async |quotas: &[Quota]| {
            let decisions = store.limit("ann", quotas, 1).await.unwrap();
            decisions.iter().map(|one| one.allowed).collect::<Vec<_>>()
        };
        for _ in 0..2 {
            assert_eq!(allowed(&[minute, day]).await, [true, true], "{name}");
        }
        clock.advance(Duration::from_secs(60));
        // Calls without the one that is used up do not make it whole.
        assert_eq!(allowed(&[minute]).await, [true], "{name}");
        assert_eq!(allowed(&[minute, day]).await, [true, false], "{name}");
        assert_eq!(allowed(&[day, minute]).await, [false, true], "{name}");
        // Two that are the same are one.
        assert_eq!(allowed(&[minute, minute]).await, [true, true], "{name}");
        assert_eq!(allowed(&[minute]).await, [false], "{name}");
        assert!(allowed(&[]).await.is_empty(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_at_once_get_exactly_what_there_is() {
    for Subject { name, store, .. } in every_driver() {
        let tasks: Vec<_> = (0..64)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move {
                    let mut allowed = 0;
                    for _ in 0..50 {
                        let quotas = [Quota::per_minute(1000), Quota::per_hour(5000)];
                        let decisions = store.limit("everybody", &quotas, 1).await.unwrap();
                        allowed += u32::from(decisions.iter().all(|one| one.allowed));
                        tokio::task::yield_now().await;
                    }
                    allowed
                })
            })
            .collect();
        let mut allowed = 0;
        for task in tasks {
            allowed += task.await.unwrap();
        }
        assert_eq!(allowed, 1000, "{name}");
        let left =
            store.limit("everybody", &[Quota::per_minute(1000), Quota::per_hour(5000)], 0).await.unwrap();
        assert_eq!(left[1].remaining, 4000, "{name}");
    }
}

const MINUTE: Duration = Duration::from_secs(60);

fn entry(value: &str, tags: &[&str]) -> Entry {
    Entry {
        value: value.to_owned().into(),
        lifetime: MINUTE,
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        ..Entry::default()
    }
}

async fn kept(store: &Store, key: &str) -> Option<String> {
    let value = store.get(key).await.unwrap().value?;
    Some(String::from_utf8(value.into()).unwrap())
}

#[tokio::test]
async fn keeps_a_value_as_long_as_is_said() {
    for Subject { name, store, clock } in every_driver() {
        assert_eq!(kept(&store, "key").await, None, "{name}");
        store.set("key", entry("one", &[])).await.unwrap();
        clock.advance(MINUTE - Duration::from_millis(1));
        assert_eq!(kept(&store, "key").await.as_deref(), Some("one"), "{name}");
        clock.advance(Duration::from_millis(1));
        assert_eq!(kept(&store, "key").await, None, "{name}: to look at it does not make it last");

        store.set("key", entry("two", &[])).await.unwrap();
        store.set("key", Entry { lifetime: Duration::MAX, ..entry("three", &[]) }).await.unwrap();
        clock.advance(MINUTE);
        assert_eq!(kept(&store, "key").await.as_deref(), Some("three"), "{name}");
        store.set("key", Entry { lifetime: Duration::ZERO, ..entry("four", &[]) }).await.unwrap();
        assert_eq!(kept(&store, "key").await, None, "{name}");
    }
}

#[tokio::test]
async fn values_of_different_keys_know_nothing_of_one_another() {
    for Subject { name, store, .. } in every_driver() {
        let long = "k".repeat(5000);
        let keys = ["ann", "bob", "", "ann ", "a\u{0}nn", &long, &format!("{long}2")];
        store.limit("ann", &[Quota::per_minute(1)], 1).await.unwrap();
        for key in keys {
            assert_eq!(kept(&store, key).await, None, "{name}: {key:?}");
            store.set(key, entry(key, &[key])).await.unwrap();
        }
        for key in keys {
            assert_eq!(kept(&store, key).await.as_deref(), Some(key), "{name}");
        }
        for key in keys {
            store.delete(key).await.unwrap();
            assert_eq!(kept(&store, key).await, None, "{name}: {key:?}");
        }
        assert!(!store.limit("ann", &[Quota::per_minute(1)], 1).await.unwrap()[0].allowed, "{name}");
    }
}

#[tokio::test]
async fn deletes_all_of_a_tag_and_nothing_else() {
    for Subject { name, store, .. } in every_driver() {
        let long = "t".repeat(500);
        store.set("a", entry("a", &["red", "round", "red"])).await.unwrap();
        store.set("b", entry("b", &["round", &long])).await.unwrap();
        store.set("c", entry("c", &["red"])).await.unwrap();
        // It has other tags from now on.
        store.set("c", entry("c", &["blue"])).await.unwrap();
        store.set("red", entry("d", &[])).await.unwrap();
        store.delete_tag("red").await.unwrap();
        let left = |key: &'static str| kept(&store, key);
        assert_eq!(left("a").await, None, "{name}");
        assert!(
            left("b").await.is_some() && left("c").await.is_some() && left("red").await.is_some(),
            "{name}"
        );
        store.delete_tag(&long).await.unwrap();
        assert_eq!(left("b").await, None, "{name}");
        // What was under it before is not any more; what comes is.
        store.set("a", entry("a", &["red"])).await.unwrap();
        assert!(left("a").await.is_some(), "{name}");
        store.delete_tag("no such tag").await.unwrap();
        store.delete_tag("red").await.unwrap();
        assert_eq!(left("a").await, None, "{name}");
    }
}

#[tokio::test]
async fn what_was_deleted_since_a_look_is_not_kept() {
    for Subject { name, store, .. } in every_driver() {
        store.delete_tag("red").await.unwrap();
        let look = || async { Some(store.get("a").await.unwrap().stamp) };
        let since = look().await;
        assert!(store.set("a", Entry { since, ..entry("1", &["red"]) }).await.unwrap() >= since, "{name}");

        let since = look().await;
        store.delete_tag("red").await.unwrap();
        assert_eq!(
            store.set("a", Entry { since, ..entry("2", &["blue", "red"]) }).await.unwrap(),
            None,
            "{name}"
        );
        assert!(store.set("a", Entry { since, ..entry("3", &["blue"]) }).await.unwrap() > since, "{name}");

        let since = look().await;
        store.delete("a").await.unwrap();
        assert_eq!(store.set("a", Entry { since, ..entry("4", &[]) }).await.unwrap(), None, "{name}");
        assert!(store.set("b", Entry { since, ..entry("5", &[]) }).await.unwrap().is_some(), "{name}");
        // A tag of the same name is another.
        store.delete_tag("b").await.unwrap();
        assert!(store.set("b", Entry { since, ..entry("6", &[]) }).await.unwrap().is_some(), "{name}");
        assert_eq!(
            (kept(&store, "a").await, kept(&store, "b").await.as_deref()),
            (None, Some("6")),
            "{name}"
        );
        // Who has not looked keeps it in any case.
        assert!(store.set("a", entry("7", &["red"])).await.unwrap().is_some(), "{name}");
    }
}

#[tokio::test]
async fn values_and_tags_are_bounded() {
    for Subject { name, store, .. } in every_driver() {
        let largest = "x".repeat(Store::LARGEST_VALUE);
        store.set("a", entry(&largest, &["red"; Store::MOST_TAGS])).await.unwrap();
        assert_eq!(kept(&store, "a").await.as_deref(), Some(&*largest), "{name}");
        let refused = store.set("a", entry(&format!("{largest}x"), &[])).await;
        assert!(matches!(refused, Err(StoreError::TooLarge { .. })), "{name}");
        let refused = store.set("a", entry("x", &["red"; Store::MOST_TAGS + 1])).await;
        assert!(matches!(refused, Err(StoreError::TooManyTags { .. })), "{name}");
    }
}

#[tokio::test]
async fn says_how_much_longer_a_value_is_kept() {
    for Subject { name, store, clock } in every_driver() {
        assert_eq!(store.get("key").await.unwrap().left, Duration::ZERO, "{name}");
        store.set("key", entry("one", &[])).await.unwrap();
        for left in [60_000, 59_999, 500] {
            clock.advance(store.get("key").await.unwrap().left - Duration::from_millis(left));
            assert_eq!(store.get("key").await.unwrap().left, Duration::from_millis(left), "{name}");
        }
    }
}

#[tokio::test]
async fn what_is_touched_is_kept_for_so_long_from_then_on() {
    for Subject { name, store, clock } in every_driver() {
        assert!(!store.touch("key", MINUTE).await.unwrap(), "{name}");
        store.set("key", entry("one", &["red", "round"])).await.unwrap();
        clock.advance(MINUTE / 2);
        assert!(store.touch("key", 3 * MINUTE).await.unwrap(), "{name}");
        clock.advance(2 * MINUTE);
        assert_eq!(kept(&store, "key").await.as_deref(), Some("one"), "{name}");
        assert_eq!(store.get("key").await.unwrap().left, MINUTE, "{name}");
        // It may be made shorter, too.
        assert!(store.touch("key", MINUTE / 2).await.unwrap(), "{name}");
        clock.advance(MINUTE / 2);
        assert!(!store.touch("key", MINUTE).await.unwrap(), "{name}: it has expired");

        store.set("key", entry("two", &["red"])).await.unwrap();
        store.touch("key", Duration::MAX).await.unwrap();
        clock.advance(1000 * MINUTE);
        assert_eq!(kept(&store, "key").await.as_deref(), Some("two"), "{name}: its tag is there as long");
        store.delete_tag("red").await.unwrap();
        assert!(!store.touch("key", MINUTE).await.unwrap(), "{name}: what was deleted does not come back");

        store.set("key", entry("three", &[])).await.unwrap();
        assert!(store.touch("key", Duration::ZERO).await.unwrap(), "{name}");
        assert_eq!(kept(&store, "key").await, None, "{name}");
    }
}

#[tokio::test]
async fn what_is_taken_is_given_once() {
    for Subject { name, store, clock } in every_driver() {
        assert_eq!(store.take("key").await.unwrap(), None, "{name}");
        store.set("key", entry("one", &["red"])).await.unwrap();
        let since = Some(store.get("key").await.unwrap().stamp);
        assert_eq!(store.take("key").await.unwrap().as_deref(), Some(&b"one"[..]), "{name}");
        assert_eq!(store.take("key").await.unwrap(), None, "{name}");
        let late = Entry { since, ..entry("late", &[]) };
        assert_eq!(store.set("key", late).await.unwrap(), None, "{name}: it is a deletion");
        store.set("key", entry("two", &[])).await.unwrap();
        clock.advance(MINUTE);
        assert_eq!(store.take("key").await.unwrap(), None, "{name}: it has expired");
        store.set("key", entry("three", &["red"])).await.unwrap();
        store.delete_tag("red").await.unwrap();
        assert_eq!(store.take("key").await.unwrap(), None, "{name}: it was deleted");
    }
}

#[tokio::test]
async fn what_needs_a_free_place_takes_nobody_elses() {
    for Subject { name, store, clock } in every_driver() {
        let free = |value| Entry { place: Place::Free, ..entry(value, &["red"]) };
        assert!(store.set("key", free("one")).await.unwrap().is_some(), "{name}");
        assert_eq!(store.set("key", free("two")).await.unwrap(), None, "{name}");
        assert_eq!(kept(&store, "key").await.as_deref(), Some("one"), "{name}");
        store.delete_tag("red").await.unwrap();
        assert!(store.set("key", free("three")).await.unwrap().is_some(), "{name}: it was deleted");
        clock.advance(MINUTE);
        assert!(store.set("key", free("four")).await.unwrap().is_some(), "{name}: it has expired");
        assert_eq!(kept(&store, "key").await.as_deref(), Some("four"), "{name}");
        let since = Some(store.get("other").await.unwrap().stamp);
        store.delete("other").await.unwrap();
        assert_eq!(store.set("other", Entry { since, ..free("late") }).await.unwrap(), None, "{name}");
    }
}

fn by(by: i64) -> Growth {
    Growth { by, lifetime: MINUTE, tags: vec!["red".to_owned()] }
}

#[tokio::test]
async fn numbers_grow_from_nothing_and_keep_their_time() {
    for Subject { name, store, clock } in every_driver() {
        assert_eq!(store.grow("key", by(2)).await.unwrap(), 2, "{name}");
        clock.advance(MINUTE / 2);
        assert_eq!(store.grow("key", by(40)).await.unwrap(), 42, "{name}");
        assert_eq!(kept(&store, "key").await.as_deref(), Some("42"), "{name}: it is a value like others");
        assert_eq!(store.grow("key", by(-50)).await.unwrap(), -8, "{name}");
        clock.advance(MINUTE / 2);
        assert_eq!(store.grow("key", by(1)).await.unwrap(), 1, "{name}: the time of the first one counts");
        store.delete_tag("red").await.unwrap();
        assert_eq!(store.grow("key", by(5)).await.unwrap(), 5, "{name}");
        store.delete("key").await.unwrap();
        assert_eq!(
            store.grow("key", Growth { lifetime: Duration::ZERO, ..by(7) }).await.unwrap(),
            7,
            "{name}"
        );
        assert_eq!(kept(&store, "key").await, None, "{name}");
        store.set("key", entry("-3", &[])).await.unwrap();
        assert_eq!(store.grow("key", by(0)).await.unwrap(), -3, "{name}");
    }
}

#[tokio::test]
async fn numbers_are_whole_and_have_64_bits() {
    for Subject { name, store, .. } in every_driver() {
        for no_number in ["", "1.5", "x", "{}", "99999999999999999999", "1e3"] {
            store.set("key", entry(no_number, &[])).await.unwrap();
            let refused = store.grow("key", by(1)).await;
            assert!(matches!(refused, Err(StoreError::NoNumber)), "{name}: {no_number} {refused:?}");
            assert_eq!(kept(&store, "key").await.as_deref(), Some(no_number), "{name}");
        }
        store.delete("key").await.unwrap();
        for (step, is) in
            [(i64::MAX - 1, i64::MAX - 1), (1, i64::MAX), (i64::MIN, -1), (i64::MIN + 1, i64::MIN)]
        {
            assert_eq!(store.grow("key", by(step)).await.unwrap(), is, "{name}");
        }
        let refused = store.grow("key", by(-1)).await;
        assert!(matches!(refused, Err(StoreError::OutOfRange)), "{name}: {refused:?}");
        assert_eq!(store.grow("key", by(0)).await.unwrap(), i64::MIN, "{name}: it is as it was");
        let tags = vec!["red".to_owned(); Store::MOST_TAGS + 1];
        let refused = store.grow("other", Growth { tags, ..by(1) }).await;
        assert!(matches!(refused, Err(StoreError::TooManyTags { .. })), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_at_once_no_two_get_one_number_and_one_gets_the_place() {
    for Subject { name, store, .. } in every_driver() {
        let tasks: Vec<_> = (0..64)
            .map(|task| {
                let store = store.clone();
                tokio::spawn(async move {
                    let free = Entry { place: Place::Free, ..entry("me", &[]) };
                    let first = store.set("place", free).await.unwrap().is_some();
                    let mut numbers = Vec::new();
                    for _ in 0..20 {
                        numbers.push(store.grow("number", by(1)).await.unwrap());
                    }
                    let taken = if task % 2 == 0 { store.take("given").await.unwrap() } else { None };
                    (first, numbers, taken.is_some())
                })
            })
            .collect();
        store.set("given", entry("once", &[])).await.unwrap();
        let (mut firsts, mut numbers, mut taken) = (0, Vec::new(), 0);
        for task in tasks {
            let (first, some, has_taken) = task.await.unwrap();
            firsts += u32::from(first);
            taken += u32::from(has_taken);
            numbers.extend(some);
        }
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=64 * 20).collect::<Vec<_>>(), "{name}");
        assert_eq!(firsts, 1, "{name}");
        assert!(taken <= 1, "{name}: {taken}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// In no stretch of time does anybody get more than the quota, and what comes back in that time; and whoever waits as
    /// long as is asked, gets it.
    #[test]
    fn never_gives_more_than_promised_and_keeps_its_word(
        limit in 1_u32..20,
        steps in proptest::collection::vec((0_u64..400, 1_u32..5), 1..60),
    ) {
        block_on(async {
            for Subject { store, clock, .. } in every_driver() {
                let quota = [Quota::per_second(limit)];
                let (mut now, mut given) = (0, Vec::new());
                for &(wait, cost) in &steps {
                    clock.advance(Duration::from_millis(wait));
                    now += wait;
                    let decision = store.limit("ann", &quota, cost).await.unwrap()[0];
                    if decision.allowed {
                        given.push((now, cost.min(limit)));
                    } else {
                        let millis = u64::try_from(decision.retry_after.as_millis()).unwrap() + 1;
                        clock.advance(Duration::from_millis(millis));
                        now += millis;
                        assert!(store.limit("ann", &quota, cost).await.unwrap()[0].allowed);
                        given.push((now, cost.min(limit)));
                    }
                }
                for (index, (from, _)) in given.iter().enumerate() {
                    let mut sum = 0;
                    for (until, cost) in &given[index..] {
                        sum += cost;
                        let back = (until - from) as f64 / 1000.0 * f64::from(limit);
                        assert!(f64::from(sum) <= f64::from(limit) + back + 0.01, "{sum} in {} ms", until - from);
                    }
                }
            }
        });
    }

    /// Whatever is set, looked at, deleted and waited for: what is there is what was set last, unless it was deleted or has expired.
    #[test]
    fn agrees_with_a_plain_table(
        steps in proptest::collection::vec((0_u8..6, 0_usize..4, 0_usize..3, 0_u64..3), 1..80),
    ) {
        const KEYS: [&str; 4] = ["a", "b", "c", "d"];
        const TAGS: [&str; 3] = ["red", "round", "a"];
        block_on(async {
            for Subject { name, store, clock } in every_driver() {
                let mut table = std::collections::HashMap::<&str, (String, &str, u64)>::new();
                let mut now = 0;
                for (step, &(what, key, tag, time)) in steps.iter().enumerate() {
                    let (key, tag) = (KEYS[key], TAGS[tag]);
                    match what {
                        0..=2 => {
                            let value = step.to_string();
                            let lifetime = Duration::from_secs(time);
                            store.set(key, Entry { lifetime, ..entry(&value, &[tag]) }).await.unwrap();
                            table.insert(key, (value, tag, now + time));
                        }
                        3 => {
                            store.delete(key).await.unwrap();
                            table.remove(key);
                        }
                        4 => {
                            store.delete_tag(tag).await.unwrap();
                            table.retain(|_, (_, under, _)| *under != tag);
                        }
                        _ => {
                            clock.advance(Duration::from_secs(time));
                            now += time;
                        }
                    }
                    table.retain(|_, (_, _, until)| *until > now);
                    for key in KEYS {
                        let expected = table.get(key).map(|(value, _, _)| value.clone());
                        assert_eq!(kept(&store, key).await, expected, "{name}: {key} after {step} of {steps:?}");
                    }
                }
            }
        });
    }
}
