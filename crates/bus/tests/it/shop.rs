//! What the tests' applications are about.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mainstay_bus::{Event, Outbox, Publish};
use mainstay_core::Result;
use mainstay_db::{Db, model};
use mainstay_test::TestApp;
use serde::{Deserialize, Serialize};

/// Somebody has ordered something.
#[derive(Clone, Debug, PartialEq, Event, Serialize, Deserialize)]
#[event(name = "order.placed", key = customer)]
pub(crate) struct OrderPlaced {
    pub(crate) customer: i64,
    pub(crate) number: i64,
}

/// Something without an order.
#[derive(Clone, Debug, PartialEq, Event, Serialize, Deserialize)]
#[event(name = "page.seen")]
pub(crate) struct PageSeen {
    pub(crate) number: i64,
}

/// What was done, once for each row.
#[model]
pub(crate) struct Effect {
    pub(crate) id: i64,
    #[field(max_length = 40)]
    pub(crate) by: String,
    pub(crate) customer: i64,
    pub(crate) number: i64,
}

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What subscribers were given, in order.
#[derive(Clone, Default)]
pub(crate) struct Diary(Arc<Mutex<Vec<(String, i64, i64)>>>);

impl Diary {
    pub(crate) fn note(&self, by: &str, event: &OrderPlaced) {
        self.0.lock().unwrap().push((by.to_owned(), event.customer, event.number));
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// The numbers that one subscriber was given, by customer.
    pub(crate) fn of(&self, by: &str) -> HashMap<i64, Vec<i64>> {
        let mut found: HashMap<i64, Vec<i64>> = HashMap::new();
        for (_, customer, number) in self.0.lock().unwrap().iter().filter(|(who, ..)| who == by) {
            found.entry(*customer).or_default().push(*number);
        }
        found
    }
}

pub(crate) async fn settled(app: &TestApp) {
    app.inject::<Outbox>().await.settled(PATIENCE).await.unwrap();
}

pub(crate) async fn place(db: &Db, customer: i64, numbers: impl IntoIterator<Item = i64>) -> Result<()> {
    db.transaction(async |tx| {
        for number in numbers {
            OrderPlaced { customer, number }.publish(tx).await?;
        }
        Ok(())
    })
    .await
}

/// Waits until something is so.
pub(crate) async fn until(mut condition: impl AsyncFnMut() -> bool) {
    for _ in 0..400 {
        if condition().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("it did not come to be within ten seconds");
}
