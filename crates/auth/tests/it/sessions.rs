//! Sessions in the database.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use mainstay_auth::sessions::DatabaseSessionsExt;
use mainstay_core::clock::TestClock;
use mainstay_core::{App, Result};
use mainstay_http::{Routes, RoutesExt, Session, Sessions, get, post, routes};
use mainstay_test::{TestApp, contracts, on_each_engine};

/// Counts.
#[post("/count", hidden)]
async fn count(session: Session) -> Result<String> {
    let next = session.get::<u32>("count")?.unwrap_or_default() + 1;
    session.set("count", &next)?;
    Ok(next.to_string())
}

/// Signs in.
#[post("/sign-in", hidden)]
async fn sign_in(session: Session) {
    session.sign_in("ann");
}

/// Who it is.
#[get("/who", hidden)]
async fn who(session: Session) -> String {
    session.owner().unwrap_or_default()
}

/// Their routes.
pub(crate) fn visits() -> Routes {
    routes![count, sign_in, who]
}

fn app() -> App {
    App::new().database_sessions().routes(visits())
}

#[tokio::test]
async fn the_table_keeps_the_contract_of_a_store() {
    let clock = Arc::new(TestClock::at(SystemTime::now()));
    on_each_engine(
        || TestApp::of(app()).clock(&clock),
        async |app| {
            let sessions = app.inject::<Sessions>().await;
            contracts::session_store(&**sessions.store(), &clock).await;
        },
    )
    .await;
}

#[tokio::test]
async fn remembers_visitors_on_every_engine() {
    on_each_engine(|| TestApp::of(app()), remembers_visitors).await;
}

/// What every store of sessions does for visitors.
pub(crate) async fn remembers_visitors(app: &TestApp) {
    let client = app.client();
    client.post("/count").send().await.assert_text("1");
    client.post("/count").send().await.assert_text("2");
    client.post("/sign-in").send().await.assert_success();
    client.get("/who").send().await.assert_text("ann");
    client.post("/count").send().await.assert_text("3");
    client.stranger().post("/count").send().await.assert_text("1");
    let sessions = app.inject::<Sessions>().await;
    assert_eq!(sessions.of_owner("ann").await.unwrap().len(), 1);
    assert_eq!(sessions.end_all("ann", None).await.unwrap(), 1);
    client.get("/who").send().await.assert_text("");
}

#[tokio::test]
async fn costs_one_statement_to_read_and_nothing_more_for_a_minute() {
    let clock = Arc::new(TestClock::at(SystemTime::now()));
    let app = TestApp::of(app()).clock(&clock).start().await;
    let client = app.client();
    client.get("/who").send().await.assert_queries_at_most(0);
    client.post("/sign-in").send().await.assert_success();
    client.get("/who").send().await.assert_queries_at_most(1);
    clock.advance(Duration::from_secs(61));
    assert_eq!(client.get("/who").send().await.queries().count(), 2, "when it was last seen");
    client.get("/who").send().await.assert_queries_at_most(1);
}

#[tokio::test]
async fn the_memory_of_the_process_keeps_the_contract_too() {
    let clock = Arc::new(TestClock::at(SystemTime::now()));
    let app = TestApp::of(app().set("session.store", "memory")).clock(&clock).start().await;
    let sessions = app.inject::<Sessions>().await;
    contracts::session_store(&**sessions.store(), &clock).await;
}
