//! One attempt to call an endpoint, and what comes of it.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use http::{HeaderName, StatusCode};
use mainstay_core::clock::Clock;
use mainstay_core::error::Chain;
use mainstay_core::{Error, Inject, Result};
use mainstay_db::{Db, Uuid};
use mainstay_outbound::{Answer, Client, OutboundError};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::WebhooksConfig;
use super::health::Health;
use super::signature::{ID, SIGNATURE, TIMESTAMP, WebhookSecret};
use super::tables::{EndpointState, NewWebhookAttempt, WebhookEndpoint, WebhookMessage, beginning};
use crate::delivery::{Delivery, later};
use crate::event::Event;

/// So much of an answer is kept, in characters.
const EXCERPT: usize = 500;

/// A message is to be sent to an endpoint.
#[derive(Serialize, Deserialize)]
pub(super) struct WebhookCall {
    pub(super) endpoint: i64,
    pub(super) message: Uuid,
}

// By hand: the macro names this crate as others do.
impl Event for WebhookCall {
    const NAME: &'static str = "mainstay.webhook.call";
}

/// Calls endpoints.
pub(super) struct Caller {
    db: Db,
    client: Inject<WebhookClient>,
    clock: Inject<dyn Clock>,
    config: Inject<WebhooksConfig>,
    health: Health,
}

/// What reaches them: public addresses alone.
pub(super) struct WebhookClient(pub(super) Client);

/// What has come back.
struct Outcome {
    status: Option<StatusCode>,
    excerpt: String,
    /// When the endpoint wants to be called again.
    retry_after: Option<Duration>,
}

/// The subscriber.
pub(super) async fn deliver(delivery: Delivery<WebhookCall>, caller: Inject<Caller>) -> Result<()> {
    caller.call(&delivery).await
}

impl Caller {
    pub(super) fn new(
        db: Inject<Db>,
        client: Inject<WebhookClient>,
        clock: Inject<dyn Clock>,
        config: Inject<WebhooksConfig>,
    ) -> Self {
        Self { db: db.primary(), client, clock, config, health: Health::default() }
    }

    async fn call(&self, delivery: &Delivery<WebhookCall>) -> Result<()> {
        let WebhookCall { endpoint, message } = **delivery;
        let found = WebhookEndpoint::filter(|it| it.id.eq(endpoint)).first(&self.db).await?;
        // It was deleted, or switched off: nothing is owed any more.
        let Some(endpoint) = found.filter(|it| it.state == EndpointState::On) else { return Ok(()) };
        let Some(message) = WebhookMessage::filter(|it| it.id.eq(message)).first(&self.db).await? else {
            return Ok(());
        };
        let calling = self.health.call(endpoint.id, Instant::now()).map_err(later)?;
        let began = Instant::now();
        let outcome = self.send(&endpoint, &message).await?;
        calling.ended(outcome.is_well(), outcome.retry_after, Instant::now());
        NewWebhookAttempt {
            endpoint: endpoint.id,
            message: message.id,
            attempt: i32::try_from(delivery.attempt()).unwrap_or(i32::MAX),
            took_ms: i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX),
            excerpt: outcome.excerpt.clone(),
        }
        .status(outcome.status.map(|status| i32::from(status.as_u16())))
        .insert(&self.db)
        .await?;
        self.judge(endpoint, outcome).await
    }

    async fn send(&self, endpoint: &WebhookEndpoint, message: &WebhookMessage) -> Result<Outcome> {
        let now: DateTime<Utc> = self.clock.now().into();
        let timestamp = u64::try_from(now.timestamp()).unwrap_or_default();
        let (id, body) = (message.id.to_string(), message.payload.clone());
        let mut secrets = vec![&endpoint.secret];
        if let (Some(previous), Some(until)) = (&endpoint.previous_secret, endpoint.previous_until)
            && until > now
        {
            secrets.push(previous);
        }
        let mut signatures = Vec::new();
        for secret in secrets {
            let secret: WebhookSecret = secret.parse().map_err(Error::from)?;
            signatures.push(secret.sign(&id, timestamp, body.as_bytes()));
        }
        let request = self
            .client
            .0
            .post(&endpoint.url)
            .header(HeaderName::from_static(ID), id)
            .header(HeaderName::from_static(TIMESTAMP), timestamp.to_string())
            .header(HeaderName::from_static(SIGNATURE), signatures.join(" "))
            .body("application/json", body)
            .any_status()
            .secret_path();
        Ok(match request.send().await {
            Ok(answer) => Outcome::of(&answer, self.clock.now()),
            Err(fault) => Outcome::without_answer(&fault),
        })
    }

    /// What follows for the endpoint, and whether the message is tried again.
    async fn judge(&self, mut endpoint: WebhookEndpoint, outcome: Outcome) -> Result<()> {
        let now: DateTime<Utc> = self.clock.now().into();
        if outcome.is_well() {
            if endpoint.failing_since.is_some() {
                endpoint.update(|it| it.failing_since(None), &self.db).await?;
            }
            return Ok(());
        }
        let told = outcome.told();
        if outcome.status == Some(StatusCode::GONE) {
            return self.switch_off(endpoint, "it answered 410 Gone: it wants nothing any more").await;
        }
        match endpoint.failing_since {
            None => endpoint.update(|it| it.failing_since(Some(now)), &self.db).await?,
            Some(since) => {
                let failing = now.signed_duration_since(since).to_std().unwrap_or_default();
                if failing > self.config.give_up {
                    let why =
                        format!("nothing has arrived there since {}: {told}", since.format("%Y-%m-%d %H:%M"));
                    return self.switch_off(endpoint, &why).await;
                }
            }
        }
        Err(Error::internal(format!("the endpoint {}: {told}", endpoint.id)))
    }

    async fn switch_off(&self, mut endpoint: WebhookEndpoint, why: &str) -> Result<()> {
        tracing::warn!(target: "mainstay::bus", endpoint = endpoint.id, why, "an endpoint of webhooks is switched off");
        endpoint.switch_off(why, &self.db).await
    }
}

impl Outcome {
    fn of(answer: &Answer, now: SystemTime) -> Self {
        let excerpt = beginning(&String::from_utf8_lossy(answer.bytes()), EXCERPT);
        Self { status: Some(answer.status()), excerpt, retry_after: answer.retry_after(now) }
    }

    fn without_answer(fault: &Error) -> Self {
        let why = fault.source_as::<OutboundError>().map(|fault| Chain(&fault.failure).to_string());
        let why = why.unwrap_or_else(|| fault.report());
        Self { status: None, excerpt: beginning(&why, EXCERPT), retry_after: None }
    }

    fn is_well(&self) -> bool {
        self.status.is_some_and(|status| status.is_success())
    }

    fn told(&self) -> String {
        match self.status {
            Some(status) => format!("it answered {status}"),
            None => self.excerpt.clone(),
        }
    }
}
