//! The cache: what is made once, what is forgotten, and what comes too late.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{BoxFuture, join_all};
use mainstay_core::Error;
use mainstay_core::clock::{Clock, TestClock};
use mainstay_store::cache::{Freshness, Turn};
use mainstay_store::drivers::Memory;
use mainstay_store::{
    Cache, CacheKey, Counting, Decision, Driver, Entry, Growth, Keep, Lookup, Old, Quota, Stamp, Store,
    StoreError,
};
use tokio::sync::Notify;
use tokio::task::yield_now;

const MINUTE: Duration = Duration::from_secs(60);

fn cache() -> (Cache, Arc<TestClock>) {
    let clock = Arc::new(TestClock::default());
    (Cache::over(Store::in_memory(Arc::clone(&clock) as Arc<dyn Clock>, 10)), clock)
}

async fn number(cache: &Cache, key: &str) -> Option<u32> {
    cache.get(key).await.unwrap()
}

#[tokio::test]
async fn keeps_what_is_set_until_it_expires_or_is_forgotten() {
    let (cache, clock) = cache();
    cache.set("one", &1, MINUTE).await.unwrap();
    cache.set("two", &2, Keep::for_(MINUTE).tag("even")).await.unwrap();
    assert_eq!((number(&cache, "one").await, number(&cache, "two").await), (Some(1), Some(2)));
    cache.forget_tag("even").await.unwrap();
    assert_eq!((number(&cache, "one").await, number(&cache, "two").await), (Some(1), None));
    cache.forget("one").await.unwrap();
    assert_eq!(number(&cache, "one").await, None);
    cache.set("three", "drei", MINUTE).await.unwrap();
    assert_eq!(number(&cache, "three").await, None, "a text is no number");
    assert_eq!(cache.get::<String>("three").await.unwrap().as_deref(), Some("drei"));
    clock.advance(MINUTE);
    assert_eq!(cache.get::<String>("three").await.unwrap(), None);
}

