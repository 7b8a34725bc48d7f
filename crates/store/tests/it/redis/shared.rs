//! Several processes, each with a connection of its own: they have the same counts, values and deletions.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use mainstay_core::config::Sources;
use mainstay_core::lifecycle::Services;
use mainstay_core::{App, Profile};
use mainstay_store::{Cache, Entry, Keep, Quota, Store, module};

use super::{connect_as, prefix, server};
use crate::background::until;

/// Two clients of one application, and one of another.
fn clients() -> Option<[Store; 3]> {
    let address = server()?;
    let (ours, theirs) = (prefix(), prefix());
    Some([&ours, &ours, &theirs].map(|prefix| Store::over(connect_as(&address, prefix))))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_thousand_at_once_from_two_clients_get_exactly_what_there_is() {
    let Some([one, two, other]) = clients() else { return };
    // What comes back while the test runs is less than one.
    let quota = [Quota::per_day(7000), Quota::new(20_000, Duration::from_secs(300 * 24 * 60 * 60))];
    let tasks: Vec<_> = (0..10_000)
        .map(|turn| {
            let store = if turn % 2 == 0 { one.clone() } else { two.clone() };
            tokio::spawn(async move {
                let decisions = store.limit("everybody", &quota, 1).await.unwrap();
                decisions.iter().all(|one| one.allowed)
            })
        })
        .collect();
    let started = std::time::Instant::now();
    let mut allowed = 0_u64;
    for task in tasks {
        allowed += u64::from(task.await.unwrap());
    }
    // A day has 7000 in 86400 s: one comes back in 12.3 s.
    let back = started.elapsed().as_secs() / 12 + 1;
    assert!((7000..=7000 + back).contains(&allowed), "{allowed} in {:?}", started.elapsed());
    let left = one.limit("everybody", &quota, 0).await.unwrap();
    assert_eq!(u64::from(left[1].remaining), 20_000 - allowed, "from both, or from none");
    assert!(other.limit("everybody", &quota, 1).await.unwrap()[0].remaining == 6999, "another application");
}

#[tokio::test]
async fn counts_by_the_servers_time_and_leaves_nothing_behind() {
    let Some([one, two, _]) = clients() else { return };
    let quota = [Quota::new(2, Duration::from_secs(4))];
    assert!(one.limit("ann", &quota, 2).await.unwrap()[0].allowed);
    let refused = two.limit("ann", &quota, 1).await.unwrap()[0];
    assert!(!refused.allowed && refused.retry_after <= Duration::from_secs(2), "{refused:?}");
    tokio::time::sleep(refused.retry_after).await;
    assert!(two.limit("ann", &quota, 1).await.unwrap()[0].allowed);
}

#[tokio::test]
async fn what_one_forgets_the_other_has_no_more() {
    let Some([one, two, other]) = clients() else { return };
    let [one, two, other] = [one, two, other].map(Cache::over);
    let minute = Keep::for_(Duration::from_secs(60)).tag("articles");
    for cache in [&one, &other] {
        cache.set("count", &42, minute.clone()).await.unwrap();
    }
    assert_eq!(two.get::<u32>("count").await.unwrap(), Some(42));
    two.forget_tag("articles").await.unwrap();
    assert_eq!(one.get::<u32>("count").await.unwrap(), None);
    assert_eq!(other.get::<u32>("count").await.unwrap(), Some(42), "another application");
}

#[tokio::test]
async fn what_one_has_made_from_what_the_other_has_deleted_is_not_kept() {
    let Some([one, two, _]) = clients() else { return };
    let late = |since| Entry {
        value: "old".into(),
        lifetime: Duration::from_secs(60),
        tags: vec!["articles".to_owned()],
        since: Some(since),
        ..Entry::default()
    };
    let since = one.get("page").await.unwrap().stamp;
    two.delete_tag("articles").await.unwrap();
    assert_eq!(one.set("page", late(since)).await.unwrap(), None);
    // More deletions than are remembered keep nothing that is out of date either.
    let since = one.get("page").await.unwrap().stamp;
    two.delete_tag("articles").await.unwrap();
    let others = (0..5000).map(|other| {
        let two = two.clone();
        async move { two.delete(&format!("other {other}")).await.unwrap() }
    });
    futures_util::future::join_all(others).await;
    assert_eq!(one.set("page", late(since)).await.unwrap(), None);
    let since = one.get("page").await.unwrap().stamp;
    assert!(one.set("page", late(since)).await.unwrap().is_some());
}

#[tokio::test]
async fn values_expire_by_the_servers_time() {
    let Some([one, two, _]) = clients() else { return };
    let entry = Entry { value: "short".into(), lifetime: Duration::from_secs(2), ..Entry::default() };
    one.set("key", entry).await.unwrap();
    assert!(two.get("key").await.unwrap().value.is_some());
    tokio::time::sleep(Duration::from_millis(2_010)).await;
    assert!(two.get("key").await.unwrap().value.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_all_processes_one_makes_anew_what_is_out_of_date() {
    let Some(address) = server() else { return };
    for near in ["0", "1MiB"] {
        one_makes_anew(&address, near).await;
    }
}

async fn one_makes_anew(address: &str, near: &str) {
    let prefix = prefix();
    let app = || {
        let app = App::new().profile(Profile::Production).module(module::module());
        let app = app.set("store.url", address).set("store.prefix", &*prefix);
        app.set("store.near_bytes", near).set("store.near_for", "200ms").assemble(Sources::isolated())
    };
    let processes = [app(), app(), app()];
    let mut running = Vec::new();
    for process in &processes {
        let started = process.start(Services::Background).await.unwrap();
        running.push((process.resolver().get::<Cache>().await.unwrap(), started));
    }
    let made = Arc::new(AtomicU32::new(0));
    let ask = async |cache: &Cache| {
        let made = Arc::clone(&made);
        let keep = Keep::for_(Duration::from_millis(100)).stale_for(Duration::from_secs(60));
        let slow = async move {
            let number = made.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(if number == 0 { 0 } else { 600 })).await;
            Ok(number)
        };
        cache.stale_while_revalidate("key", keep, slow).await.unwrap()
    };
    assert_eq!(ask(&running[0].0).await, 0);
    tokio::time::sleep(Duration::from_millis(110)).await;
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(500) {
        for (cache, _) in &running {
            assert_eq!(ask(cache).await, 0, "nobody waits");
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(made.load(Ordering::SeqCst), 2, "one of the three makes it");
    until(async || running[2].0.get::<u32>("key").await.unwrap() >= Some(1)).await;
}
