//! Events that are delivered: after the commit, to everybody, in order.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use mainstay_bus::{Delivery, Event, EventsExt, Outbox, Publish, Subscriber, publish_all};
use mainstay_core::service::Backoff;
use mainstay_core::{App, CoreContributions, Error, Inject, Result};
use mainstay_db::{Db, ModelsExt, models};
use mainstay_test::{TestApp, on_each_engine};
use serde::{Deserialize, Serialize};

use crate::shop::{Diary, Effect, NewEffect, OrderPlaced, PageSeen, place, settled, until};

/// Two subscribers that note down what they get.
fn noting(diary: &Diary) -> App {
    let (one, other) = (diary.clone(), diary.clone());
    App::new()
        .models(models![Effect])
        .subscribe("one", move |event: OrderPlaced| {
            one.note("one", &event);
            async { Ok(()) }
        })
        .subscribe("other", move |delivery: Delivery<OrderPlaced>| {
            other.note("other", &delivery);
            async { Ok(()) }
        })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_subscriber_gets_what_was_committed_and_nothing_else() {
    let diary = Diary::default();
    on_each_engine(
        || TestApp::of(noting(&diary)),
        async |app| {
            let (db, before) = (app.inject::<Db>().await, diary.len());
            place(&db, 1, [1, 2]).await.unwrap();
            OrderPlaced { customer: 2, number: 3 }.publish(&*db).await.unwrap();
            let failed: Result<()> = db
                .transaction(async |tx| {
                    OrderPlaced { customer: 3, number: 4 }.publish(tx).await?;
                    Err(Error::conflict("no"))
                })
                .await;
            failed.unwrap_err();
            db.transaction(async |tx| {
                let inner: Result<()> = tx
                    .transaction(async |tx| {
                        OrderPlaced { customer: 3, number: 5 }.publish(tx).await?;
                        Err(Error::conflict("no"))
                    })
                    .await;
                inner.unwrap_err();
                Ok(())
            })
            .await
            .unwrap();
            settled(app).await;
            assert_eq!(diary.len() - before, 6);
        },
    )
    .await;
    for by in ["one", "other"] {
        let got = diary.of(by);
        assert_eq!(got.len(), 2, "{got:?}");
        assert!(got[&1].chunks(2).all(|pair| pair == [1, 2]), "{got:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_one_key_come_in_their_order() {
    let diary = Diary::default();
    on_each_engine(
        || TestApp::of(noting(&diary)),
        async |app| {
            let db = app.inject::<Db>().await;
            let before = diary.of("one");
            let customers = (0..10).map(|customer| {
                let db = Db::clone(&db);
                tokio::spawn(async move {
                    for round in 0..6 {
                        place(&db, customer, round * 5..(round + 1) * 5).await.unwrap();
                    }
                })
            });
            for task in customers.collect::<Vec<_>>() {
                task.await.unwrap();
            }
            settled(app).await;
            for by in ["one", "other"] {
                for (customer, numbers) in diary.of(by) {
                    let before = before.get(&customer).map_or(0, Vec::len);
                    assert_eq!(numbers[before..], (0..30).collect::<Vec<_>>(), "{by}, {customer}");
                }
            }
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_is_open_across_a_later_commit_hides_nothing() {
    let diary = Diary::default();
    on_each_engine(
        || TestApp::of(noting(&diary)),
        async |app| {
            let db = app.inject::<Db>().await;
            let before = diary.of("one");
            let got = |customer: i64| {
                let had = before.get(&customer).map_or(0, Vec::len);
                diary.of("one").get(&customer).map(|numbers| numbers[had..].to_vec()).unwrap_or_default()
            };
            let early = db.begin().await.unwrap();
            // It has the lower number, and is committed last. SQLite has one writer: there, nothing else is committed meanwhile.
            OrderPlaced { customer: 1, number: 1 }.publish(&early).await.unwrap();
            if db.dialect() != mainstay_db::Dialect::Sqlite {
                place(&db, 2, [2]).await.unwrap();
                until(async || got(2) == [2]).await;
                assert_eq!(got(1), [0_i64; 0]);
            }
            early.commit().await.unwrap();
            until(async || got(1) == [1]).await;
            settled(app).await;
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_delivery_completes_happens_once() {
    let attempts = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&attempts);
    let app = move || {
        let counting = Arc::clone(&counting);
        App::new().models(models![Effect]).subscribe("once", move |delivery: Delivery<OrderPlaced>| {
            let counting = Arc::clone(&counting);
            async move {
                let attempt = counting.fetch_add(1, Ordering::SeqCst);
                delivery
                    .complete(async |tx| {
                        NewEffect { by: "once".into(), customer: delivery.customer, number: delivery.number }
                            .insert(tx)
                            .await?;
                        // At first it fails after it has written.
                        if attempt == 0 { Err(Error::internal("no")) } else { Ok(()) }
                    })
                    .await?;
                // Ended already: nothing is written again, and a failure now changes nothing.
                let again = delivery.complete(async |_| Ok(())).await.unwrap_err();
                assert_eq!(again.machine_code(), "delivery_ended");
                Err(Error::internal("too late to matter"))
            }
        })
    };
    on_each_engine(
        || TestApp::of(app()),
        async |app| {
            attempts.store(0, Ordering::SeqCst);
            let db = app.inject::<Db>().await;
            place(&db, 1, [1]).await.unwrap();
            settled(app).await;
            assert_eq!(Effect::query().count(&*db).await.unwrap(), 1);
            assert_eq!(attempts.load(Ordering::SeqCst), 2);
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn is_delivered_soon_after_the_commit() {
    let diary = Diary::default();
    let app = TestApp::start(noting(&diary)).await;
    let db = app.inject::<Db>().await;
    place(&db, 1, [0]).await.unwrap();
    settled(&app).await;
    let began = Instant::now();
    for number in 1..=10 {
        place(&db, 1, [number]).await.unwrap();
        while diary.of("one")[&1].last() != Some(&number) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    // By polling it would take a second each.
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_events_go_with_few_statements_and_several_at_once() {
    let under_way = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let (now, peak) = (Arc::clone(&under_way), Arc::clone(&most));
    let app = App::new().subscribe("seen", move |_: PageSeen| {
        let (now, peak) = (Arc::clone(&now), Arc::clone(&peak));
        async move {
            peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(5)).await;
            now.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        }
    });
    let app = TestApp::of(app).set("bus.concurrency", "6").start().await;
    let db = app.inject::<Db>().await;
    let events: Vec<_> = (0..300).map(|number| PageSeen { number }).collect();
    let ids = publish_all(&events, &*db).await.unwrap();
    assert_eq!(ids.iter().collect::<std::collections::HashSet<_>>().len(), 300);
    settled(&app).await;
    assert_eq!(most.load(Ordering::SeqCst), 6);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_with_places_of_its_own_keeps_nobody_waiting() {
    let diary = Diary::default();
    let noting = diary.clone();
    let slow = Subscriber::new("slow", |_: PageSeen| async {
        tokio::time::sleep(Duration::from_secs(60)).await;
        Ok(())
    });
    let app = App::new().subscriber(slow.concurrency(3)).subscribe("quick", move |event: OrderPlaced| {
        noting.note("quick", &event);
        async { Ok(()) }
    });
    let app = TestApp::of(app).set("bus.concurrency", "2").set("app.shutdown_deadline", "1s").start().await;
    let db = app.inject::<Db>().await;
    let events: Vec<_> = (0..100).map(|number| PageSeen { number }).collect();
    publish_all(&events, &*db).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    place(&db, 1, 0..20).await.unwrap();
    until(async || diary.len() == 20).await;
    // The slow ones are cut off.
    drop(app);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_takes_long_keeps_no_other_of_its_lane_waiting() {
    let (diary, failed) = (Diary::default(), Arc::new(Mutex::new(HashSet::new())));
    let noting = diary.clone();
    let mixed = Subscriber::new("mixed", move |event: OrderPlaced| {
        let (noting, failed) = (noting.clone(), Arc::clone(&failed));
        async move {
            if event.customer == 0 {
                tokio::time::sleep(Duration::from_secs(600)).await;
            }
            // Some fail at first, when nothing is published any more: nobody signals then that they are due.
            if event.number == 3 && failed.lock().unwrap().insert(event.customer) {
                return Err(Error::internal("not at once"));
            }
            noting.note("mixed", &event);
            Ok(())
        }
    });
    let backoff = Backoff { initial: Duration::from_millis(50), jitter: 0.0, ..Backoff::default() };
    let app = App::new().subscriber(mixed.backoff(backoff).timeout(Duration::from_secs(600)));
    let app = TestApp::of(app).set("app.shutdown_deadline", "1s").start().await;
    let db = app.inject::<Db>().await;
    place(&db, 0, 0..250).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    // Of 60 customers, some are in the lane of the one that takes long; some come while it is under way, and after its turn.
    for round in 0..4 {
        for customer in 1..60 {
            place(&db, customer, [round]).await.unwrap();
        }
        until(async || diary.len() == 59 * (round as usize + 1)).await;
        tokio::time::sleep(Duration::from_millis(900)).await;
    }
    // What takes long is cut off.
    drop(app);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_that_are_large_together_are_routed_a_few_at_a_time() {
    #[derive(Event, Serialize, Deserialize)]
    #[event(name = "large")]
    struct Large {
        text: String,
    }
    let lengths = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&lengths);
    let app = move || {
        ["one", "two", "three", "four"].into_iter().fold(App::new(), |app, name| {
            let counting = Arc::clone(&counting);
            app.subscribe(name, move |event: Large| {
                counting.fetch_add(event.text.len(), Ordering::SeqCst);
                async { Ok(()) }
            })
        })
    };
    on_each_engine(
        || TestApp::of(app()),
        async |app| {
            lengths.store(0, Ordering::SeqCst);
            let db = app.inject::<Db>().await;
            // More than a server takes in one statement, as they would be after a while without a relay.
            let large: Vec<_> = (0..40).map(|_| Large { text: "x".repeat(200 << 10) }).collect();
            db.transaction(async |tx| {
                for event in &large {
                    event.publish(tx).await?;
                }
                Ok(())
            })
            .await
            .unwrap();
            settled(app).await;
            assert_eq!(lengths.load(Ordering::SeqCst), 4 * 40 * (200 << 10));
        },
    )
    .await;
}

/// One event of several kinds, which are in order with one another.
#[derive(Debug, PartialEq, Event, Serialize, Deserialize)]
#[event(name = "stock", version = 2, key = (shop, item))]
enum Stock {
    Arrived { shop: i64, item: String, many: u32 },
    Sold { shop: i64, item: String },
}

#[tokio::test]
async fn an_enum_is_one_event_of_several_kinds() {
    let arrived = Stock::Arrived { shop: 3, item: "nut".into(), many: 2 };
    let sold = Stock::Sold { shop: 3, item: "nut".into() };
    assert_eq!((Stock::NAME, Stock::VERSION), ("stock", 2));
    assert_eq!(arrived.key().as_deref(), Some("3/nut"));
    assert_eq!(sold.key(), arrived.key());
    assert_eq!(PageSeen { number: 1 }.key(), None);
}

#[tokio::test]
async fn a_subscriber_takes_what_it_wants_from_the_container() {
    struct Shelf(std::sync::Mutex<Vec<i64>>);
    let app = App::new().provide(|| Shelf(std::sync::Mutex::default())).subscribe(
        "shelf",
        |delivery: Delivery<OrderPlaced>, shelf: Inject<Shelf>, db: Inject<Db>| async move {
            assert_eq!(delivery.attempt(), 1);
            assert!(!delivery.message().is_nil() && delivery.published_at() <= chrono::Utc::now());
            db.ping().await?;
            shelf.0.lock().unwrap().push(delivery.into_event().number);
            Ok(())
        },
    );
    let app = TestApp::start(app).await;
    place(&*app.inject::<Db>().await, 1, [7]).await.unwrap();
    settled(&app).await;
    assert_eq!(*app.inject::<Shelf>().await.0.lock().unwrap(), [7]);
    app.stop().await;
}

#[tokio::test]
async fn a_key_that_is_too_long_is_refused() {
    #[derive(Event, Serialize, Deserialize)]
    #[event(name = "long", key = key)]
    struct Long {
        key: String,
    }
    let app = TestApp::start(App::new().events()).await;
    let db = app.inject::<Db>().await;
    Long { key: "ü".repeat(255) }.publish(&*db).await.unwrap();
    let fault = Long { key: "ü".repeat(256) }.publish(&*db).await.unwrap_err();
    assert_eq!(fault.machine_code(), "event_key_too_long");
    assert_eq!(app.inject::<Outbox>().await.waiting().await.unwrap(), 1);
    app.stop().await;
}