#[tokio::test]
async fn namespaces_have_keys_of_their_own_and_share_tags() {
    let (cache, _) = cache();
    let all = [
        cache.clone(),
        cache.within("a"),
        cache.within("a").within("b"),
        cache.within("a/b"),
        cache.within("a:b"),
    ];
    let keys = ["c", "b:c", "/b:c", "a:c", "/a:c"];
    for (index, (cache, key)) in all.iter().flat_map(|cache| keys.map(|key| (cache, key))).enumerate() {
        // Those of the third and the fourth are one on purpose: a namespace is a path.
        cache.set(key, &index, Keep::for_(MINUTE).tag("all")).await.unwrap();
    }
    for (outer, cache) in all.iter().enumerate().filter(|(index, _)| *index != 2) {
        for (inner, key) in keys.iter().enumerate() {
            assert_eq!(
                cache.get::<usize>(key).await.unwrap(),
                Some(outer * keys.len() + inner),
                "{outer} {key}"
            );
        }
    }
    cache.within("elsewhere").forget_tag("all").await.unwrap();
    assert_eq!(all[3].get::<usize>("c").await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_ask_at_once_one_makes_it() {
    let (cache, _) = cache();
    let made = Arc::new(AtomicU32::new(0));
    let tasks = (0..100).map(|_| {
        let (cache, made) = (cache.clone(), Arc::clone(&made));
        tokio::spawn(async move {
            let make = async || {
                tokio::time::sleep(Duration::from_millis(20)).await;
                Ok(made.fetch_add(1, Ordering::SeqCst))
            };
            cache.remember("key", MINUTE, make).await.unwrap()
        })
    });
    for outcome in join_all(tasks).await {
        assert_eq!(outcome.unwrap(), 0);
    }
    assert_eq!(made.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_failure_is_not_kept_and_those_who_waited_try_at_once() {
    let (cache, _) = cache();
    let (tries, at_once, most) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0));
    let outcomes = join_all((0..10).map(|_| {
        cache.remember("key", MINUTE, async || {
            most.fetch_max(at_once.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            yield_now().await;
            at_once.fetch_sub(1, Ordering::SeqCst);
            if tries.fetch_add(1, Ordering::SeqCst) == 0 { Err(Error::conflict("no")) } else { Ok(7) }
        })
    }))
    .await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_err()).count(), 1);
    assert_eq!(most.load(Ordering::SeqCst), 9, "they do not queue behind a failure");
    assert_eq!(cache.remember("key", MINUTE, async || Ok(8)).await.unwrap(), 8);
}

#[tokio::test]
async fn who_gives_up_leaves_it_to_the_next() {
    let (cache, _) = cache();
    let stuck = {
        let cache = cache.clone();
        tokio::spawn(async move {
            cache
                .remember("key", MINUTE, async || std::future::pending::<mainstay_core::Result<u32>>().await)
                .await
        })
    };
    yield_now().await;
    let next = {
        let cache = cache.clone();
        tokio::spawn(async move { cache.remember("key", MINUTE, async || Ok(2)).await })
    };
    for _ in 0..10 {
        yield_now().await;
    }
    assert!(!next.is_finished(), "it waits for the first");
    stuck.abort();
    assert_eq!(next.await.unwrap().unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_ever() {
    let (cache, _) = cache();
    let Ok(Turn::Make(_making)) = cache.turn("key", |_| Freshness::Fresh).await else {
        panic!("nobody else is there")
    };
    let begun = tokio::time::Instant::now();
    assert_eq!(cache.remember("key", MINUTE, async || Ok(1)).await.unwrap(), 1);
    assert_eq!(begun.elapsed(), Duration::from_secs(10));
}

#[tokio::test]
async fn what_was_forgotten_while_it_was_made_is_not_kept_and_not_given_to_who_came_later() {
    for by_tag in [true, false] {
        let (cache, _) = cache();
        let (go, source) = (Arc::new(Notify::new()), Arc::new(AtomicU32::new(1)));
        let keep = Keep::for_(MINUTE).tag("numbers");
        let first = {
            let (cache, go, source, keep) =
                (cache.clone(), Arc::clone(&go), Arc::clone(&source), keep.clone());
            tokio::spawn(async move {
                let make = async || {
                    let read = source.load(Ordering::SeqCst);
                    go.notified().await;
                    Ok(read)
                };
                cache.remember("key", keep, make).await.unwrap()
            })
        };
        yield_now().await;
        source.store(2, Ordering::SeqCst);
        if by_tag {
            cache.forget_tag("numbers").await.unwrap()
        } else {
            cache.forget("key").await.unwrap()
        }
        let later = {
            let (cache, source) = (cache.clone(), Arc::clone(&source));
            tokio::spawn(async move {
                cache.remember("key", keep, async || Ok(source.load(Ordering::SeqCst))).await.unwrap()
            })
        };
        yield_now().await;
        go.notify_one();
        assert_eq!(first.await.unwrap(), 1);
        assert_eq!(later.await.unwrap(), 2);
        assert_eq!(number(&cache, "key").await, Some(2));
    }
}

#[tokio::test]
async fn one_makes_it_anew_while_the_others_take_what_is_stale() {
    let (cache, _) = cache();
    cache.set("key", &1, MINUTE).await.unwrap();
    let judge = |value: &bytes::Bytes| if &value[..] == b"1" { Freshness::Stale } else { Freshness::Fresh };
    let Ok(Turn::Refresh(old, making)) = cache.turn("key", judge).await else { panic!("it is stale") };
    assert_eq!(&old[..], b"1");
    assert!(matches!(cache.turn("key", judge).await, Ok(Turn::Kept(old)) if &old[..] == b"1"));
    assert!(making.keep("2".into(), Keep::for_(MINUTE)).await.unwrap());
    assert!(matches!(cache.turn("key", judge).await, Ok(Turn::Kept(new)) if &new[..] == b"2"));
}

#[tokio::test]
async fn the_first_who_finds_a_value_out_of_date_makes_a_new_one_and_the_others_take_the_old_one() {
    let (cache, clock) = cache();
    let keep = Keep::for_(MINUTE).stale_for(MINUTE);
    cache.set("key", &1, keep.clone()).await.unwrap();
    let ask = async |value| cache.remember("key", keep.clone(), async || Ok(value)).await.unwrap();
    clock.advance(MINUTE - Duration::from_millis(1));
    assert_eq!(ask(2).await, 1, "it is fresh");
    clock.advance(Duration::from_millis(1));
    let go = Notify::new();
    let slow = cache.remember("key", keep.clone(), async || {
        go.notified().await;
        Ok(3)
    });
    let others = async {
        yield_now().await;
        let old = (ask(4).await, ask(5).await);
        go.notify_one();
        old
    };
    let (new, old) = futures_util::future::join(slow, others).await;
    assert_eq!((new.unwrap(), old), (3, (1, 1)));
    assert_eq!(ask(6).await, 3);
    clock.advance(MINUTE);
    let failing: mainstay_core::Result<i32> =
        cache.remember("key", keep.clone(), async || Err(Error::conflict("no"))).await;
    assert_eq!(failing.unwrap(), 3, "what is out of date is better than a failure");
    clock.advance(MINUTE);
    assert_eq!(ask(7).await, 7, "its time is over");
}

#[tokio::test]
async fn where_nothing_is_done_in_the_background_whoever_asks_makes_it() {
    let (cache, clock) = cache();
    let keep = Keep::for_(MINUTE).stale_for(MINUTE);
    let ask = async |value: u32| {
        cache.stale_while_revalidate("key", keep.clone(), async move { Ok(value) }).await.unwrap()
    };
    assert_eq!((ask(1).await, ask(2).await), (1, 1));
    clock.advance(MINUTE);
    assert_eq!(ask(3).await, 3);
}

#[tokio::test]
async fn adds_takes_touches_and_counts() {
    let (cache, clock) = cache();
    assert!(cache.add("key", &1, MINUTE).await.unwrap());
    assert!(!cache.add("key", &2, MINUTE).await.unwrap());
    assert_eq!(cache.take::<u32>("key").await.unwrap(), Some(1));
    assert_eq!(cache.take::<u32>("key").await.unwrap(), None);
    cache.set_many(&[("a", 1), ("b", 2)], Keep::for_(MINUTE).tag("ab")).await.unwrap();
    let many: Vec<Option<u32>> = cache.get_many(&["b", "c", "a"]).await.unwrap();
    assert_eq!(many, [Some(2), None, Some(1)]);
    assert!(cache.touch("a", 2 * MINUTE).await.unwrap());
    clock.advance(MINUTE);
    assert_eq!((number(&cache, "a").await, number(&cache, "b").await), (Some(1), None));
    cache.forget_tag("ab").await.unwrap();
    assert_eq!(number(&cache, "a").await, None);

    let visits = Keep::for_(MINUTE).tag("visits");
    assert_eq!(cache.increment("visits", 2, visits.clone()).await.unwrap(), 2);
    assert_eq!(cache.decrement("visits", 1, visits.clone()).await.unwrap(), 1);
    assert_eq!(number(&cache, "visits").await, Some(1));
    cache.forget_tag("visits").await.unwrap();
    assert_eq!(cache.increment("visits", 1, visits.clone()).await.unwrap(), 1);
    cache.set("visits", "many", MINUTE).await.unwrap();
    let refused = cache.increment("visits", 1, visits.clone()).await.unwrap_err();
    assert!(refused.report().contains("what is kept is no number"), "{}", refused.report());
    assert!(cache.decrement("visits", i64::MIN, visits).await.is_err());
}

#[tokio::test]
async fn a_key_says_of_what_type_its_values_are_and_how_long_they_are_kept() {
    const PRICE: CacheKey<(u32, &str), u64> = CacheKey::new("price", MINUTE)
        .stale_for(MINUTE)
        .tags(&["prices"])
        .tag_by(|(product, _)| format!("product:{product}"));
    const VISITS: CacheKey<(), i64> = CacheKey::new("visits", MINUTE);
    let (cache, clock) = cache();
    for (which, price) in [((1, "de"), 10), ((1, "fr"), 11), ((2, "de"), 12)] {
        cache.at(PRICE, &which).set(&price).await.unwrap();
    }
    assert_eq!(cache.at(PRICE, &(1, "fr")).get().await.unwrap(), Some(11));
    assert!(!cache.at(PRICE, &(1, "fr")).add(&5).await.unwrap());
    clock.advance(MINUTE);
    assert_eq!(cache.at(PRICE, &(1, "de")).remember(async || Ok(20)).await.unwrap(), 20, "it was stale");
    cache.forget_tag("product:1").await.unwrap();
    assert_eq!(cache.at(PRICE, &(1, "fr")).take().await.unwrap(), None);
    assert_eq!(cache.at(PRICE, &(2, "de")).take().await.unwrap(), Some(12));
    assert_eq!(cache.at(PRICE, &(2, "de")).stale_while_revalidate(async { Ok(1) }).await.unwrap(), 1);
    assert!(cache.at(PRICE, &(2, "de")).touch(MINUTE).await.unwrap());
    cache.at(PRICE, &(2, "de")).forget().await.unwrap();
    assert_eq!(cache.at(PRICE, &(2, "de")).get().await.unwrap(), None);
    assert_eq!(cache.at(VISITS, &()).increment(3).await.unwrap(), 3);
    assert_eq!(cache.at(VISITS, &()).decrement(1).await.unwrap(), 2);
}

#[tokio::test]
async fn what_tells_values_apart_is_never_mistaken_for_something_else() {
    const PAIR: CacheKey<(String, String), u32> = CacheKey::new("pair", MINUTE);
    let (cache, _) = cache();
    let pairs = [("a", "b:c"), ("a:b", "c"), ("", ""), ("\",\"", ""), ("", "\",\"")];
    for (number, (one, two)) in (0..).zip(pairs) {
        assert!(cache.at(PAIR, &(one.to_owned(), two.to_owned())).add(&number).await.unwrap(), "{one} {two}");
    }
}

/// A store that cannot be asked while it is switched off.
struct Switched(Memory, Arc<AtomicBool>);

impl Switched {
    fn or<'a, T>(
        &'a self,
        ask: impl FnOnce(&'a Memory) -> BoxFuture<'a, Result<T, StoreError>>,
    ) -> BoxFuture<'a, Result<T, StoreError>> {
        if self.1.load(Ordering::SeqCst) {
            return ask(&self.0);
        }
        Box::pin(async { Err(StoreError::out_of_reach("a test", "switched off")) })
    }
}

impl Counting for Switched {
    fn limit<'a>(
        &'a self,
        key: &'a str,
        quotas: &'a [Quota],
        cost: u32,
    ) -> BoxFuture<'a, Result<Vec<Decision>, StoreError>> {
        self.or(move |memory| memory.limit(key, quotas, cost))
    }

    fn grow<'a>(&'a self, key: &'a str, growth: Growth) -> BoxFuture<'a, Result<i64, StoreError>> {
        self.or(move |memory| memory.grow(key, growth))
    }
}

