//! From a mail to a message, and to what is on the wire.

use std::sync::Arc;

use mainstay_core::random::{Random, SeededRandom};
use mainstay_core::{App, Error, Inject, Provider, Result};
use mainstay_http::{RoutesExt, post, routes};
use mainstay_mail::{Mail, MailError, MailExt, Mailer, Message};
use mainstay_test::TestApp;

/// Sends a mail to whom the request names.
#[post("/mails")]
async fn send(mailer: Inject<Mailer>, to: String) -> Result<()> {
    mailer.send(Mail::to(to).subject("Hello").text("Hello!")).await
}

async fn start() -> TestApp {
    let random = Provider::singleton(|| SeededRandom::new(1)).bind(|random| random as Arc<dyn Random>);
    TestApp::of(App::new().mail().routes(routes![send]))
        .set("mail.from", "Shop <no-reply@shop.example>")
        .clock(&Arc::default())
        .replace(random)
        .start()
        .await
}

async fn render(mail: Mail) -> Result<Message> {
    start().await.inject::<Mailer>().await.render(mail)
}

fn refused(result: Result<Message>) -> String {
    let error = result.unwrap_err();
    assert_eq!(error.status().as_u16(), 422, "{error:?}");
    match error.source_as::<MailError>() {
        Some(MailError::Invalid { field, reason }) => format!("{field}: {reason}"),
        _ => panic!("{error:?}"),
    }
}

fn wire(message: &Message) -> String {
    String::from_utf8(message.to_eml().unwrap()).unwrap()
}

#[tokio::test]
async fn a_handler_sends_a_mail_which_a_test_sees() {
    let app = start().await;
    assert!(app.mails().await.is_empty());
    app.post("/mails").body("text/plain", "ann@example.org").send().await.assert_success();
    app.post("/mails").body("text/plain", "Bob <bob@example.org>").send().await.assert_success();
    let mails = app.mails().await;
    assert_eq!(mails.len(), 2);
    assert_eq!(mails[0].to[0].to_string(), "ann@example.org");
    assert_eq!(mails[1].to[0].to_string(), "Bob <bob@example.org>");
    assert_eq!((mails[0].subject.as_str(), mails[0].text.as_str()), ("Hello", "Hello!"));
    assert_eq!(mails[0].from.to_string(), "Shop <no-reply@shop.example>");
}

#[tokio::test]
async fn an_address_that_is_none_is_the_fault_of_whoever_typed_it() {
    let app = start().await;
    let request = app.post("/mails").body("text/plain", "ann@").header("accept", "application/json");
    let answer = request.send().await;
    answer.assert_problem(422, "validation_failed");
    answer.assert_text_contains("`ann@` is no address to send to: nothing follows the `@`");
    assert!(app.mails().await.is_empty());
}

#[tokio::test]
async fn names_the_field_that_would_begin_another_header() {
    let mail = || Mail::to("ann@example.org").subject("Hello").text("Hello!");
    let attack = "x\r\nBcc: eve@example.org";
    for (mail, told) in [
        (mail().subject(attack), "subject: has a line break"),
        (mail().subject("x\nBcc: eve@example.org"), "subject: has a line break"),
        (mail().header("X-Campaign", attack), "header X-Campaign: has a line break"),
        (mail().header("X-A: b\r\nBcc", "eve@example.org"), "a name is of letters"),
        (mail().header("Bcc", "eve@example.org"), "header Bcc: this header follows from the mail itself"),
        (mail().header("Content-Type", "text/html"), "follows from the mail itself"),
        (mail().subject("x\0"), "subject: has the control character '\\0'"),
        (mail().reply_to(("Ann\r\nBcc: eve@example.org", "ann@example.org")), "reply_to: "),
        (mail().and_to(attack), "to: "),
        (mail().cc("ann@example.org\r\nBcc: eve@example.org"), "cc: "),
        (mail().bcc("@"), "bcc: "),
        (mail().from("no-reply"), "from: `no-reply` is no address to send to: it has no `@`"),
    ] {
        let refused = refused(render(mail).await);
        assert!(refused.contains(told), "{refused}");
        assert!(!refused.contains(['\r', '\n']), "{refused:?}");
    }
}

