//! From the door to the function.

use std::sync::Arc;
use std::time::Duration;

use mainstay_core::check::Phase;
use mainstay_core::clock::TestClock;
use mainstay_core::config::Sources;
use mainstay_core::{App, Module, Result};
use mainstay_db::Db;
use mainstay_jobs::{JobId, State, StoredJob};
use mainstay_mail::inbound::Refusal;
use mainstay_mail::{Arrival, InboundMail, InboundMailExt, InboundMails, Mail, ReceiveMail};
use mainstay_test::{TestApp, on_each_engine};

use super::{app, desk, jobs, message};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Runs a test on each engine, with a clock of its own.
async fn on_each(test: impl AsyncFn(&TestApp, &TestClock)) {
    let clock = Arc::new(TestClock::default());
    on_each_engine(|| TestApp::of(app()).clock(&clock), async |app| test(app, &clock).await).await;
}

async fn take(app: &TestApp, arrival: impl Into<Arrival>) -> usize {
    let taken = app.inject::<InboundMails>().await.take(arrival.into()).await.unwrap();
    taken.iter().filter(|enqueued| enqueued.is_new).count()
}

#[tokio::test]
async fn the_first_pattern_that_fits_takes_it_each_recipient_for_itself() {
    on_each(async |app, _| {
        let arrival = Arrival::new(message("someone@example.org", "1")).from("bounces@example.org");
        let to =
            ["shop@shop.example", "Reply+aB3@Shop.example", "support@other.example", "nobody@other.example"];
        assert_eq!(take(app, to.into_iter().fold(arrival, Arrival::to)).await, 3);
        assert_eq!(app.run_jobs().await, 3);
        let mut given = desk(app).await.given();
        given.sort_by_key(|(taker, _)| *taker);
        let takers: Vec<_> =
            given.iter().map(|(taker, mail)| (*taker, mail.recipient.as_str(), mail.star())).collect();
        let expected = [
            ("replies", "Reply+aB3@Shop.example", Some("aB3")),
            ("shop", "shop@shop.example", Some("shop")),
            ("support", "support@other.example", Some("other.example")),
        ];
        assert_eq!(takers, expected);
        let mail = &given[2].1;
        assert_eq!((mail.subject.as_str(), mail.text.as_str()), ("Help", "It does not work.\r\n"));
        assert_eq!(mail.sender.as_deref(), Some("bounces@example.org"));
        assert_eq!(mail.from.as_ref().unwrap().to_string(), "Ann <ann@example.org>");
        assert_eq!(mail.raw, message("someone@example.org", "1").into_bytes());
    })
    .await;
}

#[tokio::test]
async fn without_an_envelope_the_head_says_whom_it_is_to_and_it_is_one_mail() {
    let app = TestApp::start(app()).await;
    take(&app, &*message("Bob <bob@other.example>, x@shop.example, support@shop.example", "1")).await;
    take(&app, &*format!("X-Original-To: reply+7@shop.example\r\n{}", message("support@shop.example", "2")))
        .await;
    assert_eq!(app.run_jobs().await, 2);
    let mut takers = desk(&app).await.takers();
    takers.sort();
    assert_eq!(
        takers,
        [("replies", "reply+7@shop.example".to_owned()), ("support", "support@shop.example".to_owned())]
    );
}