impl Driver for Switched {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Lookup, StoreError>> {
        self.or(move |memory| memory.get(key))
    }

    fn set<'a>(&'a self, key: &'a str, entry: Entry) -> BoxFuture<'a, Result<Option<Stamp>, StoreError>> {
        self.or(move |memory| memory.set(key, entry))
    }

    fn touch<'a>(&'a self, key: &'a str, lifetime: Duration) -> BoxFuture<'a, Result<bool, StoreError>> {
        self.or(move |memory| memory.touch(key, lifetime))
    }

    fn delete<'a>(&'a self, key: &'a str, old: Old) -> BoxFuture<'a, Result<Option<Bytes>, StoreError>> {
        self.or(move |memory| memory.delete(key, old))
    }

    fn delete_tag<'a>(&'a self, tag: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
        self.or(move |memory| memory.delete_tag(tag))
    }
}

#[tokio::test]
async fn where_the_store_is_out_of_reach_values_are_made_each_time() {
    let on = Arc::new(AtomicBool::new(false));
    let memory = Memory::new(Arc::new(TestClock::default()), 10);
    let cache = Cache::over(Store::over(Switched(memory, Arc::clone(&on))));
    for turn in [1, 2] {
        assert_eq!(cache.remember("key", MINUTE, async || Ok(turn)).await.unwrap(), turn);
    }
    let error = cache.get::<u32>("key").await.unwrap_err();
    assert_eq!((error.status().as_u16(), error.machine_code()), (503, "cache_unavailable"));
    assert!(cache.forget_tag("numbers").await.is_err(), "who forgets has to know that it stays");
    on.store(true, Ordering::SeqCst);
    let lost_while_made = async || {
        on.store(false, Ordering::SeqCst);
        Ok(3)
    };
    assert_eq!(cache.remember("key", MINUTE, lost_while_made).await.unwrap(), 3);
    on.store(true, Ordering::SeqCst);
    assert_eq!(number(&cache, "key").await, None);
}

