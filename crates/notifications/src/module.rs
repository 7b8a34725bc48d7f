//! The built-in module `notifications`.
//!
//! | id | what |
//! |---|---|
//! | `notifications.E001` | two kinds of notifications are called the same |
//! | `notifications.E002` | the name of a kind is empty or too long |
//! | `notifications.E003` | a way that cannot be switched off, or has to be asked for, is none of its kind, or is both |
//! | `notifications.E004` | a kind goes by mail, and the application has no job that delivers mails |

use std::time::Duration;

use chrono::{DateTime, Utc};
use mainstay_core::check::Check;
use mainstay_core::clock::Clock;
use mainstay_core::config::{Problems, Section, duration};
use mainstay_core::service::{Running, Service};
use mainstay_core::{
    Assembly, Contribute, CoreContributions, Finding, Findings, Inject, Module, Provider, Result,
};
use mainstay_db::{Db, ModelsExt, Uuid, migrations, models};
use mainstay_jobs::{Job, Registration};
use mainstay_mail::DeliverMail;
use serde::{Deserialize, Serialize};

use crate::notification::{Kind, Notification, Via};
use crate::send::Notifications;
use crate::tables::{StoredNotification, StoredPreference};

/// The name of a kind is no longer, in bytes.
const LONGEST_NAME: usize = 100;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How often it is looked for what is old.
const SWEEP: Duration = Duration::from_secs(60 * 60);
/// So many rows are deleted at once.
const BATCH: u64 = 1_000;

/// `[notifications]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct NotificationsConfig {
    /// How long a notification stays in the database, read or not.
    #[serde(with = "duration")]
    pub keep: Duration,
}

impl Default for NotificationsConfig {
    fn default() -> Self {
        Self { keep: DAY * 180 }
    }
}

impl Section for NotificationsConfig {
    const NAME: &'static str = "notifications";

    fn validate(&self, problems: &mut Problems) {
        if self.keep < DAY {
            problems.add("keep", "must be at least a day", Some("leave it out: 180d"));
        }
    }
}

/// Lets an application tell people something. In the prelude.
pub trait NotificationsExt: Contribute {
    /// The application tells this kind of notification. Handlers and services may take [`Notifications`].
    #[must_use]
    fn notification<N: Notification>(self) -> Self {
        self.contribute(Kind::of::<N>())
    }
}

impl<C: Contribute> NotificationsExt for C {}

/// The module: the section `notifications`, its tables, and [`Notifications`].
pub fn module() -> Module {
    Module::new("notifications")
        .global()
        .import(mainstay_db::module::module())
        .import(mainstay_bus::pubsub::module())
        .import(mainstay_mail::module::module())
        .config::<NotificationsConfig>()
        .models(models![StoredNotification, StoredPreference])
        .migrations(migrations!("notifications").of_library())
        .provide(Provider::asynchronous(Notifications::provide).on_demand())
        .export::<Notifications>()
        .check(Check::at_start(check))
        .service(Service::new("notifications", sweep))
}

fn check(assembly: &Assembly, findings: &mut Findings) {
    let mut names = Vec::new();
    let mut kinds = assembly.contributions.of::<Registration>();
    let delivers = kinds.any(|kind| kind.value.kind() == DeliverMail::SPEC.name);
    for found in assembly.contributions.of::<Kind>() {
        let Kind { name, via, always, on_request } = found.value;
        let place = format!("module `{}`", found.module.name);
        let mut add = |id, told: String, fix: &'static str| {
            findings.add(Finding::error(id, told).at(place.clone()).fix(fix));
        };
        if names.contains(name) {
            add(
                "notifications.E001",
                format!("two kinds of notifications are called `{name}`"),
                "contribute it once, or give one of them another `NAME`",
            );
        }
        names.push(name);
        if name.is_empty() || name.len() > LONGEST_NAME {
            let told = format!("`{name}` is no name of a notification");
            add("notifications.E002", told, "give it one of 1 to 100 bytes");
        }
        for stray in always.iter().chain(*on_request).filter(|stray| !via.contains(stray)) {
            let told = format!("`{name}` does not go by `{stray:?}`, of which it says how");
            add("notifications.E003", told, "add it to `VIA`, or take it out of `ALWAYS` and `ON_REQUEST`");
        }
        if let Some(both) = always.iter().find(|way| on_request.contains(way)) {
            let told = format!("`{name}` always goes by `{both:?}`, and has to be asked for");
            add("notifications.E003", told, "take it out of `ALWAYS` or `ON_REQUEST`");
        }
        if via.contains(&Via::Mail) && !delivers {
            let told = format!("`{name}` goes by mail, and nothing delivers mails by jobs");
            add("notifications.E004", told, "add the job: `.jobs(jobs![DeliverMail])`");
        }
    }
}

/// Deletes what is old.
async fn sweep(
    running: Running,
    db: Inject<Db>,
    clock: Inject<dyn Clock>,
    config: Inject<NotificationsConfig>,
) -> Result<()> {
    let db = db.primary().in_background();
    let mut rounds = running.every(SWEEP);
    running.ready();
    loop {
        let now: DateTime<Utc> = clock.now().into();
        // Where no calendar goes, nothing is that old.
        let before =
            chrono::Duration::from_std(config.keep).ok().and_then(|keep| now.checked_sub_signed(keep));
        if let Some(before) = before
            && let Err(fault) = delete_before(before, &db).await
        {
            tracing::warn!(target: "mainstay::notifications", error = %fault.report(), "old notifications were not deleted: it is tried again in an hour");
        }
        if !rounds.next().await {
            return Ok(());
        }
    }
}

async fn delete_before(before: DateTime<Utc>, db: &Db) -> Result<()> {
    loop {
        let old = StoredNotification::filter(|it| it.created_at.lt(before)).limit(BATCH);
        let ids: Vec<Uuid> = old.select(|it| it.id).all(db).await?;
        let is_end = (ids.len() as u64) < BATCH;
        StoredNotification::filter(|it| it.id.is_in(ids)).delete(db).await?;
        if is_end {
            return Ok(());
        }
    }
}
