//! What becomes of an attempt: success, failure, time-out, panic, and arguments that cannot be read.

use std::time::Duration;

use mainstay_db::sql;
use mainstay_jobs::{Job, Jobs, State, StoredJob};

use crate::kinds::{Alone, Blocking, Effect, Fails, Grown, Import, Loops, Panics, Says, Sum, note};
use crate::on_each;

#[tokio::test]
async fn a_failure_is_tried_again_with_growing_waits_and_is_dead_with_the_reason() {
    on_each(async |look, clock| {
        let db = look.db().await;
        let id = Fails.enqueue(&db).await.unwrap().id;
        assert_eq!(look.run_all().await, 1);
        let job = look.job(id).await;
        assert_eq!((job.state, job.error.as_deref()), (State::Retrying, Some("the printer is on fire")));
        // 10 s, of which chance takes off a fifth at most.
        clock.advance(Duration::from_secs(7));
        assert_eq!(look.run_all().await, 0);
        clock.advance(Duration::from_secs(3));
        assert_eq!(look.run_all().await, 1);
        clock.advance(Duration::from_secs(15));
        assert_eq!(look.run_all().await, 0);
        clock.advance(Duration::from_secs(5));
        assert_eq!(look.run_all().await, 1);
        assert_eq!(look.state(id).await, State::Dead);
        assert_eq!(look.log().await, ["attempt 1", "attempt 2", "attempt 3"]);

        let jobs = look.0.inject::<Jobs>().await;
        let failures = jobs.failures(id).await.unwrap();
        assert_eq!(failures.iter().map(|failure| failure.attempt).collect::<Vec<_>>(), [3, 2, 1]);
        assert_eq!(failures[0].error, "the printer is on fire");

        jobs.retry(id).await.unwrap();
        assert_eq!(look.run_all().await, 1);
        assert_eq!(look.log().await, ["attempt 1"]);
    })
    .await;
}

#[tokio::test]
async fn what_a_job_returns_can_be_waited_for() {
    on_each(async |look, _| {
        let (db, jobs) = (look.db().await, look.0.inject::<Jobs>().await);
        let id = Sum { numbers: vec![1, 2, 3] }.enqueue(&db).await.unwrap().id;
        let early = jobs.output::<i64>(id, Duration::from_millis(20)).await.unwrap_err();
        assert_eq!((early.status().as_u16(), early.machine_code()), (503, "job_pending"));
        look.run_all().await;
        assert_eq!(jobs.output::<i64>(id, Duration::from_secs(5)).await.unwrap(), 6);

        let nothing = note("x").enqueue(&db).await.unwrap().id;
        look.run_all().await;
        jobs.output::<()>(nothing, Duration::from_secs(5)).await.unwrap();

        let panics = Panics.enqueue(&db).await.unwrap().id;
        look.run_all().await;
        let failed = jobs.output::<()>(panics, Duration::from_secs(5)).await.unwrap_err();
        assert_eq!(failed.machine_code(), "job_failed");
        assert!(!failed.message().contains("no place"), "{}", failed.message());
        assert!(failed.report().contains("no place to be"), "{}", failed.report());
    })
    .await;
}

#[tokio::test]
async fn panics_and_time_outs_are_failures() {
    on_each(async |look, _| {
        let db = look.db().await;
        let (panics, loops) = (Panics.enqueue(&db).await.unwrap().id, Loops.enqueue(&db).await.unwrap().id);
        assert_eq!(look.run_all().await, 2);
        let (panics, loops) = (look.job(panics).await, look.job(loops).await);
        assert_eq!((panics.state, loops.state), (State::Dead, State::Dead));
        assert_eq!(panics.error.as_deref(), Some("it panicked: this is no place to be"));
        assert_eq!(loops.error.as_deref(), Some("it took longer than 50ms"));
    })
    .await;
}

