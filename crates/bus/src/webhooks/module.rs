//! Webhooks as a part of an application.

use std::time::Duration;

use chrono::{DateTime, Utc};
use mainstay_core::clock::Clock;
use mainstay_core::config::{Problems, Section, duration};
use mainstay_core::service::{Backoff, Running, Service};
use mainstay_core::{Contribute, Contribution, CoreContributions, Inject, Module, Provider, Result};
use mainstay_db::{Db, ModelsExt, migrations, models};
use mainstay_outbound::{OutboundExt, Upstream};
use serde::{Deserialize, Serialize};

use super::call::{Caller, WebhookClient, deliver};
use super::tables::{WebhookAttempt, WebhookEndpoint, WebhookMessage};
use super::{Webhooks, command};
use crate::age::ago;
use crate::subscriber::{EventsExt, Subscriber};

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How often old rows are deleted.
const SWEEP: Duration = HOUR;

/// `[webhooks]`. How endpoints are called says `[outbound.webhooks]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct WebhooksConfig {
    /// How long messages and attempts stay in the log, and can be sent again.
    #[serde(with = "duration")]
    pub keep: Duration,
    /// An endpoint at which nothing has arrived for so long is switched off.
    #[serde(with = "duration")]
    pub give_up: Duration,
}

impl Default for WebhooksConfig {
    fn default() -> Self {
        Self { keep: DAY * 30, give_up: DAY * 5 }
    }
}

impl Section for WebhooksConfig {
    const NAME: &'static str = "webhooks";

    fn validate(&self, problems: &mut Problems) {
        if self.keep < DAY * 7 {
            problems.add("keep", "must be at least 7 days: messages are tried for some days", None);
        }
    }
}

/// A contribution: the application sends webhooks.
struct SendsWebhooks;

impl Contribution for SendsWebhooks {
    fn installs() -> Option<Module> {
        Some(module())
    }
}

/// Lets an application send webhooks. In the prelude.
pub trait WebhooksExt: Contribute {
    /// Handlers and services may take [`Webhooks`].
    #[must_use]
    fn webhooks(self) -> Self {
        self.contribute(SendsWebhooks)
    }
}

impl<C: Contribute> WebhooksExt for C {}

/// The module: the section `webhooks`, its tables, [`Webhooks`], the command `webhooks`, and the upstream `webhooks` by which endpoints are
/// called.
pub fn module() -> Module {
    // Some days: 5 s, 10 s and so on up to ten hours.
    let calls = Subscriber::new("mainstay webhooks", deliver)
        .attempts(18)
        .backoff(Backoff { initial: Duration::from_secs(5), limit: HOUR * 10, ..Backoff::default() })
        .timeout(Duration::from_secs(60))
        .concurrency(32);
    // What others have chosen: public addresses alone, and no redirects, which would lead the signed message elsewhere.
    let endpoints = Upstream::anywhere("webhooks", WebhookClient)
        .timeout(Duration::from_secs(15))
        .redirects(0)
        .retries(0)
        .body_limit(1_000_000);
    Module::new("webhooks")
        .global()
        .import(crate::module::module())
        .config::<WebhooksConfig>()
        .models(models![WebhookEndpoint, WebhookMessage, WebhookAttempt])
        .migrations(migrations!("webhooks").of_library())
        .outbound(endpoints)
        .provide(Provider::singleton(Caller::new).on_demand())
        .provide(Provider::singleton(Webhooks::new).on_demand())
        .export::<Webhooks>()
        .subscriber(calls)
        .service(Service::new("webhook log", sweep))
        .command(command::command())
}

/// Deletes what is too old.
async fn sweep(
    running: Running,
    db: Inject<Db>,
    clock: Inject<dyn Clock>,
    config: Inject<WebhooksConfig>,
) -> Result<()> {
    let mut rounds = running.every(SWEEP);
    running.ready();
    while rounds.next().await {
        if let Err(fault) = delete_before(&db, ago(clock.now().into(), config.keep)).await {
            tracing::warn!(target: "mainstay::bus", error = %fault.report(), "old webhooks were not deleted: it is tried again in an hour");
        }
    }
    Ok(())
}

async fn delete_before(db: &Db, before: Option<DateTime<Utc>>) -> Result<()> {
    let Some(before) = before else { return Ok(()) };
    WebhookAttempt::filter(|it| it.at.lt(before)).delete(db).await?;
    WebhookMessage::filter(|it| it.created_at.lt(before)).delete(db).await?;
    Ok(())
}
