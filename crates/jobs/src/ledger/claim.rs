//! A worker takes jobs that are ready.

use chrono::{DateTime, SubsecRound, Utc};
use mainstay_core::Result;
use mainstay_db::{Dialect, sql};

use super::Ledger;
use crate::stored::{State, StoredJob};

/// What a claim changes.
const TAKE: &str = "UPDATE mainstay_jobs SET state = 'running', worker = :worker, attempt = attempt + 1, started_at = :now, error = NULL, \
    unique_key = CASE WHEN unique_until_started THEN NULL ELSE unique_key END WHERE";
/// Those that come first, in the order of the index (queue, state, priority, id), however many wait. None for a worker that was taken for
/// dead: what it takes would be nobody's.
const FIRST: &str = "FROM mainstay_jobs WHERE queue = :queue AND state = 'ready' \
    AND NOT EXISTS (SELECT 1 FROM mainstay_job_pauses WHERE queue = :queue) \
    AND EXISTS (SELECT 1 FROM mainstay_job_workers WHERE id = :worker) \
    ORDER BY priority, id LIMIT :count";

impl Ledger {
    /// Takes up to so many jobs of a queue for a worker: those that come first. None of a queue that is paused.
    pub(crate) async fn claim(&self, queue: &str, worker: i64, count: usize) -> Result<Vec<StoredJob>> {
        // As every engine stores it: it is a part of what tells one attempt from another.
        let now = self.now().trunc_subsecs(6);
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let mut jobs = match self.db().dialect() {
            // An array, so that the inner statement is run once.
            Dialect::Postgres => {
                let take =
                    format!("{TAKE} id = ANY(ARRAY(SELECT id {FIRST} FOR UPDATE SKIP LOCKED)) RETURNING *");
                self.claim_by(take, queue, worker, count, now).await?
            }
            Dialect::Sqlite => {
                let take = format!("{TAKE} id IN (SELECT id {FIRST}) RETURNING *");
                self.claim_by(take, queue, worker, count, now).await?
            }
            _ => self.claim_in_steps(queue, worker, count, now).await?,
        };
        jobs.sort_by_key(|job| (job.priority, job.id));
        Ok(jobs)
    }

    /// Queues behind that of this name, in their order, that are not known and where one of the next jobs is of a kind that is run
    /// here. A few at a time: `after` is where the next look begins.
    pub(crate) async fn other_queues(&self, known: &[String], after: &mut String) -> Result<Vec<String>> {
        /// So many names are looked at: each is one step in the index that begins with it.
        const STEPS: usize = 100;
        /// So many jobs of each: one of a kind that no program knows any more keeps no others from being run.
        const HEAD: u64 = 50;
        let mut found = Vec::new();
        for _ in 0..STEPS {
            let next = StoredJob::filter(|job| job.queue.gt(after.as_str())).order_by(|job| job.queue);
            let Some(name) = next.limit(1).select(|job| job.queue).first(self.db()).await? else {
                after.clear();
                break;
            };
            after.clone_from(&name);
            if known.contains(&name) {
                continue;
            }
            let ready = StoredJob::filter(|job| job.queue.eq(&name) & job.state.eq(State::Ready));
            let first = ready.order_by(|job| (job.priority, job.id)).limit(HEAD).select(|job| job.kind);
            // A queue of another program is not ours to put off.
            if first.all(self.db()).await?.iter().any(|kind| self.registry().get(kind).is_some()) {
                found.push(name);
            }
        }
        Ok(found)
    }

    /// The queues in which something is ready.
    pub(crate) async fn ready_queues(&self) -> Result<Vec<String>> {
        let ready = StoredJob::filter(|job| job.state.eq(State::Ready)).select(|job| job.queue);
        ready.distinct().all(self.db()).await
    }

    async fn claim_by(
        &self,
        statement: String,
        queue: &str,
        worker: i64,
        count: i64,
        now: DateTime<Utc>,
    ) -> Result<Vec<StoredJob>> {
        let statement = sql(statement)
            .bind_named("worker", worker)
            .bind_named("now", now)
            .bind_named("queue", queue.to_owned())
            .bind_named("count", count);
        statement.writing().fetch(self.db()).await
    }

    /// For engines whose updates return no rows.
    async fn claim_in_steps(
        &self,
        queue: &str,
        worker: i64,
        count: i64,
        now: DateTime<Utc>,
    ) -> Result<Vec<StoredJob>> {
        // Without locks on what lies between the rows, which enqueuing would wait for.
        let transactions = self.db().transactions().isolation(mainstay_db::Isolation::ReadCommitted);
        let claim = transactions.retry(async |tx| {
            let jobs: Vec<StoredJob> = sql(format!("SELECT * {FIRST} FOR UPDATE SKIP LOCKED"))
                .bind_named("worker", worker)
                .bind_named("queue", queue.to_owned())
                .bind_named("count", count)
                .fetch(tx)
                .await?;
            if jobs.is_empty() {
                return Ok(jobs);
            }
            let ids: Vec<i64> = jobs.iter().map(|job| job.id).collect();
            StoredJob::filter(|job| job.id.is_in(ids.clone()))
                .update_with(
                    |job| {
                        (
                            job.state.set(State::Running),
                            job.worker.set(Some(worker)),
                            job.attempt.set(job.attempt + 1),
                            job.started_at.set(Some(now)),
                            job.error.set(None::<String>),
                        )
                    },
                    tx,
                )
                .await?;
            let freed: Vec<i64> =
                jobs.iter().filter(|job| job.unique_until_started).map(|job| job.id).collect();
            if !freed.is_empty() {
                StoredJob::filter(|job| job.id.is_in(freed)).update(|job| job.unique_key(None), tx).await?;
            }
            Ok(jobs)
        });
        let mut jobs = claim.await?;
        for job in &mut jobs {
            job.state = State::Running;
            job.worker = Some(worker);
            job.attempt += 1;
            job.started_at = Some(now);
            job.error = None;
            if job.unique_until_started {
                job.unique_key = None;
            }
        }
        Ok(jobs)
    }
}
