//! Jobs that wait for others: what happens to them when those are over.

use mainstay_core::Result;
use mainstay_db::{Executor, Query, Tx};

use crate::stored::{State, StoredBatch, StoredJob};
use crate::topic;

/// Those that wait for the success of a job.
pub(crate) fn of(job: i64) -> Query<StoredJob> {
    StoredJob::filter(|row| row.follows.eq(Some(job)) & row.state.eq(State::Following))
}

/// Those that wait for the success of one of these jobs.
pub(crate) async fn waiting_for(jobs: &[i64], tx: &Tx) -> Result<Vec<StoredJob>> {
    let follows = jobs.iter().copied().map(Some).collect::<Vec<_>>();
    let waiting = StoredJob::filter(|row| row.follows.is_in(follows) & row.state.eq(State::Following));
    waiting.all(tx).await
}

/// Those that wait for the success of a job wait no more.
pub(crate) async fn let_follow(job: i64, tx: &Tx) -> Result<()> {
    for follower in of(job).all(tx).await? {
        set_free(&follower, tx).await?;
    }
    Ok(())
}

/// Counts jobs of a batch that are over, and those of them that were not successful, and lets follow what waits for the end.
pub(crate) async fn count(batch: i64, ended: i64, failed: i64, tx: &Tx) -> Result<()> {
    let row = || StoredBatch::filter(|row| row.id.eq(batch));
    row()
        .update_with(|row| (row.open.set(row.open - ended), row.failed.set(row.failed + failed)), tx)
        .await?;
    let Some(batch) = row().first(tx).await? else { return Ok(()) };
    if batch.open > 0 {
        return Ok(());
    }
    let now = tx.target().now();
    row().update(|row| row.ended_at(Some(now)), tx).await?;
    for id in batch.on_end.into_iter().chain(batch.on_success.filter(|_| batch.failed == 0)) {
        let waiting = StoredJob::filter(|row| row.id.eq(id) & row.state.eq(State::Following));
        if let Some(job) = waiting.first(tx).await? {
            set_free(&job, tx).await?;
        }
    }
    Ok(())
}

/// One that waited for another waits no more, unless its time has not come.
async fn set_free(job: &StoredJob, tx: &Tx) -> Result<()> {
    let now = tx.target().now();
    let state = State::of_free(job.due_at, now, job.limit_key.as_deref());
    let due = job.due_at.max(now);
    // Somebody may have cancelled it since it was read.
    let waiting = StoredJob::filter(|row| row.id.eq(job.id) & row.state.eq(State::Following));
    if waiting.update(|row| row.state(state).due_at(due), tx).await? == 1 {
        tell(job, state, tx);
    }
    Ok(())
}

/// Tells workers what a change of state means for them, once it is committed.
pub(crate) fn tell(job: &StoredJob, state: State, tx: &Tx) {
    topic::tell(tx, state, (&job.queue, job.limit_key.is_some()));
}