#[tokio::test]
async fn what_is_too_large_is_given_and_not_kept() {
    let (cache, _) = cache();
    let large = "x".repeat(Store::LARGEST_VALUE);
    for _ in 0..2 {
        assert_eq!(
            cache.remember("key", MINUTE, async || Ok(large.clone())).await.unwrap().len(),
            large.len()
        );
    }
    assert!(cache.get::<String>("key").await.unwrap().is_none());
    let error = cache.set("key", &large, MINUTE).await.unwrap_err();
    assert!(error.report().contains("a value of 4194306 bytes is not kept"), "{}", error.report());
}

/// A store that says late that it has kept something.
struct Slow(Memory, Arc<Notify>, Arc<Notify>);

impl Counting for Slow {
    fn limit<'a>(
        &'a self,
        key: &'a str,
        quotas: &'a [Quota],
        cost: u32,
    ) -> BoxFuture<'a, Result<Vec<Decision>, StoreError>> {
        self.0.limit(key, quotas, cost)
    }

    fn grow<'a>(&'a self, key: &'a str, growth: Growth) -> BoxFuture<'a, Result<i64, StoreError>> {
        self.0.grow(key, growth)
    }
}

impl Driver for Slow {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Lookup, StoreError>> {
        self.0.get(key)
    }

