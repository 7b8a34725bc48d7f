//! Mails that jobs deliver, to a server that is away, refuses, falls silent, or forgets to answer; and by a process that is killed.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use mainstay::clock::TestClock;
use mainstay::db::scratch::{Engine, Scratch};
use mainstay::db::{Models, schema};
use mainstay::jobs::{State, StoredJob};
use mainstay::prelude::*;
use mainstay_test::{Setup, TestApp, on_each_engine};
use postbox::{Postbox, Tls};

use crate::header;

fn setup(port: u16) -> Setup {
    TestApp::of(App::new().mail().jobs(jobs![DeliverMail]))
        .set("mail.url", format!("smtp://127.0.0.1:{port}?tls=none"))
        .set("mail.from", "no-reply@shop.example")
}

/// Runs a test on each engine, with a clock of its own. Nobody is at the port.
async fn on_each(test: impl AsyncFn(&TestApp, u16, &TestClock)) {
    // Long enough for a machine that has other things to do.
    on_each_with("20s", test).await;
}

/// The same with another time-out.
async fn on_each_with(timeout: &str, test: impl AsyncFn(&TestApp, u16, &TestClock)) {
    let clock = Arc::new(TestClock::default());
    let port = free_port();
    let setup = || setup(port).set("mail.timeout", timeout).clock(&clock);
    on_each_engine(setup, async |app| test(app, port, &clock).await).await;
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn come_back(port: u16) -> Postbox {
    Postbox::start_at(port, Tls::Never, None).unwrap()
}

fn mail(to: &str) -> Mail {
    Mail::to(to).subject("Your order").text("Thank you.")
}

async fn order(app: &TestApp, to: &str) -> JobId {
    let (db, mailer) = (app.inject::<Db>().await, app.inject::<Mailer>().await);
    db.transaction(async |tx| Ok(mailer.later(mail(to))?.enqueue(tx).await?.id)).await.unwrap()
}

async fn job(app: &TestApp, id: JobId) -> StoredJob {
    app.inject::<Jobs>().await.get(id).await.unwrap().unwrap()
}

/// An attempt at a job, and how it ended.
async fn attempt(app: &TestApp, id: JobId, clock: &TestClock) -> (State, String) {
    clock.advance(Duration::from_secs(6 * 60 * 60));
    assert_eq!(app.run_jobs().await, 1);
    let job = job(app, id).await;
    (job.state, job.error.unwrap_or_default())
}

fn assert_says((state, error): (State, String), expected: State, told: &str) {
    assert!(state == expected && error.contains(told), "{state:?}: {error}");
}

#[tokio::test]
async fn a_mail_arrives_once_though_the_server_is_away_first_and_refuses_it_then() {
    on_each(async |app, port, clock| {
        let id = order(app, "later-once@example.org").await;
        let (db, mailer) = (app.inject::<Db>().await, app.inject::<Mailer>().await);
        let rolled_back = db.transaction(async |tx| {
            mailer.later(mail("nobody@example.org"))?.enqueue(tx).await?;
            Err::<(), _>(Error::conflict("no"))
        });
        assert!(rolled_back.await.is_err());

        assert_says(attempt(app, id, clock).await, State::Retrying, "the mail server cannot be reached");
        assert_says(attempt(app, id, clock).await, State::Retrying, "the mail server cannot be reached");
        let postbox = come_back(port);
        assert_says(attempt(app, id, clock).await, State::Retrying, "451 4.2.0 Come back later");
        assert_says(attempt(app, id, clock).await, State::Completed, "");
        let received = postbox.next().unwrap();
        assert_eq!(received.to, ["later-once@example.org"]);
        assert_eq!(received.text.unwrap().trim_end(), "Thank you.");
        clock.advance(Duration::from_secs(24 * 60 * 60));
        assert_eq!(app.run_jobs().await, 0);
        assert!(postbox.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_mail_that_is_refused_for_good_is_dead_with_the_words_of_the_server() {
    on_each(async |app, port, clock| {
        let postbox = come_back(port);
        let id = order(app, "refused@example.org").await;
        assert_says(attempt(app, id, clock).await, State::Dead, "550 5.1.1 Nobody has this name");
        assert!(postbox.is_empty());
        let failures = app.inject::<Jobs>().await.failures(id).await.unwrap();
        assert!(failures[0].error.contains("the recipient refused@example.org"), "{}", failures[0].error);
    })
    .await;
}

#[tokio::test]
async fn one_who_is_refused_keeps_no_other_from_the_mail() {
    on_each(async |app, port, clock| {
        let postbox = come_back(port);
        let (db, mailer) = (app.inject::<Db>().await, app.inject::<Mailer>().await);
        let to_all = mail("ann@example.org").and_to("refused@example.org").cc("later-once@example.org");
        let to_all = to_all.bcc("bob@example.org");
        let enqueue = async |tx: &Tx| Ok(mailer.later(to_all)?.enqueue(tx).await?.id);
        let id = db.transaction(enqueue).await.unwrap();
        clock.advance(Duration::from_secs(1));
        // The job, and one for each of the four.
        assert_eq!(app.run_jobs().await, 5);
        assert_eq!(job(app, id).await.state, State::Completed);
        clock.advance(Duration::from_secs(60 * 60));
        assert_eq!(app.run_jobs().await, 1);
        let mut got: Vec<_> = (0..3).map(|_| postbox.next().unwrap()).collect();
        assert!(postbox.is_empty());
        got.sort_by(|one, other| one.to.cmp(&other.to));
        let to: Vec<_> = got.iter().flat_map(|mail| mail.to.clone()).collect();
        assert_eq!(to, ["ann@example.org", "bob@example.org", "later-once@example.org"]);
        // It says the same to all, and nothing of who gets it in secret.
        for mail in &got {
            assert_eq!(header(mail, "To"), "ann@example.org, refused@example.org");
            assert_eq!(header(mail, "Message-ID"), header(&got[0], "Message-ID"));
        }
        let dead = StoredJob::filter(|job| job.state.eq(State::Dead)).all(&*db).await.unwrap();
        assert_eq!(dead.len(), 1);
        assert!(dead[0].error.as_deref().unwrap().contains("550 5.1.1 Nobody has this name"));
    })
    .await;
}

#[tokio::test]
async fn a_server_that_falls_silent_holds_a_mail_up_and_does_not_lose_it() {
    on_each_with("4s", async |app, port, clock| {
        let postbox = come_back(port);
        let id = order(app, "silent-once@example.org").await;
        assert_says(attempt(app, id, clock).await, State::Retrying, "had not taken the mail after 4 s");
        assert_says(attempt(app, id, clock).await, State::Completed, "");
        assert_eq!(postbox.next().unwrap().to, ["silent-once@example.org"]);
        assert!(postbox.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_mail_that_the_server_took_without_saying_so_comes_again_under_its_name() {
    on_each_with("4s", async |app, port, clock| {
        let postbox = come_back(port);
        let id = order(app, "unanswered@example.org").await;
        assert_says(attempt(app, id, clock).await, State::Retrying, "had not taken the mail after 4 s");
        assert_says(attempt(app, id, clock).await, State::Completed, "");
        let (one, other) = (postbox.next().unwrap(), postbox.next().unwrap());
        assert!(!header(&one, "Message-ID").is_empty());
        assert_eq!(header(&one, "Message-ID"), header(&other, "Message-ID"));
        assert_eq!(one.raw, other.raw);
    })
    .await;
}

const URL: &str = "POSTBOX_DATABASE";
const PORT: &str = "POSTBOX_PORT";
const SECRET: &str = "a secret of these tests, which is long enough";

fn on(url: &str, port: u16) -> Setup {
    setup(port).set("database.url", url).set("keys.secret", SECRET).set("jobs.lease", "1s")
}

/// A process that delivers mails until it is killed: this very program.
fn worker(url: &str, port: u16) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "later::is_killed", "--ignored"])
        .env(URL, url)
        .env(PORT, port.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the process that another test kills"]
async fn is_killed() {
    let (Ok(url), Ok(port)) = (std::env::var(URL), std::env::var(PORT)) else { return };
    // Longer than the test takes: it does not give up before it is killed.
    let setup = on(&url, port.parse().unwrap()).set("mail.timeout", "1m").set("jobs.workers", "true");
    let _app = setup.start().await;
    tokio::time::sleep(Duration::from_secs(60)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_of_a_process_that_is_killed_is_delivered_by_another() {
    for engine in [Engine::Sqlite, Engine::Postgres, Engine::MySql] {
        // `on_each_engine` has said aloud which server is missing, and fails for it where none may be.
        let Ok(server) = engine.server() else { continue };
        let folder = tempfile::tempdir().unwrap();
        let scratch = Scratch::new(&server).await.unwrap();
        let url = match engine {
            Engine::Sqlite => format!("sqlite:{}", folder.path().join("mails.db").display()),
            _ => scratch.url().to_owned(),
        };
        let postbox = Postbox::start(Tls::Never, None).unwrap();
        make_tables(&url, postbox.port()).await;

        let app = on(&url, postbox.port()).start().await;
        let id = order(&app, "unanswered@example.org").await;
        let mut killed = worker(&url, postbox.port());
        // The server has it; the process waits to hear so, and never does.
        let one = postbox.next().unwrap();
        assert_eq!(job(&app, id).await.state, State::Running);
        killed.kill().unwrap();
        killed.wait().unwrap();

        let other = on(&url, postbox.port()).set("jobs.workers", "true").start().await;
        let again = postbox.next().unwrap();
        assert_eq!(header(&one, "Message-ID"), header(&again, "Message-ID"));
        let end = app.inject::<Jobs>().await;
        let end = tokio::time::timeout(Duration::from_secs(20), end.end_of(id)).await.unwrap().unwrap();
        assert_eq!((end.state, end.attempt), (State::Completed, 2));
        assert!(postbox.is_empty());
        other.stop().await;
        app.stop().await;
        scratch.remove().await.unwrap();
    }
}

async fn make_tables(url: &str, port: u16) {
    let app = setup(port).start().await;
    let models = Models::of_application(&app.assembly().contributions);
    app.stop().await;
    let db = Db::open(url).await.unwrap();
    schema::create_tables(&models, &db).await.unwrap();
    db.close().await;
}
