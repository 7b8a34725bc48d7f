//! The tasks that look after the servers: one for the primary, one for each replica.
//!
//! What they have seen counts for a few seconds only. So a task that hangs, or is gone, takes its replica out, and not the
//! truth.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use mainstay_core::service::Backoff;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::set::Set;
use crate::error::DbError;

/// How often a server is asked.
const ROUND: Duration = Duration::from_millis(250);
/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// The longest pause after it has failed several times.
const LONGEST: Duration = Duration::from_secs(2);
/// For how long it counts what was seen.
pub(super) const STALE: Duration = Duration::from_secs(3);

/// Begins to look. The tasks end with the set, and when they are dropped.
pub(super) fn begin(set: &Arc<Set>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(again(Arc::downgrade(set), Target::Primary));
    for index in 0..set.replicas().len() {
        tasks.spawn(again(Arc::downgrade(set), Target::Replica(index)));
    }
    tasks
}

#[derive(Clone, Copy)]
enum Target {
    Primary,
    Replica(usize),
}

async fn again(set: Weak<Set>, target: Target) {
    let backoff = Backoff { initial: ROUND, limit: LONGEST, jitter: 0.0, ..Backoff::default() };
    let mut failures = 0;
    loop {
        let Some(set) = set.upgrade() else { return };
        let looked = match target {
            Target::Primary => look_at_primary(&set).boxed().await,
            Target::Replica(index) => look_at_replica(&set, index).boxed().await,
        };
        drop(set);
        failures = if looked.is_ok() { 0 } else { failures + 1 };
        if let (Target::Primary, Err(fault), 1) = (target, &looked, failures) {
            tracing::warn!(target: "mainstay::db", error = %fault, "the primary does not say how far it has come: replicas are asked only if they have what was known before");
        }
        sleep(backoff.delay(failures, 0.0)).await;
    }
}

/// Notes where the primary is, or that it does not say so: what replicas have is then measured against what is known.
async fn look_at_primary(set: &Set) -> Result<(), DbError> {
    let (epoch, asked) = (set.history().epoch(), Instant::now());
    let looked = in_time(set.look_at_primary()).await;
    let mut history = set.history();
    looked.map(|position| history.add(epoch, asked, position)).inspect_err(|fault| history.miss(fault))
}

async fn look_at_replica(set: &Set, index: usize) -> Result<(), DbError> {
    let replica = &set.replicas()[index];
    let looked = in_time(replica.look(set.dialect())).await.map(|look| replica.saw(look, &set.history()));
    if let Err(fault) = &looked {
        replica.give_up(fault);
    }
    set.tell_if_none_is_left();
    looked
}

/// What is wrong with each of them, in words.
pub(super) async fn inspect(set: &Set) -> Vec<String> {
    let mut faults = Vec::new();
    if let Err(fault) = in_time(set.look_at_primary()).await {
        faults.push(format!("the database cannot have replicas: {fault}"));
    }
    for replica in set.replicas() {
        if let Err(fault) = in_time(replica.look(set.dialect())).await {
            faults.push(format!("the replica `{}` cannot be read from: {fault}", replica.name));
        }
    }
    faults
}

async fn in_time<T>(work: impl Future<Output = Result<T, DbError>>) -> Result<T, DbError> {
    timeout(PATIENCE, work).await.unwrap_or(Err(DbError::Timeout { limit: PATIENCE }))
}
