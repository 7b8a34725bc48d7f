//! What the relay does from time to time: it counts what waits, and deletes what is too old.

use std::time::Duration;

use chrono::{DateTime, Utc};
use mainstay_core::Result;
use mainstay_db::{Db, count};
use tokio::time::sleep;

use super::Relay;
use crate::age::ago;
use crate::inbox;
use crate::outbox::{DeliveryState, OutboxMessage, StoredDelivery, Subscription};

/// So many rows are deleted at once.
const BATCH: u64 = 1_000;

/// How often.
const ROUND: Duration = Duration::from_secs(60);

/// Does it until it is dropped.
pub(super) async fn keep(relay: &Relay) {
    loop {
        round(relay).await;
        sleep(ROUND).await;
    }
}

/// What fails is done at the next time.
async fn round(relay: &Relay) {
    let Relay { db, config, .. } = relay;
    let now = relay.clock.now().into();
    match tally(relay).await {
        Ok(()) => {}
        Err(fault) => {
            tracing::debug!(target: "mainstay::bus", error = %fault.report(), "what waits was not counted");
        }
    }
    match drop_unheard(db, ago(now, config.keep_unheard)).await {
        Ok(0) => {}
        Ok(many) => {
            tracing::warn!(target: "mainstay::bus", many, "events were deleted to which nobody has subscribed within `bus.keep_unheard`");
        }
        Err(fault) => {
            tracing::debug!(target: "mainstay::bus", error = %fault.report(), "old events were not deleted");
        }
    }
    match drop_dead(db, config.keep_dead.and_then(|keep| ago(now, keep))).await {
        Ok(0) => {}
        Ok(many) => {
            tracing::warn!(target: "mainstay::bus", many, "deliveries were deleted that have been dead for longer than `bus.keep_dead`");
        }
        Err(fault) => {
            tracing::debug!(target: "mainstay::bus", error = %fault.report(), "dead deliveries were not deleted");
        }
    }
    if let Err(fault) = inbox::forget(db, ago(now, config.keep_inbox)).await {
        tracing::debug!(target: "mainstay::bus", error = %fault.report(), "old messages of the inbox were not deleted");
    }
}

/// Counts what waits and what is dead, for each subscriber of this process.
async fn tally(relay: &Relay) -> Result<()> {
    let counted: Vec<(String, DeliveryState, i64)> = StoredDelivery::query()
        .select(|it| (it.subscriber, it.state, count()))
        .group_by(|it| (it.subscriber, it.state))
        .all(&relay.db)
        .await?;
    for (name, known) in &relay.subscribers {
        for (state, gauge) in
            [(DeliveryState::Waiting, &known.counts.waiting), (DeliveryState::Dead, &known.counts.lying)]
        {
            let of = |(subscriber, counted, _): &&(String, _, _)| subscriber == name && *counted == state;
            gauge.set(counted.iter().find(of).map_or(0, |(.., many)| *many));
        }
    }
    Ok(())
}

/// Deletes events to which nobody has subscribed for so long.
async fn drop_unheard(db: &Db, before: Option<DateTime<Utc>>) -> Result<u64> {
    let Some(before) = before else { return Ok(0) };
    let mut dropped = 0;
    loop {
        // Read first, and deleted by their keys: a deletion that searches would wait for every event that is being published, and on
        // MariaDB keep others from being published meanwhile.
        let known = Subscription::query().select(|it| it.event);
        let old = OutboxMessage::filter(|it| it.published_at.lt(before) & it.event.is_not_in(known));
        let ids: Vec<i64> = old.limit(BATCH).select(|it| it.id).all(db).await?;
        let many = ids.len() as u64;
        dropped += OutboxMessage::filter(|it| it.id.is_in(ids)).delete(db).await?;
        if many < BATCH {
            return Ok(dropped);
        }
    }
}

/// Deletes deliveries that have been dead for so long.
async fn drop_dead(db: &Db, before: Option<DateTime<Utc>>) -> Result<u64> {
    let Some(before) = before else { return Ok(0) };
    let mut dropped = 0;
    loop {
        let dead = || StoredDelivery::filter(|it| it.state.eq(DeliveryState::Dead) & it.due_at.lt(before));
        let ids: Vec<i64> = dead().limit(BATCH).select(|it| it.id).all(db).await?;
        let many = ids.len() as u64;
        dropped += dead().filter(|it| it.id.is_in(ids)).delete(db).await?;
        if many < BATCH {
            return Ok(dropped);
        }
    }
}