#[tokio::test]
async fn a_job_that_blocks_has_a_thread() {
    on_each(async |look, _| {
        let (db, jobs) = (look.db().await, look.0.inject::<Jobs>().await);
        let id = Blocking { millis: 30 }.enqueue(&db).await.unwrap().id;
        look.run_all().await;
        assert_eq!(jobs.output::<String>(id, Duration::from_secs(5)).await.unwrap(), "30 ms");
    })
    .await;
}

#[tokio::test]
async fn a_job_says_by_its_error_what_becomes_of_it() {
    on_each(async |look, clock| {
        let db = look.db().await;
        let expected = [
            ("again", State::Scheduled, 0),
            ("discard", State::Discarded, 1),
            ("give up", State::Dead, 1),
            ("later", State::Retrying, 1),
            ("never", State::Dead, 1),
            ("gone", State::Discarded, 1),
            ("anything", State::Retrying, 1),
            ("boom", State::Retrying, 1),
        ];
        let mut ids = Vec::new();
        for (what, ..) in expected {
            ids.push(Says { what: what.into() }.enqueue(&db).await.unwrap().id);
        }
        look.run_all().await;
        for ((what, state, attempt), id) in expected.into_iter().zip(&ids) {
            let job = look.job(*id).await;
            assert_eq!((job.state, job.attempt), (state, attempt), "{what}");
        }
        assert_eq!(
            look.job(ids[1]).await.error.as_deref(),
            Some("the account is closed: the job need not be done")
        );
        look.log().await;
        clock.advance(Duration::from_secs(60));
        look.run_all().await;
        assert_eq!(look.log().await, ["again", "anything", "boom"]);
    })
    .await;
}

#[tokio::test]
async fn a_job_goes_on_at_its_last_checkpoint() {
    on_each(async |look, clock| {
        let db = look.db().await;
        let id = Import { rows: 5, fails_at: 3 }.enqueue(&db).await.unwrap().id;
        look.run_all().await;
        assert_eq!(look.log().await, ["row 0", "row 1", "row 2"]);
        clock.advance(Duration::from_secs(15));
        look.run_all().await;
        assert_eq!(look.log().await, ["row 3", "row 4"]);
        let job = look.job(id).await;
        assert_eq!((job.state, job.progress, job.progress_of), (State::Completed, Some(5), Some(5)));
    })
    .await;
}

#[tokio::test]
async fn what_is_written_with_the_end_is_written_once() {
    on_each(async |look, clock| {
        let db = look.db().await;
        sql("CREATE TABLE effects (id BIGINT NOT NULL)").execute(&db).await.unwrap();
        let count = async || sql("SELECT id FROM effects").fetch::<i64>(&db).await.unwrap();
        let good = Effect { key: 1, fails: false }.enqueue(&db).await.unwrap().id;
        let bad = Effect { key: 2, fails: true }.enqueue(&db).await.unwrap().id;
        look.run_all().await;
        assert_eq!(count().await, [1]);
        assert_eq!((look.state(good).await, look.state(bad).await), (State::Completed, State::Retrying));
        clock.advance(Duration::from_secs(60));
        look.run_all().await;
        assert_eq!(count().await, [1]);
        assert_eq!(look.state(bad).await, State::Dead);
    })
    .await;
}

