//! Memory in front of a server: what it spares, and how long it may be out of date.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use mainstay_core::clock::{Clock, SystemClock, TestClock};
use mainstay_core::config::Sources;
use mainstay_core::lifecycle::Services;
use mainstay_core::metrics::Metrics;
use mainstay_core::{App, Profile};
use mainstay_store::drivers::Near;
use mainstay_store::redis::{Redis, RedisOptions};
use mainstay_store::{Cache, Driver, Entry, Keep, Old, Quota, Store, module};
use servers::{Durability, Server};

use super::{prefix, server, start};

const ROOM: usize = 1 << 20;
const NEAR: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// Two processes of one application, by a clock that a test moves.
fn processes() -> Option<([Cache; 2], Arc<TestClock>)> {
    let (address, prefix, clock) = (server()?, prefix(), Arc::new(TestClock::default()));
    let process = || {
        let clock = Arc::clone(&clock) as Arc<dyn Clock>;
        let options = RedisOptions {
            prefix: prefix.clone(),
            timeout: Duration::from_secs(20),
            clock: Some(Arc::clone(&clock)),
        };
        let far = Redis::new(&address.parse().unwrap(), options);
        Cache::over(Store::over(Near::new(far, clock, ROOM, NEAR)))
    };
    Some(([process(), process()], clock))
}

fn keep() -> Keep {
    Keep::for_(MINUTE).tag("red")
}

async fn text(cache: &Cache, key: &str) -> Option<String> {
    cache.get(key).await.unwrap()
}

/// By the time of a server of its own.
fn on(server: &Server, lifetime: Duration, room: usize) -> Near {
    let options = RedisOptions { prefix: prefix(), timeout: Duration::from_secs(5), clock: None };
    let far = Redis::new(&server.url().parse().unwrap(), options);
    Near::new(far, Arc::new(SystemClock), room, lifetime)
}

/// How many scripts a server has run.
fn scripts(server: &Server) -> u64 {
    let mut connection = redis::Client::open(server.url()).unwrap().get_connection().unwrap();
    let told: String = redis::cmd("INFO").arg("commandstats").query(&mut connection).unwrap();
    let calls = told.lines().find_map(|line| line.strip_prefix("cmdstat_evalsha:calls="));
    calls.map_or(0, |calls| calls.split(',').next().unwrap().parse().unwrap())
}

#[tokio::test]
async fn what_was_read_is_given_again_without_asking() {
    let Some(server) = start(Durability::Fast) else { return };
    let cache = Cache::over(Store::over(on(&server, MINUTE, ROOM)));
    cache.set("key", "kept", keep()).await.unwrap();
    assert_eq!(text(&cache, "key").await.as_deref(), Some("kept"));
    let before = scripts(&server);
    for _ in 0..100 {
        assert_eq!(text(&cache, "key").await.as_deref(), Some("kept"));
        let remembered = cache.remember("key", keep(), async || Ok("made".to_owned())).await;
        assert_eq!(remembered.unwrap(), "kept");
    }
    assert_eq!(scripts(&server), before);
    // What is not there is asked for: somebody may have kept it meanwhile.
    assert_eq!(text(&cache, "other").await, None);
    assert_eq!(scripts(&server), before + 1);
}

#[tokio::test]
async fn what_this_process_does_it_sees_at_once() {
    let Some(([one, _], _)) = processes() else { return };
    let kept = async || {
        one.set("key", "kept", keep()).await.unwrap();
        assert_eq!(text(&one, "key").await.as_deref(), Some("kept"));
    };
    kept().await;
    one.forget("key").await.unwrap();
    assert_eq!(text(&one, "key").await, None);
    kept().await;
    one.forget_tag("red").await.unwrap();
    assert_eq!(text(&one, "key").await, None);
    kept().await;
    one.set("key", "other", keep()).await.unwrap();
    assert_eq!(text(&one, "key").await.as_deref(), Some("other"));
    assert_eq!(one.take::<String>("key").await.unwrap().as_deref(), Some("other"));
    assert_eq!(text(&one, "key").await, None);
    kept().await;
    assert!(one.touch("key", Duration::ZERO).await.unwrap());
    assert_eq!(text(&one, "key").await, None);
    assert!(one.add("key", "added", keep()).await.unwrap());
    assert_eq!(text(&one, "key").await.as_deref(), Some("added"));
}