    fn set<'a>(&'a self, key: &'a str, entry: Entry) -> BoxFuture<'a, Result<Option<Stamp>, StoreError>> {
        Box::pin(async move {
            let kept = self.0.set(key, entry).await;
            self.1.notify_one();
            self.2.notified().await;
            kept
        })
    }

    fn touch<'a>(&'a self, key: &'a str, lifetime: Duration) -> BoxFuture<'a, Result<bool, StoreError>> {
        self.0.touch(key, lifetime)
    }

    fn delete<'a>(&'a self, key: &'a str, old: Old) -> BoxFuture<'a, Result<Option<Bytes>, StoreError>> {
        self.0.delete(key, old)
    }

    fn delete_tag<'a>(&'a self, tag: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
        self.0.delete_tag(tag)
    }
}

#[tokio::test]
async fn what_was_forgotten_just_after_it_was_kept_is_not_given_to_who_came_later() {
    let (kept, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let memory = Memory::new(Arc::new(TestClock::default()), 10);
    let cache = Cache::over(Store::over(Slow(memory, Arc::clone(&kept), Arc::clone(&go))));
    let ask = |value: u32| {
        let cache = cache.clone();
        tokio::spawn(async move { cache.remember("key", MINUTE, async || Ok(value)).await.unwrap() })
    };
    let first = ask(1);
    kept.notified().await;
    cache.forget("key").await.unwrap();
    let later = ask(2);
    yield_now().await;
    go.notify_one();
    assert_eq!(first.await.unwrap(), 1);
    let anew = tokio::time::timeout(Duration::from_secs(5), kept.notified()).await;
    assert!(anew.is_ok(), "it is made anew");
    go.notify_one();
    assert_eq!(later.await.unwrap(), 2);
}
