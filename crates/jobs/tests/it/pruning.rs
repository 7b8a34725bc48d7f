//! What is deleted when it was kept for long enough, and what goes with it.

use mainstay_jobs::stored::StoredBatch;
use mainstay_jobs::{Batch, Job, JobId, Jobs, State, StoredJob};

use crate::kinds::{Once, Panics, Says, note};
use crate::{on_each, with_worker};

fn once() -> Once {
    Once { account: 1, reason: "all is done".into() }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_follows_the_success_of_a_batch_is_cancelled_when_nobody_can_mend_it_any_more() {
    with_worker(
        |setup| setup.set("jobs.lease", "1s"),
        async |look| {
            let (db, jobs) = (look.db().await, look.0.inject::<Jobs>().await);
            let discarded = Batch::new("discarded").job(Says { what: "discard".into() });
            let discarded = discarded.job(note("x")).on_success(once()).enqueue(&db).await.unwrap();
            let dead = Batch::new("dead").job(Panics).job(note("y")).on_success(note("mended"));
            let dead = dead.enqueue(&db).await.unwrap();
            let is_over = async |id| jobs.batch(id).await.unwrap().unwrap().ended_at.is_some();
            look.until("both are over", async || is_over(discarded).await && is_over(dead).await).await;
            let follower = async |id| JobId(jobs.batch(id).await.unwrap().unwrap().on_success.unwrap());
            let (cancelled, waiting) = (follower(discarded).await, follower(dead).await);
            assert_eq!(look.state(cancelled).await, State::Following);

            let old = chrono::Utc::now() - chrono::TimeDelta::days(30);
            StoredBatch::query().update(|batch| batch.ended_at(Some(old)), &db).await.unwrap();
            let over = StoredJob::filter(|job| job.state.ne(State::Following));
            over.update(|job| job.due_at(old), &db).await.unwrap();
            let is_gone = async || jobs.batch(discarded).await.unwrap().is_none();
            look.until("the batch is deleted", is_gone).await;
            assert_eq!(look.state(cancelled).await, State::Cancelled);
            assert!(once().enqueue(&db).await.unwrap().is_new, "its key is free");
            // A dead one may be tried again, for as long as it is there.
            assert!(jobs.batch(dead).await.unwrap().is_some());
            assert_eq!(look.state(waiting).await, State::Following);
        },
    )
    .await;
}

#[tokio::test]
async fn what_follows_the_success_of_a_batch_is_cancelled_with_a_failure_that_is_deleted() {
    on_each(async |look, _| {
        let (db, jobs) = (look.db().await, look.0.inject::<Jobs>().await);
        let batch = Batch::new("dead").job(note("good")).job(Panics).on_success(once());
        let batch = batch.enqueue(&db).await.unwrap();
        look.run_all().await;
        let of = |state| StoredJob::filter(|job| job.batch.eq(Some(batch.0)) & job.state.eq(state));
        let follower = JobId(jobs.batch(batch).await.unwrap().unwrap().on_success.unwrap());
        jobs.delete(JobId(of(State::Completed).one(&db).await.unwrap().id)).await.unwrap();
        assert_eq!(look.state(follower).await, State::Following, "nothing of that is lost");
        jobs.delete(JobId(of(State::Dead).one(&db).await.unwrap().id)).await.unwrap();
        assert_eq!(look.state(follower).await, State::Cancelled);
        assert!(once().enqueue(&db).await.unwrap().is_new, "its key is free");
    })
    .await;
}
