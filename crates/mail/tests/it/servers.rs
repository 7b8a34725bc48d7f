//! Servers that do not behave. Those that do are in `tests/postbox`, of somebody else's making.

use std::time::{Duration, Instant};

use mainstay_core::{App, Error};
use mainstay_mail::error::Refused;
use mainstay_mail::{Mail, MailError, MailExt, Mailer};
use mainstay_test::TestApp;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

/// A server that answers each line by what the script has for its first word, or else by 250. It greets unless the script has an empty
/// greeting, and is silent where it has an empty answer, or `hang@` is named. Every line that it gets goes to the returned channel.
async fn serve(
    script: &'static [(&'static str, &'static str)],
) -> (u16, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (heard, lines) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let heard = heard.clone();
            tokio::spawn(async move {
                let answer = |word: &str| {
                    script.iter().find(|(of, _)| *of == word).map_or("250 fine", |(_, says)| *says)
                };
                let (read, mut write) = stream.split();
                let greeting =
                    script.iter().find(|(of, _)| *of == "greeting").map_or("220 hello", |(_, says)| *says);
                let mut says = greeting.to_owned();
                let mut lines = BufReader::new(read).lines();
                let mut in_data = false;
                loop {
                    if !says.is_empty()
                        && !in_data
                        && write.write_all(format!("{says}\r\n").as_bytes()).await.is_err()
                    {
                        return;
                    }
                    let Ok(Some(line)) = lines.next_line().await else { return };
                    let _nobody_listens = heard.send(line.clone());
                    if in_data {
                        if line == "." {
                            in_data = false;
                            says = answer(".").to_owned();
                        }
                        continue;
                    }
                    let word = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
                    says = if line.contains("hang@") { String::new() } else { answer(&word).to_owned() };
                    if word == "DATA" && says.starts_with("354") {
                        write.write_all(format!("{says}\r\n").as_bytes()).await.unwrap();
                        in_data = true;
                    }
                }
            });
        }
    });
    (port, lines)
}

async fn send(url: &str) -> (Result<(), Error>, Duration) {
    send_within(url, "20s", "10s").await
}

/// The same with a time for all of it, and one for the way in.
async fn send_within(url: &str, timeout: &str, connect_timeout: &str) -> (Result<(), Error>, Duration) {
    let app = TestApp::of(App::new().mail())
        .set("mail.url", url)
        .set("mail.timeout", timeout)
        .set("mail.connect_timeout", connect_timeout)
        .start()
        .await;
    let mailer = app.inject::<Mailer>().await;
    let start = Instant::now();
    let sent = mailer.send(Mail::to("ann@example.org").subject("x").text("x")).await;
    (sent, start.elapsed())
}

fn fault(sent: &Result<(), Error>) -> &MailError {
    sent.as_ref().unwrap_err().source_as().unwrap()
}

const GO_ON: (&str, &str) = ("DATA", "354 go on");

#[tokio::test]
async fn waits_for_no_server_longer_than_it_may() {
    for (script, until) in [
        (&[("greeting", "")] as &[_], "let us in"),
        (&[("EHLO", "")], "let us in"),
        (&[("MAIL", "")], "taken the mail"),
        (&[("RCPT", "")], "taken the mail"),
        (&[("DATA", "")], "taken the mail"),
        (&[GO_ON, (".", "")], "taken the mail"),
    ] {
        let (port, _lines) = serve(script).await;
        let connect = if until == "let us in" { "300ms" } else { "2s" };
        let (sent, took) = send_within(&format!("smtp://127.0.0.1:{port}?tls=none"), "2s", connect).await;
        let fault = fault(&sent);
        assert!(matches!(fault, MailError::TimedOut { until: at, .. } if *at == until), "{fault}");
        assert!(fault.is_temporary() && took < Duration::from_secs(9), "{took:?}");
        assert_eq!(sent.unwrap_err().status().as_u16(), 503);
    }
}