#[tokio::test]
async fn what_is_touched_has_its_new_time_here_too() {
    let Some(([one, _], clock)) = processes() else { return };
    one.set("key", "kept", keep()).await.unwrap();
    assert_eq!(text(&one, "key").await.as_deref(), Some("kept"));
    assert!(one.touch("key", NEAR / 2).await.unwrap());
    assert_eq!(text(&one, "key").await.as_deref(), Some("kept"));
    clock.advance(NEAR / 2);
    assert_eq!(text(&one, "key").await, None);
}

#[tokio::test]
async fn an_answer_that_comes_after_what_has_changed_it_is_not_kept() {
    let Some(server) = start(Durability::Fast) else { return };
    let near = on(&server, MINUTE, ROOM);
    let entry = |value: &'static str| Entry {
        value: value.into(),
        lifetime: MINUTE,
        tags: vec!["red".to_owned()],
        ..Entry::default()
    };
    // The server knows the script from now on: it is asked once, and not twice.
    near.get("key").await.unwrap();
    for turn in 0..4 {
        near.set("key", entry("before")).await.unwrap();
        let mut look = near.get("key");
        // The question is on its way, and its answer waits for who has asked.
        assert!(futures_util::poll!(&mut look).is_pending());
        match turn {
            0 => drop(near.set("key", entry("after")).await.unwrap()),
            1 => drop(near.delete("key", Old::Dropped).await.unwrap()),
            2 => near.delete_tag("red").await.unwrap(),
            // What has changed something else changes nothing.
            _ => near.delete_tag("blue").await.unwrap(),
        }
        assert_eq!(look.await.unwrap().value.as_deref(), Some(&b"before"[..]));
        assert_eq!(near.near("key").is_some(), turn == 3, "turn {turn}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_has_written_never_reads_what_was_before() {
    let Some(([one, _], _)) = processes() else { return };
    let is_over = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..8)
        .map(|_| {
            let (one, is_over) = (one.clone(), Arc::clone(&is_over));
            tokio::spawn(async move {
                while !is_over.load(Ordering::Relaxed) {
                    text(&one, "key").await;
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for turn in 0..200 {
        let written = format!("turn {turn}");
        one.set("key", &written, keep()).await.unwrap();
        assert_eq!(text(&one, "key").await, Some(written));
        if turn % 2 == 0 { one.forget("key").await } else { one.forget_tag("red").await }.unwrap();
        assert_eq!(text(&one, "key").await, None, "turn {turn}");
    }
    is_over.store(true, Ordering::Relaxed);
    join_all(readers).await.into_iter().for_each(Result::unwrap);
}

#[tokio::test]
async fn what_another_process_does_is_seen_when_the_time_is_over() {
    let Some(([one, two], clock)) = processes() else { return };
    for key in ["set", "forgotten", "tagged", "taken"] {
        one.set(key, "before", keep()).await.unwrap();
        assert_eq!(text(&one, key).await.as_deref(), Some("before"));
    }
    two.forget_tag("red").await.unwrap();
    two.set("set", "after", keep()).await.unwrap();
    clock.advance(NEAR - Duration::from_nanos(1));
    for key in ["set", "forgotten", "tagged", "taken"] {
        // To ask for it makes it last no longer.
        assert_eq!(text(&one, key).await.as_deref(), Some("before"), "{key}");
    }
    clock.advance(Duration::from_nanos(1));
    assert_eq!(text(&one, "set").await.as_deref(), Some("after"));
    assert_eq!(text(&one, "tagged").await, None);
    // What is here for want of knowing better is not taken: the server says who gets it.
    two.set("taken", "once", keep()).await.unwrap();
    assert_eq!(text(&one, "taken").await.as_deref(), Some("once"));
    assert_eq!(two.take::<String>("taken").await.unwrap().as_deref(), Some("once"));
    assert_eq!(one.take::<String>("taken").await.unwrap(), None);
    assert!(one.add("taken", "again", keep()).await.unwrap());
    assert!(!two.add("taken", "again", keep()).await.unwrap());
}

#[tokio::test]
async fn a_value_expires_when_its_time_is_over_and_not_later() {
    let Some(([one, two], clock)) = processes() else { return };
    two.set("short", "kept", NEAR / 4).await.unwrap();
    assert_eq!(text(&one, "short").await.as_deref(), Some("kept"));
    clock.advance(NEAR / 4);
    assert_eq!(text(&one, "short").await, None);
    // One that was read shortly before its end.
    two.set("long", "kept", 2 * NEAR).await.unwrap();
    clock.advance(2 * NEAR - NEAR / 4);
    assert_eq!(text(&one, "long").await.as_deref(), Some("kept"));
    clock.advance(NEAR / 4);
    assert_eq!(text(&one, "long").await, None);
}

#[tokio::test]
async fn counts_are_never_out_of_date() {
    let Some(([one, two], _)) = processes() else { return };
    let quota = [Quota::per_day(3)];
    for turn in 1..=3 {
        let cache = if turn % 2 == 0 { &one } else { &two };
        assert_eq!(cache.increment("visits", 1, MINUTE).await.unwrap(), turn);
        for cache in [&one, &two] {
            assert_eq!(cache.get::<i64>("visits").await.unwrap(), Some(turn));
        }
    }
    let Some(address) = server() else { return };
    let prefix = prefix();
    let store = || {
        let options = RedisOptions { prefix: prefix.clone(), timeout: Duration::from_secs(20), clock: None };
        let far = Redis::new(&address.parse().unwrap(), options);
        Store::over(Near::new(far, Arc::new(SystemClock), ROOM, MINUTE))
    };
    let (one, two) = (store(), store());
    for (store, remaining) in [(&one, 2), (&two, 1), (&one, 0)] {
        assert_eq!(store.limit("ann", &quota, 1).await.unwrap()[0].remaining, remaining);
    }
    assert!(!two.limit("ann", &quota, 1).await.unwrap()[0].allowed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_ask_at_once_one_makes_it_and_what_was_forgotten_meanwhile_is_not_kept() {
    let Some(([one, two], clock)) = processes() else { return };
    let made = AtomicU32::new(0);
    let ask = async |cache: &Cache| {
        let make = async || {
            tokio::time::sleep(Duration::from_millis(50)).await;
            Ok(format!("made {}", made.fetch_add(1, Ordering::SeqCst)))
        };
        cache.remember("key", keep(), make).await.unwrap()
    };
    let answers = join_all((0..50).map(|_| ask(&one))).await;
    assert!(answers.iter().all(|answer| answer == "made 0"), "{answers:?}");
    assert_eq!(ask(&two).await, "made 0");

    // Made from what another process has changed meanwhile: it is given to whoever made it, and to nobody else.
    one.forget("key").await.unwrap();
    clock.advance(NEAR);
    let late = one.remember("key", keep(), async || {
        two.forget_tag("red").await.unwrap();
        Ok("late".to_owned())
    });
    assert_eq!(late.await.unwrap(), "late");
    assert_eq!(text(&one, "key").await, None);
}

#[tokio::test]
async fn what_is_out_of_date_is_asked_for_at_the_server_before_it_is_made_anew() {
    let Some(([one, two], clock)) = processes() else { return };
    let half = Keep::for_(NEAR / 2).stale_for(MINUTE);
    let ask = async |cache: &Cache, made: &'static str| {
        cache.remember("key", half.clone(), async || Ok(made.to_owned())).await.unwrap()
    };
    assert_eq!(ask(&one, "first").await, "first");
    for cache in [&one, &two] {
        assert_eq!(ask(cache, "not made").await, "first");
    }
    clock.advance(NEAR / 2);
    assert_eq!(ask(&two, "second").await, "second");
    // What the first one has near is out of date, and it knows; the other one has made it already.
    assert_eq!(ask(&one, "not made").await, "second");
}

#[tokio::test]
async fn has_no_more_than_its_room() {
    let Some(server) = start(Durability::Fast) else { return };
    let room = 64 << 10;
    let near = on(&server, MINUTE, room);
    let keep = async |key: &str, bytes: usize| {
        let entry = Entry { value: "x".repeat(bytes).into(), lifetime: MINUTE, ..Entry::default() };
        near.set(key, entry).await.unwrap();
        assert_eq!(near.near(key), None, "it was not read yet");
        assert_eq!(near.get(key).await.unwrap().value.map(|value| value.len()), Some(bytes));
        near.near(key).map(|(value, _)| value.len())
    };
    for number in 0..200 {
        assert_eq!(keep(&format!("key {number}"), 1000).await, Some(1000));
    }
    let usage = near.usage();
    assert!(usage.bytes <= room && usage.values > 20 && usage.evicted > 100, "{usage:?}");
    assert_eq!(keep("large", room).await, None, "it is asked for each time");
    assert_eq!(near.usage().bytes, usage.bytes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_server_it_lasts_as_long_as_it_may_and_no_longer() {
    let Some(mut server) = start(Durability::Fast) else { return };
    let cache = Cache::over(Store::over(on(&server, 2 * NEAR, ROOM)));
    cache.set("key", "kept", keep()).await.unwrap();
    assert_eq!(text(&cache, "key").await.as_deref(), Some("kept"));
    server.kill();
    let remember = async || cache.remember("key", keep(), async || Ok("made".to_owned())).await.unwrap();
    assert_eq!(text(&cache, "key").await.as_deref(), Some("kept"));
    assert_eq!(remember().await, "kept");
    let began = std::time::Instant::now();
    while remember().await == "kept" {
        assert!(began.elapsed() < Duration::from_secs(10), "it lasts for ever");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(began.elapsed() < 3 * NEAR, "{:?}", began.elapsed());
    let error = cache.get::<String>("key").await.unwrap_err();
    assert_eq!((error.status().as_u16(), error.machine_code()), (503, "cache_unavailable"));
    // Whoever forgets has to know that it stays on the server.
    assert!(cache.forget("key").await.is_err());
}

#[tokio::test]
async fn an_application_has_it_where_it_is_told_to() {
    let Some(address) = server() else { return };
    let app = |bytes: &str| {
        let app = App::new().profile(Profile::Production).module(module::module());
        let app = app.set("store.url", &*address).set("store.prefix", prefix());
        app.set("store.near_bytes", bytes).set("store.near_for", "30s").assemble(Sources::isolated())
    };
    for (bytes, hits) in [("0", None), ("1MiB", Some("store_near_hits_total 3\n"))] {
        let assembly = app(bytes);
        let _started = assembly.start(Services::Background).await.unwrap();
        let cache = assembly.resolver().get::<Cache>().await.unwrap();
        cache.set("key", "kept", keep()).await.unwrap();
        for _ in 0..4 {
            assert_eq!(text(&cache, "key").await.as_deref(), Some("kept"));
        }
        let shown = assembly.resolver().get::<Metrics>().await.unwrap().render();
        assert_eq!(shown.contains("store_near_hits_total"), hits.is_some(), "{shown}");
        assert!(hits.is_none_or(|hits| shown.contains(hits)), "{shown}");
    }
    let found = App::new().module(module::module()).set("store.near_for", "1h").assemble(Sources::isolated());
    let found = found.findings().to_string();
    assert!(found.contains("`store.near_for` must be from 10ms to 1m"), "{found}");
}
