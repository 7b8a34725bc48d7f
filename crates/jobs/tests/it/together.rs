//! Jobs that follow each other, belong together, or keep each other out; and what is done to jobs from outside.

use std::time::Duration;

use mainstay_jobs::stored::{StoredBatch, StoredLimit};
use mainstay_jobs::{Batch, Chain, Job, Jobs, State, StoredJob};

use crate::kinds::{Alone, Fails, Once, Panics, Quits, Rated, note};
use crate::on_each;

#[tokio::test]
async fn a_chain_goes_on_when_the_one_before_has_succeeded() {
    on_each(async |look, _| {
        let (db, jobs) = (look.db().await, look.0.inject::<Jobs>().await);
        let chain = Chain::of(note("a").priority(5)).then(note("b").priority(-5)).then(note("c"));
        let ids = db.transaction(async |tx| chain.enqueue(tx).await).await.unwrap();
        assert_eq!(look.state(ids[1]).await, State::Following);
        assert_eq!(look.run_all().await, 3);
        assert_eq!(look.log().await, ["a", "b", "c"]);

        let ids = Chain::of(Panics).then(note("after")).then(note("last")).enqueue(&db).await.unwrap();
        look.run_all().await;
        assert_eq!((look.state(ids[0]).await, look.state(ids[1]).await), (State::Dead, State::Following));
        assert!(jobs.cancel(ids[0]).await.unwrap());
        for id in ids {
            assert_eq!(look.state(id).await, State::Cancelled);
        }
        assert!(look.log().await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_chain_that_stopped_goes_on_when_its_dead_job_is_tried_again_and_succeeds() {
    on_each(async |look, _| {
        let (db, jobs) = (look.db().await, look.0.inject::<Jobs>().await);
        let ids = Chain::of(Panics).then(note("after")).enqueue(&db).await.unwrap();
        look.run_all().await;
        StoredJob::filter(|job| job.id.eq(ids[0].0))
            .update(|job| job.kind("Note").args(r#"{"word":"mended"}"#), &db)
            .await
            .unwrap();
        jobs.retry(ids[0]).await.unwrap();
        look.run_all().await;
        assert_eq!(look.log().await, ["mended", "after"]);
    })
    .await;
}

#[tokio::test]
async fn what_follows_a_batch_follows_once() {
    on_each(async |look, _| {
        let db = look.db().await;
        let words = (0..30).map(|number| note(&format!("{number:02}")));
        let batch = Batch::new("words").jobs(words).on_success(note("success")).on_end(note("end"));
        let id = batch.enqueue(&db).await.unwrap();
        let row = async || StoredBatch::filter(|batch| batch.id.eq(id.0)).one(&db).await.unwrap();
        assert_eq!((row().await.total, row().await.open), (30, 30));
        assert_eq!(look.run_all().await, 32);
        let log = look.log().await;
        assert_eq!(log.len(), 32);
        assert_eq!(log[..30], (0..30).map(|number| format!("{number:02}")).collect::<Vec<_>>());
        let mut last = log[30..].to_vec();
        last.sort();
        assert_eq!(last, ["end", "success"]);
        let row = row().await;
        assert_eq!((row.open, row.failed, row.ended_at.is_some()), (0, 0, true));

        Batch::new("none").on_success(note("at once")).enqueue(&db).await.unwrap();
        look.run_all().await;
        assert_eq!(look.log().await, ["at once"]);
    })
    .await;
}

#[tokio::test]
async fn a_batch_with_a_failure_succeeds_when_that_is_mended() {
    on_each(async |look, _| {
        let (db, jobs) = (look.db().await, look.0.inject::<Jobs>().await);
        let batch = Batch::new("mixed").job(note("good")).job(Panics);
        let id = batch.on_success(note("success")).on_end(note("end")).enqueue(&db).await.unwrap();
        look.run_all().await;
        assert_eq!(look.log().await, ["good", "end"]);
        let dead = StoredJob::filter(|job| job.batch.eq(Some(id.0)) & job.state.eq(State::Dead))
            .one(&db)
            .await
            .unwrap();
        StoredJob::filter(|job| job.id.eq(dead.id))
            .update(|job| job.kind("Note").args(r#"{"word":"mended"}"#), &db)
            .await
            .unwrap();
        jobs.retry(mainstay_jobs::JobId(dead.id)).await.unwrap();
        look.run_all().await;
        assert_eq!(look.log().await, ["mended", "success"]);
        let row = StoredBatch::filter(|batch| batch.id.eq(id.0)).one(&db).await.unwrap();
        assert_eq!((row.open, row.failed), (0, 0));
    })
    .await;
}

#[tokio::test]
async fn one_with_a_place_among_others_cannot_be_one_that_is_there() {
    on_each(async |look, _| {
        let db = look.db().await;
        let once = || Once { account: 1, reason: "x".into() };
        once().enqueue(&db).await.unwrap();
        let refused = Chain::of(note("a")).then(once()).enqueue(&db).await.unwrap_err();
        assert_eq!((refused.status().as_u16(), refused.machine_code()), (409, "job_in_the_way"));
        assert_eq!(look.run_all().await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_rate_lets_in_no_more_than_it_says() {
    on_each(async |look, clock| {
        let (db, jobs) = (look.db().await, look.0.inject::<Jobs>().await);
        jobs.enqueue_all((0..10).map(|_| Rated), &db).await.unwrap();
        assert_eq!(look.run_all().await, 3);
        clock.advance(Duration::from_secs(19));
        assert_eq!(look.run_all().await, 0);
        clock.advance(Duration::from_secs(1));
        assert_eq!(look.run_all().await, 1);
        clock.advance(Duration::from_secs(600));
        assert_eq!(look.run_all().await, 3);
    })
    .await;
}

#[tokio::test]
async fn a_clock_that_was_wrong_holds_up_a_rate_for_no_longer_than_it_says() {
    on_each(async |look, clock| {
        let db = look.db().await;
        Rated.enqueue(&db).await.unwrap();
        assert_eq!(look.run_all().await, 1);
        let tomorrow = StoredLimit::query().one(&db).await.unwrap().free_at + chrono::TimeDelta::days(1);
        StoredLimit::query().update(|limit| limit.free_at(tomorrow), &db).await.unwrap();
        Rated.enqueue(&db).await.unwrap();
        assert_eq!(look.run_all().await, 0);
        clock.advance(Duration::from_secs(60));
        assert_eq!(look.run_all().await, 1);
    })
    .await;
}

#[tokio::test]
async fn of_a_thousand_keys_none_waits_behind_the_others() {
    on_each(async |look, _| {
        let (db, jobs) = (look.db().await, look.0.inject::<Jobs>().await);
        // Two of each, of which one is let in at a time.
        let both =
            (0..1_200).flat_map(|account| [Alone { account, millis: 0 }, Alone { account, millis: 0 }]);
        jobs.enqueue_all(both, &db).await.unwrap();
        jobs.pause("default").await.unwrap();
        for _ in 0..4 {
            look.run_all().await;
        }
        let ready = StoredJob::filter(|job| job.state.eq(State::Ready));
        assert_eq!(ready.count(&db).await.unwrap(), 1_200);
    })
    .await;
}

#[tokio::test]
async fn of_many_that_wait_for_one_key_none_hides_another_key() {
    on_each(async |look, _| {
        let (db, jobs) = (look.db().await, look.0.inject::<Jobs>().await);
        let accounts = [(1, 3), (2, 250), (3, 1), (4, 120)];
        for (account, count) in accounts {
            jobs.enqueue_all((0..count).map(|_| Alone { account, millis: 0 }), &db).await.unwrap();
        }
        jobs.pause("default").await.unwrap();
        look.run_all().await;
        let ready = StoredJob::filter(|job| job.state.eq(State::Ready)).select(|job| job.limit_key);
        let mut keys: Vec<_> = ready.all(&db).await.unwrap().into_iter().flatten().collect();
        keys.sort();
        assert_eq!(keys, accounts.map(|(account, _)| format!("Alone:[{account}]")));
    })
    .await;
}

#[tokio::test]
async fn one_that_is_cancelled_while_it_fails_does_not_come_back() {
    on_each(async |look, _| {
        let db = look.db().await;
        let id = Quits.enqueue(&db).await.unwrap().id;
        assert_eq!(look.run_all().await, 1);
        assert_eq!(look.state(id).await, State::Cancelled);
    })
    .await;
}

#[tokio::test]
async fn one_of_a_key_is_ready_at_a_time() {
    on_each(async |look, _| {
        let db = look.db().await;
        let mut ids = Vec::new();
        for account in [1, 1, 2] {
            ids.push(Alone { account, millis: 0 }.enqueue(&db).await.unwrap().id);
        }
        for id in &ids {
            assert_eq!(look.state(*id).await, State::Blocked);
        }
        assert_eq!(look.run_all().await, 3);
        let log = look.log().await;
        assert_eq!(log.iter().filter(|line| line.as_str() == "end 1").count(), 2, "{log:?}");
    })
    .await;
}

#[tokio::test]
async fn jobs_are_cancelled_retried_and_deleted() {
    on_each(async |look, clock| {
        let (db, jobs) = (look.db().await, look.0.inject::<Jobs>().await);
        let id = note("x").delay(Duration::from_secs(60)).enqueue(&db).await.unwrap().id;
        assert!(jobs.cancel(id).await.unwrap());
        assert!(!jobs.cancel(id).await.unwrap());
        clock.advance(Duration::from_secs(60));
        assert_eq!(look.run_all().await, 0);
        jobs.retry(id).await.unwrap();
        assert_eq!(look.run_all().await, 1);
        let done = jobs.retry(id).await.unwrap_err();
        assert_eq!((done.status().as_u16(), done.machine_code()), (409, "job_state"));
        jobs.delete(id).await.unwrap();
        assert_eq!(jobs.delete(id).await.unwrap_err().status().as_u16(), 404);
        assert!(jobs.get(id).await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn a_paused_queue_gives_out_nothing() {
    on_each(async |look, _| {
        let (db, jobs) = (look.db().await, look.0.inject::<Jobs>().await);
        jobs.pause("notes").await.unwrap();
        jobs.pause("notes").await.unwrap();
        note("x").enqueue(&db).await.unwrap();
        Fails.enqueue(&db).await.unwrap();
        assert_eq!(look.run_all().await, 1);
        assert_eq!(look.log().await, ["attempt 1"]);
        jobs.resume("notes").await.unwrap();
        assert_eq!(look.run_all().await, 1);
        assert_eq!(look.log().await, ["x"]);
    })
    .await;
}
