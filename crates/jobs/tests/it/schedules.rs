//! What is enqueued by the clock.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use mainstay_core::clock::{Clock, TestClock};
use mainstay_core::config::Sources;
use mainstay_core::{App, CoreContributions, Profile};
use mainstay_jobs::stored::StoredSchedule;
use mainstay_jobs::{CatchUp, Job, Jobs, JobsExt, Schedule, SchedulesExt, State, StoredJob, jobs};
use mainstay_test::{Setup, TestApp, on_each_engine};

use crate::Look;
use crate::kinds::{Log, Note, Slow, note};
use crate::shared::on_each_shared;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// Noon of a day: where the clocks of these tests begin.
fn clock() -> Arc<TestClock> {
    Arc::new(TestClock::default())
}

fn scheduled(schedule: Schedule, clock: &Arc<TestClock>) -> Setup {
    let app = App::new().provide(Log::default).jobs(jobs![Note, Slow]).schedule(schedule);
    TestApp::of(app).clock(clock)
}

async fn on_each(schedule: impl Fn() -> Schedule, test: impl AsyncFn(Look<'_>, &TestClock)) {
    let clock = clock();
    on_each_engine(
        || {
            clock.set(TestClock::default().now());
            scheduled(schedule(), &clock)
        },
        async |app| test(Look(app), &clock).await,
    )
    .await;
}

#[tokio::test]
async fn a_job_is_enqueued_each_time_and_knows_for_which() {
    on_each(
        || Schedule::cron("tea", "0 16 * * *", note("tea")).time_zone("Europe/London"),
        async |look, clock| {
            assert_eq!(look.run_all().await, 0);
            clock.advance(HOUR * 4 - Duration::from_secs(1));
            assert_eq!(look.run_all().await, 0);
            clock.advance(Duration::from_secs(3));
            assert_eq!(look.run_all().await, 1);
            assert_eq!(look.run_all().await, 0);
            let job = StoredJob::query().one(&look.db().await).await.unwrap();
            assert_eq!(job.scheduled_for.unwrap().to_rfc3339(), "2026-01-01T16:00:00+00:00");
            clock.advance(HOUR * 24);
            assert_eq!(look.run_all().await, 1);
            assert_eq!(look.log().await, ["tea", "tea"]);
        },
    )
    .await;
}

#[tokio::test]
async fn what_was_missed_is_caught_up_as_it_is_said() {
    for (catch_up, expected) in [(CatchUp::Once, 1), (CatchUp::Skip, 0), (CatchUp::All, 5)] {
        on_each(
            || Schedule::every("hourly", HOUR, note("x")).catch_up(catch_up).may_overlap(),
            async |look, clock| {
                assert_eq!(look.run_all().await, 0);
                clock.advance(HOUR * 5 + MINUTE * 30);
                assert_eq!(look.run_all().await, expected, "{catch_up:?}");
                clock.advance(MINUTE * 30);
                assert_eq!(look.run_all().await, 1, "{catch_up:?}");
            },
        )
        .await;
    }
}

#[tokio::test]
async fn nothing_overlaps_unless_it_may() {
    on_each(
        || Schedule::every("slow", HOUR, note("x").delay(HOUR * 3)),
        async |look, clock| {
            assert_eq!(look.run_all().await, 0);
            let db = look.db().await;
            for hour in 1..=3 {
                clock.advance(HOUR);
                look.run_all().await;
                assert_eq!(StoredJob::query().count(&db).await.unwrap(), 1, "after {hour} hours");
            }
            // The first one was run at 4 hours.
            clock.advance(HOUR);
            assert_eq!(look.run_all().await, 1);
            clock.advance(HOUR);
            look.run_all().await;
            assert_eq!(StoredJob::query().count(&db).await.unwrap(), 2);
        },
    )
    .await;
}

#[tokio::test]
async fn a_time_is_not_run_again_when_the_clock_is_set_back_a_little_and_a_jump_is_mended() {
    on_each(
        || Schedule::every("hourly", HOUR, note("x")),
        async |look, clock| {
            assert_eq!(look.run_all().await, 0);
            clock.advance(HOUR);
            assert_eq!(look.run_all().await, 1);
            let back = |by: Duration| clock.set(clock.now() - by);
            back(MINUTE * 5);
            assert_eq!(look.run_all().await, 0);
            clock.advance(MINUTE * 6);
            assert_eq!(look.run_all().await, 0);
            clock.advance(HOUR);
            assert_eq!(look.run_all().await, 1);
            // A year ahead, and back.
            let now: SystemTime = clock.now();
            clock.advance(HOUR * 24 * 365);
            assert_eq!(look.run_all().await, 1);
            clock.set(now);
            assert_eq!(look.run_all().await, 0);
            clock.advance(HOUR);
            assert_eq!(look.run_all().await, 1, "the schedule waits for a year to pass");
        },
    )
    .await;
}

#[tokio::test]
async fn a_pattern_that_was_changed_holds_at_once_and_a_pause_too() {
    on_each_shared(async |shared| {
        let clock = clock();
        let start = async |pattern: &str| {
            let setup = scheduled(Schedule::cron("it", pattern, note("x")), &clock);
            setup.set("database.url", shared.url()).start().await
        };
        let app = start("0 0 1 1 *").await;
        assert_eq!(Look(&app).run_all().await, 0);
        app.stop().await;
        let app = start("0 13 * * *").await;
        let look = Look(&app);
        assert_eq!(look.run_all().await, 0);
        clock.advance(HOUR + MINUTE);
        assert_eq!(look.run_all().await, 1);
        let db = look.db().await;
        StoredSchedule::query().update(|row| row.is_paused(true), &db).await.unwrap();
        clock.advance(HOUR * 24);
        assert_eq!(look.run_all().await, 0);
        StoredSchedule::query().update(|row| row.is_paused(false), &db).await.unwrap();
        assert_eq!(look.run_all().await, 0);
        clock.advance(HOUR * 24);
        assert_eq!(look.run_all().await, 1);
        app.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_processes_one_enqueues() {
    on_each_shared(async |shared| {
        let start = async || {
            let app = App::new()
                .provide(Log::default)
                .jobs(jobs![Note])
                .schedule(Schedule::every("each second", Duration::from_secs(1), note("x")).may_overlap());
            let setup = TestApp::of(app).set("database.url", shared.url()).set("jobs.workers", "true");
            setup.set("jobs.poll_interval", "20ms").start().await
        };
        let apps = [start().await, start().await, start().await];
        let look = Look(&apps[0]);
        let db = look.db().await;
        let done = async || StoredJob::filter(|job| job.state.eq(State::Completed)).all(&db).await.unwrap();
        look.until("three seconds have been run", async || done().await.len() >= 3).await;
        let mut times: Vec<_> =
            StoredJob::query().all(&db).await.unwrap().iter().map(|job| job.scheduled_for.unwrap()).collect();
        let count = times.len();
        times.sort_unstable();
        times.dedup();
        assert_eq!(times.len(), count, "a time was enqueued twice");
        for app in apps {
            app.stop().await;
        }
    })
    .await;
}

#[test]
fn mistakes_are_found_at_the_start() {
    let app = App::new()
        .jobs(jobs![Note])
        .schedule(Schedule::cron("a", "61 * * * *", note("x")))
        .schedule(Schedule::cron("b", "@daily", note("x")).time_zone("Atlantis"))
        .schedule(Schedule::every("c", Duration::from_millis(10), note("x")))
        .schedule(Schedule::every("d", HOUR, Slow { listens: true }))
        .schedule(Schedule::every("d", HOUR, note("x")));
    let assembly =
        app.profile(Profile::Test).assemble(Sources::isolated().variable("DATABASE_URL", "sqlite::memory:"));
    let findings = assembly.findings().to_string();
    for expected in [
        "the schedule `a`: `61 * * * *` is no pattern",
        "the schedule `b`: `Atlantis` is no time zone",
        "the schedule `c`: its period is shorter than a second",
        "the schedule `d` enqueues a `Slow`, which nobody runs",
        "two schedules are called `d`",
    ] {
        assert!(findings.contains(expected), "{expected}: {findings}");
    }
}

#[tokio::test]
async fn somebody_sees_schedules_runs_them_and_has_them_pause() {
    on_each(
        || Schedule::cron("tea", "0 16 * * *", note("tea")),
        async |look, clock| {
            let jobs = look.0.inject::<Jobs>().await;
            let [tea] = &jobs.schedules().await.unwrap()[..] else { panic!("one schedule") };
            assert_eq!((tea.name, tea.kind, tea.rhythm.as_str()), ("tea", Some("Note"), "0 16 * * *"));
            assert_eq!((tea.next_at.unwrap().to_rfc3339().get(11..16), tea.last_for), (Some("16:00"), None));
            let now = jobs.run_schedule("tea").await.unwrap();
            look.run_all().await;
            assert_eq!((look.log().await, look.state(now).await), (vec!["tea".to_owned()], State::Completed));
            jobs.pause_schedule("tea").await.unwrap();
            clock.advance(HOUR * 24);
            assert_eq!(look.run_all().await, 0);
            assert!(jobs.schedules().await.unwrap()[0].is_paused);
            jobs.resume_schedule("tea").await.unwrap();
            assert_eq!(look.run_all().await, 0, "what was left out is not caught up");
            clock.advance(HOUR * 24);
            assert_eq!(look.run_all().await, 1);
            let tea = jobs.schedules().await.unwrap().remove(0);
            assert!(tea.last_job.is_some_and(|job| job > now.0) && tea.last_for.is_some() && !tea.is_paused);
            for refused in [jobs.pause_schedule("none").await, jobs.run_schedule("none").await.map(drop)] {
                assert_eq!(refused.unwrap_err().status(), 404);
            }
        },
    )
    .await;
}
