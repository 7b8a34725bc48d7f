//! Webhooks: telling programs of others, by HTTP, and checking what they tell.
//!
//! What is sent is signed by the [Standard Webhooks](https://github.com/standard-webhooks/standard-webhooks) specification, so that whoever gets
//! it can check it with a library that is there for their language.
//!
//! - `signature`: [`WebhookSecret`], by which both sides know each other; [`WebhookVerifier`], which checks what comes in.
//! - `tables`: [`WebhookEndpoint`]s, messages, and the log of [`WebhookAttempt`]s.
//! - Here: [`Webhooks`], what an application uses. A message is written in the transaction that it tells of; one call for each endpoint goes
//!   through the [`outbox`](crate::outbox), which does the retries.
//! - `call`: one attempt to call an endpoint. `health`: endpoints that fail are left alone for a while, and switched off in the end.
//! - `command`: `webhooks list`, `log`, `replay`, `enable`. `module`: the section `webhooks`.

mod call;
mod command;
mod health;
mod module;
mod signature;
mod tables;

use std::fmt::Display;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use mainstay_core::clock::Clock;
use mainstay_core::random::Random;
use mainstay_core::{Error, Inject, Result};
use mainstay_db::{Db, Executor, Json, Key, Tx, Uuid};
use serde::Serialize;
use serde_json::json;

use crate::event::publish_all;

pub use module::{WebhooksConfig, WebhooksExt, module};
pub use signature::{InvalidSecret, WebhookError, WebhookSecret, WebhookVerifier};
pub use tables::{EndpointState, WebhookAttempt, WebhookEndpoint, WebhookMessage};

use call::{WebhookCall, WebhookClient};
use tables::{NewWebhookEndpoint, NewWebhookMessage};

/// A type of message is no longer.
const LONGEST_TYPE: usize = 100;

/// Sends webhooks, and manages the endpoints that get them. Injectable where `.webhooks()` is said.
///
/// ```
/// use mainstay_bus::webhooks::{NewEndpoint, Webhooks};
/// use mainstay_core::{Inject, Result};
/// use mainstay_db::Db;
/// use serde::Serialize;
///
/// #[derive(Serialize)]
/// struct Paid {
///     invoice: i64,
/// }
///
/// /// A customer wants to be told.
/// async fn register(webhooks: Inject<Webhooks>) -> Result<String> {
///     let endpoint = NewEndpoint::new("https://customer.example/hooks").owner("customer/7").types(["invoice.*"]);
///     let endpoint = webhooks.register(endpoint).await?;
///     Ok(endpoint.secret) // shown to the customer, who checks our messages by it
/// }
///
/// async fn pay(webhooks: Inject<Webhooks>, db: Inject<Db>) -> Result<()> {
///     db.transaction(async |tx| {
///         webhooks.send_to("customer/7", "invoice.paid", &Paid { invoice: 12 }, tx).await?;
///         Ok(())
///     })
///     .await
/// }
/// ```
pub struct Webhooks {
    db: Db,
    clock: Inject<dyn Clock>,
    random: Inject<dyn Random>,
    client: Inject<WebhookClient>,
}

/// An endpoint that is about to be registered.
#[derive(Clone, Debug)]
#[must_use = "an endpoint gets nothing until it is registered"]
pub struct NewEndpoint {
    url: String,
    owner: Option<String>,
    types: Vec<String>,
}

impl NewEndpoint {
    /// The one at this address, which gets every type of message.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), owner: None, types: Vec::new() }
    }

    /// Whose it is: it gets what is sent to this owner alone.
    pub fn owner(mut self, owner: impl Into<String>) -> Self {
        self.owner = Some(owner.into());
        self
    }

    /// Which types it gets: `invoice.paid`, or `invoice.*` for all that begin so.
    pub fn types<T: Into<String>>(mut self, types: impl IntoIterator<Item = T>) -> Self {
        self.types = types.into_iter().map(Into::into).collect();
        self
    }
}

impl Webhooks {
    fn new(
        db: Inject<Db>,
        clock: Inject<dyn Clock>,
        random: Inject<dyn Random>,
        client: Inject<WebhookClient>,
    ) -> Self {
        Self { db: db.primary(), clock, random, client }
    }

    /// Registers an endpoint, with a new secret.
    ///
    /// # Errors
    ///
    /// A 400 that says why when its address is one that is never called: too long, not of `http` or `https`, with credentials, another
    /// port than `outbound.webhooks.ports`, an address of the own network. What a name stands for is looked at with each call.
    pub async fn register(&self, new: NewEndpoint) -> Result<WebhookEndpoint> {
        let refused = |why: &dyn Display| {
            Err(Error::bad_request(format!("The address cannot get webhooks: {why}.")).code("webhook_url"))
        };
        if new.url.len() > tables::LONGEST_URL {
            return refused(&format_args!("it has more than {} bytes", tables::LONGEST_URL));
        }
        if let Some(why) = self.client.0.refusal(&new.url) {
            return refused(&why);
        }
        let secret = WebhookSecret::random(&*self.random).to_string();
        let row = NewWebhookEndpoint { url: new.url, secret, types: Json(new.types) }.owner(new.owner);
        row.insert(&self.db).await
    }