#[tokio::test]
async fn tells_a_server_that_is_away_from_one_that_refuses() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let (sent, _) = send(&format!("smtp://127.0.0.1:{gone}?tls=none")).await;
    assert!(matches!(fault(&sent), MailError::Unreachable(_)), "{:?}", sent);
    for (script, what, status) in [
        (&[("greeting", "554 not you")] as &[_], Refused::Connection, 500),
        (&[("greeting", "421 later")], Refused::Connection, 503),
        (&[("MAIL", "550 not from you")], Refused::Sender, 500),
        (&[("RCPT", "550 unknown")], Refused::Recipient("ann@example.org".to_owned()), 422),
        (&[("RCPT", "451 later")], Refused::Recipient("ann@example.org".to_owned()), 503),
        (&[GO_ON, (".", "552 too large")], Refused::Content, 500),
        (&[GO_ON, (".", "452 disk full")], Refused::Content, 503),
    ] {
        let (port, _lines) = serve(script).await;
        let (sent, _) = send(&format!("smtp://127.0.0.1:{port}?tls=none")).await;
        match fault(&sent) {
            MailError::Refused { what: refused, .. } => assert_eq!(*refused, what),
            other => panic!("{other}"),
        }
        assert_eq!(sent.unwrap_err().status().as_u16(), status, "{what}");
    }
}

#[tokio::test]
async fn sends_nothing_in_the_clear_unless_that_is_said() {
    let (port, mut lines) = serve(&[GO_ON]).await;
    let (sent, _) = send(&format!("smtp://ann:hunter2@127.0.0.1:{port}")).await;
    assert!(matches!(fault(&sent), MailError::Unfit(told) if told.contains("no STARTTLS")), "{sent:?}");
    let mut heard = Vec::new();
    while let Ok(line) = lines.try_recv() {
        heard.push(line);
    }
    assert!(heard.iter().all(|line| line.starts_with("EHLO") || line.starts_with("QUIT")), "{heard:?}");
}

#[tokio::test]
async fn an_error_has_neither_the_password_nor_a_line_of_its_own() {
    let script = &[("EHLO", "250-hello\r\n250 AUTH PLAIN"), ("AUTH", "535 5.7.8 no\x1b[31m")];
    let (port, _lines) = serve(script).await;
    let (sent, _) = send(&format!("smtp://ann:hunter2@127.0.0.1:{port}?tls=none")).await;
    let error = sent.unwrap_err();
    assert!(
        matches!(error.source_as(), Some(MailError::Refused { what: Refused::Login, code: 535, .. })),
        "{error:?}"
    );
    for told in [format!("{error:?}"), error.report(), error.message().to_owned()] {
        assert!(
            !told.contains("hunter2") && !told.contains("aHVudGVyMg") && !told.contains('\x1b'),
            "{told:?}"
        );
    }
}

#[tokio::test]
async fn a_connection_is_used_again_and_never_after_a_delivery_that_was_given_up() {
    let (port, mut lines) = serve(&[GO_ON]).await;
    let app = TestApp::of(App::new().mail())
        .set("mail.url", format!("smtp://127.0.0.1:{port}?tls=none"))
        .start()
        .await;
    let mailer = app.inject::<Mailer>().await;
    let mail = |text: &str| Mail::to("ann@example.org").subject("x").text(text);
    mailer.send(mail("one")).await.unwrap();
    mailer.send(mail("two")).await.unwrap();
    // The server does not answer, and whoever waits goes away in the middle.
    let given_up = mailer.send(mail("three").and_to("hang@example.org"));
    assert!(tokio::time::timeout(Duration::from_millis(200), given_up).await.is_err());
    mailer.send(mail("four")).await.unwrap();
    let mut heard = Vec::new();
    while let Ok(line) = lines.try_recv() {
        heard.push(line);
    }
    let count = |what: &str| heard.iter().filter(|line| line.starts_with(what)).count();
    assert_eq!(count("NOOP"), 2, "{heard:?}");
    assert_eq!(count("EHLO"), 2, "{heard:?}");
    assert!(count("four") == 1 && count("three") == 0, "{heard:?}");
    let metrics = app.get("/metrics").send().await;
    metrics.assert_text_contains("mails_total{outcome=\"sent\"} 3\n");
}
