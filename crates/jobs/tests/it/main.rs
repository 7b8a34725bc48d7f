//! What the crate promises, in whole applications, on every engine.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

mod attempts;
mod compile_fail;
mod enqueuing;
mod kills;
mod kinds;
mod migrations;
mod numbers;
mod pruning;
mod races;
mod schedules;
mod shared;
mod together;
mod workers;

use std::sync::Arc;
use std::time::Duration;

use mainstay_core::clock::TestClock;
use mainstay_core::{App, CoreContributions};
use mainstay_db::Db;
use mainstay_jobs::{JobId, Jobs, JobsExt, State, StoredJob};
use mainstay_test::{Setup, TestApp, on_each_engine};

/// An application with all kinds of jobs of these tests.
fn setup() -> Setup {
    TestApp::of(App::new().provide(kinds::Log::default).jobs(kinds::all()))
}

/// Runs a test on each engine, with a clock that stands still until the test moves it, and no worker: jobs run when the test says so.
async fn on_each(test: impl AsyncFn(Look<'_>, &TestClock)) {
    let clock = Arc::new(TestClock::default());
    on_each_engine(|| setup().clock(&clock), async |app| test(Look(app), &clock).await).await;
}

/// The same with a worker, and the time of day.
async fn with_worker(change: impl Fn(Setup) -> Setup, test: impl AsyncFn(Look<'_>)) {
    let setup = || change(setup().set("jobs.workers", "true"));
    on_each_engine(setup, async |app| test(Look(app)).await).await;
}

/// What the tests look at.
struct Look<'a>(&'a TestApp);

impl Look<'_> {
    async fn db(&self) -> Db {
        Db::clone(&*self.0.inject::<Db>().await)
    }

    async fn run_all(&self) -> usize {
        self.0.inject::<Jobs>().await.run_all().await.unwrap()
    }

    async fn job(&self, id: JobId) -> StoredJob {
        self.0.inject::<Jobs>().await.get(id).await.unwrap().expect("the job is there")
    }

    async fn state(&self, id: JobId) -> State {
        self.job(id).await.state
    }

    async fn log(&self) -> Vec<String> {
        self.0.inject::<kinds::Log>().await.take()
    }

    /// Waits until `is_so`, ten seconds at most.
    async fn until(&self, what: &str, is_so: impl AsyncFn() -> bool) {
        for _ in 0..500 {
            if is_so().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{what}: not within ten seconds");
    }
}