#[tokio::test]
async fn older_arguments_are_brought_up_and_those_that_cannot_be_read_are_named() {
    on_each(async |look, _| {
        let db = look.db().await;
        let id = Grown { names: vec!["x".into()], loud: true }.enqueue(&db).await.unwrap().id;
        let mut ids = Vec::new();
        for (kind, version, args) in [
            ("grow", 1, r#"{"name":"old"}"#),
            ("Grew", 2, r#"{"names":["a","b"]}"#),
            ("grown", 2, r#"{"names":["a", 7]}"#),
        ] {
            let copy = note("x").enqueue(&db).await.unwrap().id;
            StoredJob::filter(|job| job.id.eq(copy.0))
                .update(|job| job.kind(kind).version(version).args(args).attempts(1), &db)
                .await
                .unwrap();
            ids.push(copy);
        }
        look.run_all().await;
        let mut log = look.log().await;
        log.sort();
        assert_eq!(log, ["a+b", "old", "x!"]);
        assert_eq!(look.state(id).await, State::Completed);
        let unreadable = look.job(ids[2]).await;
        assert_eq!(unreadable.state, State::Dead);
        let error = unreadable.error.unwrap();
        assert!(
            error.starts_with("the arguments cannot be read: `names[1]`: invalid type: integer `7`"),
            "{error}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_job_that_this_program_does_not_know_is_left_to_others_for_days() {
    on_each(async |look, clock| {
        let db = look.db().await;
        let (unknown, newer) =
            (note("x").enqueue(&db).await.unwrap().id, note("y").enqueue(&db).await.unwrap().id);
        StoredJob::filter(|job| job.id.eq(unknown.0)).update(|job| job.kind("Later"), &db).await.unwrap();
        StoredJob::filter(|job| job.id.eq(newer.0)).update(|job| job.version(2), &db).await.unwrap();
        for _ in 0..25 {
            assert_eq!(look.run_all().await, 2);
            clock.advance(Duration::from_secs(30));
        }
        let job = look.job(unknown).await;
        assert_eq!((job.state, job.attempt), (State::Scheduled, 0));
        assert_eq!(job.error.as_deref(), Some("this program knows no job `Later`"));
        let job = look.job(newer).await;
        assert_eq!(job.error.as_deref(), Some("this program knows version 1 of `Note`, not 2"));
        // However long it had waited before: it counts from when the first met it.
        let delayed = note("z").delay(Duration::from_secs(3 * 24 * 3600)).enqueue(&db).await.unwrap().id;
        StoredJob::filter(|job| job.id.eq(delayed.0)).update(|job| job.kind("Later"), &db).await.unwrap();
        clock.advance(Duration::from_secs(4 * 24 * 3600));
        look.run_all().await;
        assert_eq!(look.state(unknown).await, State::Dead);
        assert_eq!(look.state(delayed).await, State::Scheduled);
        assert!(look.log().await.is_empty());
        // Who has it tried again has a reason: it counts anew.
        look.0.inject::<Jobs>().await.retry(unknown).await.unwrap();
        look.run_all().await;
        assert_eq!(look.state(unknown).await, State::Scheduled);
    })
    .await;
}

#[tokio::test]
async fn a_job_with_a_key_that_no_program_knows_is_met_and_its_days_are_counted() {
    on_each(async |look, clock| {
        let db = look.db().await;
        let alone = || Alone { account: 1, millis: 0 };
        let (one, two) = (alone().enqueue(&db).await.unwrap().id, alone().enqueue(&db).await.unwrap().id);
        StoredJob::query().update(|job| job.kind("Later"), &db).await.unwrap();
        assert_eq!(look.run_all().await, 0);
        // For a while it is left to programs that may know it: until it has waited, and then until its key has.
        clock.advance(Duration::from_secs(60));
        assert_eq!(look.run_all().await, 0);
        clock.advance(Duration::from_secs(59));
        assert_eq!(look.run_all().await, 0);
        clock.advance(Duration::from_secs(1));
        assert_eq!(look.run_all().await, 2);
        for id in [one, two] {
            let job = look.job(id).await;
            assert_eq!((job.state, job.attempt), (State::Scheduled, 0));
            assert_eq!(job.error.as_deref(), Some("this program knows no job `Later`"));
        }
        clock.advance(Duration::from_secs(4 * 24 * 3600));
        assert_eq!(look.run_all().await, 0);
        assert_eq!(look.state(one).await, State::Blocked);
        clock.advance(Duration::from_secs(60));
        assert_eq!(look.run_all().await, 2);
        assert_eq!((look.state(one).await, look.state(two).await), (State::Dead, State::Dead));
    })
    .await;
}
