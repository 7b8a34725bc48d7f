//! Working on one lane, as long as one has its lease.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use mainstay_core::Result;
use mainstay_core::service::Shutdown;
use mainstay_db::sql;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::Relay;
use super::attempt::{self, Ended};
use super::held::Held;
use crate::outbox::StoredDelivery;
use crate::outbox::lanes::Lease;

/// So many deliveries are read at once.
const BATCH: usize = 100;
/// After so long a lane is given back, so that another process may take it.
const TURN: Duration = Duration::from_secs(2);
/// No retry is further away: what seems to be was written when a clock was wrong.
const FURTHEST: chrono::Duration = chrono::Duration::days(8);

/// What the work on a lane has left.
pub(super) struct Left {
    pub(super) lane: i64,
    /// How many deliveries were tried.
    pub(super) done: usize,
    /// When something has to be tried again.
    pub(super) retry_in: Option<Duration>,
}

/// What is due is not after the first, or is after the second.
pub(super) fn due(now: DateTime<Utc>) -> (DateTime<Utc>, DateTime<Utc>) {
    (now, now.checked_add_signed(FURTHEST).unwrap_or(DateTime::<Utc>::MAX_UTC))
}

/// Delivers what is in the lane, until nothing is left, its turn is over, or the lease is lost.
pub(super) async fn work(
    relay: Arc<Relay>,
    (held, place): (Held, OwnedSemaphorePermit),
    shutdown: Shutdown,
) -> Left {
    let lease = held.lease();
    let mut left = Left { lane: lease.lane, done: 0, retry_in: None };
    let began = Instant::now();
    let mut owned = true;
    while owned && !shutdown.is_requested() && began.elapsed() < TURN {
        let batch = match due_in(&relay, lease).await {
            Ok(batch) => batch,
            Err(fault) => {
                tracing::warn!(target: "mainstay::bus", error = %fault.report(), "deliveries could not be read: this is tried again");
                break;
            }
        };
        if batch.is_empty() {
            break;
        }
        owned = deliver(&relay, lease, batch, &shutdown, &mut left).await;
    }
    if let Err(fault) = lease.give_back(&relay.db).await {
        // It does not move any more, and is taken away.
        tracing::debug!(target: "mainstay::bus", error = %fault.report(), "a lease could not be given back");
    }
    drop((held, place));
    left
}

/// What can be delivered, in order. Not what comes after something of the same key that has to be tried again later.
async fn due_in(relay: &Relay, lease: Lease) -> Result<Vec<StoredDelivery>> {
    let text = format!(
        "SELECT d.* FROM mainstay_deliveries d WHERE d.lane = ? AND d.state = 'waiting' \
         AND (d.due_at IS NULL OR d.due_at <= ? OR d.due_at > ?) AND NOT EXISTS \
         (SELECT 1 FROM mainstay_deliveries e WHERE e.lane = d.lane AND e.ordered_by = d.ordered_by AND e.id < d.id \
         AND e.state = 'waiting' AND e.due_at > ? AND e.due_at <= ?) ORDER BY d.id LIMIT {BATCH}"
    );
    let (now, far) = due(relay.clock.now().into());
    sql(text).bind(lease.lane).bind(now).bind(far).bind(now).bind(far).fetch(&relay.db).await
}

/// Each key by itself, in order; several keys at once. Whether the lease is still one's own.
async fn deliver(
    relay: &Arc<Relay>,
    lease: Lease,
    batch: Vec<StoredDelivery>,
    shutdown: &Shutdown,
    left: &mut Left,
) -> bool {
    let mut keys: JoinSet<(usize, Option<Ended>)> = JoinSet::new();
    for group in by_key(batch) {
        keys.spawn(one_key(Arc::clone(relay), lease, group, shutdown.clone()));
    }
    let mut owned = true;
    while let Some(ended) = keys.join_next().await {
        let Ok((done, last)) = ended else { continue };
        left.done += done;
        match last {
            Some(Ended::Again(retry)) => {
                left.retry_in = Some(left.retry_in.map_or(retry, |before| before.min(retry)));
            }
            Some(Ended::Lost) => owned = false,
            Some(Ended::Settled) | None => {}
        }
    }
    owned
}

/// The deliveries of one key, one after the other, until one of them fails. How many there were, and what came of the last.
async fn one_key(
    relay: Arc<Relay>,
    lease: Lease,
    group: Vec<StoredDelivery>,
    shutdown: Shutdown,
) -> (usize, Option<Ended>) {
    let (mut done, mut last) = (0, None);
    for delivery in group {
        let Some(known) = relay.subscribers.get(&delivery.subscriber) else { break };
        // It is never closed.
        let Ok(_place) = known.pool.places.acquire().await else { break };
        if shutdown.is_requested() {
            break;
        }
        let ended = attempt::make(&relay, known, lease, delivery).await;
        done += 1;
        let goes_on = matches!(ended, Ended::Settled);
        last = Some(ended);
        if !goes_on {
            break;
        }
    }
    (done, last)
}

/// By key, each in its order. What has no key is by itself.
fn by_key(batch: Vec<StoredDelivery>) -> Vec<Vec<StoredDelivery>> {
    let (mut groups, mut places) = (Vec::<Vec<StoredDelivery>>::new(), HashMap::<String, usize>::new());
    for delivery in batch {
        match &delivery.ordered_by {
            Some(key) => match places.get(key) {
                Some(place) => groups[*place].push(delivery),
                None => {
                    places.insert(key.clone(), groups.len());
                    groups.push(vec![delivery]);
                }
            },
            None => groups.push(vec![delivery]),
        }
    }
    groups
}
