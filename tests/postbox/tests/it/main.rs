//! What a server of somebody else's making gets.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

mod later;

use std::time::{Duration, Instant};

use mainstay::mail::MailError;
use mainstay::mail::error::Refused;
use mainstay::prelude::*;
use mainstay_test::TestApp;
use postbox::{Postbox, Received, Tls};

async fn start(url: String) -> TestApp {
    // Long enough for a machine that has other things to do.
    start_with(url, "20s").await
}

async fn start_with(url: String, timeout: &str) -> TestApp {
    TestApp::of(App::new().mail())
        .set("mail.url", url)
        .set("mail.from", "Käthe's Shop <no-reply@shop.example>")
        .set("mail.timeout", timeout)
        .start()
        .await
}

async fn send(url: String, mail: Mail) -> Result<()> {
    start(url).await.inject::<Mailer>().await.send(mail).await
}

fn plain(postbox: &Postbox) -> String {
    format!("smtp://127.0.0.1:{}?tls=none", postbox.port())
}

fn header<'a>(received: &'a Received, name: &str) -> &'a str {
    received.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
}

fn fault(sent: Result<()>) -> (MailErrorKind, u16) {
    let error = sent.unwrap_err();
    let kind = match error.source_as::<MailError>().unwrap() {
        MailError::Refused { what, code, .. } => MailErrorKind::Refused(what.clone(), *code),
        MailError::Unreachable(told) => MailErrorKind::Unreachable(told.clone()),
        other => MailErrorKind::Other(other.to_string()),
    };
    (kind, error.status().as_u16())
}

#[derive(Debug, PartialEq)]
enum MailErrorKind {
    Refused(Refused, u16),
    Unreachable(String),
    Other(String),
}

const LONG: usize = 3000;

#[tokio::test]
async fn everything_arrives_as_it_was_written() {
    let postbox = Postbox::start(Tls::Never, None).unwrap();
    let text = format!(
        "Grüße,\n.\n..two dots\n.one dot\n\nFrom here on: {}\n日本語 ✓ 🎉\n= 50 % =\ttab \ntrailing space \n",
        "lang ".repeat(LONG / 5)
    );
    let html = format!("<p>Grüße</p>\n.\n<p>{}</p>", "x".repeat(LONG));
    let subject = "Grüße aus München ✓ 日本語 ".repeat(12);
    let mail = Mail::to(("Änne, \"die\" <Schnelle>", "ann@bücher.example"))
        .and_to(("Bob", "bob@example.org"))
        .cc("carol@example.org")
        .bcc("dave@example.org")
        .reply_to(("Hilfe", "help@shop.example"))
        .header("X-Campaign", "Frühling")
        .header("List-Unsubscribe", "<https://shop.example/unsubscribe?token=abc>")
        .subject(subject.trim())
        .text(&text)
        .html(&html);
    let app = start(plain(&postbox)).await;
    let mailer = app.inject::<Mailer>().await;
    let message = mailer.render(mail).unwrap();
    mailer.deliver(&message).await.unwrap();

    let received = postbox.next().unwrap();
    assert_eq!(received.defects, Vec::<String>::new());
    assert_eq!(received.from, "no-reply@shop.example");
    let to = ["ann@xn--bcher-kva.example", "bob@example.org", "carol@example.org", "dave@example.org"];
    assert_eq!(received.to, to);
    assert_eq!(received.text.as_deref().unwrap().replace("\r\n", "\n"), text);
    assert_eq!(received.html.as_deref().unwrap().trim_end().replace("\r\n", "\n"), html);
    assert_eq!(received.parts, ["multipart/alternative", "text/plain", "text/html"]);
    assert_eq!(header(&received, "Subject"), subject.trim());
    assert_eq!(header(&received, "From"), "Käthe's Shop <no-reply@shop.example>");
    let ann = r#""Änne, \"die\" <Schnelle>" <ann@xn--bcher-kva.example>, Bob <bob@example.org>"#;
    assert_eq!(header(&received, "To"), ann);
    assert_eq!(header(&received, "Reply-To"), "Hilfe <help@shop.example>");
    assert_eq!(header(&received, "X-Campaign"), "Frühling");
    assert_eq!(header(&received, "List-Unsubscribe"), "<https://shop.example/unsubscribe?token=abc>");
    assert_eq!(header(&received, "Message-ID"), format!("<{}@shop.example>", message.id));
    assert!(!received.raw.contains("dave"), "{}", received.raw);
    assert!(received.raw.is_ascii());
    assert!(received.raw.split("\r\n").all(|line| line.len() <= 998 && !line.contains(['\r', '\n'])));
}

