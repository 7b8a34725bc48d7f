//! One delivery to one subscriber.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use mainstay_core::service::panic_message;
use mainstay_core::{Error, Result};
use mainstay_db::raw::{Sql, sql};
use tokio::time::timeout;
use tracing::Instrument;

use super::{Known, Relay};
use crate::delivery::{About, Later};
use crate::outbox::lanes::Lease;
use crate::outbox::{DeliveryState, StoredDelivery};

/// No reason is longer, in characters.
const LONGEST_REASON: usize = 2_000;

/// Nothing is put off for longer: what is further away was written when a clock was wrong.
const LONGEST_WAIT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What came of an attempt.
pub(super) enum Ended {
    /// It was delivered, or is dead: what comes after it may follow.
    Settled,
    /// It is tried again after this time, and what has the same key waits for it.
    Again(Duration),
    /// The lease is somebody else's, or what came of it could not be written. Nothing more is to be done.
    Lost,
}

/// Delivers it, and writes down what came of it.
pub(super) async fn make(relay: &Relay, known: &Known, lease: Lease, delivery: StoredDelivery) -> Ended {
    let Known { subscriber, module, .. } = known;
    let row = Arc::new(delivery);
    let completed = Arc::new(AtomicBool::new(false));
    let about = About { row: Arc::clone(&row), db: relay.db.clone(), completed: Arc::clone(&completed) };
    let resolver = relay.resolver.of_module(*module).request();
    let attempt = row.attempts + 1;
    if u32::try_from(row.attempts).unwrap_or(u32::MAX) >= subscriber.attempts {
        // Counted when processes went that may have died of it: nobody is to die of it again.
        let fault = Error::internal("the processes that had to deliver it went without a word");
        return match failed(relay, known, lease, &row, &fault).await {
            Ok(ended) => ended,
            Err(_) => Ended::Lost,
        };
    }
    let span = tracing::info_span!(target: "mainstay::bus", "delivery", subscriber = subscriber.name, event = %row.event, message = %row.message, attempt);
    let work = AssertUnwindSafe(subscriber.handle(about, resolver).instrument(span.clone())).catch_unwind();
    let outcome = match timeout(subscriber.timeout, work).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(panic)) => Err(Error::internal(format!("it panicked: {}", panic_message(&*panic)))),
        Err(_) => Err(Error::internal(format!("it took longer than {:?}", subscriber.timeout))),
    };
    let written = match outcome {
        _ if completed.load(Ordering::Acquire) => {
            if let Err(fault) = outcome {
                tracing::warn!(target: "mainstay::bus", subscriber = subscriber.name, message = %row.message, error = %fault.report(), "a subscriber failed after it had ended the delivery: it is not tried again");
            }
            known.counts.done.inc();
            return Ended::Settled;
        }
        Ok(()) => {
            known.counts.done.inc();
            settle(relay, lease, &row).await
        }
        Err(fault) => match fault.source_as::<Later>() {
            Some(Later(after)) => postpone(relay, lease, &row, *after).await,
            None => failed(relay, known, lease, &row, &fault).await,
        },
    };
    written.unwrap_or_else(|fault| {
        tracing::warn!(target: "mainstay::bus", subscriber = subscriber.name, message = %row.message, error = %fault.report(), "what came of a delivery could not be written: it may be made again");
        Ended::Lost
    })
}

/// Runs the change that begins so, of the delivery, if the lease is still one's own. Whether it was.
async fn change(
    relay: &Relay,
    lease: Lease,
    row: &StoredDelivery,
    (start, values): (&str, impl FnOnce(Sql) -> Sql),
) -> Result<bool> {
    let change = values(sql(format!(
        "{start} WHERE id = ? AND message = ? \
         AND EXISTS (SELECT 1 FROM mainstay_lanes l WHERE l.id = ? AND l.token = ?)"
    )));
    let change = change.bind(row.id).bind(row.message).bind(lease.lane).bind(lease.token);
    Ok(change.execute(&relay.db).await? == 1)
}

/// It was delivered.
async fn settle(relay: &Relay, lease: Lease, row: &StoredDelivery) -> Result<Ended> {
    let own = change(relay, lease, row, ("DELETE FROM mainstay_deliveries", |it| it)).await?;
    Ok(if own { Ended::Settled } else { Ended::Lost })
}

/// It is tried again later, and that was no attempt.
async fn postpone(relay: &Relay, lease: Lease, row: &StoredDelivery, after: Duration) -> Result<Ended> {
    let after = after.min(LONGEST_WAIT);
    let due = due_after(relay, after);
    let put_off = ("UPDATE mainstay_deliveries SET due_at = ?", |it: Sql| it.bind(due));
    let own = change(relay, lease, row, put_off).await?;
    Ok(if own { Ended::Again(after) } else { Ended::Lost })
}

fn due_after(relay: &Relay, wait: Duration) -> Option<DateTime<Utc>> {
    let now: DateTime<Utc> = relay.clock.now().into();
    now.checked_add_signed(chrono::Duration::from_std(wait.min(LONGEST_WAIT)).ok()?)
}

async fn failed(
    relay: &Relay,
    known: &Known,
    lease: Lease,
    row: &StoredDelivery,
    fault: &Error,
) -> Result<Ended> {
    let Known { subscriber, counts, .. } = known;
    let attempts = row.attempts.saturating_add(1);
    let tried = u32::try_from(attempts).unwrap_or(u32::MAX);
    let is_dead = tried >= subscriber.attempts;
    let chance = relay.random.number() as f64 / u64::MAX as f64;
    let wait = subscriber.backoff.delay(tried - 1, chance);
    let due = due_after(relay, if is_dead { Duration::ZERO } else { wait });
    let reason = fault.report_to_keep(LONGEST_REASON);
    let state = if is_dead { DeliveryState::Dead } else { DeliveryState::Waiting };
    let start = "UPDATE mainstay_deliveries SET attempts = ?, state = ?, due_at = ?, reason = ?";
    let values = |it: Sql| it.bind(attempts).bind(state).bind(due).bind(reason.clone());
    if !change(relay, lease, row, (start, values)).await? {
        return Ok(Ended::Lost);
    }
    if is_dead {
        counts.dead.inc();
        tracing::error!(target: "mainstay::bus", subscriber = subscriber.name, event = row.event, message = %row.message, attempts, error = reason, "a delivery has failed too often: it is dead, until `outbox retry`");
        return Ok(Ended::Settled);
    }
    counts.failed.inc();
    tracing::warn!(target: "mainstay::bus", subscriber = subscriber.name, event = row.event, message = %row.message, attempt = attempts, retry_ms = wait.as_millis(), error = reason, "a delivery has failed: it is tried again");
    Ok(Ended::Again(wait))
}
