//! Several processes on one database.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use mainstay_bus::{Delivery, EventsExt, Publish};
use mainstay_core::App;
use mainstay_db::scratch::{Engine, Scratch};
use mainstay_db::{Db, ModelsExt, models, sql};
use mainstay_test::TestApp;

use crate::shop::{Diary, Effect, NewEffect, OrderPlaced, PageSeen, place, settled, until};

/// An application that writes down in the database, once for each event, and notes down in the order in which it does.
fn shop(diary: &Diary) -> App {
    let diary = diary.clone();
    App::new().models(models![Effect]).subscribe("effect", move |delivery: Delivery<OrderPlaced>| {
        let diary = diary.clone();
        async move {
            let effect =
                NewEffect { by: "effect".into(), customer: delivery.customer, number: delivery.number };
            delivery.complete(async |tx| effect.insert(tx).await.map(|_| ())).await?;
            diary.note("effect", &delivery);
            Ok(())
        }
    })
}

/// Runs a test with the address of a database that several can open, on every engine at once.
pub(crate) async fn on_each_server(test: impl AsyncFn(&str)) {
    let folder = tempfile::tempdir().unwrap();
    let mut servers = Vec::new();
    for engine in [Engine::Postgres, Engine::MySql] {
        match engine.server() {
            Ok(server) => servers.push(Scratch::new(&server).await.unwrap()),
            Err(missing) => servers::not_run(&format!("on {}: {}", engine.name(), missing.message())),
        }
    }
    let file = format!("sqlite:{}", folder.path().join("app.db").display());
    let urls = servers.iter().map(Scratch::url).chain([&*file]);
    join_all(urls.map(|url| test(url))).await;
    for scratch in servers {
        scratch.remove().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_share_the_work_and_keep_the_order() {
    on_each_server(async |url| {
        let diary = Diary::default();
        let one = TestApp::of(shop(&diary)).set("database.url", url).start().await;
        let other = TestApp::of(shop(&diary)).set("database.url", url).start().await;
        let (db, of_other) = (one.inject::<Db>().await, other.inject::<Db>().await);
        for round in 0..8 {
            let db = if round % 2 == 0 { &db } else { &of_other };
            for customer in 0..12 {
                place(db, customer, round * 5..(round + 1) * 5).await.unwrap();
            }
        }
        settled(&one).await;
        assert_eq!(Effect::query().count(&*db).await.unwrap(), 12 * 40);
        for customer in 0..12 {
            let effects =
                Effect::filter(|it| it.customer.eq(customer)).order_by(|it| it.id).all(&*db).await.unwrap();
            let numbers: Vec<_> = effects.iter().map(|it| it.number).collect();
            assert_eq!(numbers, (0..40).collect::<Vec<_>>(), "{customer}");
        }
        one.stop().await;
        other.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leases_of_who_is_gone_without_a_word_are_taken_over() {
    on_each_server(async |url| {
        let diary = Diary::default();
        let app = TestApp::of(shop(&diary)).set("database.url", url).start().await;
        let db = app.inject::<Db>().await;
        sql("UPDATE mainstay_lanes SET owner = 'gone', token = token + 1").execute(&*db).await.unwrap();
        let began = Instant::now();
        place(&db, 1, [1]).await.unwrap();
        settled(&app).await;
        let took = began.elapsed();
        assert!(took > Duration::from_secs(4) && took < Duration::from_secs(19), "{took:?}");
        app.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_process_gives_events_to_subscribers_of_a_newer() {
    on_each_server(async |url| {
        let diary = Diary::default();
        let older = App::new().models(models![Effect]).subscribe("seen", |_: PageSeen| async { Ok(()) });
        let older = TestApp::of(older).set("database.url", url).start().await;
        let newer =
            TestApp::of(shop(&diary)).set("database.url", url).set("bus.relay", "false").start().await;
        // Only the older relays: it knows that there is somebody, and leaves to him what is his.
        let db = older.inject::<Db>().await;
        place(&db, 1, [1]).await.unwrap();
        until(async || sql("SELECT id FROM mainstay_deliveries").rows(&*db).await.unwrap().len() == 1).await;
        PageSeen { number: 1 }.publish(&*db).await.unwrap();
        newer.stop().await;
        let newer = TestApp::of(shop(&diary)).set("database.url", url).start().await;
        settled(&newer).await;
        // It is noted after the delivery has ended.
        until(async || diary.of("effect").contains_key(&1)).await;
        assert_eq!(diary.of("effect")[&1], [1]);
        older.stop().await;
        newer.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_under_way_ends_before_the_process_and_leases_are_given_back() {
    on_each_server(async |url| {
        let (begun, ended) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (beginning, ending) = (Arc::clone(&begun), Arc::clone(&ended));
        let app = App::new().subscribe("slow", move |_: PageSeen| {
            let (begun, ended) = (Arc::clone(&beginning), Arc::clone(&ending));
            async move {
                begun.store(true, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(300)).await;
                ended.store(true, Ordering::SeqCst);
                Ok(())
            }
        });
        let app = TestApp::of(app).set("database.url", url).start().await;
        let db = app.inject::<Db>().await;
        PageSeen { number: 1 }.publish(&*db).await.unwrap();
        until(async || begun.load(Ordering::SeqCst)).await;
        app.stop().await;
        assert!(ended.load(Ordering::SeqCst));
        let after = Db::open(url).await.unwrap();
        for table in ["mainstay_deliveries", "mainstay_lanes WHERE owner IS NOT NULL"] {
            let left = sql(format!("SELECT 1 FROM {table}")).rows(&after).await.unwrap().len();
            assert_eq!(left, 0, "{table}");
        }
        after.close().await;
    })
    .await;
}
