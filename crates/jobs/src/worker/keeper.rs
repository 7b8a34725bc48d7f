//! Schedules enqueue, what is due becomes ready, keys let in, what nobody needs is deleted. Every worker does it: each step is safe beside others.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mainstay_core::{Inject, Result};

use super::crew::Crew;
use crate::schedule::Timetable;
use crate::topic;

/// Of its time, this is busy for a tenth at most.
const PAUSE: u32 = 9;
/// How often what nobody needs is deleted, and what belongs to nobody is found: so many leases, where that is sooner.
const PRUNING: Duration = Duration::from_secs(30);
const PRUNING_LEASES: u32 = 2;
/// How often it is written what was counted.
const COUNTING: Duration = Duration::from_secs(2);
/// How many times as rarely it is looked how many wait.
const ROUNDS: u64 = 5;

/// Looks after what waits.
pub(super) async fn keep(crew: Arc<Crew>, timetable: Inject<Timetable>, poll_interval: Duration) {
    let mut signals = crew.ledger.db().signals(topic::DUE);
    let mut failures = 0_u32;
    loop {
        let began = Instant::now();
        let wait = match look(&crew, &timetable).await {
            Ok(wait) => {
                failures = 0;
                wait.map_or(poll_interval, |wait| wait.min(poll_interval))
            }
            Err(error) => {
                if failures == 0 {
                    tracing::error!(target: "mainstay::jobs", error = %error.report(), "jobs that are due cannot be made ready");
                }
                failures += 1;
                poll_interval
            }
        };
        tokio::time::sleep((began.elapsed() * PAUSE).min(poll_interval)).await;
        tokio::select! {
            () = signals.next(), if failures == 0 => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Returns when it is to be looked again, where that is known.
async fn look(crew: &Crew, timetable: &Timetable) -> Result<Option<Duration>> {
    // Each by itself: one that fails keeps no other from its turn.
    let scheduled = timetable.enqueue_due().await;
    let due = crew.ledger.make_ready().await;
    let room = crew.ledger.let_in().await;
    let due = due?.map(|due| (due - crew.ledger.now()).to_std().unwrap_or_default());
    Ok(due.into_iter().chain(room?).chain(scheduled?).min())
}

/// Deletes what is kept no longer, and finds jobs that belong to nobody.
pub(super) async fn prune(crew: Arc<Crew>, lease: Duration) {
    let pause = PRUNING.min(lease * PRUNING_LEASES);
    loop {
        tokio::time::sleep(pause.mul_f64(0.5 + crew.ledger.chance())).await;
        let pruned = async {
            let lost = crew.ledger.find_lost().await?;
            if lost > 0 {
                tracing::warn!(target: "mainstay::jobs", jobs = lost, "jobs of no worker are run again");
            }
            while crew.ledger.prune().await? {}
            crew.ledger.prune_stats().await?;
            Ok::<_, mainstay_core::Error>(())
        };
        if let Err(error) = pruned.await {
            tracing::warn!(target: "mainstay::jobs", error = %error.report(), "old jobs cannot be deleted");
        }
    }
}

/// Writes what was counted, and looks how many wait.
pub(super) async fn count(crew: Arc<Crew>) {
    let mut failures = 0_u32;
    for round in 0_u64.. {
        tokio::time::sleep(COUNTING).await;
        let counted = async {
            crew.ledger.write_stats().await?;
            if round.is_multiple_of(ROUNDS) {
                for queue in crew.queues() {
                    let (waiting, latency) = crew.ledger.waiting(&queue).await?;
                    crew.ledger.tally().waiting(&queue, waiting, latency);
                }
            }
            Ok::<_, mainstay_core::Error>(())
        };
        match counted.await {
            Ok(()) => failures = 0,
            Err(error) => {
                if failures == 0 {
                    tracing::warn!(target: "mainstay::jobs", error = %error.report(), "it cannot be written how many jobs ended; it is kept for now");
                }
                failures += 1;
            }
        }
    }
}
