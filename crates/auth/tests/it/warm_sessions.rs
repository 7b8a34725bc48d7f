//! What a process remembers of whose a session is.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use mainstay_auth::guards::{Guard, GuardedExt};
use mainstay_auth::sessions::{DatabaseSessionsExt, StoredSession};
use mainstay_auth::{
    AccessTokensExt, Account, AccountsExt, Named, PasswordHash, SignInExt, SignInPagesExt, SignedIn,
};
use mainstay_core::clock::TestClock;
use mainstay_core::principal::Principal;
use mainstay_core::{App, Inject, Result};
use mainstay_db::column::Assignment;
use mainstay_db::{Db, ModelsExt, Query, model, models};
use mainstay_http::{Group, RoutesExt, Session, Sessions, get, post, routes};
use mainstay_test::{Client, TestApp};
use serde_json::json;

#[model(table = "readers")]
struct Reader {
    id: i64,
    #[field(default = true)]
    active: bool,
}

impl Named for Reader {
    fn by_name(name: &str) -> Query<Self> {
        let id: i64 = name.parse().unwrap_or_default();
        Self::filter(|reader| reader.id.eq(id))
    }
}

impl Account for Reader {
    fn password(&self) -> Option<&PasswordHash> {
        None
    }

    fn set_password(_: Self::Fields, _: PasswordHash) -> Assignment<Self> {
        unreachable!("readers have none")
    }

    fn is_active(&self) -> bool {
        self.active
    }
}

/// Signs the reader in.
#[post("/sign-in", hidden)]
async fn sign_in(session: Session, db: Inject<Db>) -> Result<()> {
    let reader = Reader::query().first(&db).await?;
    session.sign_in_as(&reader.expect("one was made"))
}

/// Who it is, as policies see it.
#[get("/who", hidden)]
async fn who(who: Principal) -> String {
    who.id().to_owned()
}

/// Who it is, as the row says.
#[get("/me", hidden)]
async fn me(reader: SignedIn<Reader>) -> String {
    reader.id.to_string()
}

/// What is remembered.
#[get("/noted", hidden)]
async fn noted(session: Session) -> Result<String> {
    Ok(session.get::<String>("noted")?.unwrap_or_default())
}

/// Remembers something.
#[post("/note", hidden)]
async fn note(session: Session) -> Result<()> {
    session.set("noted", "this")
}

/// An application with a reader who is signed in, and was looked at.
async fn warm(app: App) -> (TestApp, Client, Arc<TestClock>) {
    let guarded = Group::new("").routes(routes![who]).guarded(Guard::signed_in());
    let app = app.models(models![Reader]).accounts::<Reader>().database_sessions();
    let clock = Arc::new(TestClock::at(SystemTime::now()));
    let app = app.routes(routes![sign_in, me, noted, note]).group(guarded);
    let app = TestApp::of(app).clock(&clock).start().await;
    NewReader {}.insert(&app.inject::<Db>().await).await.unwrap();
    let client = app.client();
    client.post("/sign-in").send().await.assert_success();
    client.get("/who").send().await.assert_text("1");
    (app, client, clock)
}

/// Ends all sessions, as another process does.
async fn end_elsewhere(app: &TestApp) {
    let db = app.inject::<Db>().await;
    let ended = StoredSession::filter(|session| session.revision.gt(0)).delete(&db).await.unwrap();
    assert!(ended > 0);
}

#[tokio::test]
async fn whose_it_is_is_known_without_a_statement_and_who_takes_the_account_has_it_looked_at() {
    let (_app, client, clock) = warm(App::new()).await;
    let known = client.get("/who").send().await;
    known.assert_text("1").assert_queries_at_most(0);
    known.assert_header("cache-control", "private, no-cache").assert_header("vary", "cookie");
    assert_eq!(client.get("/me").send().await.queries().count(), 2, "the session and the account");
    clock.advance(Duration::from_secs(6));
    assert_eq!(client.get("/who").send().await.queries().count(), 2, "the session and the account");
    client.stranger().get("/who").send().await.assert_status(401);
}