    /// Gives an endpoint a new secret. For `overlap`, messages are signed by the old one, too.
    pub async fn rotate(&self, endpoint: Key<WebhookEndpoint>, overlap: Duration) -> Result<WebhookEndpoint> {
        let until = chrono::Duration::from_std(overlap).ok().and_then(|it| self.now().checked_add_signed(it));
        let secret = WebhookSecret::random(&*self.random).to_string();
        self.db
            .transaction_retry(async |tx| {
                let mut row = WebhookEndpoint::find(endpoint, tx).await?;
                let (old, new) = (row.secret.clone(), secret.clone());
                row.update(|it| it.secret(new).previous_secret(Some(old)).previous_until(until), tx).await?;
                Ok(row)
            })
            .await
    }

    /// Sends a message to every endpoint that has no owner and wants this type, after the transaction is committed. Returns its id.
    ///
    /// They get `{"type": …, "timestamp": …, "data": …}`.
    ///
    /// # Errors
    ///
    /// When the type is empty or has more than 100 bytes, or the data cannot be written as JSON.
    pub async fn send(&self, kind: &str, data: &impl Serialize, tx: &Tx) -> Result<Uuid> {
        self.write(None, kind, data, tx).await
    }

    /// The same for the endpoints of one owner.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn send_to(&self, owner: &str, kind: &str, data: &impl Serialize, tx: &Tx) -> Result<Uuid> {
        self.write(Some(owner), kind, data, tx).await
    }

    async fn write(&self, owner: Option<&str>, kind: &str, data: &impl Serialize, tx: &Tx) -> Result<Uuid> {
        if kind.is_empty() || kind.len() > LONGEST_TYPE {
            return Err(Error::internal(format!("`{kind}` is no type of a message")).code("webhook_type"));
        }
        let timestamp = self.now().to_rfc3339_opts(SecondsFormat::Secs, true);
        let payload = json!({ "type": kind, "timestamp": timestamp, "data": data }).to_string();
        let message = Uuid::now_v7();
        NewWebhookMessage { id: message, kind: kind.to_owned(), payload }
            .owner(owner.map(str::to_owned))
            .insert(tx)
            .await?;
        let endpoints = WebhookEndpoint::filter(|it| it.state.eq(EndpointState::On));
        let endpoints = match owner {
            Some(owner) => endpoints.filter(|it| it.owner.eq(owner)),
            None => endpoints.filter(|it| it.owner.is_null()),
        };
        let endpoints: Vec<(i64, Json<Vec<String>>)> =
            endpoints.select(|it| (it.id, it.types)).all(tx).await?;
        let calls: Vec<_> = endpoints
            .into_iter()
            .filter(|(_, types)| tables::are_wanted(types, kind))
            .map(|(endpoint, _)| WebhookCall { endpoint, message })
            .collect();
        publish_all(&calls, tx).await?;
        Ok(message)
    }

    /// Sends a message again to one endpoint, whatever has come of it before.
    ///
    /// # Errors
    ///
    /// A 404 when there is no such endpoint, or no such message of its owner any more; 409 when the endpoint is switched off.
    pub async fn replay(
        &self,
        endpoint: Key<WebhookEndpoint>,
        message: Uuid,
        executor: &impl Executor,
    ) -> Result<()> {
        let found = WebhookEndpoint::find(endpoint, executor).await?;
        // Of the same owner: nobody is sent what belongs to another.
        let known = WebhookMessage::filter(|it| it.id.eq(message));
        let known = match found.owner.clone() {
            Some(owner) => known.filter(|it| it.owner.eq(owner)),
            None => known.filter(|it| it.owner.is_null()),
        };
        if !known.exists(executor).await? {
            return Err(Error::not_found("There is no such message, or no more."));
        }
        if found.state != EndpointState::On {
            let told = "The endpoint is switched off: switch it on first.";
            return Err(Error::conflict(told).code("webhook_endpoint_off"));
        }
        publish_all(&[WebhookCall { endpoint: found.id, message }], executor).await?;
        Ok(())
    }

    /// Switches an endpoint on again that was switched off. What was sent meanwhile it gets by [`replay`](Self::replay) alone.
    pub async fn enable(&self, endpoint: Key<WebhookEndpoint>) -> Result<WebhookEndpoint> {
        let mut row = WebhookEndpoint::find(endpoint, &self.db).await?;
        row.update(|it| it.state(EndpointState::On).off_because(None).failing_since(None), &self.db).await?;
        Ok(row)
    }

    /// Switches an endpoint off: it gets nothing any more, also of what is on its way.
    pub async fn disable(&self, endpoint: Key<WebhookEndpoint>, why: &str) -> Result<WebhookEndpoint> {
        let mut row = WebhookEndpoint::find(endpoint, &self.db).await?;
        row.switch_off(why, &self.db).await?;
        Ok(row)
    }

    /// The last attempts to call an endpoint, the newest first.
    pub async fn attempts(&self, endpoint: Key<WebhookEndpoint>, most: u64) -> Result<Vec<WebhookAttempt>> {
        let id = *endpoint.value();
        let made = WebhookAttempt::filter(|it| it.endpoint.eq(id));
        made.order_by(|it| it.id.desc()).limit(most).all(&self.db).await
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.now().into()
    }
}

impl std::fmt::Debug for Webhooks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhooks").finish_non_exhaustive()
    }
}
