//! `kill -9` of processes that deliver while others publish, and of the database beneath both.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mainstay_bus::outbox::StoredDelivery;
use mainstay_bus::{Delivery, EventsExt, Outbox, Publish};
use mainstay_core::random::{Random, SecureRandom};
use mainstay_core::{App, Error, Inject, Result};
use mainstay_db::scratch::Scratch;
use mainstay_db::{Db, ModelsExt, models};
use mainstay_test::TestApp;
use servers::{Durability, Engine, Server};

use crate::several::on_each_server;
use crate::shop::{Effect, NewEffect, OrderPlaced};

/// The address of the database, for the child processes.
const CHILD: &str = "MAINSTAY_TEST_KILLED_RELAY";
const CUSTOMERS: i64 = 8;

/// How many times it kills. `MAINSTAY_TEST_KILLS` says otherwise.
fn kills() -> usize {
    std::env::var("MAINSTAY_TEST_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(5)
}

/// Two subscribers: one ends its deliveries in the transaction of its effect, the other does not.
fn shop() -> App {
    App::new()
        .models(models![Effect])
        .subscribe("once", |delivery: Delivery<OrderPlaced>| async move {
            let effect = new_effect("once", &delivery);
            delivery.complete(async |tx| effect.insert(tx).await.map(|_| ())).await
        })
        .subscribe("plain", |event: OrderPlaced, db: Inject<Db>| async move {
            new_effect("plain", &event).insert(&*db).await.map(|_| ())
        })
}

fn new_effect(by: &str, event: &OrderPlaced) -> NewEffect {
    NewEffect { by: by.to_owned(), customer: event.customer, number: event.number }
}

struct Relay(Child);

impl Relay {
    fn start(url: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "killed::relays_until_it_is_killed", "--nocapture", "--ignored"]);
        Self(command.env(CHILD, url).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // It may have ended.
        let _ended = self.0.kill();
        let _status = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the child process of the test below"]
async fn relays_until_it_is_killed() {
    let Ok(url) = std::env::var(CHILD) else { return };
    let _app = TestApp::of(shop()).set("database.url", &url).start().await;
    std::future::pending::<()>().await;
}

/// Publishes until it is told to stop. Returns how many events of each customer were committed.
async fn publish(db: Db, customer: i64, stop: Arc<AtomicBool>) -> i64 {
    let mut number = 0;
    while !stop.load(Ordering::SeqCst) {
        let published: Result<()> = db
            .transaction(async |tx| {
                OrderPlaced { customer, number }.publish(tx).await?;
                OrderPlaced { customer, number: number + 1 }.publish(tx).await?;
                // Every fifth is rolled back, and published again in the next round.
                if (number / 2) % 5 == 4 && SecureRandom::new().below(2) == 0 {
                    Err(Error::conflict("no"))
                } else {
                    Ok(())
                }
            })
            .await;
        if published.is_ok() {
            number += 2;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
        // Not more than can be delivered, however slow the machine is.
        while StoredDelivery::query().count(&db).await.unwrap() > 300 && !stop.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    number
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_event_is_lost_and_no_effect_is_there_twice_when_relays_are_killed() {
    on_each_server(async |url| {
        let publisher = TestApp::of(shop()).set("database.url", url).set("bus.relay", "false").start().await;
        let db = publisher.inject::<Db>().await;
        let stop = Arc::new(AtomicBool::new(false));
        let publishers: Vec<_> = (0..CUSTOMERS)
            .map(|customer| tokio::spawn(publish(Db::clone(&db), customer, Arc::clone(&stop))))
            .collect();
        let mut relays = [Relay::start(url), Relay::start(url)];
        let random = SecureRandom::new();
        for _ in 0..kills() {
            tokio::time::sleep(Duration::from_millis(500 + random.below(800))).await;
            let victim = &mut relays[random.below(2) as usize];
            *victim = Relay::start(url);
        }
        stop.store(true, Ordering::SeqCst);
        let mut committed = Vec::new();
        for publisher in publishers {
            committed.push(publisher.await.unwrap());
        }
        let began = Instant::now();
        publisher.inject::<Outbox>().await.settled(Duration::from_secs(60)).await.unwrap();
        // Those of the last who was killed are taken over within seconds.
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
        drop(relays);
        for (customer, committed) in (0..).zip(committed) {
            assert!(committed > 10, "{committed}");
            let all: Vec<i64> = (0..committed).collect();
            assert_eq!(numbers("once", customer, &db).await, all, "once and in order, customer {customer}");
            let mut plain = numbers("plain", customer, &db).await;
            plain.sort_unstable();
            plain.dedup();
            assert_eq!(plain, all, "at least once, customer {customer}");
        }
        publisher.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_event_is_lost_and_no_effect_is_there_twice_when_postgresql_is_killed() {
    outlives_its_database(Engine::Postgres, servers::programs::POSTGRES).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_event_is_lost_and_no_effect_is_there_twice_when_mariadb_is_killed() {
    outlives_its_database(Engine::MariaDb, servers::programs::MARIADB).await;
}

/// Publishes one event after the other. Returns the numbers of those whose commit was acknowledged.
async fn publish_through_trouble(db: Db, customer: i64, stop: Arc<AtomicBool>) -> Vec<i64> {
    let mut acknowledged = Vec::new();
    for number in 0.. {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        if (OrderPlaced { customer, number }).publish(&db).await.is_ok() {
            acknowledged.push(number);
        }
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
    acknowledged
}

async fn outlives_its_database(engine: Engine, program: servers::programs::Program) {
    if let Err(why) = program.find() {
        return servers::not_run(&format!("on {}: {why}", engine.name()));
    }
    let server = tokio::task::spawn_blocking(move || Server::start(engine, Durability::Durable));
    let mut server = server.await.unwrap().unwrap();
    let scratch = Scratch::new(&server.url()).await.unwrap();
    let app = TestApp::of(shop()).set("database.url", scratch.url()).start().await;
    let db = app.inject::<Db>().await;
    let stop = Arc::new(AtomicBool::new(false));
    let publishers: Vec<_> = (0..3)
        .map(|customer| tokio::spawn(publish_through_trouble(Db::clone(&db), customer, Arc::clone(&stop))))
        .collect();
    for round in 0..kills().min(5) as u64 {
        tokio::time::sleep(Duration::from_millis(700)).await;
        tokio::task::block_in_place(|| {
            server.kill();
            std::thread::sleep(Duration::from_millis(100 * (round % 4)));
            server.start_again().unwrap();
        });
    }
    tokio::time::sleep(Duration::from_millis(700)).await;
    stop.store(true, Ordering::SeqCst);
    let mut acknowledged = Vec::new();
    for publisher in publishers {
        acknowledged.push(publisher.await.unwrap());
    }
    app.inject::<Outbox>().await.settled(Duration::from_secs(60)).await.unwrap();
    for (customer, acknowledged) in (0..).zip(acknowledged) {
        assert!(acknowledged.len() > 20, "{}", acknowledged.len());
        let once = numbers("once", customer, &db).await;
        assert!(once.is_sorted_by(|one, next| one < next), "once and in order: {once:?}");
        let lost: Vec<_> = acknowledged.iter().filter(|number| !once.contains(number)).collect();
        assert!(lost.is_empty(), "{lost:?}");
    }
    app.stop().await;
    scratch.remove().await.unwrap();
    tokio::task::block_in_place(|| drop(server));
}

async fn numbers(by: &str, customer: i64, db: &Db) -> Vec<i64> {
    let effects = Effect::filter(|it| it.by.eq(by) & it.customer.eq(customer));
    effects.order_by(|it| it.id).select(|it| it.number).all(db).await.unwrap()
}
