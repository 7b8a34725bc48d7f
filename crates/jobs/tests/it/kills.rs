//! `kill -9` of processes that run jobs, and of the database: every effect happens once, and nothing is lost.
//!
//! `MAINSTAY_TEST_KILLS` says how often, and `MAINSTAY_TEST_JOBS` how many jobs there are; `cargo xtask soak jobs` kills a hundred times.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mainstay_core::{App, Inject, Result};
use mainstay_db::{Db, sql};
use mainstay_jobs::stored::StoredWorker;
use mainstay_jobs::{Job, JobContext, Jobs, JobsExt, State, StoredJob, jobs};
use mainstay_test::{Setup, TestApp};
use serde::{Deserialize, Serialize};
use servers::{Durability, Engine, Server};

use crate::Look;
use crate::shared::on_each_shared;

/// The address of the database, for the child process.
const CHILD: &str = "MAINSTAY_TEST_KILLED_WORKER";
/// How long nothing may happen.
const PATIENCE: Duration = Duration::from_secs(60);

fn number(variable: &str, usual: usize) -> usize {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

fn kills() -> usize {
    number("MAINSTAY_TEST_KILLS", 5)
}

fn job_count() -> usize {
    number("MAINSTAY_TEST_JOBS", 400)
}

/// Writes its key, once, with its end.
#[derive(Job, Serialize, Deserialize)]
#[job(attempts = 1000, backoff = "50ms..500ms")]
struct Tally {
    key: i64,
}

impl Tally {
    async fn run(self, job: JobContext) -> Result<()> {
        tokio::time::sleep(Duration::from_millis(10)).await;
        job.complete(async |tx| {
            sql("INSERT INTO effects (id) VALUES (?)").bind(self.key).execute(tx).await?;
            Ok(())
        })
        .await
    }
}

/// Writes its key by itself, unless it is there: as a job does that is idempotent.
#[derive(Job, Serialize, Deserialize)]
#[job(attempts = 1000, backoff = "50ms..500ms")]
struct Idempotent {
    key: i64,
}

impl Idempotent {
    async fn run(self, db: Inject<Db>) -> Result<()> {
        tokio::time::sleep(Duration::from_millis(10)).await;
        let write = async |tx: &mainstay_db::Tx| {
            let there = sql("SELECT id FROM effects WHERE id = ?").bind(self.key).fetch::<i64>(tx).await?;
            if there.is_empty() {
                sql("INSERT INTO effects (id) VALUES (?)").bind(self.key).execute(tx).await?;
            }
            Ok(())
        };
        // One of two that have the job at the same time waits for the other.
        db.transactions().serializable().attempts(20).retry(write).await
    }
}

fn setup(url: &str) -> Setup {
    TestApp::of(App::new().jobs(jobs![Tally, Idempotent]))
        .set("database.url", url)
        .set("jobs.lease", "1s")
        .set("jobs.poll_interval", "50ms")
        .set("jobs.concurrency", "10")
}

/// Enqueues jobs of which each has an effect.
async fn prepare(app: &TestApp) -> Db {
    let (db, jobs) = (Db::clone(&*app.inject::<Db>().await), app.inject::<Jobs>().await);
    sql("CREATE TABLE effects (id BIGINT NOT NULL)").execute(&db).await.unwrap();
    let count = job_count() as i64;
    jobs.enqueue_all((0..count).filter(|key| key % 2 == 0).map(|key| Tally { key }), &db).await.unwrap();
    jobs.enqueue_all((0..count).filter(|key| key % 2 == 1).map(|key| Idempotent { key }), &db).await.unwrap();
    db
}

async fn completed(db: &Db) -> usize {
    let done = StoredJob::filter(|job| job.state.eq(State::Completed));
    usize::try_from(done.count(db).await.unwrap_or(0)).unwrap()
}

/// Waits until so many jobs are done.
async fn until(count: usize, db: &Db) {
    let (mut done, mut since) = (completed(db).await, Instant::now());
    while done < count {
        assert!(since.elapsed() < PATIENCE, "{done} of {count} jobs are done, and nothing happens");
        tokio::time::sleep(Duration::from_millis(20)).await;
        let now = completed(db).await;
        if now != done {
            (done, since) = (now, Instant::now());
        }
    }
}

/// Every effect is there once.
async fn verify(db: &Db) {
    let mut effects = sql("SELECT id FROM effects").fetch::<i64>(db).await.unwrap();
    effects.sort_unstable();
    assert_eq!(effects, (0..job_count() as i64).collect::<Vec<_>>());
    let left = StoredJob::filter(|job| job.state.ne(State::Completed)).count(db).await.unwrap();
    assert_eq!(left, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_effect_happens_once_when_workers_are_killed() {
    on_each_shared(async |shared| {
        let app = setup(shared.url()).start().await;
        let db = prepare(&app).await;
        let mut workers = [Worker::start(shared.url()), Worker::start(shared.url())];
        let count = job_count();
        for round in 0..kills() {
            // Spread over all jobs, and not at even times.
            until((count * (round + 1) / (kills() + 1)).saturating_sub(round % 7), &db).await;
            let worker = &mut workers[round % 2];
            worker.kill();
            *worker = Worker::start(shared.url());
        }
        until(count, &db).await;
        verify(&db).await;
        // The last one that was started may still be about to enter.
        let entered = async || StoredWorker::query().count(&db).await.unwrap() >= 2;
        Look(&app).until("two workers are entered", entered).await;
        drop(workers);
        app.stop().await;
    })
    .await;
}

/// A process that runs jobs until it is killed.
struct Worker(Child);

impl Worker {
    fn start(url: &str) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kills::works_until_it_is_killed", "--nocapture", "--ignored"])
            .env(CHILD, url)
            .stdout(Stdio::null())
            .spawn();
        Self(child.unwrap())
    }

    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.kill();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the child process of the test above"]
async fn works_until_it_is_killed() {
    let Ok(url) = std::env::var(CHILD) else { return };
    let _app = setup(&url).set("jobs.workers", "true").start().await;
    std::future::pending::<()>().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_effect_happens_once_when_postgresql_is_killed() {
    outlives_its_database(Engine::Postgres, servers::programs::POSTGRES).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_effect_happens_once_when_mariadb_is_killed() {
    outlives_its_database(Engine::MariaDb, servers::programs::MARIADB).await;
}

async fn outlives_its_database(engine: Engine, program: servers::programs::Program) {
    if let Err(why) = program.find() {
        return servers::not_run(&format!("on {}: {why}", engine.name()));
    }
    let server = tokio::task::spawn_blocking(move || Server::start(engine, Durability::Durable));
    let mut server = server.await.unwrap().unwrap();
    let shared = crate::shared::Shared::on(&server.url()).await;
    let app = setup(shared.url()).start().await;
    let db = prepare(&app).await;
    let worker = setup(shared.url()).set("jobs.workers", "true").start().await;
    for round in 0..kills() {
        until((job_count() * (round + 1) / (kills() + 1)).saturating_sub(round % 7), &db).await;
        tokio::task::block_in_place(|| {
            server.kill();
            std::thread::sleep(Duration::from_millis(100 * (round as u64 % 4)));
            server.start_again().unwrap();
        });
    }
    until(job_count(), &db).await;
    verify(&db).await;
    worker.stop().await;
    app.stop().await;
    tokio::task::block_in_place(|| drop(server));
}
