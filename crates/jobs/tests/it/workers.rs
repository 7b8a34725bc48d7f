//! Workers beside each other, and their ends.

use std::sync::Mutex;
use std::time::Duration;

use mainstay_db::sql;
use mainstay_jobs::stored::StoredWorker;
use mainstay_jobs::{Job, Jobs, State, StoredJob};
use mainstay_test::Setup;

use crate::kinds::{Alone, Blocking, Effect, Fails, Hasty, Patient, Slow, Sum, note};
use crate::shared::{Shared, on_each_shared};
use crate::{Look, with_worker};

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_runs_what_is_enqueued() {
    with_worker(std::convert::identity, async |look| {
        let (db, jobs) = (look.db().await, look.0.inject::<Jobs>().await);
        let sum = Sum { numbers: vec![40, 2] }.enqueue(&db).await.unwrap().id;
        assert_eq!(jobs.output::<i64>(sum, Duration::from_secs(10)).await.unwrap(), 42);
        let later = note("later").delay(Duration::from_millis(200)).enqueue(&db).await.unwrap().id;
        let ended = tokio::time::timeout(Duration::from_secs(10), jobs.end_of(later)).await.unwrap().unwrap();
        let waited = (ended.started_at.unwrap() - ended.created_at).num_milliseconds();
        assert!((200..5_000).contains(&waited), "{waited} ms");
        assert_eq!(ended.worker, None);

        let many = (0..500).map(|number| note(&number.to_string()));
        jobs.enqueue_all(many, &db).await.unwrap();
        let open = async || StoredJob::filter(|job| job.state.ne(State::Completed)).count(&db).await.unwrap();
        look.until("500 jobs are done", async || open().await == 0).await;
        assert_eq!(look.log().await.len(), 501);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_nobody_has_named_is_worked_on_when_it_has_jobs() {
    let often = |setup: Setup| setup.set("jobs.poll_interval", "100ms");
    with_worker(often, async |look| {
        let db = look.db().await;
        let id = note("x").in_queue("of a customer").enqueue(&db).await.unwrap().id;
        look.until("it is done", async || look.state(id).await == State::Completed).await;
        let workers = look.0.inject::<Jobs>().await.workers().await.unwrap();
        assert!(workers[0].worker.queues.contains("of a customer"), "{:?}", workers[0].worker.queues);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_of_another_program_is_left_alone() {
    let often = |setup: Setup| setup.set("jobs.poll_interval", "100ms");
    with_worker(often, async |look| {
        let db = look.db().await;
        let foreign = note("x").in_queue("a foreign one").delay(Duration::from_secs(3_600));
        let foreign = foreign.enqueue(&db).await.unwrap().id;
        let as_foreign = StoredJob::filter(|job| job.id.eq(foreign.0));
        as_foreign.update(|job| job.kind("Elsewhere").state(State::Ready), &db).await.unwrap();
        let own = note("y").in_queue("our own").enqueue(&db).await.unwrap().id;
        look.until("ours is done", async || look.state(own).await == State::Completed).await;
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        let foreign = look.job(foreign).await;
        assert_eq!((foreign.state, foreign.attempt), (State::Ready, 0), "nobody has put it off");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_nobody_has_named_is_worked_on_although_its_first_job_is_of_no_kind_that_there_is() {
    let often = |setup: Setup| setup.set("jobs.poll_interval", "100ms");
    with_worker(often, async |look| {
        let db = look.db().await;
        let later = |word| note(word).in_queue("of a customer").delay(Duration::from_secs(3_600));
        let (gone, own) =
            (later("x").enqueue(&db).await.unwrap().id, later("y").enqueue(&db).await.unwrap().id);
        let as_gone = StoredJob::filter(|job| job.id.eq(gone.0));
        as_gone.update(|job| job.kind("Removed").state(State::Ready), &db).await.unwrap();
        StoredJob::filter(|job| job.id.eq(own.0)).update(|job| job.state(State::Ready), &db).await.unwrap();
        look.until("ours is done", async || look.state(own).await == State::Completed).await;
        look.until("the other is put off", async || look.state(gone).await == State::Scheduled).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_of_one_key_do_not_run_beside_each_other_and_those_of_others_do() {
    with_worker(std::convert::identity, async |look| {
        let db = look.db().await;
        for account in [1, 1, 1, 2] {
            Alone { account, millis: 50 }.enqueue(&db).await.unwrap();
        }
        let open = async || StoredJob::filter(|job| job.state.ne(State::Completed)).count(&db).await.unwrap();
        look.until("four jobs are done", async || open().await == 0).await;
        let log = look.log().await;
        let of_one: Vec<_> = log.iter().filter(|line| line.ends_with('1')).collect();
        assert_eq!(of_one, ["begin 1", "end 1", "begin 1", "end 1", "begin 1", "end 1"]);
        let other = log.iter().position(|line| line == "begin 2").unwrap();
        let last = log.iter().rposition(|line| line == "begin 1").unwrap();
        assert!(other < last, "the other account waited for all of the first: {log:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_ends_although_another_one_has_its_key_by_now() {
    with_worker(std::convert::identity, async |look| {
        let db = look.db().await;
        let first = Patient.enqueue(&db).await.unwrap().id;
        look.until("it runs", async || look.state(first).await == State::Running).await;
        tokio::time::sleep(Duration::from_millis(150)).await;
        let second = Patient.enqueue(&db).await.unwrap();
        assert!(second.is_new);
        for id in [first, second.id] {
            look.until("it is done", async || look.state(id).await == State::Completed).await;
            assert_eq!(look.job(id).await.attempt, 1);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_that_end_together_are_kept_each_as_its_kind_says() {
    with_worker(std::convert::identity, async |look| {
        let (db, jobs) = (look.db().await, look.0.inject::<Jobs>().await);
        db.transaction(async |tx| {
            jobs.enqueue_all((0..20).map(|_| Hasty), tx).await?;
            jobs.enqueue_all((0..20).map(|_| note("x")), tx).await
        })
        .await
        .unwrap();
        let open = async || StoredJob::filter(|job| job.state.ne(State::Completed)).count(&db).await.unwrap();
        look.until("all are done", async || open().await == 0).await;
        for job in StoredJob::query().all(&db).await.unwrap() {
            let kept = (job.due_at - job.ended_at.unwrap()).num_minutes();
            assert_eq!(kept, if job.kind == "Hasty" { 1 } else { 24 * 60 }, "{}", job.kind);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_runs_is_cancelled() {
    with_worker(std::convert::identity, async |look| {
        let (db, jobs) = (look.db().await, look.0.inject::<Jobs>().await);
        let id = Slow { listens: false }.enqueue(&db).await.unwrap().id;
        look.until("it runs", async || look.state(id).await == State::Running).await;
        assert!(jobs.cancel(id).await.unwrap());
        look.until("it is cancelled", async || look.state(id).await == State::Cancelled).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_goes_gives_back_what_it_runs() {
    let worker = |shared: &Shared| {
        let setup = shared.setup().set("jobs.workers", "true").set("jobs.lease", "1s");
        setup.set("app.shutdown_deadline", "2s")
    };
    on_each_shared(async |shared| {
        let app = shared.setup().start().await;
        let look = Look(&app);
        let db = look.db().await;
        let listens = Slow { listens: true }.enqueue(&db).await.unwrap().id;
        let deaf = Slow { listens: false }.enqueue(&db).await.unwrap().id;
        let one = worker(&shared).start().await;
        let both_run =
            async || look.state(listens).await == State::Running && look.state(deaf).await == State::Running;
        look.until("both run", both_run).await;
        look.until("one has come to a checkpoint", async || look.job(listens).await.cursor.is_some()).await;
        one.stop().await;
        // One that is cut off has a second to be given back. Where the machine is too slow for that, the worker has not signed off either,
        // and the next one finds what is left.
        let has_signed_off = StoredWorker::query().count(&db).await.unwrap() == 0;
        for id in [listens, deaf].into_iter().filter(|id| *id == listens || has_signed_off) {
            let job = look.job(id).await;
            assert_eq!((job.state, job.attempt, job.worker), (State::Ready, 0, None));
        }

        let other = worker(&shared).start().await;
        look.until("both run again", both_run).await;
        let log = Mutex::new(Vec::new());
        let both_have_begun = async || {
            let lines = Look(&other).log().await;
            let mut log = log.lock().unwrap();
            log.extend(lines);
            log.len() >= 2
        };
        // Each says so a moment after it is stored that it runs.
        look.until("both have begun", both_have_begun).await;
        let log = log.into_inner().unwrap();
        let mut begun: Vec<_> = log.iter().map(|line| line == "begins at 0").collect();
        begun.sort_unstable();
        assert_eq!(begun, [false, true], "one goes on where it was, the other begins again: {log:?}");
        other.stop().await;
        app.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_share_the_work_and_do_nothing_twice() {
    on_each_shared(async |shared| {
        let app = shared.setup().start().await;
        let look = Look(&app);
        let (db, jobs) = (look.db().await, look.0.inject::<Jobs>().await);
        let workers =
            [(); 2].map(|()| shared.setup().set("jobs.workers", "true").set("jobs.queues.notes", "3"));
        let [one, two] = workers;
        let (one, two) = (one.start().await, two.start().await);
        for round in 0..10 {
            let notes = (0..40).map(|number| note(&format!("{}", round * 40 + number)));
            jobs.enqueue_all(notes, &db).await.unwrap();
        }
        let open = async || StoredJob::filter(|job| job.state.ne(State::Completed)).count(&db).await.unwrap();
        look.until("400 jobs are done", async || open().await == 0).await;
        let mut done = Look(&one).log().await;
        done.extend(Look(&two).log().await);
        let mut done: Vec<u32> = done.iter().map(|word| word.parse().unwrap()).collect();
        done.sort_unstable();
        assert_eq!(done, (0..400).collect::<Vec<_>>());
        for app in [one, two, app] {
            app.stop().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_of_a_worker_without_a_sign_of_life_are_run_by_another() {
    let change = |setup: mainstay_test::Setup| setup.set("jobs.lease", "1s");
    with_worker(change, async |look| {
        let db = look.db().await;
        sql("CREATE TABLE effects (id BIGINT NOT NULL)").execute(&db).await.unwrap();
        // A worker that has taken jobs and died.
        let now = chrono::Utc::now();
        let gone = mainstay_jobs::stored::NewStoredWorker {
            name: "gone:1".into(),
            queues: String::new(),
            started_at: now,
            beat_at: now,
        };
        let gone = gone.insert(&db).await.unwrap().id;
        let far = Duration::from_secs(1_000);
        let first = Effect { key: 1, fails: false }.delay(far).enqueue(&db).await.unwrap().id;
        let last = Fails.delay(far).enqueue(&db).await.unwrap().id;
        let take = async |id: mainstay_jobs::JobId, worker: i64, attempt: i32| {
            StoredJob::filter(|job| job.id.eq(id.0))
                .update(|job| job.state(State::Running).worker(Some(worker)).attempt(attempt), &db)
                .await
                .unwrap();
        };
        take(first, gone, 1).await;
        take(last, gone, 3).await;
        look.until("the first is run again", async || look.state(first).await == State::Completed).await;
        look.until("the last is dead", async || look.state(last).await == State::Dead).await;
        assert_eq!(look.job(last).await.error.as_deref(), Some("its worker gave no sign of life any more"));
        let left = StoredWorker::filter(|worker| worker.id.eq(gone));
        assert_eq!(left.count(&db).await.unwrap(), 0);
        assert_eq!(sql("SELECT id FROM effects").fetch::<i64>(&db).await.unwrap(), [1]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn threads_that_are_blocked_hold_up_no_other_job() {
    with_worker(
        |setup| setup.set("jobs.blocking_threads", "1"),
        async |look| {
            let (db, jobs) = (look.db().await, look.0.inject::<Jobs>().await);
            jobs.enqueue_all((0..3).map(|_| Blocking { millis: 1_000 }), &db).await.unwrap();
            let sum = Sum { numbers: vec![1] }.enqueue(&db).await.unwrap().id;
            jobs.output::<i64>(sum, Duration::from_secs(10)).await.unwrap();
            let blocked = look.log().await.len();
            assert!(blocked < 3, "the sum came after all three");
        },
    )
    .await;
}
