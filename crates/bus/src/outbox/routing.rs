//! From what was published to what is delivered.

use std::collections::BTreeSet;

use mainstay_core::Result;
use mainstay_db::{Db, Tx};

use super::lanes::lane_of;
use super::{DELIVERIES, NewStoredDelivery, OutboxMessage, StoredDelivery, Subscription};

/// So many events are routed in one transaction.
const BATCH: u64 = 200;

/// Whether there is more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Routed {
    /// All that was there.
    All,
    /// A whole batch.
    Some,
}

/// Gives events to their subscribers: a batch of them.
pub(crate) async fn route(db: &Db) -> Result<Routed> {
    // A look first: of many processes that were woken, one finds something.
    if !some_are_there(db).await? {
        return Ok(Routed::All);
    }
    let many = db.transaction_retry(async |tx| route_some(tx).await).await?;
    Ok(if many < BATCH { Routed::All } else { Routed::Some })
}

async fn some_are_there(db: &Db) -> Result<bool> {
    OutboxMessage::filter(|it| it.event.is_in(Subscription::query().select(|it| it.event))).exists(db).await
}

/// Whoever routes has locked all subscriptions: one at a time, so that the ids of deliveries have the order of the events. A process
/// that is killed meanwhile loses its transaction, and with it the lock.
async fn route_some(tx: &Tx) -> Result<u64> {
    let subscriptions = Subscription::query().order_by(|it| it.id).for_update().all(tx).await?;
    let known: BTreeSet<&str> = subscriptions.iter().map(|it| it.event.as_str()).collect();
    let messages =
        OutboxMessage::filter(|it| it.event.is_in(known)).order_by(|it| it.id).limit(BATCH).all(tx).await?;
    if messages.is_empty() {
        return Ok(0);
    }
    let ids: Vec<i64> = messages.iter().map(|message| message.id).collect();
    let many = ids.len() as u64;
    let mut deliveries = Vec::new();
    for message in messages {
        for subscription in subscriptions.iter().filter(|it| it.event == message.event) {
            let new = NewStoredDelivery {
                lane: lane_of(subscription.id, message.ordered_by.as_deref(), message.message),
                subscriber: subscription.name.clone(),
                message: message.message,
                event: message.event.clone(),
                version: message.version,
                payload: message.payload.clone(),
                published_at: message.published_at,
            };
            deliveries.push(new.ordered_by(message.ordered_by.clone()));
        }
    }
    StoredDelivery::insert_all(deliveries, tx).await?;
    OutboxMessage::filter(|it| it.id.is_in(ids)).delete(tx).await?;
    tx.signal(DELIVERIES);
    Ok(many)
}
