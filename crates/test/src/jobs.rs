//! Background jobs: which wait, and running them. In the profile `test` no worker does, unless `jobs.workers` says so.

use mainstay_db::Db;
use mainstay_jobs::{Job, Jobs, State, StoredJob};

use crate::app::TestApp;

impl TestApp {
    /// Runs every job that is ready or due by the clock of the test, and those that become so meanwhile; returns how many attempts were
    /// made. What is to be tried again later is not due: move the clock.
    ///
    /// ```
    /// # use mainstay_core::{App, Inject, Result};
    /// # use mainstay_db::Db;
    /// # use mainstay_http::{Path, RoutesExt, post, routes};
    /// # use mainstay_jobs::{Job, JobsExt, jobs};
    /// # use mainstay_test::TestApp;
    /// # use serde::{Deserialize, Serialize};
    /// #[derive(Job, Serialize, Deserialize)]
    /// struct NotifyFollowers { article: i64 }
    /// # impl NotifyFollowers { async fn run(self) -> Result<()> { Ok(()) } }
    ///
    /// /// Publishes an article.
    /// #[post("/articles/{id}/publish")]
    /// async fn publish(Path(article): Path<i64>, db: Inject<Db>) -> Result<()> {
    ///     NotifyFollowers { article }.enqueue(&*db).await?;
    ///     Ok(())
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let app = TestApp::start(App::new().jobs(jobs![NotifyFollowers]).routes(routes![publish])).await;
    /// app.assert_none_enqueued::<NotifyFollowers>().await;
    /// app.post("/articles/7/publish").send().await.assert_success();
    ///
    /// app.assert_enqueued::<NotifyFollowers>(|job| job.article == 7).await;
    /// assert_eq!(app.run_jobs().await, 1);
    /// app.assert_none_enqueued::<NotifyFollowers>().await;
    /// # }
    /// ```
    ///
    /// # Panics
    /// When the application has no jobs, or the database cannot be asked. A job that fails does not fail the test: look at what it was
    /// to do, or at [`Jobs::get`].
    pub async fn run_jobs(&self) -> usize {
        match self.inject::<Jobs>().await.run_all().await {
            Ok(attempts) => attempts,
            Err(error) => panic!("{}", error.report()),
        }
    }

    /// The jobs of a kind that wait for anything: to be run, for their time, for another job, to be tried again. In the order in which they
    /// were enqueued.
    ///
    /// # Panics
    /// When the database cannot be asked, or arguments cannot be read.
    pub async fn enqueued<J: Job>(&self) -> Vec<J> {
        self.waiting::<J>().await.iter().map(read).collect()
    }

    /// Claims that such a job waits, and returns the first one.
    ///
    /// # Panics
    /// When there is none, with those of its kind that there are; and as [`enqueued`](Self::enqueued).
    pub async fn assert_enqueued<J: Job>(&self, is_meant: impl Fn(&J) -> bool) -> J {
        let jobs = self.waiting::<J>().await;
        match jobs.iter().map(read).find(|job| is_meant(job)) {
            Some(job) => job,
            None => panic!("no such `{}` waits{}", J::SPEC.name, shown(&jobs)),
        }
    }

    /// Claims that no job of a kind waits.
    ///
    /// # Panics
    /// When one does, with those that there are; and as [`enqueued`](Self::enqueued).
    pub async fn assert_none_enqueued<J: Job>(&self) {
        let jobs = self.waiting::<J>().await;
        assert!(jobs.is_empty(), "`{}` waits{}", J::SPEC.name, shown(&jobs));
    }

    async fn waiting<J: Job>(&self) -> Vec<StoredJob> {
        if !self.assembly().resolver().knows::<Jobs>() {
            return Vec::new();
        }
        let db = self.inject::<Db>().await.primary();
        let waiting =
            StoredJob::filter(|job| job.kind.eq(J::SPEC.name) & job.state.is_in(State::WAITING.to_vec()));
        match waiting.order_by(|job| job.id.asc()).all(&db).await {
            Ok(jobs) => jobs,
            Err(error) => panic!("{}", error.report()),
        }
    }
}

fn read<J: Job>(stored: &StoredJob) -> J {
    match serde_json::from_str(&stored.args) {
        Ok(job) => job,
        Err(fault) => panic!("the arguments of `{}` cannot be read: {fault}: {}", J::SPEC.name, stored.args),
    }
}

fn shown(jobs: &[StoredJob]) -> String {
    if jobs.is_empty() {
        return "; there is none of this kind".to_owned();
    }
    jobs.iter().fold(":".to_owned(), |shown, job| format!("{shown}\n  {} ({:?})", job.args, job.state))
}
