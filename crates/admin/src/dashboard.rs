//! The dashboard of the jobs.
//!
//! | address | |
//! |---|---|
//! | `GET /jobs` | queues, rates and latency; `?span=hour`, `day` or `week` |
//! | `GET /jobs/list` | jobs; `?state=dead&queue=mails&kind=Welcome&batch=7` |
//! | `GET /jobs/{id}` | one: arguments, failures, what it follows and is followed by |
//! | `GET /jobs/schedules`, `/jobs/batches`, `/jobs/workers` | what is enqueued by the clock; batches; workers |
//! | `POST /jobs/{id}/retry`, `/cancel`, `/delete` | what an operator does about one |
//! | `POST /jobs/retry` | tries the dead jobs of a list again |
//! | `POST /jobs/pause`, `/jobs/resume` | has a queue begin no job any more, and again |
//! | `POST /jobs/schedules/run`, `/pause`, `/resume` | enqueues the job of a schedule now; has it enqueue nothing, and again |
//!
//! Everything is read and done without scripts; with them, what is shown stays up to date. A program that asks for JSON gets the same
//! as JSON. In reading order:
//!
//! - [`JobDashboard`], here: where it is, and whom it lets in.
//! - `visit`: what every page needs, and how it is answered.
//! - `overview`, `list`, `job`, `around` (schedules, batches, workers): the pages.
//! - `act`: what an operator does; `again`: the job that tries many jobs again.
//! - `chart`, `shown`: how numbers, times and arguments are shown.
//!
//! | id | what |
//! |---|---|
//! | `admin.E001` | the dashboard asks who somebody is, and nobody can say so |
//! | `admin.W001` | in production, whoever is signed in sees the arguments of all jobs |

mod act;
mod again;
mod around;
mod chart;
mod job;
mod list;
mod overview;
mod shown;
mod visit;

use std::sync::Arc;

use mainstay_auth::{Guard, GuardedExt, PermissionsExt};
use mainstay_core::check::Check;
use mainstay_core::{Assembly, Contribute, Contribution, CoreContributions, Finding, Findings, Module};
use mainstay_http::files::Assets;
use mainstay_http::stack::principal::Authenticator;
use mainstay_http::{Group, Middleware, Route, Routes, RoutesExt};
use mainstay_jobs::{JobsExt, jobs};
use mainstay_view::{ViewsExt, views};

/// Who has it sees jobs, with their arguments.
pub const SEE: &str = "jobs.see";
/// Who has it tries jobs again, cancels and deletes them, and pauses queues.
pub const ACT: &str = "jobs.act";

/// Where the dashboard is, and whom it lets in: unless it is said, at `/jobs`, who has the permission [`SEE`], and [`ACT`] to do something.
///
/// ```
/// use mainstay_admin::{JobDashboard, JobDashboardExt};
/// use mainstay_auth::Guard;
/// use mainstay_core::App;
///
/// let dashboard = JobDashboard::new().at("/office/jobs").seen_by(Guard::role("clerk")).changed_by(Guard::role("chief"));
/// let app = App::new().job_dashboard_with(dashboard);
/// ```
#[derive(Clone)]
#[must_use = "a dashboard is there once an application has it: `.job_dashboard_with(…)`"]
pub struct JobDashboard {
    path: String,
    see: Guard,
    act: Guard,
    own: Option<Own>,
}

/// Puts something around the routes in the place of the guards.
type Own = Arc<dyn Fn(Group) -> Group + Send + Sync>;

impl Default for JobDashboard {
    fn default() -> Self {
        Self::new()
    }
}

impl JobDashboard {
    /// The usual one.
    pub fn new() -> Self {
        Self { path: "/jobs".into(), see: Guard::permission(SEE), act: Guard::permission(ACT), own: None }
    }

    /// It is below this path.
    pub fn at(mut self, path: impl Into<String>) -> Self {
        self.path = path.into().trim_end_matches('/').to_owned();
        self
    }

    /// Only those whom the guard lets in see it.
    pub fn seen_by(mut self, guard: Guard) -> Self {
        self.see = guard;
        self
    }

    /// Of those who see it, only those whom the guard lets in change something.
    pub fn changed_by(mut self, guard: Guard) -> Self {
        self.act = guard;
        self
    }