#[tokio::test]
async fn files_arrive_byte_by_byte_under_their_names() {
    let postbox = Postbox::start(Tls::Never, None).unwrap();
    let bytes: Vec<u8> = (0..=255).chain(*b"\n.\r\n..\n").cycle().take(200_000).collect();
    let long = format!("Überblick \"Größe\" %; {} 日本語.pdf", "lang ".repeat(40));
    let names = [long.trim(), "plain.txt", "it's; a=\"b\".txt"];
    let mut mail = Mail::to("ann@example.org")
        .subject("Hello")
        .text("Grüße")
        .html("<img src=\"cid:logo.1\"> Grüße")
        .embed("logo.1", "image/png", bytes.clone());
    for name in names {
        mail = mail.attach(name, "application/octet-stream", bytes.clone());
    }
    send(plain(&postbox), mail).await.unwrap();
    let received = postbox.next().unwrap();
    assert_eq!(received.defects, Vec::<String>::new());
    let parts = "multipart/mixed, multipart/alternative, text/plain, multipart/related, text/html, image/png";
    assert_eq!(received.parts[..6].join(", "), parts);
    assert_eq!(received.text.as_deref().map(str::trim_end), Some("Grüße"));
    let shown = &received.files[0];
    assert_eq!((shown.content_id.as_deref(), &*shown.disposition), (Some("<logo.1>"), "inline"));
    let got: Vec<_> = received.files[1..].iter().map(|file| file.name.as_deref().unwrap()).collect();
    assert_eq!(got, names);
    for file in &received.files {
        assert!(mainstay::keys::base64::decode(&file.base64).unwrap() == bytes, "{:?}", file.name);
    }
}

#[tokio::test]
async fn a_text_alone_is_one_part_and_ends_where_it_ends() {
    let postbox = Postbox::start(Tls::Never, None).unwrap();
    let mail = Mail::to("ann@example.org").subject("Hello").text(".\n.hidden\n..\nHello!");
    send(plain(&postbox), mail).await.unwrap();
    let received = postbox.next().unwrap();
    assert_eq!(received.parts, ["text/plain"]);
    assert_eq!(received.text.unwrap().replace("\r\n", "\n").trim_end(), ".\n.hidden\n..\nHello!");
    assert!(!received.encrypted);
}

