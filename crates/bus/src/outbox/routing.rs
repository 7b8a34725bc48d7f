//! From what was published to what is delivered.

use std::collections::BTreeSet;

use mainstay_core::Result;
use mainstay_db::{Db, Tx};

use super::lanes::lane_of;
use super::{DELIVERIES, NewStoredDelivery, OutboxMessage, StoredDelivery, Subscription};

/// So many events are routed in one transaction, read in steps, since they may be large,
const STEPS: [u64; 3] = [10, 40, 150];
/// as long as what is written for all of their subscribers has no more bytes than this, nor has one statement: servers refuse what is larger than
/// some (MariaDB, 16 MiB), and a batch that cannot be written would stand before all others.
const MOST_BYTES: usize = 4 << 20;

/// Whether there is more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Routed {
    /// All that was there.
    All,
    /// As much as is routed at once.
    Some,
}

/// Gives events to their subscribers: a batch of them.
pub(crate) async fn route(db: &Db) -> Result<Routed> {
    // A look first: of many processes that were woken, one finds something.
    if !some_are_there(db).await? {
        return Ok(Routed::All);
    }
    db.transaction_retry(async |tx| route_some(tx).await).await
}

async fn some_are_there(db: &Db) -> Result<bool> {
    OutboxMessage::filter(|it| it.event.is_in(Subscription::query().select(|it| it.event))).exists(db).await
}

/// Whoever routes has locked all subscriptions: one at a time, so that the ids of deliveries have the order of the events. A process
/// that is killed meanwhile loses its transaction, and with it the lock.
async fn route_some(tx: &Tx) -> Result<Routed> {
    let subscriptions = Subscription::query().order_by(|it| it.id).for_update().all(tx).await?;
    let mut room = MOST_BYTES;
    for step in STEPS {
        if route_step(step, &subscriptions, &mut room, tx).await? == Routed::All {
            return Ok(Routed::All);
        }
        if room == 0 {
            break;
        }
    }
    Ok(Routed::Some)
}

/// Up to so many, as long as there is room. They are deleted before others are read, and not passed by their ids: one that is committed meanwhile
/// may have a smaller id, and others of its key after it.
async fn route_step(count: u64, subscriptions: &[Subscription], room: &mut usize, tx: &Tx) -> Result<Routed> {
    let known: BTreeSet<&str> = subscriptions.iter().map(|it| it.event.as_str()).collect();
    let messages = OutboxMessage::filter(|it| it.event.is_in(known)).order_by(|it| it.id).limit(count);
    let messages = messages.all(tx).await?;
    if messages.is_empty() {
        return Ok(Routed::All);
    }
    let mut routed = if messages.len() as u64 == count { Routed::Some } else { Routed::All };
    let (mut ids, mut deliveries, mut unwritten) = (Vec::new(), Vec::new(), 0);
    for message in messages {
        if *room == 0 {
            routed = Routed::Some;
            break;
        }
        ids.push(message.id);
        for subscription in subscriptions.iter().filter(|it| it.event == message.event) {
            if unwritten >= MOST_BYTES {
                StoredDelivery::insert_all(std::mem::take(&mut deliveries), tx).await?;
                unwritten = 0;
            }
            unwritten += message.payload.len();
            *room = room.saturating_sub(message.payload.len());
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
    Ok(routed)
}
