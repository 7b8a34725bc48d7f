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
async fn files_come_with_it_as_they_are() {
    let bytes: Vec<u8> = (0..=255).chain(*b"\n.\r\n..\n").collect();
    let mail = Mail::to("ann@example.org")
        .subject("Your invoice")
        .text("It is in the file.")
        .html("<img src=\"cid:logo\">")
        .embed("logo", "image/png", &b"png"[..])
        .attach("Rechnung \"März\".pdf", "application/pdf", bytes.clone())
        .attach("notes.txt", "text/plain; charset=utf-8", "Grüße\n");
    let message = render(mail).await.unwrap();
    let wire = wire(&message);
    assert!(wire.is_ascii() && wire.split("\r\n").all(|line| line.len() <= 998), "{wire}");
    let order = ["multipart/mixed", "multipart/alternative", "text/plain", "multipart/related", "text/html"];
    let order = order.into_iter().chain([
        "Content-ID: <logo>",
        "application/pdf",
        "text/plain; charset=utf-8\r\nContent",
    ]);
    order.fold(0, |from, part| {
        from + wire[from..].find(part).unwrap_or_else(|| panic!("no {part} after {from}: {wire}")) + 1
    });
    assert!(wire.contains("filename*0*=utf-8''Rechnung%20%22M%C3%A4rz%22.pdf"), "{wire}");
    let shown = format!("{message:?} {:?}", message.attachments);
    assert!(shown.contains("size: 263") && !shown.contains("bytes:"), "{shown}");
    let stored = serde_json::to_string(&message).unwrap();
    let read: Message = serde_json::from_str(&stored).unwrap();
    assert_eq!(read, message);
    assert_eq!(read.attachments[1].bytes, bytes);
}

#[tokio::test]
async fn says_why_a_file_cannot_come_with_it() {
    let mail = || Mail::to("ann@example.org").subject("x").text("x");
    let page = || mail().html("<img src=\"cid:a\">");
    for (mail, told) in [
        (mail().attach("a.pdf", "pdf", ""), "attachment a.pdf: `pdf` is no type"),
        (mail().attach("a.pdf", "text/plain\r\nBcc: eve@example.org", ""), "is no type"),
        (mail().attach("a.eml", "message/rfc822", ""), "is a part of a mail, and no file"),
        (
            mail().attach("a\r\nBcc: eve@example.org", "text/plain", ""),
            "a name has neither control characters",
        ),
        (mail().attach("../a", "text/plain", ""), "nor `/`"),
        (mail().attach(" ", "text/plain", ""), "a name has from 1 to 255 letters"),
        (mail().attach("a".repeat(256), "text/plain", ""), "a name has from 1 to 255 letters"),
        (page().embed("a b", "image/png", ""), "the name by which a page shows it"),
        (page().embed("a", "image/png", "").embed("a", "image/png", ""), "another one has its name"),
        (mail().embed("a", "image/png", ""), "no page shows it"),
        ((0..101).fold(mail(), |mail, _| mail.attach("a", "text/plain", "")), "at most 100 come with a mail"),
        (
            mail().attach("a", "text/plain", vec![0; 10 << 20]),
            "it has 10241 KiB, and `mail.max_size` is 10240 KiB",
        ),
    ] {
        let refused = refused(render(mail).await);
        assert!(refused.contains(told), "{refused}");
        assert!(!refused.contains(['\r', '\n']), "{refused:?}");
    }
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