#[tokio::test]
async fn what_this_process_ends_has_ended() {
    let (app, client, _) = warm(App::new()).await;
    let sessions = app.inject::<Sessions>().await;
    let owner = Principal::user("1").with_claim("account", "Reader").identity();
    assert_eq!(sessions.end_all(&owner, None).await.unwrap(), 1);
    client.get("/who").send().await.assert_status(401);
}

#[tokio::test]
async fn what_another_process_ends_has_ended_after_a_moment() {
    let (app, client, clock) = warm(App::new()).await;
    end_elsewhere(&app).await;
    client.get("/who").send().await.assert_text("1");
    clock.advance(Duration::from_secs(5));
    client.get("/who").send().await.assert_status(401);
}

#[tokio::test]
async fn who_takes_the_account_or_the_session_learns_that_it_has_ended_and_so_does_the_process() {
    for asks in ["/me", "/noted"] {
        let (app, client, _) = warm(App::new()).await;
        end_elsewhere(&app).await;
        client.get("/who").send().await.assert_text("1");
        client.get(asks).send().await.assert_status(if asks == "/me" { 401 } else { 200 });
        client.get("/who").send().await.assert_status(401);
    }
}

/// The browser may have another session by now, which is not to be taken away.
#[tokio::test]
async fn what_is_left_of_an_ended_session_begins_no_other() {
    let (app, client, _) = warm(App::new()).await;
    end_elsewhere(&app).await;
    client.post("/note").send().await.assert_success().assert_no_header("set-cookie");
    client.stranger().post("/note").send().await.assert_success();
    let db = app.inject::<Db>().await;
    assert_eq!(StoredSession::query().count(&db).await.unwrap(), 1, "that of the stranger");
}

/// Else somebody with an old cookie signs out at one process, and makes a token for a year at another.
#[tokio::test]
async fn an_ended_session_proves_nothing_and_leads_to_the_form() {
    let app = App::new().access_tokens::<Reader>().sign_in_pages::<Reader>();
    let (app, client, _) = warm(app).await;
    let wanted = json!({ "name": "backup", "scopes": ["*"] });
    client.post("/account/tokens").json(&wanted).send().await.assert_status(201);
    client.get("/who").send().await.assert_text("1");
    end_elsewhere(&app).await;
    client.post("/account/tokens").json(&wanted).send().await.assert_status(401);

    let (app, client, _) = warm(App::new().access_tokens::<Reader>().sign_in_pages::<Reader>()).await;
    end_elsewhere(&app).await;
    client.get("/account/login").send().await.assert_status(200);
}

#[tokio::test]
async fn what_changes_of_an_account_can_be_looked_at_at_once() {
    let (app, client, _) = warm(App::new()).await;
    let db = app.inject::<Db>().await;
    Reader::filter(|reader| reader.id.gt(0)).update(|reader| reader.active(false), &db).await.unwrap();
    client.get("/who").send().await.assert_text("1");
    let owner = Principal::user("1").with_claim("account", "Reader").identity();
    app.inject::<Sessions>().await.recheck(&owner);
    client.get("/who").send().await.assert_status(401);
}

#[tokio::test]
async fn the_row_of_an_account_is_never_remembered() {
    let (app, client, clock) = warm(App::new()).await;
    let db = app.inject::<Db>().await;
    Reader::filter(|reader| reader.id.gt(0)).update(|reader| reader.active(false), &db).await.unwrap();
    client.get("/me").send().await.assert_status(401);
    clock.advance(Duration::from_secs(5));
    client.get("/who").send().await.assert_status(401);
}

#[tokio::test]
async fn what_is_in_a_session_is_never_remembered() {
    let (_app, client, _) = warm(App::new()).await;
    client.get("/noted").send().await.assert_text("");
    client.post("/note").send().await.assert_success();
    client.get("/noted").send().await.assert_text("this");
    client.get("/who").send().await.assert_text("1");
}

#[tokio::test]
async fn nothing_is_remembered_longer_than_the_session_lasts_nor_where_nothing_is_to_be() {
    let (_app, client, clock) = warm(App::new().set("session.idle_timeout", "2s")).await;
    clock.advance(Duration::from_secs(3));
    client.get("/who").send().await.assert_status(401);
    let (_app, client, _) = warm(App::new().set("session.recheck", "0s")).await;
    assert_eq!(client.get("/who").send().await.queries().count(), 2);
}
