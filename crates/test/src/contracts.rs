//! What drivers promise, for tests of drivers of one's own.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use mainstay_core::clock::{Clock, TestClock};
use mainstay_core::keys::KeyRingStore;
use mainstay_http::session::{SessionKey, SessionRecord, SessionStore};
use serde_json::{Value, json};

/// Whether a store of a ring of keys keeps its contract. Nothing has been kept in it yet.
///
/// # Panics
/// When it does not.
pub async fn key_ring_store(store: &dyn KeyRingStore) {
    let load = async || store.load().await.unwrap_or_else(|error| panic!("{}", error.report()));
    let save = async |text: &str, before: Option<&str>| {
        store.save(text, before).await.unwrap_or_else(|error| panic!("{}", error.report()))
    };
    assert_eq!(load().await, None);
    assert!(!save("one", Some("none")).await, "there is nothing to take the place of");
    assert_eq!(load().await, None);
    assert!(save("one", None).await);
    assert!(!save("two", None).await, "there is something by now");
    assert!(!save("two", Some("ONE")).await, "that is another text");
    assert!(!save("two", Some("one ")).await, "that is another text");
    assert_eq!(load().await.as_deref(), Some("one"));
    // Of a thousand keys, and more.
    let large = "Az09-_".repeat(40_000);
    assert!(save(&large, Some("one")).await);
    assert_eq!(load().await.as_deref(), Some(&*large));
    let texts: Vec<String> = (0..8).map(|by| format!("by-{by}")).collect();
    let outcomes = join_all(texts.iter().map(|text| save(text, Some(&large)))).await;
    assert_eq!(outcomes.iter().filter(|saved| **saved).count(), 1, "one is the first");
    let winner = outcomes.iter().position(|saved| *saved).map(|index| texts[index].clone());
    assert_eq!(load().await, winner);
}

/// Whether a store of sessions keeps its contract. `clock` is the one that the store goes by; it is moved on.
///
/// # Panics
/// When it does not.
pub async fn session_store(store: &dyn SessionStore, clock: &TestClock) {
    keeps_what_it_is_given(store, clock).await;
    lets_only_the_next_revision_in(store, clock).await;
    lists_by_owner(store, clock).await;
    does_not_know_what_has_ended(store, clock).await;
}

fn key(name: &str) -> SessionKey {
    SessionKey::from_text(format!("{name:0>64}"))
}

/// A record that lives for a minute. Times are whole milliseconds, as every store can keep them.
fn record(clock: &TestClock, data: Value) -> SessionRecord {
    let since = clock.now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let now = SystemTime::UNIX_EPOCH + Duration::from_millis(since.as_millis() as u64);
    let Value::Object(data) = data else { panic!("the data of a session is an object") };
    SessionRecord {
        data,
        owner: None,
        created_at: now,
        seen_at: now,
        expires_at: now + Duration::from_secs(60),
        is_remembered: false,
        address: None,
        agent: None,
        revision: 1,
    }
}

async fn load(store: &dyn SessionStore, name: &str) -> Option<SessionRecord> {
    store.load(&key(name)).await.unwrap_or_else(|error| panic!("{}", error.report()))
}

async fn save(store: &dyn SessionStore, name: &str, record: &SessionRecord) -> bool {
    store.save(&key(name), record).await.unwrap_or_else(|error| panic!("{}", error.report()))
}

async fn remove(store: &dyn SessionStore, name: &str) {
    store.remove(&key(name)).await.unwrap_or_else(|error| panic!("{}", error.report()));
}

