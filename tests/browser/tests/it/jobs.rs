//! The dashboard of the jobs, as people have it: with scripts it is up to date by itself, without them it is read and works all the same.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use browser::{Colours, Visitor};
use mainstay::core::config::Sources;
use mainstay::core::lifecycle::{Services, Started};
use mainstay::prelude::*;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::accessible::{Axe, Report, Reports, layout, scripts};

/// Prints a page, unless there is no paper.
#[derive(Job, Serialize, Deserialize)]
#[job(queue = "printer", attempts = 1)]
struct Print {
    page: i64,
    password: String,
    has_paper: bool,
}

impl Print {
    async fn run(self, job: JobContext) -> Result<String> {
        job.progress(1, 2).await?;
        if !self.has_paper {
            return Err(Error::internal("there is no paper\nlook into tray 2"));
        }
        Ok(format!("page {}", self.page))
    }
}

fn print(page: i64, has_paper: bool) -> Print {
    Print { page, password: "hunter2".into(), has_paper }
}

/// The house has a door already.
async fn anybody(request: Request, next: Next) -> Result<Response> {
    next.run(request).await
}

/// An application with a dashboard that runs.
struct House {
    _folder: tempfile::TempDir,
    port: u16,
    db: Db,
    jobs: Inject<Jobs>,
    started: Started,
}

impl House {
    async fn open(change: impl FnOnce(App) -> App) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let app = App::new()
            .profile(Profile::Test)
            .set("http.port", port.to_string())
            .set("database.url", format!("sqlite:{}", folder.path().join("jobs.db").display()))
            .sessions()
            .jobs(jobs![Print])
            .schedule(Schedule::every("test page", Duration::from_secs(24 * 60 * 60), print(0, true)))
            .job_dashboard_with(JobDashboard::new().behind(anybody));
        let assembly = change(app).assemble(Sources::isolated());
        let resolver = assembly.resolver();
        let started = assembly.start(Services::All).await.unwrap();
        let db = Db::clone(&*resolver.get::<Db>().await.unwrap());
        let jobs = resolver.get::<Jobs>().await.unwrap();
        Self { _folder: folder, port, db, jobs, started }
    }

    fn at(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/jobs{path}", self.port)
    }

    async fn enqueue(&self, job: Print) -> JobId {
        job.enqueue(&self.db).await.unwrap().id
    }

    async fn close(self) {
        let _report = self.started.stop().await;
    }
}

