//! Signals between processes, which are handles of their own here.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mainstay_core::{Error, Result};
use mainstay_db::driver::{Driver, Ear};
use mainstay_db::postgres::{Location, Pooler, PostgresOptions};
use mainstay_db::{Db, Settings};

use super::pooler::Bouncer;
use super::{ask, on, open, until};
use crate::contract::signals::{heard, settled, silent};

fn named(name: &str) -> PostgresOptions {
    PostgresOptions { connections: 4, application_name: name.into(), ..PostgresOptions::default() }
}

async fn process(url: &str, name: &str) -> Db {
    Db::over(open(url, named(name)).await, Settings::default())
}

/// How many connections of that name listen.
async fn listening(driver: &dyn Driver, name: &str) -> i64 {
    let sql = format!(
        "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() \
         AND application_name = '{name}' AND query = 'LISTEN mainstay'"
    );
    ask(driver, &sql).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_hear_each_other() {
    on(async |url: String| {
        let (one, other) = (process(&url, "one").await, process(&url, "other").await);
        let (mut at_one, mut at_other) = (settled(&one, "orders").await, settled(&other, "orders").await);
        other.signal("orders");
        assert!(heard(&mut at_one).await && heard(&mut at_other).await);
        one.transaction(async |tx| {
            tx.signal("orders");
            Ok(())
        })
        .await
        .unwrap();
        assert!(heard(&mut at_one).await && heard(&mut at_other).await);
        // Nobody hears himself twice.
        assert!(silent(&mut at_one).await && silent(&mut at_other).await);
        one.close().await;
        other.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_rolled_back_is_not_told_to_others() {
    on(async |url: String| {
        let (one, other) = (process(&url, "one").await, process(&url, "other").await);
        let mut signals = settled(&other, "orders").await;
        let failed: Result<()> = one
            .transaction(async |tx| {
                tx.signal("orders");
                Err(Error::conflict("no"))
            })
            .await;
        failed.unwrap_err();
        assert!(silent(&mut signals).await);
        one.close().await;
        other.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hears_again_when_its_connection_was_ended() {
    on(async |url: String| {
        let (one, other) = (process(&url, "one").await, process(&url, "other").await);
        let watch = open(&url, PostgresOptions::default()).await;
        let mut signals = settled(&other, "orders").await;
        let ended: i64 = ask(
            &*watch,
            "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity \
             WHERE datname = current_database() AND query = 'LISTEN mainstay'",
        )
        .await;
        assert_eq!(ended, 1);
        // Told of the loss and of the return, since something may have been missed: perhaps as one.
        assert!(heard(&mut signals).await);
        until(async || signals.hears_others() && listening(&*watch, "other").await == 1).await;
        while !silent(&mut signals).await {}
        one.signal("orders");
        assert!(heard(&mut signals).await);
        one.close().await;
        other.close().await;
        watch.close().await;
    })
    .await;
}

#[derive(Default)]
struct Counting {
    begun: AtomicUsize,
    messages: AtomicUsize,
    last: AtomicUsize,
}

impl Ear for Counting {
    fn begins(&self) {
        self.begun.fetch_add(1, Ordering::SeqCst);
    }

    fn hears(&self, message: &str) {
        self.messages.fetch_add(1, Ordering::SeqCst);
        self.last.fetch_add(usize::from(message.contains("\"last\"")), Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_signals_are_few_notifications() {
    on(async |url: String| {
        let (db, watch) = (process(&url, "one").await, open(&url, PostgresOptions::default()).await);
        let ear = Arc::new(Counting::default());
        let hearing = tokio::spawn(watch.listen(ear.clone()).unwrap());
        until(async || ear.begun.load(Ordering::SeqCst) == 1).await;
        let started = std::time::Instant::now();
        for number in 0..10_000 {
            db.signal(["orders", "jobs", "mails"][number % 3]);
            if number % 1_000 == 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        let rounds = started.elapsed().as_millis() as usize / 5 + 2;
        db.signal("last");
        until(async || ear.last.load(Ordering::SeqCst) > 0).await;
        let messages = ear.messages.load(Ordering::SeqCst);
        assert!(messages <= rounds + 1, "{messages} messages in {rounds} rounds");
        db.close().await;
        watch.close().await;
        assert!(hearing.await.unwrap().is_err(), "it ends with the driver");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_listens_until_somebody_waits_nor_after_the_end() {
    on(async |url: String| {
        let watch = open(&url, PostgresOptions::default()).await;
        let (closed, dropped) = (process(&url, "closed").await, process(&url, "dropped").await);
        closed.signal("orders");
        assert_eq!(listening(&*watch, "closed").await, 0);
        let (at_closed, at_dropped) = (settled(&closed, "orders").await, settled(&dropped, "orders").await);
        assert_eq!((listening(&*watch, "closed").await, listening(&*watch, "dropped").await), (1, 1));
        closed.close().await;
        until(async || listening(&*watch, "closed").await == 0 && !at_closed.hears_others()).await;
        // Who still waits keeps no connection.
        drop(dropped);
        until(async || listening(&*watch, "dropped").await == 0 && !at_dropped.hears_others()).await;
        watch.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_pooler_it_hears_by_the_direct_address() {
    on(async |url: String| {
        let Some(bouncer) = Bouncer::start(&url).await else { return };
        let through = PostgresOptions { pooler: Pooler::Transaction, ..named("pooled") };
        let direct = PostgresOptions {
            direct: Some(Location::parse(&url, Path::new(".")).unwrap()),
            ..through.clone()
        };
        let one = Db::over(open(&bouncer.url(&url), direct).await, Settings::default());
        let deaf = Db::over(open(&bouncer.url(&url), through).await, Settings::default());
        let mut signals = settled(&one, "orders").await;
        let mut unheard = deaf.signals("orders");
        deaf.signal("orders");
        assert!(heard(&mut signals).await);
        one.signal("orders");
        assert!(heard(&mut unheard).await, "its own signals it hears");
        assert!(silent(&mut unheard).await && !unheard.hears_others());
        one.close().await;
        deaf.close().await;
    })
    .await;
}