#[tokio::test]
async fn what_is_stored_says_nothing_of_the_mail() {
    on_each(async |app, _| {
        take(app, &*message("support@shop.example", "secret-id")).await;
        let stored = jobs(app).await.remove(0);
        for secret in ["Help", "does not work", "ann@", "shop.example", "secret-id"] {
            assert!(!format!("{stored:?}").contains(secret), "{stored:?}");
        }
        assert!(!format!("{:?}", app.assert_enqueued::<ReceiveMail>(|_| true).await).contains("sealed"));
        // Changed on the way, it is no mail of ours.
        let args = stored.args.replace(r#""sealed":""#, r#""sealed":"x"#);
        let db = app.inject::<Db>().await;
        StoredJob::filter(|row| row.id.eq(stored.id)).update(|row| row.args(args), &*db).await.unwrap();
        app.run_jobs().await;
        let stored = jobs(app).await.remove(0);
        assert_eq!(stored.state, State::Dead);
        assert!(stored.error.as_deref().unwrap().contains("cannot be opened"), "{:?}", stored.error);
        assert!(desk(app).await.given().is_empty());
    })
    .await;
}

#[tokio::test]
async fn the_same_mail_is_taken_once_within_three_days_and_another_of_its_name_is_not_lost() {
    on_each(async |app, clock| {
        let first = message("support@shop.example", "1");
        assert_eq!(take(app, &*first).await, 1);
        assert_eq!(take(app, &*first).await, 0);
        app.run_jobs().await;
        // By another way, and long after it was handed over.
        clock.advance(2 * DAY);
        app.run_jobs().await;
        assert_eq!(take(app, &*format!("Received: from elsewhere\r\n{first}")).await, 0);
        app.run_jobs().await;
        assert_eq!(desk(app).await.given().len(), 1);
        // To somebody else, or a program that gives the same name to all of its mails.
        assert_eq!(take(app, Arrival::new(&*first).to("x@shop.example")).await, 1);
        assert_eq!(take(app, &*first.replace("does not", "does still not")).await, 1);
        clock.advance(2 * DAY);
        assert_eq!(take(app, &*first).await, 1);
        app.run_jobs().await;
        assert_eq!(desk(app).await.given().len(), 3);
    })
    .await;
}

#[tokio::test]
async fn a_function_that_fails_or_panics_is_called_again_and_its_mail_is_dead_in_the_end() {
    on_each(async |app, clock| {
        let desk = desk(app).await;
        let first = message("support@shop.example", "1");
        take(app, &*first).await;
        for (how, told) in
            [("the desk is closed", "the desk is closed"), ("panic", "it panicked: the desk falls over")]
        {
            desk.fail(how);
            assert_eq!(app.run_jobs().await, 1);
            let job = jobs(app).await.remove(0);
            assert_eq!(job.state, State::Retrying);
            assert!(job.error.as_deref().unwrap().contains(told), "{:?}", job.error);
            clock.advance(DAY / 4);
        }
        assert_eq!(app.run_jobs().await, 1);
        assert_eq!(jobs(app).await[0].state, State::Completed);
        assert_eq!(desk.given().len(), 3);

        take(app, &*message("support@shop.example", "2")).await;
        for _ in 0..20 {
            desk.fail("never");
            assert_eq!(app.run_jobs().await, 1);
            clock.advance(DAY / 4);
        }
        assert_eq!(app.run_jobs().await, 0);
        let job = jobs(app).await.pop().unwrap();
        assert_eq!((job.state, job.attempt), (State::Dead, 20));
        assert!(job.error.as_deref().unwrap().contains("never"));
        // Whoever brings it again wants it to be tried again.
        assert_eq!(take(app, &*message("support@shop.example", "2")).await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_mail_that_cannot_be_read_is_kept_with_the_reason() {
    on_each(async |app, _| {
        take(app, Arrival::new("Subject: x\n\rbroken").to("support@shop.example")).await;
        assert_eq!(app.run_jobs().await, 1);
        let job = jobs(app).await.remove(0);
        assert_eq!((job.state, job.attempt), (State::Dead, 1));
        assert!(job.error.as_deref().unwrap().contains("cannot be read"), "{:?}", job.error);
        assert!(desk(app).await.given().is_empty());
        // Somebody can.
        let mails = app.inject::<InboundMails>().await;
        assert_eq!(mails.message(JobId(job.id)).await.unwrap(), b"Subject: x\n\rbroken");
        assert_eq!(mails.message(JobId(job.id + 1)).await.unwrap_err().status().as_u16(), 404);
    })
    .await;
}

#[tokio::test]
async fn the_largest_mail_is_stored_and_a_larger_one_refused() {
    let setup = || TestApp::of(app()).set("inbound_mail.max_size", "8MiB");
    on_each_engine(setup, async |app| {
        let mails = app.inject::<InboundMails>().await;
        let of_size = |size: usize| {
            let mut raw = message("support@shop.example", "1").into_bytes();
            raw.resize(size, b'x');
            raw
        };
        let refused = mails.take(of_size((8 << 20) + 1).into()).await.unwrap_err();
        assert_eq!(refused.status().as_u16(), 413);
        assert!(matches!(Refusal::of(&refused), Some(Refusal::TooLarge { .. })), "{}", refused.report());
        mails.take(of_size(8 << 20).into()).await.unwrap();
        app.run_jobs().await;
        assert_eq!(desk(app).await.given()[0].1.raw.len(), 8 << 20);
    })
    .await;
}

#[tokio::test]
async fn a_catch_all_takes_the_rest_and_mails_to_nobody() {
    async fn rest(mail: InboundMail, desk: mainstay_core::Inject<super::Desk>) -> Result<()> {
        desk.take("rest", mail)
    }
    let app = TestApp::start(app().inbound_mail("*", rest)).await;
    take(&app, "Subject: to nobody\n\nHello").await;
    take(&app, Arrival::new("Subject: x\n\nHello").to("who@elsewhere.example")).await;
    app.run_jobs().await;
    let mut takers = desk(&app).await.takers();
    takers.sort();
    assert_eq!(takers, [("rest", String::new()), ("rest", "who@elsewhere.example".to_owned())]);
}

#[test]
fn patterns_that_cannot_be_or_get_nothing_keep_the_application_from_starting() {
    async fn nothing(_: InboundMail) -> Result<()> {
        Ok(())
    }
    let app = App::new()
        .module(Module::new("early").inbound_mail("a@x.example", nothing))
        .inbound_mail("support", nothing)
        .inbound_mail("a@x.example", nothing)
        .inbound_mail("*", nothing)
        .inbound_mail("b@x.example", nothing)
        .set("inbound_mail.relay_password", "short")
        .set("inbound_mail.max_size", "1GiB");
    let assembly = app.assemble(Sources::isolated());
    let found = assembly.findings().to_string();
    for told in [
        "error[inbound_mail.E001]: `support` is no pattern of addresses: it has no `@`",
        "error[inbound_mail.E002]: no mail comes to `a@x.example`: `a@x.example` stands before it",
        "error[inbound_mail.E002]: no mail comes to `b@x.example`: `*` stands before it",
        "must have at least 16 letters",
        "must be from 1KiB to 8MiB",
    ] {
        assert!(found.contains(told), "{told}\n{found}");
    }
    assert!(!found.contains("short\""), "{found}");
    // Who takes mails and sends none needs no server for it.
    let deploy = App::new().inbound_mail("*", nothing).profile(mainstay_core::Profile::Production);
    let assembly = deploy.assemble(Sources::isolated());
    assert!(!format!("{}{}", assembly.findings(), assembly.run_checks(Phase::Deploy)).contains("mail."));
}

#[tokio::test]
async fn a_test_has_a_mail_arrive_as_it_is_or_as_it_writes_it() {
    let app = TestApp::start(app()).await;
    app.receive_mail(&*message("support@shop.example", "1")).await;
    let written =
        Mail::to("reply+9@shop.example").from("Ann <ann@example.org>").subject("Grüße").text("Hello");
    app.receive_mail(written.attach("März.csv", "text/csv", "a;b")).await;
    let given = desk(&app).await.given();
    assert_eq!(given[1].0, "replies");
    let mail = &given[1].1;
    assert_eq!((mail.star(), mail.subject.as_str(), mail.text.trim_end()), (Some("9"), "Grüße", "Hello"));
    assert_eq!((mail.attachments[0].name.as_str(), &*mail.attachments[0].bytes), ("März.csv", &b"a;b"[..]));
}

#[tokio::test]
#[should_panic(expected = "the mail was not taken: ")]
async fn a_test_is_told_that_nobody_takes_a_mail() {
    TestApp::start(app()).await.receive_mail(&*message("who@elsewhere.example", "1")).await;
}

#[tokio::test]
#[should_panic(expected = "the function that takes the mail has failed: ")]
async fn a_test_is_told_that_the_function_fails() {
    let app = TestApp::start(app()).await;
    desk(&app).await.fail("the desk is closed");
    app.receive_mail(&*message("support@shop.example", "1")).await;
}
