//! Mails that jobs deliver.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mainstay_core::clock::TestClock;
use mainstay_core::{App, Contribute, Error, Inject, Resolver, Result};
use mainstay_db::{Db, Tx};
use mainstay_http::{RoutesExt, post, routes};
use mainstay_jobs::{JobId, Jobs, JobsExt, State, StoredJob, jobs};
use mainstay_mail::error::Refused;
use mainstay_mail::{DeliverMail, Mail, MailDriver, MailError, MailExt, Mailer, Message, Transport};
use mainstay_test::{TestApp, on_each_engine};

/// A server that says what the test wants, and counts what it was given.
#[derive(Default)]
struct Moody {
    says: Mutex<Option<MailError>>,
    given: Mutex<Vec<Message>>,
}

impl Moody {
    fn say(&self, what: impl Into<Option<MailError>>) {
        *self.says.lock().unwrap_or_else(PoisonError::into_inner) = what.into();
    }

    fn given(&self) -> Vec<Message> {
        std::mem::take(&mut *self.given.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Transport for Moody {
    fn deliver<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<(), MailError>> {
        async {
            self.given.lock().unwrap_or_else(PoisonError::into_inner).push(message.clone());
            match self.says.lock().unwrap_or_else(PoisonError::into_inner).take() {
                Some(error) => Err(error),
                None => Ok(()),
            }
        }
        .boxed()
    }
}

/// Sends a mail without waiting.
#[post("/soon")]
async fn soon(mailer: Inject<Mailer>) -> Result<()> {
    mailer.send_soon(secret("ann@example.org")).await
}

const BODY: &str = "https://shop.example/reset?token=hunter2";

fn secret(to: &str) -> Mail {
    Mail::to(to).subject("A new password").text(BODY)
}

fn app() -> App {
    App::new().mail().jobs(jobs![DeliverMail]).routes(routes![soon])
}

/// Runs a test on each engine with a server and a clock of its own.
async fn on_each(test: impl AsyncFn(&TestApp, &Moody, &TestClock)) {
    let (clock, moody) = (Arc::new(TestClock::default()), Arc::new(Moody::default()));
    let setup = || {
        let moody = Arc::clone(&moody);
        let driver = MailDriver::new("moody", move |_: String, _: Resolver| {
            let moody = Arc::clone(&moody);
            async move { Ok(moody as Arc<dyn Transport>) }
        });
        TestApp::of(app().contribute(driver)).set("mail.url", "moody:").clock(&clock)
    };
    on_each_engine(setup, async |app| {
        moody.say(None);
        moody.given();
        test(app, &moody, &clock).await;
    })
    .await;
}

async fn enqueue(app: &TestApp, to: &str) -> JobId {
    let db = app.inject::<Db>().await;
    app.inject::<Mailer>().await.later(secret(to)).unwrap().enqueue(&*db).await.unwrap().id
}

async fn job(app: &TestApp, id: JobId) -> StoredJob {
    app.inject::<Jobs>().await.get(id).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_mail_goes_out_when_its_transaction_is_committed_and_never_otherwise() {
    on_each(async |app, moody, _| {
        let (db, mailer) = (app.inject::<Db>().await, app.inject::<Mailer>().await);
        let rolled_back = db
            .transaction(async |tx: &Tx| {
                mailer.later(secret("nobody@example.org"))?.enqueue(tx).await?;
                Err::<(), _>(Error::conflict("no"))
            })
            .await;
        assert!(rolled_back.is_err());
        let committed = db
            .transaction(async |tx: &Tx| Ok(mailer.later(secret("ann@example.org"))?.enqueue(tx).await?.id))
            .await
            .unwrap();
        assert!(moody.given().is_empty());
        assert_eq!(app.run_jobs().await, 1);
        let given = moody.given();
        assert_eq!((given.len(), given[0].to[0].address()), (1, "ann@example.org"));
        assert_eq!(given[0].text, BODY);
        assert_eq!(job(app, committed).await.state, State::Completed);
        assert_eq!(app.run_jobs().await, 0);
    })
    .await;
}

#[tokio::test]
async fn what_is_stored_says_nothing_of_the_mail() {
    on_each(async |app, _, _| {
        let id = enqueue(app, "ann@example.org").await;
        let stored = job(app, id).await;
        let shown = format!("{stored:?}");
        for secret in ["hunter2", "A new password", "ann@", "shop.example"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        let waits = app.assert_enqueued::<DeliverMail>(|mail| !mail.id.is_empty()).await;
        assert!(!format!("{waits:?}").contains("sealed"), "{waits:?}");
        // Changed on the way, it is no mail of ours.
        let args = stored.args.replace(r#""sealed":""#, r#""sealed":"x"#);
        StoredJob::filter(|row| row.id.eq(id.0))
            .update(|row| row.args(args), &*app.inject::<Db>().await)
            .await
            .unwrap();
        app.run_jobs().await;
        let stored = job(app, id).await;
        assert_eq!(stored.state, State::Dead);
        assert!(stored.error.as_deref().unwrap().contains("cannot be opened"), "{:?}", stored.error);
    })
    .await;
}

#[tokio::test]
async fn is_tried_again_as_long_as_somebody_may_mend_it_under_the_same_name() {
    on_each(async |app, moody, clock| {
        let refused = |what, code| MailError::Refused { what, code, reply: "4.2.0 Later".to_owned() };
        let id = enqueue(app, "ann@example.org").await;
        let mut names = Vec::new();
        for (attempt, fault) in [
            MailError::Unreachable("nobody is there".to_owned()),
            MailError::TimedOut { until: "taken the mail", limit: Duration::from_secs(30) },
            refused(Refused::Recipient("ann@example.org".to_owned()), 451),
            refused(Refused::Connection, 554),
            refused(Refused::Login, 535),
            refused(Refused::Sender, 530),
            MailError::Unfit("it has no STARTTLS".to_owned()),
        ]
        .into_iter()
        .enumerate()
        {
            let told = fault.to_string();
            moody.say(fault);
            assert_eq!(app.run_jobs().await, 1);
            let job = job(app, id).await;
            assert_eq!((job.state, job.attempt), (State::Retrying, attempt as i32 + 1), "{told}");
            assert!(job.error.as_deref().unwrap().contains(&told), "{:?}", job.error);
            names.extend(moody.given().into_iter().map(|message| message.id));
            // Not yet.
            assert_eq!(app.run_jobs().await, 0);
            clock.advance(Duration::from_secs(6 * 60 * 60));
        }
        assert_eq!(app.run_jobs().await, 1);
        names.extend(moody.given().into_iter().map(|message| message.id));
        names.dedup();
        assert_eq!(names.len(), 1, "{names:?}");
        assert_eq!(job(app, id).await.state, State::Completed);
        assert_eq!(app.inject::<Jobs>().await.failures(id).await.unwrap().len(), 7);
    })
    .await;
}

#[tokio::test]
async fn is_dead_with_the_words_of_a_server_that_refuses_it_for_good() {
    on_each(async |app, moody, _| {
        for what in [Refused::Recipient("ann@example.org".to_owned()), Refused::Sender, Refused::Content] {
            let id = enqueue(app, "ann@example.org").await;
            moody.say(MailError::Refused { what, code: 550, reply: "5.1.1 Nobody has this name".to_owned() });
            app.run_jobs().await;
            let job = job(app, id).await;
            assert_eq!((job.state, job.attempt), (State::Dead, 1));
            assert!(
                job.error.as_deref().unwrap().contains("550 5.1.1 Nobody has this name"),
                "{:?}",
                job.error
            );
        }
    })
    .await;
}

#[tokio::test]
async fn one_who_is_named_twice_and_refused_is_refused_once() {
    on_each(async |app, moody, _| {
        let (db, mailer) = (app.inject::<Db>().await, app.inject::<Mailer>().await);
        let twice = secret("ann@example.org").bcc("ann@example.org");
        let id = mailer.later(twice).unwrap().enqueue(&*db).await.unwrap().id;
        moody.say(MailError::Refused {
            what: Refused::Recipient("ann@example.org".to_owned()),
            code: 550,
            reply: "5.1.1 Nobody has this name".to_owned(),
        });
        assert_eq!(app.run_jobs().await, 1);
        assert_eq!(job(app, id).await.state, State::Dead);
        assert_eq!(app.run_jobs().await, 0);
    })
    .await;
}

#[tokio::test]
async fn waits_for_its_time() {
    on_each(async |app, moody, clock| {
        let (db, mailer) = (app.inject::<Db>().await, app.inject::<Mailer>().await);
        let week = Duration::from_secs(7 * 24 * 60 * 60);
        mailer.later(secret("ann@example.org")).unwrap().delay(week).enqueue(&*db).await.unwrap();
        assert_eq!(app.run_jobs().await, 0);
        clock.advance(week);
        assert_eq!(app.run_jobs().await, 1);
        assert_eq!(moody.given().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn the_largest_mail_of_a_job_is_stored_and_delivered_and_a_larger_one_refused() {
    on_each(async |app, moody, _| {
        let (db, mailer) = (app.inject::<Db>().await, app.inject::<Mailer>().await);
        let mail = |size: usize| Mail::to("ann@example.org").subject("x").text("x".repeat(size));
        let refused = mailer.later(mail((4 << 20) + 1)).unwrap_err();
        assert_eq!(refused.status().as_u16(), 422);
        assert!(refused.report().contains("it has 4097 KiB, and the limit"), "{}", refused.report());
        mailer.later(mail(4 << 20)).unwrap().enqueue(&*db).await.unwrap();
        app.run_jobs().await;
        assert_eq!(moody.given()[0].text.len(), 4 << 20);
        // What no job has may be larger, up to a limit of its own.
        mailer.send(mail(5 << 20)).await.unwrap();
        let refused = mailer.send(mail((10 << 20) + 1)).await.unwrap_err();
        assert!(refused.report().contains("`mail.max_size` is 10240 KiB"), "{}", refused.report());
    })
    .await;
}

#[tokio::test]
async fn soon_is_by_a_job_where_there_are_jobs_and_at_once_elsewhere() {
    let by_jobs = TestApp::start(app()).await;
    by_jobs.post("/soon").send().await.assert_success();
    by_jobs.assert_no_mails().await;
    assert_eq!(by_jobs.run_jobs().await, 1);
    by_jobs.assert_mail_sent(|mail| mail.text == BODY).await;

    let at_once = TestApp::start(App::new().mail().routes(routes![soon])).await;
    at_once.post("/soon").send().await.assert_success();
    assert_eq!(at_once.mails_to("ann@example.org").await.len(), 1);
    let refused = at_once.inject::<Mailer>().await.later(secret("ann@example.org")).unwrap_err();
    assert!(refused.report().contains("`.jobs(jobs![DeliverMail])`"), "{}", refused.report());
}

#[tokio::test]
#[should_panic(
    expected = "no such mail was sent:\n  to ann@example.org: A new password\n1 wait for a job to deliver them"
)]
async fn a_test_that_claims_a_mail_is_told_which_there_are_and_how_many_wait() {
    let app = TestApp::start(app()).await;
    app.inject::<Mailer>().await.send(secret("ann@example.org")).await.unwrap();
    enqueue(&app, "bob@example.org").await;
    app.assert_mail_sent(|mail| mail.to[0].address() == "bob@example.org").await;
}

#[tokio::test]
#[should_panic(expected = "mails were sent:\n  to ann@example.org: A new password")]
async fn a_test_that_claims_none_is_told_which_there_are() {
    let app = TestApp::start(app()).await;
    app.inject::<Mailer>().await.send(secret("ann@example.org")).await.unwrap();
    app.assert_no_mails().await;
}

#[tokio::test]
#[should_panic(expected = "no such `mainstay/deliver_mail` waits:\n  {\"id\":")]
async fn a_test_that_claims_a_job_is_told_which_wait() {
    let app = TestApp::start(app()).await;
    enqueue(&app, "ann@example.org").await;
    app.assert_enqueued::<DeliverMail>(|mail| mail.id.is_empty()).await;
}

#[tokio::test]
async fn many_at_once_are_enqueued_together() {
    let app = TestApp::start(app()).await;
    let (db, mailer) = (app.inject::<Db>().await, app.inject::<Mailer>().await);
    let mails = ["ann@example.org", "bob@example.org"].map(|to| mailer.later(secret(to)).unwrap());
    app.inject::<Jobs>().await.enqueue_all(mails, &*db).await.unwrap();
    assert_eq!(app.run_jobs().await, 2);
    assert_eq!(app.mails_to("bob@example.org").await.len(), 1);
}
