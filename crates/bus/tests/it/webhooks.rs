//! Webhooks, sent to real servers.

mod receiver;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use mainstay_bus::webhooks::{
    EndpointState, NewEndpoint, WebhookEndpoint, WebhookVerifier, Webhooks, WebhooksExt,
};
use mainstay_core::clock::{Clock, TestClock};
use mainstay_core::{App, Error, Inject, Result};
use mainstay_db::{Db, Uuid, sql};
use mainstay_test::{Setup, TestApp, on_each_engine};
use serde_json::{Value, json};

use crate::shop::{settled, until};
use receiver::Receiver;

fn sending(receiver: &Receiver) -> Setup {
    TestApp::of(App::new().webhooks())
        .set("outbound.webhooks.allow", "127.0.0.1")
        .set("outbound.webhooks.ports", receiver.port())
        .set("bus.poll", "50ms")
}

async fn parts(app: &TestApp) -> (Inject<Webhooks>, Inject<Db>) {
    (app.inject::<Webhooks>().await, app.inject::<Db>().await)
}

async fn send(kind: &str, data: Value, (webhooks, db): &(Inject<Webhooks>, Inject<Db>)) -> Uuid {
    db.transaction(async |tx| webhooks.send(kind, &data, tx).await).await.unwrap()
}

