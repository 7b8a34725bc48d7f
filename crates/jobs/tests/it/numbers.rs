//! What there is to see of jobs: how many, how long, and lists of them.

use std::time::Duration;

use mainstay_core::metrics::Metrics;
use mainstay_jobs::stats::{Span, StoredStats, Volume};
use mainstay_jobs::survey::{JobFilter, Place};
use mainstay_jobs::{Batch, BatchId, Job, Jobs, State};

use crate::kinds::{Fails, Sum, note};
use crate::{Look, on_each, with_worker};

async fn jobs(look: &Look<'_>) -> mainstay_core::Inject<Jobs> {
    look.0.inject::<Jobs>().await
}

#[tokio::test]
async fn attempts_are_counted_by_the_minute_whoever_makes_them() {
    on_each(async |look, clock| {
        let (db, jobs) = (look.db().await, jobs(&look).await);
        note("one").enqueue(&db).await.unwrap();
        note("two").enqueue(&db).await.unwrap();
        Fails.enqueue(&db).await.unwrap();
        clock.advance(Duration::from_secs(3));
        look.run_all().await;
        // Another worker, in the same minute: it adds to the rows.
        note("three").enqueue(&db).await.unwrap();
        look.run_all().await;
        assert_eq!(StoredStats::query().count(&db).await.unwrap(), 2);
        let history = jobs.history(Span::HOUR).await.unwrap();
        assert_eq!(history.queues().collect::<Vec<_>>(), ["default", "notes"]);
        let last = |queue| history.points_of(queue).last().unwrap().volume;
        let notes: Volume = last("notes");
        assert_eq!((notes.completed, notes.failed, notes.dead), (3, 0, 0));
        assert_eq!((notes.wait.count(), notes.run.count()), (3, 3));
        assert_eq!(notes.wait.longest(), Some(Duration::from_secs(3)));
        assert_eq!(notes.wait.mean(), Some(Duration::from_secs(2)));
        assert_eq!((last("default").completed, last("default").failed), (0, 1));
        let all = history.points().last().unwrap().volume;
        assert_eq!((all.completed, all.failed), (3, 1));
        assert_eq!(history.points().len(), 60);
        assert_eq!(history.recent("notes", 5).completed, 3);

        // Twice more, and it is dead; five minutes later that is another row.
        clock.advance(Duration::from_secs(300));
        look.run_all().await;
        clock.advance(Duration::from_secs(300));
        look.run_all().await;
        let history = jobs.history(Span::DAY).await.unwrap();
        let (_, fails) = history.kinds().find(|(kind, _)| kind.contains("ails")).unwrap();
        assert_eq!((fails.failed, fails.dead), (3, 1));
        assert_eq!(jobs.history(Span::HOUR).await.unwrap().points().last().unwrap().volume.completed, 0);
        clock.advance(Duration::from_secs(2 * 60 * 60));
        assert_eq!(jobs.history(Span::HOUR).await.unwrap().queues().count(), 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_writes_its_numbers_while_it_runs_and_tells_prometheus() {
    with_worker(std::convert::identity, async |look| {
        let (db, jobs) = (look.db().await, jobs(&look).await);
        note("one").enqueue(&db).await.unwrap();
        Sum { numbers: vec![1] }.enqueue(&db).await.unwrap();
        let written = async || {
            let points = jobs.history(Span::HOUR).await.unwrap().points();
            points.iter().map(|point| point.volume.completed).sum::<i64>() == 2
        };
        look.until("two jobs are counted", written).await;
        let text = look.0.inject::<Metrics>().await.render();
        for line in [
            "jobs_total{queue=\"notes\",outcome=\"completed\"} 1",
            "jobs_total{queue=\"notes\",outcome=\"dead\"} 0",
            "job_seconds_count{queue=\"notes\"} 1",
            "job_wait_seconds_count{queue=\"default\"} 1",
            "jobs_waiting{queue=\"notes\"} 0",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_queue_says_what_it_has_and_how_long_it_lets_wait() {
    on_each(async |look, clock| {
        let (db, jobs) = (look.db().await, jobs(&look).await);
        note("first").enqueue(&db).await.unwrap();
        clock.advance(Duration::from_secs(90));
        note("urgent").priority(-5).enqueue(&db).await.unwrap();
        note("later").delay(Duration::from_secs(60)).enqueue(&db).await.unwrap();
        note("elsewhere").in_queue("strange").enqueue(&db).await.unwrap();
        jobs.pause("strange").await.unwrap();
        jobs.pause("unknown").await.unwrap();
        let queues = jobs.queues().await.unwrap();
        let names: Vec<_> = queues.iter().map(|queue| queue.name.as_str()).collect();
        assert_eq!(names, ["default", "notes", "slow", "strange", "unknown"]);
        let [default, notes, _, strange, unknown] = &queues[..] else { unreachable!() };
        assert_eq!(notes.counts.of(State::Ready).count(), 2);
        assert_eq!(notes.counts.of(State::Scheduled).to_string(), "1");
        assert_eq!(notes.latency, Duration::from_secs(90));
        assert_eq!((default.latency, default.paused_since), (Duration::ZERO, None));
        assert!(strange.paused_since.is_some() && unknown.paused_since.is_some());
        let all = jobs.counts().await.unwrap();
        assert_eq!((all.of(State::Ready).count(), all.of(State::Dead).count()), (3, 0));
        let json = serde_json::to_value(notes).unwrap();
        assert_eq!((&json["counts"]["ready"], &json["latency"]), (&2.into(), &90.0.into()));
    })
    .await;
}

#[tokio::test]
async fn lists_are_read_page_by_page_and_leave_nothing_out() {
    on_each(async |look, clock| {
        let (db, jobs) = (look.db().await, jobs(&look).await);
        for number in 0..5 {
            // Two and two at the same time.
            clock.advance(Duration::from_secs(number % 2));
            note(&number.to_string()).enqueue(&db).await.unwrap();
            Sum { numbers: vec![] }.enqueue(&db).await.unwrap();
        }
        let all = async |filter: JobFilter| {
            let (mut ids, mut after) = (Vec::new(), None::<Place>);
            loop {
                let page = jobs.list(&filter, after, 3).await.unwrap();
                assert!(page.jobs.len() <= 3);
                ids.extend(page.jobs.into_iter().map(|job| job.id));
                // As it comes back in an address.
                after = page.next.map(|next| next.to_string().parse().unwrap());
                if after.is_none() {
                    return ids;
                }
            }
        };
        let ready = JobFilter { state: Some(State::Ready), ..JobFilter::default() };
        let ids = all(ready.clone()).await;
        assert!(ids.len() == 10 && ids.is_sorted(), "{ids:?}");
        let newest = all(JobFilter::default()).await;
        assert_eq!(newest, ids.iter().rev().copied().collect::<Vec<_>>());
        let notes = all(JobFilter { queue: Some("notes".into()), ..ready.clone() }).await;
        assert_eq!(notes.len(), 5);
        let kind = look.job(mainstay_jobs::JobId(notes[0])).await.kind;
        assert_eq!(all(JobFilter { kind: Some(kind), ..JobFilter::default() }).await.len(), 5);
        look.run_all().await;
        assert_eq!(all(ready).await, [0_i64; 0]);
        let done = all(JobFilter { state: Some(State::Completed), ..JobFilter::default() }).await;
        assert_eq!(done.len(), 10);
    })
    .await;
}

#[tokio::test]
async fn dead_jobs_of_a_kind_are_tried_again_together() {
    on_each(async |look, clock| {
        let (db, jobs) = (look.db().await, jobs(&look).await);
        let batch = Batch::new("fire").jobs([Fails, Fails, Fails]).enqueue(&db).await.unwrap();
        Fails.enqueue(&db).await.unwrap();
        for _ in 0..3 {
            look.run_all().await;
            clock.advance(Duration::from_secs(60 * 60));
        }
        assert_eq!(jobs.counts().await.unwrap().of(State::Dead).count(), 4);
        let now: chrono::DateTime<chrono::Utc> = mainstay_core::clock::Clock::now(clock).into();
        let none = JobFilter { kind: Some("Other".into()), ..JobFilter::default() };
        assert_eq!(jobs.retry_dead(&none, now, 10).await.unwrap(), (0, true));
        let of_batch = JobFilter { batch: Some(batch.0), ..JobFilter::default() };
        assert_eq!(jobs.retry_dead(&of_batch, now, 2).await.unwrap(), (2, false));
        assert_eq!(jobs.retry_dead(&of_batch, now, 2).await.unwrap(), (1, true));
        let then = now - chrono::TimeDelta::days(1);
        let all = JobFilter::default();
        assert_eq!(jobs.retry_dead(&all, then, 9).await.unwrap(), (0, true), "they died since");
        let counts = jobs.counts().await.unwrap();
        assert_eq!((counts.of(State::Ready).count(), counts.of(State::Dead).count()), (3, 1));
        assert_eq!(jobs.batch(batch).await.unwrap().unwrap().open, 3);
        let batches = jobs.batches(None, 10).await.unwrap();
        assert_eq!((batches.len(), batches[0].name.as_str()), (1, "fire"));
        assert_eq!(jobs.batches(Some(BatchId(batch.0)), 10).await.unwrap().len(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_page_of_what_is_rare_looks_at_some_thousands_and_says_where_it_goes_on() {
    on_each(async |look, _| {
        let (db, jobs) = (look.db().await, jobs(&look).await);
        jobs.enqueue_all((0..5_500).map(|number| note(&number.to_string())), &db).await.unwrap();
        let rare = Sum { numbers: vec![] }.enqueue(&db).await.unwrap().id;
        let filter =
            JobFilter { kind: Some("Sum".into()), state: Some(State::Ready), ..JobFilter::default() };
        let first = jobs.list(&filter, None, 50).await.unwrap();
        assert_eq!(first.jobs.len(), 0);
        let second = jobs.list(&filter, first.next, 50).await.unwrap();
        assert_eq!((second.jobs.len(), second.jobs[0].id, second.next), (1, rare.0, None));
        let in_queue = JobFilter { queue: Some("notes".into()), ..JobFilter::default() };
        let page = jobs.list(&in_queue, None, 50).await.unwrap();
        assert_eq!(
            (
                page.jobs.len(),
                page.next.map(|next| next.to_string().ends_with(&format!(".{}", page.jobs[49].id)))
            ),
            (50, Some(true))
        );
        let notes = jobs.counts().await.unwrap().of(State::Ready);
        assert_eq!((notes.count(), notes.is_more(), notes.to_string().as_str()), (5_501, false, "5,501"));
    })
    .await;
}