/// Runs what waits for a browser, which blocks, where that may be.
fn at_browser<T>(work: impl FnOnce() -> T) -> T {
    tokio::task::block_in_place(work)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_shows_up_without_the_page_being_loaded_again() {
    let house = House::open(|app| app).await;
    let mut ann = at_browser(|| {
        let mut ann = Visitor::with_scripts().unwrap();
        ann.open(&house.at("")).unwrap();
        ann.sees("0 ready").unwrap();
        ann.sees("Stop updates").unwrap();
        // Ours, and let through by the policy.
        assert_eq!(
            ann.evaluate("getComputedStyle(document.querySelector('main')).maxWidth").unwrap(),
            "1280px"
        );
        ann.prefers((400, 800), Colours::Light).unwrap();
        let width = ann.evaluate("document.documentElement.scrollWidth").unwrap();
        assert_eq!(width, 400, "a wide table scrolls by itself, and not the page");
        ann.evaluate("window.isTheSame = true; document.querySelector('#live button').focus()").unwrap();
        ann
    });
    let first = house.enqueue(print(1, true)).await;
    house.enqueue(print(2, false)).await;
    at_browser(|| ann.sees("2 ready").unwrap());
    house.jobs.run_all().await.unwrap();
    at_browser(|| {
        ann.sees("1 dead").unwrap();
        ann.sees("1 completed and 1 failed").unwrap();
        assert_eq!(ann.evaluate("window.isTheSame").unwrap(), true);
        let focused = ann.evaluate("document.activeElement.textContent").unwrap();
        assert_eq!(focused, "Pause the queue default", "the focus stays where it is");
        // One job, while it waits and is run.
        ann.press("1 dead").unwrap();
        ann.sees("there is no paper").unwrap();
        ann.press("2").unwrap();
        ann.sees("look into tray 2").unwrap();
        ann.press("Try it again now").unwrap();
        ann.sees("The job is tried again.").unwrap();
        ann.sees("ready").unwrap();
    });
    house.jobs.run_all().await.unwrap();
    at_browser(|| {
        ann.sees("Attempt 1").unwrap();
        // Whoever reads has it stand still.
        ann.open(&house.at("")).unwrap();
        ann.touch("Stop updates").unwrap();
        ann.sees("Keep up to date").unwrap();
    });
    house.jobs.delete(first).await.unwrap();
    house.jobs.pause("printer").await.unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    at_browser(|| {
        assert!(!ann.text().unwrap().contains("paused"));
        ann.touch("Keep up to date").unwrap();
        ann.sees("paused").unwrap();
    });
    drop(ann);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_reads_and_acts_without_any_script() {
    let house = House::open(|app| app).await;
    for page in 1..=3 {
        house.enqueue(print(page, false)).await;
    }
    house.jobs.run_all().await.unwrap();
    at_browser(|| {
        let mut ann = Visitor::new().unwrap();
        ann.open(&house.at("")).unwrap();
        ann.sees("0 completed and 3 failed, at most 3 in a minute").unwrap();
        assert!(!ann.text().unwrap().contains("Stop updates"));
        ann.press("Pause the queue printer").unwrap();
        ann.sees("The queue printer is paused. Jobs that run go on.").unwrap();
        ann.press("Resume the queue printer").unwrap();
        ann.press("3 dead").unwrap();
        ann.press("Try all of these again").unwrap();
        ann.sees("3 jobs are tried again.").unwrap();
        ann.press("3 ready").unwrap();
        ann.press("1").unwrap();
        ann.sees("\"password\": \"********\"").unwrap();
        ann.press("Cancel it").unwrap();
        ann.sees("The job is cancelled.").unwrap();
        ann.press("Delete it").unwrap();
        ann.sees("Job 1 is deleted.").unwrap();
        ann.press("Batches").unwrap();
        ann.press("Workers").unwrap();
        ann.sees("No process runs jobs.").unwrap();
    });
    house.close().await;
}

/// The pages, and their titles.
const PAGES: [(&str, &str); 9] = [
    ("/jobs", "Jobs"),
    ("/jobs/list", "Jobs"),
    ("/jobs/list?state=dead", "Dead jobs"),
    ("/jobs/list?state=running", "Running jobs"),
    ("/jobs/1", "Job 1: Print"),
    ("/jobs/2", "Job 2: Print"),
    ("/jobs/schedules", "Schedules"),
    ("/jobs/batches", "Batches"),
    ("/jobs/workers", "Workers"),
];

/// Takes a report, and says where to go next.
#[post("/report", hidden)]
async fn report(reports: Inject<Reports>, headers: HeaderMap, Json(report): Json<Report>) -> &'static str {
    let from = headers.get(header::REFERER).and_then(|from| from.to_str().ok()).unwrap_or_default();
    let at = PAGES.iter().position(|(page, _)| from.ends_with(page));
    let _nobody_listens_any_more = reports.0.send(report).await;
    PAGES.get(at.map_or(PAGES.len(), |at| at + 1)).map_or("", |(page, _)| page)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn axe_finds_nothing_on_the_dashboard() {
    for (dark, setting) in [
        (false, "--blink-settings=preferredColorScheme=1"),
        (true, "--blink-settings=preferredColorScheme=0"),
    ] {
        let (sender, mut reports) = mpsc::channel(16);
        let house = House::open(|app| {
            app.set("jobs.workers", "true")
                .views(layout())
                .provide(move || Reports(sender.clone()))
                .provide(Axe::read)
                .routes(scripts())
                .routes(routes![report])
        })
        .await;
        let failed = house.enqueue(print(1, false)).await;
        let batch = Batch::new("a book").job(print(2, true)).job(print(3, false));
        batch.enqueue(&house.db).await.unwrap();
        for id in [failed, JobId(failed.0 + 1), JobId(failed.0 + 2)] {
            house.jobs.end_of(id).await.unwrap();
        }
        house.jobs.pause("printer").await.unwrap();
        house.enqueue(print(4, true)).await;
        let folder = tempfile::tempdir().unwrap();
        let mut browser = browser::listening_with(&house.at(""), folder.path(), &[setting]).unwrap();
        let mut titles = Vec::new();
        while titles.len() < PAGES.len() {
            let report = tokio::time::timeout(Duration::from_secs(60), reports.recv()).await;
            let report = report.expect("the browser reports").unwrap();
            assert_eq!(report.faults, Vec::<String>::new(), "{} in dark: {dark}", report.page);
            assert_eq!(report.dark, dark, "{}", report.page);
            titles.push(report.title);
        }
        browser.kill().unwrap();
        browser.wait().unwrap();
        assert_eq!(titles, PAGES.map(|(_, title)| title));
        if let Some(folder) = std::env::var_os("MAINSTAY_PICTURES") {
            let colours = if dark { Colours::Dark } else { Colours::Light };
            at_browser(|| pictures(&house, colours, folder.as_ref()));
        }
        house.close().await;
    }
}

/// Keeps a picture of each page, for whoever wants to see them.
fn pictures(house: &House, colours: Colours, folder: &std::path::Path) {
    let mut visitor = Visitor::new().unwrap();
    for (size, name) in [((1280, 800), "wide"), ((400, 800), "narrow")] {
        visitor.prefers(size, colours).unwrap();
        for (page, _) in PAGES {
            visitor.open(&house.at(page.strip_prefix("/jobs").unwrap_or_default())).unwrap();
            let page = page.replace(['/', '?', '='], "-");
            visitor.picture(&folder.join(format!("{name}-{colours:?}{page}.png"))).unwrap();
        }
    }
}