#[tokio::test]
async fn a_mail_that_says_nothing_is_a_fault_of_ours() {
    let told = |result: Result<Message>| {
        let error: Error = result.unwrap_err();
        assert_eq!(error.status().as_u16(), 500);
        error.report()
    };
    assert!(told(render(Mail::to("ann@example.org").text("x")).await).contains("has no subject"));
    let page = Mail::to("ann@example.org").subject("x").html("<p>x</p>");
    assert!(told(render(page).await).contains("has no text, which everybody can read"));
}

#[tokio::test]
async fn what_is_on_the_wire_is_dated_named_and_in_ascii() {
    let mail = Mail::to(("Änne, \"Ann\"", "ann@bücher.example"))
        .cc("bob@example.org")
        .bcc("secret@example.org")
        .reply_to("help@shop.example")
        .header("List-Unsubscribe", "<https://shop.example/unsubscribe>")
        .header("X-Note", "schön")
        .subject("Grüße ✓ ".repeat(20))
        .text("Grüß Gott\n.\n..two dots\n".to_owned() + &"x".repeat(2000))
        .html("<p>Grüß Gott</p>");
    let message = render(mail).await.unwrap();
    let wire = wire(&message);
    assert!(wire.is_ascii());
    assert!(wire.split("\r\n").all(|line| line.len() <= 998 && !line.contains(['\r', '\n'])), "{wire}");
    assert!(wire.contains("Date: Thu, 01 Jan 2026 12:00:00 +0000\r\n"), "{wire}");
    assert!(wire.contains(&format!("Message-ID: <{}@shop.example>\r\n", message.id)), "{wire}");
    assert!(message.id.starts_with("20260101-120000000-"), "{}", message.id);
    assert!(wire.contains("From: Shop <no-reply@shop.example>\r\n"), "{wire}");
    assert!(wire.contains("<ann@xn--bcher-kva.example>"), "{wire}");
    assert!(wire.contains("Cc: bob@example.org\r\n"), "{wire}");
    assert!(wire.contains("List-Unsubscribe: <https://shop.example/unsubscribe>\r\n"), "{wire}");
    assert!(wire.contains("Auto-Submitted: auto-generated\r\n"), "{wire}");
    assert!(!wire.contains("secret"), "{wire}");
    let (text, html) = (wire.find("text/plain").unwrap(), wire.find("text/html").unwrap());
    assert!(wire.contains("multipart/alternative") && text < html, "{wire}");
}

#[tokio::test]
async fn the_same_clock_and_chance_make_the_same_mail() {
    let mail = || Mail::to("ann@example.org").subject("Hello").text("Hello!").html("<p>Hello!</p>");
    let (one, other) = (render(mail()).await.unwrap(), render(mail()).await.unwrap());
    assert_eq!(wire(&one), wire(&other));
}

#[tokio::test]
async fn a_message_can_be_stored_and_is_looked_at_again() {
    let app = start().await;
    let mailer = app.inject::<Mailer>().await;
    let mail = Mail::to("ann@example.org").bcc("bob@example.org").subject("Hello").text("Hello!");
    let message = mailer.render(mail).unwrap();
    let stored = serde_json::to_string(&message).unwrap();
    let mut read: Message = serde_json::from_str(&stored).unwrap();
    assert_eq!(read, message);
    mailer.deliver(&read).await.unwrap();
    assert_eq!(app.mails().await, [message]);
    read.subject.push('\n');
    assert_eq!(mailer.deliver(&read).await.unwrap_err().status().as_u16(), 422);
}

#[tokio::test]
async fn what_a_mail_says_is_in_no_debug_output() {
    let mail = Mail::to("ann@example.org").subject("Code 123456").text("https://shop.example/reset?token=x");
    let shown = format!("{mail:?}");
    let message = render(mail).await.unwrap();
    for shown in [shown, format!("{message:?}")] {
        assert!(shown.contains("ann@example.org"), "{shown}");
        assert!(!shown.contains("123456") && !shown.contains("token"), "{shown}");
    }
}
