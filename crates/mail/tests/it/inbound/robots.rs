//! Whether a person has written a mail, and the answer.

use mainstay_core::{App, Inject, Result};
use mainstay_mail::{InboundMail, InboundMailExt, Mailer};
use mainstay_test::TestApp;

async fn answer(mail: InboundMail, mailer: Inject<Mailer>) -> Result<()> {
    match mail.reply() {
        Some(answer) => mailer.send(answer.text("We come back to you.")).await,
        None => Ok(()),
    }
}

async fn start() -> TestApp {
    TestApp::start(App::new().inbound_mail("*", answer)).await
}

#[tokio::test]
async fn an_answer_goes_to_whom_the_mail_asks_for_in_its_conversation() {
    let app = start().await;
    app.receive_mail(
        "From: =?utf-8?q?J=C3=B6rg?= <joerg@example.org>\nTo: support@shop.example\nSubject: Help\nMessage-ID: <2@example.org>\n\
         References: <0@example.org> <1@example.org>\nAuto-Submitted: no\n\nHello",
    )
    .await;
    let sent = app.mails().await.remove(0);
    assert_eq!(
        (sent.to[0].to_string().as_str(), sent.subject.as_str()),
        ("Jörg <joerg@example.org>", "Re: Help")
    );
    for (name, value) in [
        ("Auto-Submitted", "auto-replied"),
        ("In-Reply-To", "<2@example.org>"),
        ("References", "<0@example.org> <1@example.org> <2@example.org>"),
    ] {
        assert!(sent.headers.contains(&(name.to_owned(), value.to_owned())), "{:?}", sent.headers);
    }
    app.receive_mail("From: a@example.org\nReply-To: b@example.org, c@example.org\nSubject: RE: Help\nMessage-ID: no name\n\nHello").await;
    let sent = app.mails().await.pop().unwrap();
    let to: Vec<_> = sent.to.iter().map(|to| to.address()).collect();
    assert_eq!((to, sent.subject.as_str()), (vec!["b@example.org", "c@example.org"], "RE: Help"));
    // One mail does not become many.
    let many: Vec<_> = (0..11).map(|number| format!("{number}@example.org")).collect();
    app.receive_mail(&*format!("From: a@example.org\nReply-To: {}\nSubject: x\n\nHello", many.join(",\n ")))
        .await;
    assert_eq!(app.mails().await.len(), 2);
    // What would begin another header does not.
    app.receive_mail("From: =?utf-8?q?Ann=0D=0ABcc:_all@x.example?= <ann@x.example>\nSubject: =?utf-8?q?x=0D=0AX-Evil:_1?=\n\nHello").await;
    assert_eq!(app.mails().await.pop().unwrap().subject, "Re: x  X-Evil: 1");
}

#[tokio::test]
async fn no_robot_is_answered() {
    let app = start().await;
    for (number, head) in [
        "Return-Path: <>",
        "Auto-Submitted: auto-replied",
        "Auto-Submitted: auto-generated (holiday); owner=ann",
        "X-Autoreply: yes",
        "Precedence: bulk",
        "Precedence: auto_reply",
        "List-Id: <news.x.example>",
        "X-Auto-Response-Suppress: DR, AutoReply",
        "Content-Type: multipart/report; report-type=Delivery-Status; boundary=x",
        "From: Mailer-Daemon@x.example",
    ]
    .into_iter()
    .enumerate()
    {
        app.receive_mail(&*format!(
            "{head}\nFrom: ann@x.example\nMessage-ID: <{number}@x>\nSubject: x\n\nHello"
        ))
        .await;
        assert_eq!(app.mails().await.len(), 0, "{head}");
    }
    // Nor what we send ourselves.
    let ours = mainstay_mail::Mail::to("support@shop.example").subject("x").text("x");
    app.receive_mail(ours).await;
    app.receive_mail("Subject: from nobody\n\nHello").await;
    assert_eq!(app.mails().await.len(), 0);
}