async fn keeps_what_it_is_given(store: &dyn SessionStore, clock: &TestClock) {
    assert_eq!(load(store, "a").await, None);
    remove(store, "a").await;
    let odd =
        json!({ "": null, "quote'\"\\": "\u{0}\u{1F600}\n%_", "deep": [{ "x": [1, -2.5, true, u64::MAX] }] });
    let full = SessionRecord {
        owner: Some("User/\u{e4}\u{1F600}".to_owned()),
        is_remembered: true,
        address: Some(IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1])),
        agent: Some("\u{1F600}".repeat(255)),
        ..record(clock, odd)
    };
    for (name, record) in [("a", full), ("b", record(clock, json!({})))] {
        assert!(save(store, name, &record).await);
        assert_eq!(load(store, name).await, Some(record));
    }
    let large = record(clock, json!({ "large": "x".repeat(60_000) }));
    assert!(save(store, "large", &large).await);
    assert_eq!(load(store, "large").await, Some(large));
    for name in ["a", "b", "large"] {
        remove(store, name).await;
        assert_eq!(load(store, name).await, None);
    }
}

async fn lets_only_the_next_revision_in(store: &dyn SessionStore, clock: &TestClock) {
    let revision =
        |number: u64, by: u64| SessionRecord { revision: number, ..record(clock, json!({ "by": by })) };
    assert!(!save(store, "a", &revision(2, 0)).await, "there is no first one");
    assert!(save(store, "a", &revision(1, 0)).await);
    for wrong in [1, 3] {
        assert!(!save(store, "a", &revision(wrong, 0)).await);
    }
    assert!(save(store, "a", &revision(2, 0)).await);
    let at_once: Vec<_> = (0..8).map(|by| revision(3, by)).collect();
    let all = at_once.iter().map(|record| save(store, "a", record));
    let outcomes = join_all(all).await;
    assert_eq!(outcomes.iter().filter(|saved| **saved).count(), 1, "one is the first");
    let winner = outcomes.iter().position(|saved| *saved).and_then(|index| at_once.get(index)).cloned();
    assert_eq!(load(store, "a").await, winner);
    remove(store, "a").await;
    assert!(!save(store, "a", &revision(4, 0)).await, "it does not come back");
    assert_eq!(load(store, "a").await, None);
}

async fn lists_by_owner(store: &dyn SessionStore, clock: &TestClock) {
    for (name, owner, seen) in [("a", "ann", 1), ("b", "ann", 3), ("c", "ANN", 2), ("d", "ann", 2)] {
        let record = record(clock, json!({ "name": name }));
        let seen_at = record.seen_at + Duration::from_secs(seen);
        assert!(save(store, name, &SessionRecord { owner: Some(owner.to_owned()), seen_at, ..record }).await);
    }
    assert!(save(store, "e", &record(clock, json!({}))).await);
    let of = async |owner: &str| {
        let found = store.of_owner(owner).await.unwrap_or_else(|error| panic!("{}", error.report()));
        found.into_iter().map(|(key, _)| key).collect::<Vec<_>>()
    };
    assert_eq!(of("ann").await, [key("b"), key("d"), key("a")]);
    assert_eq!((of("ANN").await, of("").await, of("an").await), (vec![key("c")], vec![], vec![]));
    remove(store, "d").await;
    assert_eq!(of("ann").await, [key("b"), key("a")]);
}

async fn does_not_know_what_has_ended(store: &dyn SessionStore, clock: &TestClock) {
    clock.advance(Duration::from_secs(59));
    assert!(load(store, "a").await.is_some());
    clock.advance(Duration::from_secs(2));
    assert_eq!(load(store, "a").await, None);
    assert!(store.of_owner("ann").await.is_ok_and(|found| found.is_empty()));
    let next = SessionRecord { revision: 2, ..record(clock, json!({})) };
    assert!(!save(store, "a", &next).await, "its time was over");
    for name in ["a", "b", "c", "e"] {
        remove(store, name).await;
    }
}

/// All of them at once.
async fn join_all<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut waiting: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        for (future, done) in waiting.iter_mut().filter(|(_, done)| done.is_none()) {
            if let std::task::Poll::Ready(value) = future.as_mut().poll(context) {
                *done = Some(value);
            }
        }
        if waiting.iter().all(|(_, done)| done.is_some()) {
            return std::task::Poll::Ready(());
        }
        std::task::Poll::Pending
    })
    .await;
    waiting.into_iter().filter_map(|(_, done)| done).collect()
}
