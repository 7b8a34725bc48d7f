//! The doors over HTTP: requests as those who send them say that they send them.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use mainstay_core::clock::{Clock, TestClock, unix_seconds};
use mainstay_core::keys::base64;
use mainstay_core::{App, CoreContributions, Provider};
use mainstay_mail::InboundMailExt;
use mainstay_test::{TestApp, TestResponse, Upload};
use ring::hmac;
use serde_json::{Value, json};

use super::{Desk, PASSWORD, app, desk, jobs, message, shop};

const RELAY: &str = "/_mainstay/inbound/relay";
const MAILGUN: &str = "/_mainstay/inbound/mailgun/mime";
const POSTMARK: &str = "/_mainstay/inbound/postmark";
const SENDGRID: &str = "/_mainstay/inbound/sendgrid";

fn basic(password: &str) -> String {
    format!("Basic {}", base64::encode(format!("mainstay:{password}").as_bytes()))
}

async fn relay(app: &TestApp, query: &str, body: impl Into<Vec<u8>>) -> TestResponse {
    let request = app.post(&format!("{RELAY}{query}")).header("authorization", &basic(PASSWORD));
    request.body("message/rfc822", body.into()).send().await
}

#[tokio::test]
async fn a_mail_server_of_ones_own_hands_the_message_over() {
    let app = TestApp::start(app()).await;
    let query = "?to=support@shop.example&to=reply%2B7@shop.example&from=%3C%3E";
    relay(&app, query, message("all@lists.example", "1")).await.assert_status(204);
    // Stored before it hears yes, and handed over after.
    assert_eq!((jobs(&app).await.len(), desk(&app).await.given().len()), (2, 0));
    app.run_jobs().await;
    let given = desk(&app).await.given();
    assert!(given.iter().all(|(_, mail)| mail.sender.as_deref() == Some("") && mail.is_bounce()));
    relay(&app, query, message("all@lists.example", "1")).await.assert_status(204);
    assert_eq!(app.run_jobs().await, 0);
}

#[tokio::test]
async fn who_has_no_password_hands_nothing_over() {
    let app = TestApp::start(app()).await;
    for authorization in ["", "Basic x", &basic("0123456789abcdef-relax"), "Bearer 0123456789abcdef"] {
        for door in [RELAY, POSTMARK] {
            let request = app.post(door).header("authorization", authorization);
            let refused = request.body("message/rfc822", message("support@shop.example", "1")).send().await;
            refused.assert_status(401);
            assert_eq!(refused.header("www-authenticate"), Some("Basic realm=\"inbound mail\""));
        }
    }
    app.post(SENDGRID).send().await.assert_status(401);
    let bearer =
        app.post(RELAY).bearer(PASSWORD).body("message/rfc822", message("support@shop.example", "1"));
    bearer.send().await.assert_status(204);
    assert_eq!(jobs(&app).await.len(), 1);
}

#[tokio::test]
async fn a_door_whose_secret_is_not_set_is_not_there() {
    let app = TestApp::start(
        App::new().provide(Provider::singleton(Desk::default)).inbound_mail("*@shop.example", shop),
    )
    .await;
    for door in [RELAY, MAILGUN, POSTMARK, SENDGRID] {
        app.post(door)
            .header("authorization", &basic(""))
            .body("message/rfc822", "x")
            .send()
            .await
            .assert_status(404);
    }
}

#[tokio::test]
async fn what_cannot_be_taken_is_refused_in_words() {
    let app = TestApp::of(app()).set("inbound_mail.max_size", "64KiB").start().await;
    relay(&app, "", message("who@elsewhere.example", "1")).await.assert_problem(422, "nobody_takes_it");
    relay(&app, "", " \r\n").await.assert_problem(422, "empty_mail");
    let large = "x".repeat((64 << 10) + 1);
    relay(&app, "?to=support@shop.example", large).await.assert_problem(413, "mail_too_large");
    relay(&app, "?to=support@shop.example", vec![b'x'; (8 << 20) + 1]).await.assert_status(413);
    let other = app.post(RELAY).bearer(PASSWORD).body("text/plain", "x").send().await;
    other.assert_status(415);
    assert!(jobs(&app).await.is_empty());
}

