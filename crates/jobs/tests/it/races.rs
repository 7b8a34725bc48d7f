//! Two who do something to the same jobs at the same moment: one comes first, and the other one sees what it did.

use std::time::Duration;

use mainstay_db::Dialect;
use mainstay_jobs::stored::StoredBatch;
use mainstay_jobs::{Batch, Chain, Job, JobId, Jobs, State, StoredJob};
use tokio::sync::Notify;

use crate::kinds::note;
use crate::shared::on_each_shared;
use crate::{Look, on_each};

/// How long whoever comes second is given to get to where it waits.
const A_WHILE: Duration = Duration::from_millis(400);

#[tokio::test]
async fn one_that_is_cancelled_while_the_one_before_it_ends_stays_cancelled() {
    on_each(async |look, _| {
        let db = look.db().await;
        let chain = Chain::of(note("first")).then(note("second")).enqueue(&db).await.unwrap();
        let batch = Batch::new("one").job(note("only")).on_end(note("end")).enqueue(&db).await.unwrap();
        let batch = StoredBatch::filter(|row| row.id.eq(batch.0)).one(&db).await.unwrap();
        let followers = [chain[1], JobId(batch.on_end.unwrap())];
        let changed = Notify::new();
        let cancel = db.transaction(async |tx| {
            let following = StoredJob::filter(|job| job.id.is_in(followers.map(|id| id.0).to_vec()));
            following.update(|job| job.state(State::Cancelled), tx).await?;
            changed.notify_one();
            tokio::time::sleep(A_WHILE).await;
            Ok(())
        });
        let end = async {
            changed.notified().await;
            look.run_all().await
        };
        let (cancelled, attempts) = tokio::join!(cancel, end);
        cancelled.unwrap();
        assert_eq!(attempts, 2);
        for id in followers {
            assert_eq!(look.state(id).await, State::Cancelled);
        }
        assert_eq!(look.log().await, ["first", "only"]);
    })
    .await;
}

#[tokio::test]
async fn one_that_is_tried_again_while_the_one_before_it_ends_does_not_wait_for_ever() {
    on_each(async |look, _| {
        let (db, jobs) = (look.db().await, look.0.inject::<Jobs>().await);
        let chain = Chain::of(note("first")).then(note("second")).enqueue(&db).await.unwrap();
        assert!(jobs.cancel(chain[1]).await.unwrap());
        let later = note("later").delay(Duration::from_secs(60));
        let batch = Batch::new("late").job(later).enqueue(&db).await.unwrap();
        let first = StoredJob::filter(|job| job.id.eq(chain[0].0));
        first.update(|job| job.batch(Some(batch.0)), &db).await.unwrap();
        // Whoever ends the first one has seen that nothing follows it, and waits here.
        let held = Notify::new();
        let hold = db.transaction(async |tx| {
            StoredBatch::filter(|row| row.id.eq(batch.0)).for_update().one(tx).await?;
            held.notify_one();
            tokio::time::sleep(A_WHILE * 2).await;
            Ok(())
        });
        let end = async {
            held.notified().await;
            look.run_all().await;
        };
        let retry = async {
            tokio::time::sleep(A_WHILE).await;
            jobs.retry(chain[1]).await
        };
        let (let_go, (), tried) = tokio::join!(hold, end, retry);
        let_go.unwrap();
        tried.unwrap();
        look.run_all().await;
        assert_eq!(look.log().await, ["first", "second"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_follows_a_dead_job_that_is_tried_again_while_old_ones_are_deleted_waits_for_it() {
    on_each_shared(async |shared| {
        let app = shared.setup().start().await;
        let look = Look(&app);
        let db = look.db().await;
        if db.dialect() == Dialect::Sqlite {
            // There one writes at a time: nobody comes between.
            return app.stop().await;
        }
        let chain = Chain::of(note("first")).then(note("second")).enqueue(&db).await.unwrap();
        let other = note("other").enqueue(&db).await.unwrap().id;
        let old = chrono::Utc::now() - chrono::TimeDelta::days(30);
        for (id, state) in [(chain[0], State::Dead), (other, State::Completed)] {
            let job = StoredJob::filter(|job| job.id.eq(id.0));
            job.update(|job| job.state(state).due_at(old), &db).await.unwrap();
        }
        let worker = shared.setup().set("jobs.workers", "true").set("jobs.lease", "1s");
        let worker = worker.set("jobs.keep_dead", "1h");
        let retry = async |tx: &mainstay_db::Tx| {
            let dead = StoredJob::filter(|job| job.id.eq(chain[0].0));
            dead.update(|job| job.state(State::Ready).due_at(chrono::Utc::now()), tx).await?;
            let worker = worker.start().await;
            let jobs = look.0.inject::<Jobs>().await;
            look.until("old ones are deleted", async || jobs.get(other).await.unwrap().is_none()).await;
            Ok(worker)
        };
        let worker = db.transactions().deadline(Duration::from_secs(60)).run(retry).await.unwrap();
        look.until("both are done", async || look.state(chain[1]).await == State::Completed).await;
        assert_eq!(Look(&worker).log().await, ["first", "second"]);
        worker.stop().await;
        app.stop().await;
    })
    .await;
}
