//! A shop that tells its customers something.

use std::sync::Arc;

use mainstay_core::clock::TestClock;
use mainstay_core::{App, Inject, Result};
use mainstay_db::Db;
use mainstay_jobs::{JobsExt, jobs};
use mainstay_mail::{DeliverMail, Mail};
use mainstay_notifications::{Notification, Notifications, NotificationsExt, Recipient, Via};
use mainstay_test::{Setup, TestApp, on_each_engine};
use serde::{Deserialize, Serialize};

/// A parcel is on its way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sent {
    pub(crate) order: i64,
}

impl Notification for Sent {
    const NAME: &'static str = "order.sent";
    const VIA: &'static [Via] = &Via::ALL;

    fn mail(&self, to: &Recipient) -> Option<Mail> {
        let subject = match to.language() {
            Some("de") => format!("Bestellung {} ist unterwegs", self.order),
            _ => format!("Order {} is on its way", self.order),
        };
        // The seventh goes without a word by mail.
        (self.order != 7).then_some(Mail::to(to.address()?).subject(subject).text("See you."))
    }
}

/// Somebody has signed in from elsewhere.
#[derive(Serialize, Deserialize)]
pub(crate) struct SignedIn {
    pub(crate) from: String,
}

impl Notification for SignedIn {
    const NAME: &'static str = "account.signed-in";
    const VIA: &'static [Via] = &[Via::Database, Via::Mail];
    const ALWAYS: &'static [Via] = &[Via::Mail];
    const ON_REQUEST: &'static [Via] = &[Via::Database];

    fn mail(&self, to: &Recipient) -> Option<Mail> {
        Some(Mail::to(to.address()?).subject("A new device").text(&self.from))
    }
}

pub(crate) fn shop() -> App {
    App::new().notification::<Sent>().notification::<SignedIn>().jobs(jobs![DeliverMail])
}

pub(crate) fn ann() -> Recipient {
    Recipient::new("customer/1").mail(("Ann", "ann@example.org"))
}

pub(crate) fn bob() -> Recipient {
    Recipient::new("customer/2").mail("bob@example.org").locale("de")
}

/// What the tests look at.
pub(crate) struct Shop<'a> {
    pub(crate) app: &'a TestApp,
    pub(crate) db: Inject<Db>,
    pub(crate) notifications: Inject<Notifications>,
}

impl<'a> Shop<'a> {
    pub(crate) async fn of(app: &'a TestApp) -> Self {
        Self { app, db: app.inject().await, notifications: app.inject().await }
    }

    pub(crate) async fn tell<N: Notification>(&self, whom: &Recipient, what: &N) -> Result<()> {
        self.db.transaction(async |tx| self.notifications.send(whom, what, tx).await).await
    }

    /// The subjects of the mails that have arrived.
    pub(crate) async fn mails_to(&self, address: &str) -> Vec<String> {
        self.app.run_jobs().await;
        self.app.mails_to(address).await.into_iter().map(|mail| mail.subject).collect()
    }
}

/// Runs a test on every engine at once, each with a clock that it moves.
pub(crate) async fn on_each(test: impl AsyncFn(Shop<'_>, &TestClock)) {
    let clock = Arc::new(TestClock::default());
    let setup: &dyn Fn() -> Setup = &|| TestApp::of(shop()).clock(&clock);
    on_each_engine(setup, async |app| test(Shop::of(app).await, &clock).await).await;
}
