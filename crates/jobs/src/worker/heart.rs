//! Signs of life, and what workers without one leave behind.
//!
//! Each worker counts. Whoever sees that the count of another one has stood still for the length of a lease takes it for dead.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mainstay_core::Result;
use mainstay_core::service::LifeSigns;

use super::crew::Crew;
use crate::context::Stop;
use crate::topic;

/// Beats three times in a lease.
pub(super) async fn beat(crew: Arc<Crew>, lease: Duration) {
    let mut cancelled = crew.ledger.db().signals(topic::CANCELLED);
    // Jobs that are stored as this worker's, and that it did not know of at the last beat.
    let mut strange = Vec::new();
    let mut beats = tokio::time::interval(lease / 3);
    beats.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut failures = 0_u32;
    loop {
        let is_beat = tokio::select! {
            _ = beats.tick() => true,
            () = cancelled.next() => false,
        };
        let beaten = async {
            if is_beat && !crew.ledger.beat(crew.id()).await? {
                crew.enter_again().await?;
            }
            look_at_own(&crew, &mut strange, is_beat).await
        };
        match beaten.await {
            Ok(()) => failures = 0,
            Err(error) => {
                if failures == 0 {
                    tracing::error!(target: "mainstay::jobs", error = %error.report(), "this worker can give no sign of life");
                }
                failures += 1;
            }
        }
    }
}

/// Stops those that somebody has cancelled, and has those run again that were given to this worker without its knowledge: the reply
/// was lost with the connection.
async fn look_at_own(crew: &Crew, strange: &mut Vec<i64>, is_beat: bool) -> Result<()> {
    let worker = crew.id();
    let stored = crew.ledger.run_by(worker).await?;
    for (job, _) in stored.iter().filter(|(_, is_cancelled)| *is_cancelled) {
        crew.stop(*job, Stop::Cancelled);
    }
    if !is_beat {
        return Ok(());
    }
    let unknown: Vec<i64> = stored.into_iter().map(|(job, _)| job).filter(|job| !crew.holds(*job)).collect();
    for job in unknown.iter().filter(|job| strange.contains(job)) {
        crew.ledger.give_back(worker, *job).await?;
    }
    *strange = unknown;
    Ok(())
}

/// Looks at the other workers, in a task of its own: what is done about one that is gone may take a while, and this one has to beat.
pub(super) async fn watch(crew: Arc<Crew>, lease: Duration) {
    let mut others = Others { lease, looked: None, signs: LifeSigns::new(lease) };
    loop {
        tokio::time::sleep(lease / 3).await;
        if let Err(error) = others.look(&crew).await {
            tracing::debug!(target: "mainstay::jobs", error = %error.report(), "it cannot be seen whether other workers live");
        }
    }
}

/// What was seen of the other workers.
struct Others {
    lease: Duration,
    /// When they were seen for the last time.
    looked: Option<Instant>,
    /// How far each has counted.
    signs: LifeSigns<i64, i64>,
}

impl Others {
    async fn look(&mut self, crew: &Crew) -> Result<()> {
        let mut beats = crew.ledger.beats().await?;
        let now = crew.ledger.clock().monotonic();
        beats.retain(|(worker, _)| *worker != crew.id());
        // While nobody could be seen, nobody could count either: the database was away, or this process did not run.
        if self.looked.is_none_or(|looked| now.saturating_duration_since(looked) > self.lease * 2 / 3) {
            self.signs.begin_again();
        }
        self.looked = Some(now);
        for (worker, count) in self.signs.look(beats, now) {
            if let Some(jobs) = crew.ledger.bury(worker, count).await? {
                tracing::warn!(target: "mainstay::jobs", worker, jobs, "a worker is gone: its jobs are run again");
            }
        }
        Ok(())
    }
}