async fn now(endpoint: &WebhookEndpoint, db: &Db) -> WebhookEndpoint {
    WebhookEndpoint::find(endpoint.key(), db).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_endpoint_gets_what_it_wants_signed_by_its_secret() {
    let receiver = Receiver::start().await;
    on_each_engine(
        || sending(&receiver),
        async |app| {
            let parts = parts(app).await;
            let (webhooks, db) = &parts;
            // A path for each engine.
            let path = |name: &str| format!("/{}/{name}", db.dialect().name());
            let register = async |name: &str, new: fn(NewEndpoint) -> NewEndpoint| {
                webhooks.register(new(NewEndpoint::new(receiver.url(&path(name))))).await.unwrap()
            };
            let all = register("all", |new| new).await;
            register("paid", |new| new.types(["invoice.paid", "order.*"])).await;
            register("ann", |new| new.owner("ann")).await;
            let off = register("off", |new| new).await;
            webhooks.disable(off.key(), "not wanted").await.unwrap();
            let stored =
                sql("SELECT secret FROM mainstay_webhook_endpoints").fetch::<String>(&**db).await.unwrap();
            assert!(stored.iter().all(|secret| secret.starts_with("sealed:")), "{stored:?}");

            let paid = send("invoice.paid", json!({ "invoice": 7 }), &parts).await;
            send("invoice.made", json!({}), &parts).await;
            send("order.placed", json!({}), &parts).await;
            db.transaction(async |tx| webhooks.send_to("ann", "invoice.paid", &json!({}), tx).await)
                .await
                .unwrap();
            let failed: Result<()> = db
                .transaction(async |tx| {
                    webhooks.send("order.placed", &json!({}), tx).await?;
                    Err(Error::conflict("no"))
                })
                .await;
            failed.unwrap_err();
            settled(app).await;

            let many = ["all", "paid", "ann", "off"].map(|name| receiver.got(&path(name)).len());
            assert_eq!(many, [3, 2, 1, 0]);
            let verifier = WebhookVerifier::of(&all.secret).unwrap();
            let mut seen = HashSet::new();
            for got in receiver.got(&path("all")) {
                let id = verifier.verify(&got.headers, got.body.as_bytes(), SystemTime::now()).unwrap();
                assert!(verifier.verify(&got.headers, b"{}", SystemTime::now()).is_err());
                seen.insert(id.to_owned());
                let body: Value = serde_json::from_str(&got.body).unwrap();
                if id == paid.to_string() {
                    assert_eq!(
                        (&body["type"], &body["data"]["invoice"]),
                        (&"invoice.paid".into(), &7.into())
                    );
                    assert_eq!(got.headers["content-type"], "application/json");
                }
            }
            assert_eq!(seen.len(), 3);
            let attempts = webhooks.attempts(all.key(), 10).await.unwrap();
            assert!(attempts.iter().all(|it| it.status == Some(204) && it.is_delivered() && it.attempt == 1));
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_is_tried_again_under_the_same_id_and_logged() {
    let (receiver, clock) = (Receiver::start().await, Arc::new(TestClock::at(SystemTime::now())));
    let app = sending(&receiver).clock(&clock).start().await;
    let parts = parts(&app).await;
    let endpoint = parts.0.register(NewEndpoint::new(receiver.url("/a"))).await.unwrap();
    receiver.answer("/a", "500 Internal Server Error");
    let message = send("ping", json!({}), &parts).await;
    until(async || parts.0.attempts(endpoint.key(), 9).await.unwrap().len() == 1).await;
    until(async || now(&endpoint, &parts.1).await.failing_since.is_some()).await;
    receiver.answer("/a", "200 OK");
    // A retry after five seconds, and the endpoint rests for two by a clock that is not ours to move.
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    clock.advance(Duration::from_secs(10));
    settled(&app).await;
    let got = receiver.got("/a");
    assert_eq!(got.len(), 2);
    assert!(got.iter().all(|got| got.headers["webhook-id"] == message.to_string().as_str()));
    assert_ne!(got[0].headers["webhook-timestamp"], got[1].headers["webhook-timestamp"], "signed anew");
    let statuses: Vec<_> =
        parts.0.attempts(endpoint.key(), 9).await.unwrap().iter().map(|it| (it.attempt, it.status)).collect();
    assert_eq!(statuses, [(2, Some(200)), (1, Some(500))]);
    assert_eq!(now(&endpoint, &parts.1).await.failing_since, None);

    // And once more, since somebody asks for it.
    parts.0.replay(endpoint.key(), message, &*parts.1).await.unwrap();
    settled(&app).await;
    assert_eq!(receiver.got("/a").len(), 3);
    let nothing = parts.0.replay(endpoint.key(), Uuid::nil(), &*parts.1).await.unwrap_err();
    assert_eq!(nothing.status(), 404);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_that_is_gone_or_fails_for_days_is_switched_off() {
    let (receiver, clock) = (Receiver::start().await, Arc::new(TestClock::at(SystemTime::now())));
    let app = sending(&receiver).clock(&clock).start().await;
    let parts = parts(&app).await;
    let register = async |path: &str| parts.0.register(NewEndpoint::new(receiver.url(path))).await.unwrap();
    let (gone, broken) = (register("/gone").await, register("/broken").await);
    receiver.answer("/gone", "410 Gone");
    receiver.answer("/broken", "503 Service Unavailable");
    send("ping", json!({}), &parts).await;
    until(async || now(&gone, &parts.1).await.state == EndpointState::Off).await;
    assert!(now(&gone, &parts.1).await.off_because.unwrap().contains("410"));
    until(async || now(&broken, &parts.1).await.failing_since.is_some()).await;
    assert_eq!(now(&broken, &parts.1).await.state, EndpointState::On);
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    clock.advance(Duration::from_secs(6 * 24 * 60 * 60));
    until(async || now(&broken, &parts.1).await.state == EndpointState::Off).await;
    assert!(now(&broken, &parts.1).await.off_because.unwrap().contains("503"));
    settled(&app).await;

    // Nothing is sent to it until somebody switches it on.
    let before = receiver.got("/broken").len();
    send("ping", json!({}), &parts).await;
    settled(&app).await;
    assert_eq!(receiver.got("/broken").len(), before);
    parts.0.enable(broken.key()).await.unwrap();
    receiver.answer("/broken", "200 OK");
    tokio::time::sleep(Duration::from_millis(4_100)).await;
    send("ping", json!({}), &parts).await;
    settled(&app).await;
    assert_eq!(receiver.got("/broken").len(), before + 1);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_that_hangs_keeps_no_other_waiting() {
    let receiver = Receiver::start().await;
    let app = sending(&receiver).set("outbound.webhooks.timeout", "2s").start().await;
    let parts = parts(&app).await;
    for path in ["/hangs", "/well"] {
        parts.0.register(NewEndpoint::new(receiver.url(path))).await.unwrap();
    }
    receiver.answer("/hangs", "hang");
    for _ in 0..30 {
        send("ping", json!({}), &parts).await;
    }
    until(async || receiver.got("/well").len() == 30).await;
    assert!(receiver.got("/hangs").len() <= 6, "it is left alone: {}", receiver.got("/hangs").len());
    assert!(receiver.most() <= 8, "{}", receiver.most());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn addresses_of_the_own_network_and_redirects_are_not_followed() {
    let (receiver, clock) = (Receiver::start().await, Arc::new(TestClock::at(SystemTime::now())));
    receiver.answer("/moved", &format!("302 Found\r\nlocation: {}", receiver.url("/elsewhere")));
    let inside = TestApp::of(App::new().webhooks()).clock(&clock);
    let inside = inside.set("outbound.webhooks.ports", receiver.port()).start().await;
    let of_inside = parts(&inside).await;
    let name = NewEndpoint::new(format!("http://a.example:{}/inside", receiver.port()));
    let mut endpoint = of_inside.0.register(name).await.unwrap();
    // As a name would that has come to stand for an address of the own network.
    endpoint.update(|it| it.url(receiver.url("/inside")), &*of_inside.1).await.unwrap();
    send("ping", json!({}), &of_inside).await;
    until(async || !of_inside.0.attempts(endpoint.key(), 1).await.unwrap().is_empty()).await;
    let attempt = of_inside.0.attempts(endpoint.key(), 1).await.unwrap().remove(0);
    assert!(attempt.status.is_none() && attempt.excerpt.contains("not called"), "{attempt:?}");
    assert_eq!(receiver.got("/inside").len(), 0);
    inside.stop().await;

    let app = sending(&receiver).clock(&clock).start().await;
    let parts = parts(&app).await;
    let endpoint = parts.0.register(NewEndpoint::new(receiver.url("/moved"))).await.unwrap();
    send("ping", json!({}), &parts).await;
    until(async || !parts.0.attempts(endpoint.key(), 1).await.unwrap().is_empty()).await;
    let attempt = parts.0.attempts(endpoint.key(), 1).await.unwrap().remove(0);
    assert_eq!(attempt.status, Some(302));
    assert!(!attempt.is_delivered());
    assert_eq!(receiver.got("/elsewhere").len(), 0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_secrets_change_messages_are_signed_by_both() {
    let (receiver, clock) = (Receiver::start().await, Arc::new(TestClock::at(SystemTime::now())));
    let app = sending(&receiver).clock(&clock).start().await;
    let parts = parts(&app).await;
    let old = parts.0.register(NewEndpoint::new(receiver.url("/a"))).await.unwrap();
    let new = parts.0.rotate(old.key(), Duration::from_secs(60)).await.unwrap();
    assert_ne!(old.secret, new.secret);
    send("ping", json!({}), &parts).await;
    settled(&app).await;
    clock.advance(Duration::from_secs(61));
    send("ping", json!({}), &parts).await;
    settled(&app).await;
    let got = receiver.got("/a");
    let by = |secret: &str, index: usize| {
        let verifier = WebhookVerifier::of(secret).unwrap();
        verifier.verify(&got[index].headers, got[index].body.as_bytes(), clock.now()).is_ok()
    };
    assert!(by(&old.secret, 0) && by(&new.secret, 0));
    assert!(!by(&old.secret, 1) && by(&new.secret, 1));
    app.stop().await;
}

#[tokio::test]
async fn what_is_no_address_and_no_type_is_refused() {
    let receiver = Receiver::start().await;
    let app = sending(&receiver).start().await;
    let (webhooks, db) = parts(&app).await;
    let port = receiver.port();
    for (url, why) in [
        (String::new(), "not a URL"),
        ("ftp://a.example/".to_owned(), "scheme"),
        ("javascript:alert(1)".to_owned(), "scheme"),
        (format!("https://a.example:{port}/{}", "x".repeat(2_000)), "more than 2000 bytes"),
        (format!("https://me:secret@a.example:{port}/"), "credentials"),
        ("https://a.example:22/".to_owned(), "port"),
        (format!("http://169.254.169.254:{port}/"), "not a public address"),
        (format!("http://[fd00::1]:{port}/"), "not a public address"),
        (format!("http://LocalHost.:{port}/"), "not a public address"),
    ] {
        let fault = webhooks.register(NewEndpoint::new(&url)).await.unwrap_err();
        assert_eq!((fault.status().as_u16(), fault.machine_code()), (400, "webhook_url"), "{url}");
        assert!(fault.to_string().contains(why), "{url}: {fault}");
    }
    let endpoint = webhooks.register(NewEndpoint::new(format!("https://a.example:{port}/"))).await.unwrap();
    let off = webhooks.disable(endpoint.key(), &format!("\0{}", "é".repeat(300))).await.unwrap();
    assert_eq!(off.off_because, Some("é".repeat(255)));
    for kind in ["", &"x".repeat(101)] {
        let sent = db.transaction(async |tx| webhooks.send(kind, &json!({}), tx).await).await;
        assert_eq!(sent.unwrap_err().machine_code(), "webhook_type");
    }
    app.stop().await;
}