#[tokio::test]
async fn logs_in_and_encrypts_as_the_address_says() {
    // What may stand in a password, and has to be encoded in an address.
    let (password, encoded) = ("p@ss/w:rd?#%✓", "p%40ss%2Fw%3Ard%3F%23%25%E2%9C%93");
    for tls in [Tls::Never, Tls::StartTls, Tls::Always] {
        let postbox = Postbox::start(tls, Some(("ann@example.org", password))).unwrap();
        let (port, ca) = (postbox.port(), postbox.authority());
        let address = |password: &str| match tls {
            Tls::Never => format!("smtp://ann%40example.org:{password}@127.0.0.1:{port}?tls=none"),
            Tls::StartTls => {
                format!("smtp://ann%40example.org:{password}@localhost:{port}?ca={}", ca.display())
            }
            Tls::Always => {
                format!("smtps://ann%40example.org:{password}@localhost:{port}?ca={}", ca.display())
            }
        };
        let mail = || Mail::to("bob@example.org").subject("Hello").text("Hello!");
        send(address(encoded), mail()).await.unwrap();
        let received = postbox.next().unwrap();
        assert_eq!(
            (received.encrypted, received.login.as_deref()),
            (tls != Tls::Never, Some("ann@example.org"))
        );

        let (refused, status) = fault(send(address("hunter2"), mail()).await);
        assert_eq!((refused, status), (MailErrorKind::Refused(Refused::Login, 535), 500), "{tls:?}");
        assert!(postbox.is_empty());
    }
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_gets_nothing() {
    for (tls, scheme) in [(Tls::StartTls, "smtp"), (Tls::Always, "smtps")] {
        let postbox = Postbox::start(tls, None).unwrap();
        let mail = || Mail::to("ann@example.org").subject("Hello").text("Hello!");
        let other = Postbox::start(tls, None).unwrap();
        let port = postbox.port();
        for url in [
            // Nobody whom browsers know.
            format!("{scheme}://localhost:{port}"),
            // Not the one whom we know.
            format!("{scheme}://localhost:{port}?ca={}", other.authority().display()),
            // Somebody else, by name.
            format!("{scheme}://127.0.0.1:{port}?ca={}", postbox.authority().display()),
        ] {
            match fault(send(url.clone(), mail()).await) {
                (MailErrorKind::Unreachable(told), 503) => assert!(told.contains("certificate"), "{told}"),
                other => panic!("{url}: {other:?}"),
            }
        }
        assert!(postbox.is_empty());
    }
}

#[tokio::test]
async fn encryption_is_asked_for_unless_it_is_said_otherwise() {
    let postbox = Postbox::start(Tls::Never, None).unwrap();
    let mail = Mail::to("ann@example.org").subject("Hello").text("Hello!");
    let (refused, status) = fault(send(format!("smtp://127.0.0.1:{}", postbox.port()), mail).await);
    assert!(matches!(&refused, MailErrorKind::Other(told) if told.contains("no STARTTLS")), "{refused:?}");
    assert_eq!(status, 500);
    assert!(postbox.is_empty());
}

#[tokio::test]
async fn one_who_is_refused_is_named_and_nobody_gets_the_mail() {
    let postbox = Postbox::start(Tls::Never, None).unwrap();
    let app = start(plain(&postbox)).await;
    let mailer = app.inject::<Mailer>().await;
    let mail = |other: &str| Mail::to("ann@example.org").cc(other).subject("Hello").text("Hello!");
    for (address, code, status, is_temporary) in
        [("refused@example.org", 550, 422, false), ("later@example.org", 451, 503, true)]
    {
        let error = mailer.send(mail(address)).await.unwrap_err();
        let cause = error.source_as::<MailError>().unwrap();
        assert_eq!(cause.is_temporary(), is_temporary);
        assert!(!error.message().contains("Nobody has"), "{}", error.message());
        assert_eq!(
            fault(Err(error)),
            (MailErrorKind::Refused(Refused::Recipient(address.to_owned()), code), status)
        );
    }
    assert!(postbox.is_empty());
    // The connection goes on, and the next mail has nothing of the one before.
    mailer.send(mail("bob@example.org")).await.unwrap();
    assert_eq!(postbox.next().unwrap().to, ["ann@example.org", "bob@example.org"]);
}

#[tokio::test]
async fn does_not_wait_for_a_server_that_falls_silent_and_goes_on_with_the_next_mail() {
    let postbox = Postbox::start(Tls::Never, None).unwrap();
    let app = start_with(plain(&postbox), "4s").await;
    let mailer = app.inject::<Mailer>().await;
    let mail = |to: &str| Mail::to(to).subject("Hello").text("Hello!");
    let begun = Instant::now();
    let (refused, status) = fault(mailer.send(mail("silent@example.org")).await);
    assert!(
        matches!(&refused, MailErrorKind::Other(told) if told.contains("had not taken the mail after 4 s")),
        "{refused:?}"
    );
    assert_eq!(status, 503);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    mailer.send(mail("ann@example.org")).await.unwrap();
    assert_eq!(postbox.next().unwrap().to, ["ann@example.org"]);
}

#[tokio::test]
async fn many_mails_at_once_share_few_connections() {
    let postbox = Postbox::start(Tls::Never, None).unwrap();
    let app = start(plain(&postbox)).await;
    let mailer = app.inject::<Mailer>().await;
    let sends = (0..40).map(|number| {
        let mailer = mailer.clone();
        tokio::spawn(async move {
            let mail = Mail::to("ann@example.org").subject(format!("Mail {number}")).text("Hello!");
            mailer.send(mail).await
        })
    });
    for send in sends.collect::<Vec<_>>() {
        send.await.unwrap().unwrap();
    }
    let received: Vec<_> = (0..40).map(|_| postbox.next().unwrap()).collect();
    let mut subjects: Vec<_> = received.iter().map(|mail| header(mail, "Subject").to_owned()).collect();
    subjects.sort();
    subjects.dedup();
    assert_eq!(subjects.len(), 40);
    let mut peers: Vec<_> = received.iter().map(|mail| mail.peer).collect();
    peers.sort_unstable();
    peers.dedup();
    assert!((1..=4).contains(&peers.len()), "{peers:?}");
}
