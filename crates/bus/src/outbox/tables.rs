//! What is stored.

use chrono::{DateTime, Utc};
use mainstay_db::{DbEnum, Uuid, model};

/// An event that was published, and has not been given to its subscribers yet.
///
/// One to which nobody subscribes stays for a while: the indexes let what is looked for be found among many of them.
#[model(table = "mainstay_outbox")]
#[index(event, id)]
pub(crate) struct OutboxMessage {
    /// Rises with time, but for transactions side by side.
    pub id: i64,
    pub message: Uuid,
    #[field(max_length = 100)]
    pub event: String,
    pub version: i32,
    #[field(max_length = 255)]
    pub ordered_by: Option<String>,
    pub payload: String,
    #[field(created_at, index)]
    pub published_at: DateTime<Utc>,
}

/// An event on its way to one subscriber. It is deleted when it is delivered.
#[model(table = "mainstay_deliveries")]
#[index(lane, state, id)]
#[index(lane, state, due_at)]
#[index(lane, ordered_by, id)]
#[index(state, subscriber)]
pub struct StoredDelivery {
    /// Deliveries of one key are made in the order of their ids.
    pub id: i64,
    /// Which lane it is in.
    pub lane: i64,
    /// For whom.
    #[field(max_length = 100)]
    pub subscriber: String,
    /// The id of the message.
    pub message: Uuid,
    /// What it is called.
    #[field(max_length = 100)]
    pub event: String,
    /// Which form of it is stored.
    pub version: i32,
    /// What it is about.
    #[field(max_length = 255)]
    pub ordered_by: Option<String>,
    /// The event, as JSON.
    pub payload: String,
    /// When it was published.
    pub published_at: DateTime<Utc>,
    /// How often it has failed.
    #[field(default = 0)]
    pub attempts: i32,
    /// Whether it is still tried.
    #[field(default = DeliveryState::Waiting)]
    pub state: DeliveryState,
    /// When it is tried again (`None`: at once); of a dead one, since when it is that.
    pub due_at: Option<DateTime<Utc>>,
    /// Why it has failed, the last time.
    pub reason: Option<String>,
}

/// Whether a delivery is still tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, DbEnum)]
pub enum DeliveryState {
    /// It waits, or is under way.
    Waiting,
    /// It has failed too often. It is tried again when somebody says so.
    Dead,
}

/// Who subscribes to what.
#[model(table = "mainstay_subscriptions")]
pub(crate) struct Subscription {
    pub id: i64,
    #[field(max_length = 100, unique)]
    pub name: String,
    #[field(max_length = 100)]
    pub event: String,
}

/// A share of a subscriber's deliveries, and who works on it.
#[model(table = "mainstay_lanes")]
pub(crate) struct Lane {
    #[field(primary_key)]
    pub id: i64,
    #[field(index)]
    pub subscription: i64,
    /// The process that has the lease.
    #[field(max_length = 32, index)]
    pub owner: Option<String>,
    /// Another one for each lease: who had an earlier one changes nothing any more.
    #[field(default = 0)]
    pub token: i64,
    /// Rises while the owner lives.
    #[field(default = 0)]
    pub beat: i64,
}
