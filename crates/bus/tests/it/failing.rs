//! Subscribers that fail, and events that nobody can read.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use mainstay_bus::outbox::{DeliveryState, StoredDelivery, Which};
use mainstay_bus::{Delivery, Event, EventsExt, Outbox, Publish, Subscriber, publish_all};
use mainstay_core::clock::{Clock, TestClock};
use mainstay_core::metrics::Metrics;
use mainstay_core::service::Backoff;
use mainstay_core::{App, Error, Result};
use mainstay_db::{Db, sql};
use mainstay_test::{TestApp, on_each_engine};
use serde::{Deserialize, Serialize};

use crate::several::on_each_server;
use crate::shop::{Diary, OrderPlaced, PATIENCE, PageSeen, place, settled, until};

#[derive(Event, Serialize, Deserialize)]
#[event(name = "text.written")]
struct Written {
    text: String,
}

/// Soon again, and always after the same time.
fn soon() -> Backoff {
    Backoff { initial: Duration::from_millis(100), jitter: 0.0, ..Backoff::default() }
}

async fn dead(app: &TestApp) -> Vec<StoredDelivery> {
    app.inject::<Outbox>().await.dead(Which::All, 100).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_holds_up_its_key_and_nobody_else() {
    let (diary, heals) = (Diary::default(), Arc::new(AtomicBool::new(false)));
    let app = {
        let (diary, heals) = (diary.clone(), Arc::clone(&heals));
        move || {
            let (one, other, heals) = (diary.clone(), diary.clone(), Arc::clone(&heals));
            let flaky = Subscriber::new("flaky", move |event: OrderPlaced| {
                let ill = event.customer == 1 && event.number == 1 && !heals.load(Ordering::SeqCst);
                if !ill {
                    one.note("flaky", &event);
                }
                async move { if ill { Err(Error::internal("not today")) } else { Ok(()) } }
            });
            App::new().subscriber(flaky.backoff(soon()).attempts(1_000)).subscribe(
                "steady",
                move |event: OrderPlaced| {
                    other.note("steady", &event);
                    async { Ok(()) }
                },
            )
        }
    };
    on_each_engine(
        || TestApp::of(app()),
        async |app| {
            heals.store(false, Ordering::SeqCst);
            let db = app.inject::<Db>().await;
            let had = |by: &str, customer| diary.of(by).get(&customer).map_or(0, Vec::len);
            let before: Vec<_> =
                [("steady", 1), ("flaky", 1), ("flaky", 2)].map(|(by, customer)| had(by, customer)).into();
            // More of the ill key than are read at once, and then one of every other key: some are in its lane.
            place(&db, 1, 0..150).await.unwrap();
            for customer in 2..40 {
                place(&db, customer, [0]).await.unwrap();
            }
            until(async || had("steady", 1) == before[0] + 150).await;
            until(async || (2..40).all(|customer| had("flaky", customer) == before[2] + 1)).await;
            assert_eq!(had("flaky", 1), before[1] + 1, "what comes after it waits");
            let waiting = StoredDelivery::filter(|it| it.reason.is_not_null()).one(&*db).await.unwrap();
            assert!(waiting.reason.unwrap().contains("not today") && waiting.attempts > 0);
            heals.store(true, Ordering::SeqCst);
            settled(app).await;
            assert_eq!(diary.of("flaky")[&1][before[1]..], (0..150).collect::<Vec<_>>());
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_too_often_is_dead_with_its_reason_and_the_key_goes_on() {
    let (diary, heals) = (Diary::default(), Arc::new(AtomicBool::new(false)));
    let app = {
        let (diary, heals) = (diary.clone(), Arc::clone(&heals));
        move || {
            let (diary, heals) = (diary.clone(), Arc::clone(&heals));
            let poisoned = Subscriber::new("poisoned", move |event: OrderPlaced| {
                let (diary, heals) = (diary.clone(), Arc::clone(&heals));
                async move {
                    match event.number {
                        _ if heals.load(Ordering::SeqCst) => {}
                        1 => return Err(Error::internal("poison")),
                        2 => panic!("a panic of a subscriber"),
                        3 => tokio::time::sleep(Duration::from_secs(60)).await,
                        _ => {}
                    }
                    diary.note("poisoned", &event);
                    Ok(())
                }
            });
            let poisoned = poisoned.backoff(soon()).attempts(3).timeout(Duration::from_millis(50));
            App::new().subscriber(poisoned)
        }
    };
    on_each_engine(
        || TestApp::of(app()),
        async |app| {
            heals.store(false, Ordering::SeqCst);
            let db = app.inject::<Db>().await;
            let before = diary.len();
            place(&db, 1, 0..5).await.unwrap();
            settled(app).await;
            assert_eq!(diary.of("poisoned")[&1][before..], [0, 4]);
            let dead = dead(app).await;
            let reasons: Vec<_> = dead.iter().map(|it| it.reason.clone().unwrap()).collect();
            assert!(reasons[0].contains("poison"), "{reasons:?}");
            assert!(reasons[1].contains("it panicked: a panic of a subscriber"), "{reasons:?}");
            assert!(reasons[2].contains("it took longer than 50ms"), "{reasons:?}");
            assert!(dead.iter().all(|it| it.attempts == 3 && it.state == DeliveryState::Dead));

            heals.store(true, Ordering::SeqCst);
            let outbox = app.inject::<Outbox>().await;
            assert_eq!(outbox.retry(Which::One(dead[0].id)).await.unwrap(), 1);
            settled(app).await;
            assert_eq!(outbox.retry(Which::Subscriber("nobody")).await.unwrap(), 0);
            assert_eq!(outbox.retry(Which::Subscriber("poisoned")).await.unwrap(), 2);
            settled(app).await;
            assert_eq!(diary.of("poisoned")[&1][before..], [0, 4, 1, 2, 3]);
            assert!(outbox.dead(Which::All, 10).await.unwrap().is_empty());
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_dead_is_counted_and_deleted_after_as_long_as_is_said() {
    on_each_server(async |url| {
        let clock = Arc::new(TestClock::at(SystemTime::now()));
        let start = async |settings: &[(&str, &str)]| {
            let failing = |name| {
                Subscriber::new(name, async |_: OrderPlaced| Err(Error::internal("poison"))).attempts(1)
            };
            let app = App::new().subscriber(failing("one")).subscriber(failing("other"));
            let setup = TestApp::of(app).set("database.url", url).clock(&clock);
            settings.iter().fold(setup, |setup, (key, value)| setup.set(*key, *value)).start().await
        };
        let app = start(&[]).await;
        let db = app.inject::<Db>().await;
        place(&db, 1, 0..3).await.unwrap();
        settled(&app).await;
        let outbox = app.inject::<Outbox>().await;
        assert_eq!(outbox.dead(Which::All, 100).await.unwrap().len(), 6);
        assert_eq!(outbox.dead(Which::Subscriber("other"), 2).await.unwrap().len(), 2);
        app.stop().await;

        clock.advance(Duration::from_secs(2 * 60 * 60));
        let app = start(&[("bus.keep_dead", "3h")]).await;
        let metrics = app.inject::<Metrics>().await;
        let shown = r#"bus_dead{subscriber="other"} 3"#;
        until(async || metrics.render().contains(shown)).await;
        assert_eq!(dead(&app).await.len(), 6, "not yet");
        app.stop().await;

        clock.advance(Duration::from_secs(2 * 60 * 60));
        let app = start(&[("bus.keep_dead", "3h")]).await;
        until(async || dead(&app).await.is_empty()).await;
        app.stop().await;
    })
    .await;
}

#[tokio::test]
async fn an_event_that_is_too_large_is_refused_and_nothing_is_written() {
    let app = TestApp::start(App::new().subscribe("reader", async |_: Written| Ok(()))).await;
    let db = app.inject::<Db>().await;
    let written = |bytes| Written { text: "x".repeat(bytes) };
    let fault = db.transaction(async |tx| written(256 * 1024).publish(tx).await).await.unwrap_err();
    assert_eq!(fault.machine_code(), "event_too_large");
    publish_all(&[written(1), written(256 * 1024)], &*db).await.unwrap_err();
    assert_eq!(app.inject::<Outbox>().await.waiting().await.unwrap(), 0);
    written(255 * 1024).publish(&*db).await.unwrap();
    settled(&app).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_cannot_be_read_is_dead_and_says_why() {
    let diary = Diary::default();
    let noting = diary.clone();
    let subscriber = Subscriber::new("reader", move |event: OrderPlaced| {
        noting.note("reader", &event);
        async { Ok(()) }
    });
    let app = TestApp::start(App::new().subscriber(subscriber.backoff(soon()).attempts(2))).await;
    let db = app.inject::<Db>().await;
    for (key, payload) in [("a", "not json"), ("b", r#"{"customer":"one","number":2}"#)] {
        let text = "INSERT INTO mainstay_outbox (message, event, version, ordered_by, payload, published_at) \
                    VALUES (?, 'order.placed', 1, ?, ?, ?)";
        let insert =
            sql(text).bind(mainstay_db::Uuid::now_v7()).bind(key.to_owned()).bind(payload.to_owned());
        insert.bind(chrono::Utc::now()).execute(&*db).await.unwrap();
    }
    place(&db, 1, [1]).await.unwrap();
    settled(&app).await;
    assert_eq!(diary.len(), 1);
    let reasons: Vec<_> = dead(&app).await.into_iter().map(|it| it.reason.unwrap()).collect();
    assert_eq!(reasons.len(), 2);
    assert!(
        reasons.iter().any(|reason| reason.contains("`order.placed` cannot be read: `customer`")),
        "{reasons:?}"
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_loses_and_holds_up_nothing() {
    let clock = Arc::new(TestClock::at(SystemTime::now()));
    let (diary, failures) = (Diary::default(), Arc::new(AtomicUsize::new(0)));
    let (noting, failing) = (diary.clone(), Arc::clone(&failures));
    let flaky = Subscriber::new("flaky", move |event: OrderPlaced| {
        let fails = failing.fetch_add(1, Ordering::SeqCst) < 2;
        if !fails {
            noting.note("flaky", &event);
        }
        async move { if fails { Err(Error::internal("no")) } else { Ok(()) } }
    });
    let minute = Duration::from_secs(60);
    let backoff = Backoff { initial: minute, jitter: 0.0, ..Backoff::default() };
    let app = TestApp::of(App::new().subscriber(flaky.backoff(backoff)));
    let app = app.clock(&clock).set("bus.poll", "50ms").start().await;
    let db = app.inject::<Db>().await;
    place(&db, 1, [1]).await.unwrap();
    until(async || failures.load(Ordering::SeqCst) == 1).await;
    let failed = || StoredDelivery::filter(|it| it.reason.is_not_null());
    until(async || failed().exists(&*db).await.unwrap()).await;
    // By a month back: the retry is now further away than any can be.
    clock.set(clock.now() - minute * 60 * 24 * 30);
    until(async || failures.load(Ordering::SeqCst) == 2).await;
    clock.advance(minute * 60 * 24 * 365);
    settled(&app).await;
    assert_eq!(diary.of("flaky")[&1], [1]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_to_be_taken_later_has_not_failed() {
    let (diary, refusals) = (Diary::default(), Arc::new(AtomicUsize::new(0)));
    let (noting, refusing) = (diary.clone(), Arc::clone(&refusals));
    let busy = Subscriber::new("busy", move |delivery: Delivery<OrderPlaced>| {
        let later = refusing.fetch_add(1, Ordering::SeqCst) < 5;
        if !later {
            noting.note("busy", &delivery);
            assert_eq!(delivery.attempt(), 1);
        }
        async move { if later { Err(later_by(20)) } else { Ok(()) } }
    });
    let app = TestApp::start(App::new().subscriber(busy.attempts(1))).await;
    place(&*app.inject::<Db>().await, 1, [1, 2]).await.unwrap();
    settled(&app).await;
    assert_eq!(diary.of("busy")[&1], [1, 2]);
    assert!(dead(&app).await.is_empty());
    app.stop().await;
}

fn later_by(millis: u64) -> Error {
    mainstay_bus::later(Duration::from_millis(millis))
}

/// Known to nobody here.
#[derive(Event, Serialize, Deserialize)]
#[event(name = "of.a.newer.program")]
struct OfANewerProgram {
    number: i64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_subscribes_to_stays_until_somebody_does() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("app.db").display());
    let older = App::new().subscribe("seen", |_: PageSeen| async { Ok(()) });
    let older = TestApp::of(older).set("database.url", &url).start().await;
    let db = older.inject::<Db>().await;
    OfANewerProgram { number: 5 }.publish(&*db).await.unwrap();
    PageSeen { number: 1 }.publish(&*db).await.unwrap();
    let outbox = older.inject::<Outbox>().await;
    until(async || outbox.waiting().await.unwrap() == 1).await;
    older.stop().await;

    let got = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&got);
    let newer = App::new().subscribe("new", move |event: OfANewerProgram| {
        counting.fetch_add(event.number as usize, Ordering::SeqCst);
        async { Ok::<_, Error>(()) }
    });
    let newer = TestApp::of(newer).set("database.url", &url).start().await;
    newer.inject::<Outbox>().await.settled(PATIENCE).await.unwrap();
    assert_eq!(got.load(Ordering::SeqCst), 5);
    newer.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_that_is_no_more_is_forgotten_with_what_waits_for_it() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("app.db").display());
    let failing = Subscriber::new("old", |_: PageSeen| async { Err::<(), _>(Error::internal("no")) });
    let before = TestApp::of(App::new().subscriber(failing)).set("database.url", &url).start().await;
    PageSeen { number: 1 }.publish(&*before.inject::<Db>().await).await?;
    before.stop().await;

    let after = TestApp::of(App::new().subscribe("new", |_: PageSeen| async { Ok(()) }));
    let after = after.set("database.url", &url).start().await;
    let outbox = after.inject::<Outbox>().await;
    let db = after.inject::<Db>().await;
    until(async || outbox.waiting().await.unwrap() == 1).await;
    PageSeen { number: 2 }.publish(&*db).await?;
    let of_old = async || StoredDelivery::filter(|it| it.subscriber.eq("old")).count(&*db).await.unwrap();
    until(async || of_old().await == 2).await;
    assert_eq!(outbox.forget("old").await?, 2);
    assert_eq!(outbox.forget("old").await.unwrap_err().status(), 404);
    PageSeen { number: 3 }.publish(&*db).await?;
    settled(&after).await;
    after.stop().await;
    Ok(())
}
