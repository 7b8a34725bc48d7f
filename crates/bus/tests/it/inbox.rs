//! Messages of others.

use mainstay_bus::EventsExt;
use mainstay_bus::inbox::{Arrival, once};
use mainstay_core::{App, Error, Result};
use mainstay_db::{Db, ModelsExt, models};
use mainstay_test::{TestApp, on_each_engine};

use crate::shop::{Effect, NewEffect};

async fn take(db: &Db, consumer: &str, message: &str, fails: bool) -> Result<Arrival> {
    db.transaction_retry(async |tx| {
        let arrival = once(consumer, message, tx).await?;
        if arrival == Arrival::First {
            NewEffect { by: consumer.into(), customer: 1, number: 1 }.insert(tx).await?;
        }
        if fails { Err(Error::internal("no")) } else { Ok(arrival) }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_taken_once_by_each_consumer() {
    on_each_engine(
        || TestApp::of(App::new().models(models![Effect]).events()),
        async |app| {
            let db = app.inject::<Db>().await;
            take(&db, "payments", "evt_1", true).await.unwrap_err();
            assert_eq!(take(&db, "payments", "evt_1", false).await.unwrap(), Arrival::First);
            assert_eq!(take(&db, "payments", "evt_1", false).await.unwrap(), Arrival::Again);
            assert_eq!(take(&db, "stock", "evt_1", false).await.unwrap(), Arrival::First);
            assert_eq!(take(&db, "payments", "evt_2", false).await.unwrap(), Arrival::First);
            assert_eq!(Effect::query().count(&*db).await.unwrap(), 3);
            for bad in [String::new(), "x".repeat(256)] {
                assert_eq!(
                    take(&db, "payments", &bad, false).await.unwrap_err().machine_code(),
                    "message_id"
                );
            }
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_those_who_take_it_at_once_one_is_first() {
    on_each_engine(
        || TestApp::of(App::new().models(models![Effect]).events()),
        async |app| {
            let db = app.inject::<Db>().await;
            for round in 0..5 {
                let message = format!("evt_{round}");
                let tasks: Vec<_> = (0..8)
                    .map(|number| {
                        let (db, message) = (Db::clone(&db), message.clone());
                        // Some are rolled back, and then another is the first.
                        tokio::spawn(async move { take(&db, "payments", &message, number % 3 == 0).await })
                    })
                    .collect();
                let mut firsts = 0;
                for task in tasks {
                    firsts += usize::from(matches!(task.await.unwrap(), Ok(Arrival::First)));
                }
                assert_eq!(firsts, 1);
            }
            assert_eq!(Effect::query().count(&*db).await.unwrap(), 5);
        },
    )
    .await;
}
