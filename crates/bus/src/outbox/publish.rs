//! Writing events.

use mainstay_core::{Error, Result};
use mainstay_db::{Executor, Uuid};

use super::{NewOutboxMessage, OutboxMessage, PUBLISHED};
use crate::event::Event;

/// What the columns hold.
const LONGEST_KEY: usize = 255;
/// No event is larger, in bytes: it is copied for each subscriber, and read by hundreds.
const LARGEST: usize = 256 * 1024;

/// Writes them in this order, and has them delivered after the commit.
pub(crate) async fn publish<E: Event>(events: &[E], executor: &impl Executor) -> Result<Vec<Uuid>> {
    let (mut rows, mut ids) = (Vec::with_capacity(events.len()), Vec::with_capacity(events.len()));
    for event in events {
        let key = event.key();
        if key.as_ref().is_some_and(|key| key.chars().count() > LONGEST_KEY) {
            let told = format!("the key of an event `{}` is longer than {LONGEST_KEY} characters", E::NAME);
            return Err(Error::internal(told).code("event_key_too_long"));
        }
        let payload = serde_json::to_string(event)?;
        if payload.len() > LARGEST {
            let told = format!(
                "an event `{}` of {} bytes: at most {LARGEST} can be published; store what it is about, and publish its id",
                E::NAME,
                payload.len()
            );
            return Err(Error::internal(told).code("event_too_large"));
        }
        let message = Uuid::now_v7();
        let row = NewOutboxMessage {
            message,
            event: E::NAME.to_owned(),
            version: i32::try_from(E::VERSION).unwrap_or(i32::MAX),
            payload,
        };
        rows.push(row.ordered_by(key));
        ids.push(message);
    }
    if !rows.is_empty() {
        OutboxMessage::insert_all(rows, executor).await?;
        executor.target().signal(PUBLISHED);
    }
    Ok(ids)
}
