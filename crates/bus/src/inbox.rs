//! The inbox: messages of others, each taken once.
//!
//! Who delivers at least once delivers twice now and then: a payment service, a broker, another application. What a message changes is
//! written in the transaction that notes it down, so that the second delivery finds the note, and changes nothing:
//!
//! ```
//! use mainstay_bus::inbox::{self, Arrival};
//! use mainstay_core::Result;
//! use mainstay_db::{Db, sql};
//!
//! # async fn take(db: &Db, event_id: &str) -> Result<()> {
//! db.transaction(async |tx| {
//!     if inbox::once("payments", event_id, tx).await? == Arrival::First {
//!         sql("UPDATE accounts SET paid = true").execute(tx).await?;
//!     }
//!     Ok(())
//! })
//! .await
//! # }
//! ```
//!
//! [`EventsExt::events`](crate::EventsExt::events) (or any subscriber) brings its table. A message is remembered for `bus.keep_inbox`, 30 days
//! unless it is said. Subscribers of events need no inbox: see [`Delivery::complete`](crate::Delivery::complete).

use chrono::{DateTime, Utc};
use mainstay_core::{Error, Result};
use mainstay_db::{Db, Tx, model};

/// No id of a message is longer, in characters.
const LONGEST: usize = 255;

/// A message that was taken.
#[model(table = "mainstay_inbox")]
pub(crate) struct Taken {
    #[field(primary_key, max_length = 100)]
    pub consumer: String,
    #[field(primary_key, max_length = 255)]
    pub message: String,
    #[field(created_at, index)]
    pub taken_at: DateTime<Utc>,
}

/// Whether a message has come before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// It has not: do what it says.
    First,
    /// It has, and what it says is done.
    Again,
}

/// Notes down that `consumer` has taken the message with this id (up to 255 characters, as the sender has it), in the transaction that does
/// what it says. Of two that take one at the same time, the second waits for the first, and does it if the first is rolled back.
///
/// # Errors
///
/// When the id or the name of the consumer (100 characters) is empty or too long.
pub async fn once(consumer: &str, message: &str, tx: &Tx) -> Result<Arrival> {
    if message.is_empty() || message.chars().count() > LONGEST {
        return Err(Error::bad_request(format!("The id of a message must have 1 to {LONGEST} characters."))
            .code("message_id"));
    }
    let new = NewTaken { consumer: consumer.to_owned(), message: message.to_owned() };
    let fresh = new.insert_or_ignore(|it| (it.consumer, it.message), tx).await?;
    Ok(if fresh.is_some() { Arrival::First } else { Arrival::Again })
}

/// Forgets messages that are older.
pub(crate) async fn forget(db: &Db, before: Option<DateTime<Utc>>) -> Result<u64> {
    let Some(before) = before else { return Ok(0) };
    Taken::filter(|it| it.taken_at.lt(before)).delete(db).await
}