/// The fields that Mailgun sends to an address that ends in `mime`.
fn mailgun(key: &str, at: SystemTime, to: &str, body: &str) -> Vec<(&'static str, String)> {
    let (timestamp, token) = (unix_seconds(at).to_string(), "c".repeat(50));
    let tag = hmac::sign(
        &hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()),
        format!("{timestamp}{token}").as_bytes(),
    );
    let signature = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    vec![
        ("recipient", to.to_owned()),
        ("sender", "ann@example.org".to_owned()),
        ("from", "Ann <ann@example.org>".to_owned()),
        ("subject", "Help".to_owned()),
        ("timestamp", timestamp),
        ("token", token),
        ("signature", signature),
        ("body-mime", body.to_owned()),
    ]
}

const KEY: &str = "key-0123456789abcdef";

#[tokio::test]
async fn mailgun_hands_the_message_over_by_its_signature() {
    let clock = Arc::new(TestClock::default());
    let app = TestApp::of(app()).clock(&clock).start().await;
    let now = clock.now();
    let body = message("hidden@lists.example", "1");
    app.post(MAILGUN).form(&mailgun(KEY, now, "support@shop.example", &body)).send().await.assert_status(204);
    let fields = mailgun(KEY, now, "reply+5@shop.example, x@shop.example", &body);
    let upload = fields.iter().fold(Upload::new(), |upload, (name, value)| upload.text(name, value));
    app.post(MAILGUN).upload(upload).send().await.assert_status(204);
    app.run_jobs().await;
    let mut given = desk(&app).await.given();
    given.sort_by_key(|(taker, _)| *taker);
    let takers: Vec<_> = given.iter().map(|(taker, _)| *taker).collect();
    assert_eq!(takers, ["replies", "shop", "support"]);
    assert_eq!(given[2].1.raw, body.as_bytes());
    // It would send again for eight hours after any other status.
    app.post(MAILGUN)
        .form(&mailgun(KEY, now, "who@elsewhere.example", &body))
        .send()
        .await
        .assert_status(406);

    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    let refused = [
        mailgun("key-0123456789abcdeg", now, "support@shop.example", &body),
        mailgun(KEY, now - minutes(9 * 60 + 1), "support@shop.example", &body),
        mailgun(KEY, now + minutes(6), "support@shop.example", &body),
        changed(&body, now, "token", "d".repeat(50)),
        changed(&body, now, "timestamp", (unix_seconds(now) + 1).to_string()),
        changed(&body, now, "signature", String::new()),
        changed(&body, now, "signature", "é".to_owned()),
    ];
    for fields in refused {
        app.post(MAILGUN).form(&fields).send().await.assert_problem(401, "inbound_mail_refused");
    }
    for missing in ["timestamp", "token", "signature", "body-mime"] {
        let mut fields = mailgun(KEY, now, "support@shop.example", &body);
        fields.retain(|(name, _)| *name != missing);
        app.post(MAILGUN).form(&fields).send().await.assert_problem(422, "inbound_mail_incomplete");
    }
    assert_eq!(jobs(&app).await.len(), 3);
}

fn changed(body: &str, now: SystemTime, name: &str, value: String) -> Vec<(&'static str, String)> {
    let mut fields = mailgun(KEY, now, "support@shop.example", body);
    fields.iter_mut().filter(|(known, _)| *known == name).for_each(|field| field.1.clone_from(&value));
    fields
}

#[tokio::test]
async fn a_message_of_mailgun_arrives_byte_by_byte() {
    let clock = Arc::new(TestClock::default());
    let app = TestApp::of(app()).clock(&clock).start().await;
    let mut body = message("support@shop.example", "1").into_bytes();
    body.extend_from_slice(b"caf\xe9 + 100% & more=\r\n");
    let mut form = String::new();
    for (name, value) in mailgun(KEY, clock.now(), "support@shop.example", "") {
        if name != "body-mime" {
            form.push_str(&format!("{name}={}&", value.replace('@', "%40").replace(' ', "+")));
        }
    }
    form.push_str("body-mime=");
    body.iter().for_each(|byte| form.push_str(&format!("%{byte:02X}")));
    app.post(MAILGUN).body("application/x-www-form-urlencoded", form).send().await.assert_status(204);
    app.run_jobs().await;
    assert_eq!(desk(&app).await.given()[0].1.raw, body);
}

