//! Sessions in the database.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use mainstay_auth::sessions::DatabaseSessionsExt;
use mainstay_core::clock::{Clock, TestClock};
use mainstay_core::{App, Provider, Result};
use mainstay_http::{RoutesExt, Session, Sessions, get, post, routes};
use mainstay_test::{Setup, TestApp, contracts, on_each_engine};

struct Shared(Arc<TestClock>);

fn at_rest(clock: &Arc<TestClock>, app: App) -> Setup {
    let shared = Arc::clone(clock);
    let provider = Provider::singleton(move || Shared(Arc::clone(&shared)));
    TestApp::of(app).replace(provider.bind(|clock| Arc::clone(&clock.0) as Arc<dyn Clock>))
}

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

fn app() -> App {
    App::new().database_sessions().routes(routes![count, sign_in, who])
}

#[tokio::test]
async fn the_table_keeps_the_contract_of_a_store() {
    let clock = Arc::new(TestClock::at(SystemTime::now()));
    on_each_engine(
        || at_rest(&clock, app()),
        async |app| {
            let sessions = app.inject::<Sessions>().await;
            contracts::session_store(&**sessions.store(), &clock).await;
        },
    )
    .await;
}

#[tokio::test]
async fn remembers_visitors_on_every_engine() {
    on_each_engine(
        || TestApp::of(app()),
        async |app| {
            let client = app.client();
            client.post("/count").send().await.assert_text("1");
            client.post("/count").send().await.assert_text("2");
            client.post("/sign-in").send().await.assert_success();
            client.get("/who").send().await.assert_text("ann");
            client.post("/count").send().await.assert_text("3");
            client.stranger().post("/count").send().await.assert_text("1");
            let sessions = app.inject::<Sessions>().await;
            assert_eq!(sessions.end_all("ann", None).await.unwrap(), 1);
            client.get("/who").send().await.assert_text("");
        },
    )
    .await;
}

#[tokio::test]
async fn costs_one_statement_to_read_and_nothing_more_for_a_minute() {
    let clock = Arc::new(TestClock::at(SystemTime::now()));
    let app = at_rest(&clock, app()).start().await;
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
    let app = at_rest(&clock, app().set("session.store", "memory")).start().await;
    let sessions = app.inject::<Sessions>().await;
    contracts::session_store(&**sessions.store(), &clock).await;
}
