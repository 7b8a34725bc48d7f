//! Jobs that are enqueued: with a transaction or without, for now or for later, once or often.

use std::time::Duration;

use mainstay_core::{Error, Result};
use mainstay_jobs::{Chain, Job, Jobs, State, StoredJob};

use crate::kinds::{Debounced, Note, Once, Started, Window, note};
use crate::on_each;

#[tokio::test]
async fn a_job_is_there_when_its_transaction_is_committed_and_never_otherwise() {
    on_each(async |look, _| {
        let db = look.db().await;
        let refused: Result<()> = db
            .transaction(async |tx| {
                note("never").enqueue(tx).await?;
                Err(Error::conflict("no"))
            })
            .await;
        assert!(refused.is_err());
        assert_eq!(look.run_all().await, 0);

        let nested = async |tx: &mainstay_db::Tx| {
            note("outer").enqueue(tx).await?;
            let undone: Result<()> = tx
                .transaction(async |tx| {
                    note("inner").enqueue(tx).await?;
                    Err(Error::conflict("no"))
                })
                .await;
            assert!(undone.is_err());
            Ok(())
        };
        db.transaction(nested).await.unwrap();
        assert_eq!(look.run_all().await, 1);
        assert_eq!(look.log().await, ["outer"]);
    })
    .await;
}

#[tokio::test]
async fn the_smallest_priority_comes_first_and_then_the_oldest() {
    on_each(async |look, _| {
        let db = look.db().await;
        for (word, priority) in [("c", 5), ("a", -1), ("d", 5), ("b", 0)] {
            note(word).priority(priority).enqueue(&db).await.unwrap();
        }
        look.run_all().await;
        assert_eq!(look.log().await, ["a", "b", "c", "d"]);
    })
    .await;
}

#[tokio::test]
async fn a_delayed_job_waits_for_its_time() {
    on_each(async |look, clock| {
        let db = look.db().await;
        let later = note("later").delay(Duration::from_secs(60)).enqueue(&db).await.unwrap();
        note("at")
            .at(db.transaction(async |tx| Ok(mainstay_db::Executor::target(tx).now())).await.unwrap())
            .enqueue(&db)
            .await
            .unwrap();
        assert_eq!(look.state(later.id).await, State::Scheduled);
        look.run_all().await;
        assert_eq!(look.log().await, ["at"]);
        clock.advance(Duration::from_secs(59));
        assert_eq!(look.run_all().await, 0);
        clock.advance(Duration::from_secs(1));
        assert_eq!(look.run_all().await, 1);
        assert_eq!(look.log().await, ["later"]);
    })
    .await;
}

#[tokio::test]
async fn many_are_enqueued_together_or_not_at_all() {
    on_each(async |look, _| {
        let (db, jobs) = (look.db().await, look.0.inject::<Jobs>().await);
        let words: Vec<String> = (0..250).map(|number| format!("{number:03}")).collect();
        jobs.enqueue_all(words.iter().map(|word| note(word)), &db).await.unwrap();
        assert_eq!(look.run_all().await, 250);
        assert_eq!(look.log().await, words);

        let twice = [1, 2, 1].map(|account| Once { account, reason: "x".into() });
        let refused = jobs.enqueue_all(twice, &db).await.unwrap_err();
        assert_eq!(refused.machine_code(), "job_in_the_way");
        assert_eq!(look.run_all().await, 0);
    })
    .await;
}

#[tokio::test]
async fn of_jobs_that_say_the_same_one_is_enqueued() {
    on_each(async |look, _| {
        let db = look.db().await;
        let once = |account, reason: &str| Once { account, reason: reason.into() };
        let first = once(1, "first").enqueue(&db).await.unwrap();
        let second = db.transaction(async |tx| once(1, "second").enqueue(tx).await).await.unwrap();
        let other = once(2, "other").enqueue(&db).await.unwrap();
        assert_eq!((first.is_new, second.is_new, other.is_new), (true, false, true));
        assert_eq!(first.id, second.id);
        look.run_all().await;
        assert_eq!(look.log().await, ["1 first", "2 other"]);
        // The first one is over.
        assert!(once(1, "third").enqueue(&db).await.unwrap().is_new);
    })
    .await;
}

