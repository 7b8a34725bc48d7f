//! What is found before anything runs, and when something is old.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mainstay_core::App;
use mainstay_core::clock::TestClock;
use mainstay_core::config::Sources;
use mainstay_mail::Mail;
use mainstay_notifications::mailbox::Show;
use mainstay_notifications::{Notification, NotificationsExt, Recipient, Via};
use mainstay_test::TestApp;
use serde::{Deserialize, Serialize};

use crate::shop::{Sent, Shop, ann, shop};

/// Always, and on request: that cannot be.
#[derive(Serialize, Deserialize)]
struct Torn;

impl Notification for Torn {
    const NAME: &'static str = "torn";
    const ALWAYS: &'static [Via] = &[Via::Database];
    const ON_REQUEST: &'static [Via] = &[Via::Database];
}

/// Badly described.
#[derive(Serialize, Deserialize)]
struct Crooked;

impl Notification for Crooked {
    const NAME: &'static str = "";
    const VIA: &'static [Via] = &[Via::Mail];
    const ALWAYS: &'static [Via] = &[Via::Database];

    fn mail(&self, _: &Recipient) -> Option<Mail> {
        None
    }
}

#[test]
fn mistakes_are_found_at_the_start() {
    let found = |app: App| app.assemble(Sources::isolated()).findings().to_string();
    let crooked = found(App::new().notification::<Crooked>().notification::<Sent>().notification::<Sent>());
    for id in ["E001", "E002", "E003", "E004"] {
        assert!(crooked.contains(&format!("notifications.{id}")), "{id}: {crooked}");
    }
    assert!(crooked.contains(".jobs(jobs![DeliverMail])"), "{crooked}");
    let torn = found(App::new().notification::<Torn>());
    assert!(torn.contains("notifications.E003") && torn.contains("has to be asked for"), "{torn}");
    assert!(!found(shop()).contains("notifications."));
}

#[tokio::test]
async fn the_migrations_make_the_tables_that_the_models_need() {
    let app = TestApp::start(shop()).await;
    app.assert_migrations_make("");
    app.stop().await;
}

#[tokio::test]
async fn what_is_old_is_deleted() {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let (clock, folder) = (Arc::new(TestClock::default()), tempfile::tempdir().unwrap());
    let url = format!("sqlite:{}", folder.path().join("shop.db").display());
    // It is looked for at the start, and once an hour.
    let start = async || {
        let app = TestApp::of(shop()).clock(&clock).set("database.url", &url);
        app.set("notifications.keep", "30d").start().await
    };
    let app = start().await;
    let told = Shop::of(&app).await;
    told.tell(&ann(), &Sent { order: 1 }).await.unwrap();
    clock.advance(DAY * 20);
    told.tell(&ann(), &Sent { order: 2 }).await.unwrap();
    app.stop().await;
    clock.advance(DAY * 20);
    let app = start().await;
    let told = Shop::of(&app).await;
    let left = async || told.notifications.of(&ann()).list(Show::All, None, 9).await.unwrap();
    let began = Instant::now();
    while left().await.len() > 1 && began.elapsed() < Duration::from_secs(10) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let left = left().await;
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].read_as::<Sent>().unwrap(), Some(Sent { order: 2 }));
    app.stop().await;
}