    /// In the place of guards, for applications without accounts: whoever gets past the middleware sees everything and may do
    /// everything.
    pub fn behind<Args: 'static>(mut self, middleware: impl Middleware<Args> + Clone) -> Self {
        self.own = Some(Arc::new(move |group| group.middleware(middleware.clone())));
        self
    }

    fn routes(&self) -> Routes {
        let reading = [
            Route::new(http::Method::GET, "/", overview::show),
            Route::new(http::Method::GET, "/list", list::show),
            Route::new(http::Method::GET, "/schedules", around::schedules),
            Route::new(http::Method::GET, "/batches", around::batches),
            Route::new(http::Method::GET, "/workers", around::workers),
            Route::new(http::Method::GET, "/{id}", job::show),
        ];
        let acting = [
            Route::new(http::Method::POST, "/retry", act::retry_dead),
            Route::new(http::Method::POST, "/pause", act::pause),
            Route::new(http::Method::POST, "/resume", act::resume),
            Route::new(http::Method::POST, "/schedules/run", act::run_schedule),
            Route::new(http::Method::POST, "/schedules/pause", act::pause_schedule),
            Route::new(http::Method::POST, "/schedules/resume", act::resume_schedule),
            Route::new(http::Method::POST, "/{id}/retry", act::retry),
            Route::new(http::Method::POST, "/{id}/cancel", act::cancel),
            Route::new(http::Method::POST, "/{id}/delete", act::delete),
        ];
        // Pages are no part of the API.
        let hidden = |route: Route| route.describe(|operation| operation.hidden = true);
        let reading: Routes = reading.into_iter().map(hidden).collect();
        let acting: Routes = acting.into_iter().map(hidden).collect();
        let group = Group::new(self.path.clone()).routes(reading);
        Routes::new().group(match &self.own {
            Some(own) => own(group.routes(acting)),
            None => group.routes(acting.guarded(self.act.clone())).guarded(self.see.clone()),
        })
    }
}

impl std::fmt::Debug for JobDashboard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JobDashboard").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Contribution for JobDashboard {
    fn installs() -> Option<Module> {
        Some(module())
    }
}

/// Adds the dashboard. In the prelude.
pub trait JobDashboardExt: Contribute {
    /// Adds the dashboard of the jobs at `/jobs`, for those with the permissions `jobs.see` and `jobs.act`.
    #[must_use]
    fn job_dashboard(self) -> Self {
        self.job_dashboard_with(JobDashboard::new())
    }

    /// The same elsewhere, or for others: see [`JobDashboard`].
    #[must_use]
    fn job_dashboard_with(self, dashboard: JobDashboard) -> Self {
        let routes = dashboard.routes();
        self.permissions([SEE, ACT]).contribute(dashboard).contribute(routes)
    }
}

impl<C: Contribute> JobDashboardExt for C {}

fn module() -> Module {
    let assets = Assets::from_static(&[
        ("jobs.css", include_bytes!("../assets/jobs.css")),
        ("jobs.js", include_bytes!("../assets/jobs.js")),
    ]);
    Module::new("job dashboard")
        .import(mainstay_jobs::module::module())
        .import(mainstay_view::module::module())
        .views(views!())
        .static_files("/_mainstay/admin", assets)
        .jobs(jobs![again::RetryDead])
        .check(Check::at_start(find_closed))
        .check(Check::at_deploy(find_open))
}

fn dashboards(assembly: &Assembly) -> impl Iterator<Item = &JobDashboard> {
    assembly.contributions.of::<JobDashboard>().map(|found| found.value)
}

fn find_closed(assembly: &Assembly, findings: &mut Findings) {
    if assembly.contributions.of::<Authenticator>().next().is_some() {
        return;
    }
    for dashboard in dashboards(assembly).filter(|dashboard| dashboard.own.is_none()) {
        let told = format!(
            "the dashboard of the jobs at `{}` asks who somebody is, and nobody can say so",
            dashboard.path
        );
        let fix =
            "add accounts, `.accounts::<User>()`, or say who is let in: `JobDashboard::new().behind(…)`";
        findings.add(Finding::error("admin.E001", told).fix(fix));
    }
}

fn find_open(assembly: &Assembly, findings: &mut Findings) {
    let is_open = |dashboard: &&JobDashboard| dashboard.own.is_none() && dashboard.see == Guard::signed_in();
    for dashboard in dashboards(assembly).filter(is_open) {
        let told = format!("whoever is signed in sees the arguments of all jobs at `{}`", dashboard.path);
        let fix = "leave `seen_by` out, and give operators the permission `jobs.see`";
        findings.add(Finding::warning("admin.W001", told).fix(fix));
    }
}