#[tokio::test]
async fn one_that_is_dead_keeps_nobody_out_and_can_be_tried_again_all_the_same() {
    on_each(async |look, _| {
        let (db, jobs) = (look.db().await, look.0.inject::<Jobs>().await);
        let once = || Once { account: 1, reason: "x".into() };
        let first = once().enqueue(&db).await.unwrap().id;
        StoredJob::filter(|job| job.id.eq(first.0))
            .update(|job| job.args("{}").attempts(1), &db)
            .await
            .unwrap();
        look.run_all().await;
        assert_eq!(look.state(first).await, State::Dead);
        let second = once().enqueue(&db).await.unwrap();
        assert!(second.is_new);
        assert!(!once().enqueue(&db).await.unwrap().is_new);
        StoredJob::filter(|job| job.id.eq(first.0))
            .update(|job| job.args(r#"{"account":1,"reason":"mended"}"#), &db)
            .await
            .unwrap();
        let fault = jobs.retry(first).await.unwrap_err();
        assert_eq!(fault.machine_code(), "job_in_the_way", "the second waits");
        look.run_all().await;
        jobs.retry(first).await.unwrap();
        assert_eq!(once().enqueue(&db).await.unwrap().id, first, "it is unique again");
        jobs.cancel(first).await.unwrap();
        jobs.retry(first).await.unwrap();
        assert!(!once().enqueue(&db).await.unwrap().is_new, "and after it was cancelled, too");
        assert_eq!(look.run_all().await, 1);
        assert_eq!(look.log().await, ["1 x", "1 mended"]);
    })
    .await;
}

#[tokio::test]
async fn many_who_enqueue_the_same_at_once_get_one() {
    on_each(async |look, _| {
        let db = look.db().await;
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..20 {
            let db = db.clone();
            tasks.spawn(async move {
                Once { account: 7, reason: number.to_string() }.enqueue(&db).await.unwrap()
            });
        }
        let all = tasks.join_all().await;
        assert_eq!(all.iter().filter(|enqueued| enqueued.is_new).count(), 1);
        assert!(all.iter().all(|enqueued| enqueued.id == all[0].id));
        assert_eq!(look.run_all().await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_job_that_is_unique_until_it_starts_may_enqueue_itself() {
    on_each(async |look, _| {
        let db = look.db().await;
        assert!(Started.enqueue(&db).await.unwrap().is_new);
        assert!(!Started.enqueue(&db).await.unwrap().is_new);
        assert_eq!(look.run_all().await, 2);
        assert_eq!(look.log().await, ["second"]);
    })
    .await;
}

#[tokio::test]
async fn a_window_keeps_others_out_after_the_end_too() {
    on_each(async |look, clock| {
        let db = look.db().await;
        assert!(Window.enqueue(&db).await.unwrap().is_new);
        look.run_all().await;
        clock.advance(Duration::from_secs(599));
        assert!(!Window.enqueue(&db).await.unwrap().is_new);
        clock.advance(Duration::from_secs(2));
        assert!(Window.enqueue(&db).await.unwrap().is_new);
    })
    .await;
}

#[tokio::test]
async fn of_a_burst_the_last_one_is_run_when_it_is_quiet() {
    on_each(async |look, clock| {
        let db = look.db().await;
        let edit = |text: &str| Debounced { article: 1, text: text.into() };
        let first = edit("a").enqueue(&db).await.unwrap();
        clock.advance(Duration::from_secs(20));
        let second = edit("b").enqueue(&db).await.unwrap();
        assert_eq!((second.id, second.is_new), (first.id, false));
        clock.advance(Duration::from_secs(20));
        assert_eq!(look.run_all().await, 0);
        clock.advance(Duration::from_secs(10));
        assert_eq!(look.run_all().await, 1);
        assert_eq!(look.log().await, ["b"]);
        assert!(edit("c").enqueue(&db).await.unwrap().is_new);
    })
    .await;
}

#[tokio::test]
async fn one_of_a_burst_that_follows_another_job_says_what_the_last_one_did() {
    on_each(async |look, clock| {
        let db = look.db().await;
        let edit = |text: &str| Debounced { article: 1, text: text.into() };
        let ids = Chain::of(note("first")).then(edit("a")).enqueue(&db).await.unwrap();
        clock.advance(Duration::from_secs(20));
        let second = edit("b").enqueue(&db).await.unwrap();
        assert_eq!((second.id, second.is_new), (ids[1], false));
        assert_eq!(look.state(ids[1]).await, State::Following);
        clock.advance(Duration::from_secs(20));
        assert_eq!(look.run_all().await, 1, "it is put off");
        clock.advance(Duration::from_secs(10));
        assert_eq!(look.run_all().await, 1);
        assert_eq!(look.log().await, ["first", "b"]);
    })
    .await;
}

#[tokio::test]
async fn what_is_stored_says_what_was_enqueued() {
    on_each(async |look, _| {
        let db = look.db().await;
        let id = note("x").in_queue("other").priority(3).enqueue(&db).await.unwrap().id;
        let job: StoredJob = look.job(id).await;
        assert_eq!((job.kind.as_str(), job.queue.as_str(), job.priority), ("Note", "other", 3));
        assert_eq!(job.args, r#"{"word":"x"}"#);
        assert_eq!((job.state, job.attempt, job.attempts), (State::Ready, 0, 20));
        let _: Note = serde_json::from_str(&job.args).unwrap();
    })
    .await;
}
