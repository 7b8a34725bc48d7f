//! What is stored of webhooks.

use chrono::{DateTime, Utc};
use mainstay_db::{DbEnum, Json, Uuid, model};

/// An address is no longer.
pub(super) const LONGEST_URL: usize = 2_000;

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
        let Json(types) = &self.types;
        types.is_empty()
            || types.iter().any(|one| match one.strip_suffix('*') {
                Some(start) => kind.starts_with(start),
                None => one == kind,
            })
    }
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
