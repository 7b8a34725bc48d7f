//! What is stored of webhooks.

use chrono::{DateTime, Utc};
use mainstay_core::Result;
use mainstay_db::{Db, DbEnum, Json, Uuid, model};

/// An address is no longer.
pub(super) const LONGEST_URL: usize = 2_000;
/// So much of a reason is kept, by which an endpoint is switched off.
const LONGEST_REASON: usize = 255;

/// Whom webhooks are sent to.
#[model(table = "mainstay_webhook_endpoints")]
pub struct WebhookEndpoint {
    /// Its number.
    pub id: i64,
    /// Its address.
    #[field(max_length = 2000)]
    pub url: String,
    /// By which messages are signed: `whsec_…`.
    #[field(encrypted, hidden)]
    pub secret: String,
    /// The one before.
    #[field(encrypted, hidden)]
    pub previous_secret: Option<String>,
    /// Until when messages are signed by that, too.
    pub previous_until: Option<DateTime<Utc>>,
    /// Whose it is. Without, it gets what is sent to nobody in particular.
    #[field(max_length = 255, index)]
    pub owner: Option<String>,
    /// Which types it gets: `invoice.paid`, `invoice.*`. None: all.
    pub types: Json<Vec<String>>,
    /// Whether it gets anything.
    #[field(default = EndpointState::On)]
    pub state: EndpointState,
    /// Why it was switched off.
    #[field(max_length = 255)]
    pub off_because: Option<String>,
    /// Since when nothing has arrived there.
    pub failing_since: Option<DateTime<Utc>>,
    /// When it was registered.
    #[field(created_at)]
    pub created_at: DateTime<Utc>,
}

/// Whether an endpoint gets anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, DbEnum)]
pub enum EndpointState {
    /// It does.
    On,
    /// It was switched off.
    Off,
}

impl WebhookEndpoint {
    /// Whether it wants messages of this type.
    pub fn wants(&self, kind: &str) -> bool {
        are_wanted(&self.types, kind)
    }

    pub(super) async fn switch_off(&mut self, why: &str, db: &Db) -> Result<()> {
        let why = beginning(why, LONGEST_REASON);
        self.update(|it| it.state(EndpointState::Off).off_because(Some(why)), db).await
    }
}

/// Whether messages of a type are among those that somebody wants.
pub(super) fn are_wanted(types: &[String], kind: &str) -> bool {
    types.is_empty()
        || types.iter().any(|one| match one.strip_suffix('*') {
            Some(start) => kind.starts_with(start),
            None => one == kind,
        })
}

/// The beginning of a text, as every engine stores it.
pub(super) fn beginning(text: &str, most: usize) -> String {
    text.chars().filter(|letter| *letter != '\0').take(most).collect()
}

/// A message, as it is sent.
#[model(table = "mainstay_webhook_messages")]
pub struct WebhookMessage {
    /// What endpoints know it by.
    #[field(primary_key)]
    pub id: Uuid,
    /// Its type: `invoice.paid`.
    #[field(max_length = 100)]
    pub kind: String,
    /// For whom.
    #[field(max_length = 255)]
    pub owner: Option<String>,
    /// The body.
    pub payload: String,
    /// When it was sent.
    #[field(created_at, index)]
    pub created_at: DateTime<Utc>,
}

/// One attempt to call an endpoint.
#[model(table = "mainstay_webhook_attempts")]
#[index(endpoint, id)]
pub struct WebhookAttempt {
    /// Later ones have higher numbers.
    pub id: i64,
    /// Which endpoint.
    pub endpoint: i64,
    /// Which message.
    pub message: Uuid,
    /// Which attempt of this message, from 1.
    pub attempt: i32,
    /// The status that came back, if one has.
    pub status: Option<i32>,
    /// How long it has taken, in milliseconds.
    pub took_ms: i64,
    /// The beginning of the answer, or why there was none.
    pub excerpt: String,
    /// When it was made.
    #[field(created_at, index)]
    pub at: DateTime<Utc>,
}

impl WebhookAttempt {
    /// Whether the endpoint has taken the message.
    pub fn is_delivered(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }
}
