//! Those whose time has come.

use chrono::{DateTime, Utc};
use mainstay_core::Result;

use super::Ledger;
use crate::following;
use crate::stored::{State, StoredJob};

/// So many become ready in one step.
const STEP: u64 = 500;

impl Ledger {
    /// Makes ready what was to wait until now. Returns when the next one is due, if one waits.
    pub(crate) async fn make_ready(&self) -> Result<Option<DateTime<Utc>>> {
        let mut next = None;
        // One state at a time: in the order of the index (state, due_at).
        for state in [State::Scheduled, State::Retrying] {
            self.make_ready_of(state).await?;
            let first = StoredJob::filter(|job| job.state.eq(state)).order_by(|job| job.due_at).limit(1);
            let due = first.select(|job| job.due_at).first(self.db()).await?;
            next = next.into_iter().chain(due).min();
        }
        Ok(next)
    }

    async fn make_ready_of(&self, waiting: State) -> Result<()> {
        loop {
            let now = self.now();
            let moved = self
                .db()
                .transaction_retry(async |tx| {
                    let due = StoredJob::filter(|job| job.state.eq(waiting) & job.due_at.le(now))
                        .order_by(|job| job.due_at)
                        .limit(STEP)
                        .skip_locked()
                        .all(tx)
                        .await?;
                    let (limited, free): (Vec<_>, Vec<_>) =
                        due.iter().partition(|job| job.limit_key.is_some());
                    for (state, jobs) in [(State::Ready, free), (State::Blocked, limited)] {
                        if jobs.is_empty() {
                            continue;
                        }
                        let ids: Vec<i64> = jobs.iter().map(|job| job.id).collect();
                        StoredJob::filter(|job| job.id.is_in(ids))
                            .update(|job| job.state(state).due_at(now), tx)
                            .await?;
                        jobs.into_iter().for_each(|job| following::tell(job, state, tx));
                    }
                    Ok(due.len() as u64)
                })
                .await?;
            if moved < STEP {
                return Ok(());
            }
        }
    }
}
