//! An application with a dashboard, jobs, and people who may look or act.

use std::sync::Arc;
use std::time::Duration;

use mainstay_admin::JobDashboardExt;
use mainstay_auth::audit::AuditLogExt;
use mainstay_auth::{
    Account, AccountsExt, Named, PasswordHash, Role, Roles, RolesExt, SignInExt, SignInPagesExt,
};
use mainstay_core::clock::TestClock;
use mainstay_core::principal::Principal;
use mainstay_core::{App, Error, Inject, Result};
use mainstay_db::column::Assignment;
use mainstay_db::{Db, ModelsExt, Query, model, models};
use mainstay_http::{Path, RoutesExt, Session, get, routes};
use mainstay_jobs::{Job, JobId, Jobs, JobsExt, State, jobs};
use mainstay_test::{Client, TestApp, TestResponse};
use serde::{Deserialize, Serialize};

#[model]
pub(crate) struct Person {
    id: i64,
    #[field(unique, max_length = 100)]
    pub(crate) name: String,
}

impl Account for Person {
    fn password(&self) -> Option<&PasswordHash> {
        None
    }

    fn set_password(_: Self::Fields, _: PasswordHash) -> Assignment<Self> {
        unreachable!("nobody has a password here")
    }
}

impl Named for Person {
    fn by_name(name: &str) -> Query<Self> {
        Self::filter(|person| person.name.eq(name))
    }
}

/// Sends a mail, or fails with this error.
#[derive(Job, Serialize, Deserialize)]
#[job(queue = "mails", attempts = 1)]
pub(crate) struct Send {
    pub(crate) to: String,
    pub(crate) api_key: String,
    pub(crate) error: Option<String>,
}

impl Send {
    async fn run(self) -> Result<String> {
        match self.error {
            Some(error) => Err(Error::internal(error)),
            None => Ok(format!("sent to {}", self.to)),
        }
    }
}

pub(crate) fn send(to: &str) -> Send {
    Send { to: to.into(), api_key: "hunter2".into(), error: None }
}

pub(crate) fn failing(error: &str) -> Send {
    Send { error: Some(error.into()), ..send("nobody") }
}

#[get("/enter/{name}", hidden)]
async fn enter(Path(name): Path<String>, session: Session, db: Inject<Db>) -> Result<&'static str> {
    session.sign_in_as(&Person::by_name(&name).one(&db).await?)?;
    Ok("entered")
}

pub(crate) fn people() -> App {
    App::new()
        .models(models![Person])
        .accounts::<Person>()
        .roles::<Person>()
        .role(Role::new("watcher").may(["jobs.see"]))
        .role(Role::new("operator").may(["jobs.*"]))
        .sign_in_pages::<Person>()
        .audit_log()
        .jobs(jobs![Send])
        .routes(routes![enter])
}

/// The application, at the beginning of its time.
pub(crate) struct Office {
    pub(crate) app: TestApp,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) db: Db,
    pub(crate) jobs: Inject<Jobs>,
}

impl Office {
    pub(crate) async fn open() -> Self {
        Self::of(people().job_dashboard()).await
    }

    pub(crate) async fn of(app: App) -> Self {
        let clock = Arc::new(TestClock::default());
        let app = TestApp::of(app).clock(&clock).repeats(1_000).start().await;
        let db = Db::clone(&*app.inject::<Db>().await);
        let jobs = app.inject::<Jobs>().await;
        Self { app, clock, db, jobs }
    }

    /// Somebody with a browser, who has this role.
    pub(crate) async fn person(&self, role: Option<&str>) -> Client {
        let name = role.unwrap_or("nobody");
        let person = NewPerson { name: name.into() }.insert(&self.db).await.unwrap();
        if let Some(role) = role {
            let roles = self.app.inject::<Roles>().await;
            roles.change(&Principal::system("tests")).unwrap().give(role, &person.principal()).await.unwrap();
        }
        let client =
            self.app.client().with_header("accept", "text/html").with_header("sec-fetch-site", "same-origin");
        client.get(&format!("/enter/{name}")).send().await.assert_text("entered");
        client
    }

    pub(crate) async fn operator(&self) -> Client {
        self.person(Some("operator")).await
    }

    pub(crate) async fn enqueue(&self, job: Send) -> JobId {
        job.enqueue(&self.db).await.unwrap().id
    }

    /// Jobs that have failed for good.
    pub(crate) async fn dead(&self, count: usize) -> Vec<JobId> {
        let mut ids = Vec::new();
        for number in 0..count {
            ids.push(self.enqueue(failing(&format!("error {number}"))).await);
        }
        self.run().await;
        self.clock.advance(Duration::from_secs(1));
        ids
    }

    pub(crate) async fn run(&self) {
        self.jobs.run_all().await.unwrap();
    }

    pub(crate) async fn state(&self, id: JobId) -> State {
        self.jobs.get(id).await.unwrap().expect("the job is there").state
    }
}

/// What a page shows.
pub(crate) trait Shows {
    /// Its text, without what views escape for nothing.
    fn plain(&self) -> String;

    /// It has this text.
    fn shows(&self, text: &str) -> &Self;
}

impl Shows for TestResponse {
    fn plain(&self) -> String {
        self.text().replace("&#x2f;", "/")
    }

    fn shows(&self, text: &str) -> &Self {
        let plain = self.plain();
        assert!(plain.contains(text), "{text} is not on the page:\n{plain}");
        self
    }
}
