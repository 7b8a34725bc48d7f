//! Whom the dashboard lets in.

use axum::extract::Request;
use axum::response::Response;
use mainstay_admin::{JobDashboard, JobDashboardExt};
use mainstay_auth::access_tokens::NewAccessToken;
use mainstay_auth::scopes::Scopes;
use mainstay_auth::{AccessTokens, AccessTokensExt, Guard, ScopesExt};
use mainstay_core::check::Phase;
use mainstay_core::config::Sources;
use mainstay_core::{App, Error, Result};
use mainstay_http::Next;
use mainstay_test::TestApp;

use crate::office::{Office, Person, Shows, people};

#[tokio::test]
async fn nobody_sees_it_without_the_permission() {
    let office = Office::open().await;
    let id = office.dead(1).await[0];
    let (nobody, watcher) = (office.person(None).await, office.person(Some("watcher")).await);
    for path in
        ["", "/list", "/list?state=dead", "/schedules", "/batches", "/workers", "/1", "/77", "?fragment=live"]
    {
        let path = format!("/jobs{path}");
        let stranger = office.app.client().with_header("accept", "text/html").get(&path).send().await;
        let led = stranger.header("location").expect("led to the form").to_owned();
        assert!(stranger.status() == 303 && led.starts_with("/account/login?next="), "{path}: {led}");
        office.app.client().get(&path).send().await.assert_status(401);
        nobody.get(&path).send().await.assert_status(403);
        let seen = watcher.get(&path).send().await.status();
        assert!(seen == 200 || path.ends_with("77"), "{path}: {seen}");
    }
    for path in [
        format!("/{id}/retry"),
        format!("/{id}/cancel"),
        format!("/{id}/delete"),
        "/retry".into(),
        "/pause".into(),
    ] {
        let path = format!("/jobs{path}");
        for (client, status) in [(&nobody, 403), (&watcher, 403)] {
            client.post(&path).form(&[("queue", "mails")]).send().await.assert_status(status);
        }
    }
    assert_eq!(office.state(id).await, mainstay_jobs::State::Dead);
    assert!(office.jobs.queues().await.unwrap().iter().all(|queue| queue.paused_since.is_none()));
    let page = watcher.get(&format!("/jobs/{id}")).send().await;
    assert!(!page.text().contains("<form"), "who may only look is offered nothing to do");
}

#[tokio::test]
async fn a_form_of_another_site_changes_nothing() {
    let office = Office::open().await;
    let id = office.dead(1).await[0];
    let operator = office.operator().await;
    for site in ["cross-site", "same-site"] {
        let forged = operator
            .clone()
            .with_header("sec-fetch-site", site)
            .with_header("origin", "https://evil.example");
        for path in [format!("/jobs/{id}/retry"), "/jobs/retry".into(), "/jobs/pause".into()] {
            forged.post(&path).form(&[("queue", "mails")]).send().await.assert_status(403);
        }
    }
    assert_eq!(office.state(id).await, mainstay_jobs::State::Dead);
    // Nothing is changed by looking.
    operator.get(&format!("/jobs/{id}/retry")).send().await.assert_status(405);
}

async fn only_with_a_key(request: Request, next: Next) -> Result<Response> {
    match request.headers().get("x-key").is_some_and(|key| key == "open sesame") {
        true => next.run(request).await,
        false => Err(Error::forbidden("No.")),
    }
}

#[tokio::test]
async fn an_application_without_accounts_starts_only_with_a_door_of_its_own() {
    let refused = TestApp::of(App::new().job_dashboard()).try_start().await.err().expect("it does not start");
    assert!(refused.contains("admin.E001") && refused.contains("`/jobs`"), "{refused}");
    let guarded = JobDashboard::new().seen_by(Guard::role("x")).changed_by(Guard::role("x"));
    let refused = TestApp::of(App::new().job_dashboard_with(guarded)).try_start().await.err().unwrap();
    assert!(refused.contains("admin.E001"), "{refused}");

    let office = Office::of(
        App::new().job_dashboard_with(JobDashboard::new().at("/ops/jobs/").behind(only_with_a_key)),
    )
    .await;
    let browser =
        office.app.client().with_header("accept", "text/html").with_header("sec-fetch-site", "same-origin");
    for (method, path) in [("GET", "/ops/jobs"), ("GET", "/ops/jobs/workers"), ("POST", "/ops/jobs/pause")] {
        browser.request(method.parse().unwrap(), path).send().await.assert_status(403);
    }
    let browser = browser.with_header("x-key", "open sesame");
    let page = browser.get("/ops/jobs").send().await;
    page.assert_status(200).shows("href=\"/ops/jobs/workers\"").shows("action=\"/ops/jobs/pause\"");
    browser.post("/ops/jobs/pause").form(&[("queue", "default")]).send().await.assert_redirect("/ops/jobs");
    assert!(office.jobs.queues().await.unwrap()[0].paused_since.is_some());
}

#[test]
fn a_dashboard_for_whoever_is_signed_in_is_told_of_before_deployment() {
    let told = |app: App| {
        let assembly = app.set("database.url", "sqlite::memory:").assemble(Sources::isolated());
        assembly.run_checks(Phase::Deploy).into_iter().any(|finding| finding.id == "admin.W001")
    };
    let open = JobDashboard::new().seen_by(Guard::signed_in());
    assert!(told(people().job_dashboard_with(open)));
    assert!(!told(people().job_dashboard()));
}

#[tokio::test]
async fn a_token_of_limited_scope_sees_nothing_and_one_for_everything_what_its_owner_does() {
    let app = people().access_tokens::<Person>().token_scope("articles.read", "Read articles");
    let office = Office::of(app.job_dashboard()).await;
    let id = office.dead(1).await[0];
    let tokens = office.app.inject::<AccessTokens>().await;
    for (role, scopes, sees, acts) in [
        (Some("operator"), "articles.read", 403, 403),
        (Some("watcher"), "*", 200, 403),
        (None, "*", 403, 403),
        (Some("operator"), "*", 200, 200),
    ] {
        let name = role.unwrap_or("nobody");
        let found = Person::filter(|person| person.name.eq(name)).first(&office.db).await.unwrap();
        if found.is_none() {
            office.person(role).await;
        }
        let owner = Person::filter(|person| person.name.eq(name)).one(&office.db).await.unwrap();
        let new = NewAccessToken::new("program", Scopes::parse(scopes).unwrap());
        let (_, token) = tokens.create(&owner, new).await.unwrap();
        let program = office.app.client();
        program.get("/jobs").bearer(&token).send().await.assert_status(sees);
        program.post(&format!("/jobs/{id}/retry")).bearer(&token).send().await.assert_status(acts);
    }
    assert_eq!(office.state(id).await, mainstay_jobs::State::Ready);
}