/// As the documentation of Postmark shows it, shortened.
fn postmark(recipient: &str, raw: Option<&str>) -> Value {
    let mut webhook = json!({
        "FromName": "Ann", "MessageStream": "inbound", "From": "ann@example.org",
        "FromFull": { "Email": "ann@example.org", "Name": "Ann", "MailboxHash": "" },
        "To": "\"Support\" <support@shop.example>",
        "ToFull": [{ "Email": "support@shop.example", "Name": "Support", "MailboxHash": "" }],
        "Cc": "", "CcFull": [], "Bcc": "", "BccFull": [], "OriginalRecipient": recipient, "Subject": "Help",
        "MessageID": "73e6d360-66eb-11e1-8e72-a8904824019b", "ReplyTo": "", "MailboxHash": "", "Date": "Mon, 5 Jan 2026 10:00:00 +0100",
        "TextBody": "It does not work.", "HtmlBody": "", "StrippedTextReply": "", "Tag": "",
        "Headers": [{ "Name": "X-Spam-Status", "Value": "No" }], "Attachments": [],
    });
    if let Some(raw) = raw {
        webhook["RawEmail"] = raw.into();
    }
    webhook
}

#[tokio::test]
async fn postmark_hands_the_message_over_by_its_password() {
    let app = TestApp::start(app()).await;
    let post = |body: Value| {
        app.post(POSTMARK).header("authorization", &basic("0123456789abcdef-postmark")).json(&body).send()
    };
    let raw = message("support@shop.example", "1");
    post(postmark("reply+3@shop.example", Some(&raw))).await.assert_status(204);
    post(postmark("reply+3@shop.example", Some(&raw))).await.assert_status(204);
    app.run_jobs().await;
    let given = desk(&app).await.given();
    assert_eq!((given.len(), given[0].0, given[0].1.raw.as_slice()), (1, "replies", raw.as_bytes()));
    // It would send again ten times after any other status.
    post(postmark("who@elsewhere.example", Some(&raw))).await.assert_status(403);
    post(postmark("support@shop.example", None)).await.assert_problem(422, "inbound_mail_incomplete");
    post(json!([])).await.assert_status(400);
}

fn sendgrid(raw: Option<&str>, envelope: Option<&str>) -> Upload {
    let upload = Upload::new().text("dkim", "{@example.org : pass}").text("to", "support@shop.example");
    let upload = raw.into_iter().fold(upload, |upload, raw| upload.text("email", raw));
    let upload =
        upload.text("from", "Ann <ann@example.org>").text("sender_ip", "192.0.2.1").text("SPF", "pass");
    envelope.into_iter().fold(upload, |upload, envelope| upload.text("envelope", envelope))
}

#[tokio::test]
async fn sendgrid_hands_the_message_over_by_its_password() {
    let app = TestApp::start(app()).await;
    let post = |upload: Upload| {
        app.post(SENDGRID).header("authorization", &basic("0123456789abcdef-sendgrid")).upload(upload).send()
    };
    // Larger than what is read of a field unless it is said.
    let raw = format!("{}{}", message("support@shop.example", "1"), "x".repeat(2 << 20));
    post(sendgrid(Some(&raw), Some(r#"{"to":["reply+3@shop.example"],"from":"ann@example.org"}"#)))
        .await
        .assert_status(204);
    post(sendgrid(Some(&message("support@shop.example", "2")), None)).await.assert_status(204);
    app.run_jobs().await;
    let mut given = desk(&app).await.given();
    given.sort_by_key(|(taker, _)| *taker);
    assert_eq!((given.len(), given[0].0, given[0].1.raw.as_slice()), (2, "replies", raw.as_bytes()));
    assert_eq!(given[0].1.sender.as_deref(), Some("ann@example.org"));
    // After any other status it would drop the mail all the same, or send it again for three days.
    post(sendgrid(Some(&raw), Some(r#"{"to":["who@elsewhere.example"]}"#))).await.assert_status(204);
    assert_eq!(app.run_jobs().await, 0);
    // What somebody can mend: it drops a mail after any answer but a success or a 5xx.
    post(sendgrid(None, None)).await.assert_problem(503, "inbound_mail_incomplete");
    post(sendgrid(Some(&raw), Some("["))).await.assert_status(503);
    let stranger = app.post(SENDGRID).header("authorization", &basic("another"));
    stranger.upload(sendgrid(Some(&raw), None)).send().await.assert_status(503);
}
