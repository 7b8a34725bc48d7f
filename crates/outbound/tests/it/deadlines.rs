//! What is slow, endless or broken.

use std::time::{Duration, Instant};

use mainstay_core::{App, StatusCode};
use mainstay_outbound::{Failure, OutboundExt, Upstream};

use crate::server::{Reply, Server};
use crate::{Caller, Payments, failure};

#[tokio::test]
async fn gives_up_on_a_server_that_does_not_answer() {
    let server = Server::start(|_, _| Reply::Hang(String::new())).await;
    let caller = Caller::of(&server, &[("timeout", "150ms")]).await;
    let began = Instant::now();
    let error = caller.get("/").send().await.unwrap_err();
    assert!((150..2000).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
    assert_eq!((error.status(), error.machine_code()), (StatusCode::GATEWAY_TIMEOUT, "upstream_timeout"));
    assert!(error.report().contains("no answer within"), "{}", error.report());
    assert_eq!(server.count(), 1, "there was no time for another attempt");
}

#[tokio::test]
async fn the_deadline_holds_for_the_body_too() {
    let server =
        Server::start(|_, _| Reply::Hang("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf".into())).await;
    let caller = Caller::of(&server, &[("timeout", "150ms")]).await;
    let error = caller.get("/").send().await.unwrap_err();
    assert!(matches!(failure(&error), Failure::Timeout(_)), "{error:?}");
}

#[tokio::test]
async fn a_request_may_have_another_limit_than_its_upstream() {
    let server = Server::start(|_, _| Reply::Hang(String::new())).await;
    let caller = Caller::of(&server, &[]).await;
    let began = Instant::now();
    let error = caller.get("/").timeout(Duration::from_millis(80)).send().await.unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(5));
    assert_eq!(error.status(), StatusCode::GATEWAY_TIMEOUT);
}

#[tokio::test]
async fn a_server_that_never_completes_its_handshake_does_not_hold_a_call_up() {
    let server = Server::start(|_, _| Reply::Hang(String::new())).await;
    let base = format!("https://127.0.0.1:{}", server.port());
    let app = App::new().outbound(Upstream::new("payments", Payments).base(base).retries(0));
    let caller = Caller::in_app(app, &[("connect_timeout", "100ms")]).await;
    let error = caller.get("/").send().await.unwrap_err();
    assert!(matches!(failure(&error), Failure::Connect(_)), "{error:?}");
    assert!(
        error.report().contains("`127.0.0.1` could not be connected to within 100ms"),
        "{}",
        error.report()
    );
}

#[tokio::test]
async fn says_where_nobody_listens() {
    let server = Server::start(|_, _| Reply::Hang(String::new())).await;
    let (base, port) = (server.url(""), server.port());
    drop(server);
    tokio::task::yield_now().await;
    let app = App::new().outbound(Upstream::new("payments", Payments).base(base).retries(0));
    let error = Caller::in_app(app, &[]).await.get("/").send().await.unwrap_err();
    assert_eq!((error.status(), error.machine_code()), (StatusCode::BAD_GATEWAY, "upstream_failed"));
    assert!(!error.message().contains("127"), "{}", error.message());
    let report = error.report();
    assert!(
        report.contains(&format!("127.0.0.1:{port} could not be connected to: Connection refused")),
        "{report}"
    );
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_not_read_to_its_end() {
    let server = Server::start(|number, _| match number {
        0 => Reply::Hang("HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\nx".into()),
        _ => Reply::Endless(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".into(),
            format!("64\r\n{}\r\n", "x".repeat(100)),
        ),
    })
    .await;
    let caller = Caller::of(&server, &[("body_limit", "1000"), ("timeout", "5s")]).await;
    for _ in 0..2 {
        let error = caller.get("/").send().await.unwrap_err();
        assert!(matches!(failure(&error), Failure::TooLarge { limit: 1000 }), "{error:?}");
        assert_eq!(error.status(), StatusCode::BAD_GATEWAY);
    }
    assert_eq!(server.count(), 2, "another attempt would be no smaller");
}

#[tokio::test]
async fn half_an_answer_and_what_is_no_http_are_errors() {
    let server = Server::start(|number, _| match number {
        0 => Reply::Part("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf".into()),
        1 => Reply::Part("HTTP/1.1 200".into()),
        2 => Reply::Part(String::new()),
        _ => Reply::Part("220 mail.example ESMTP\r\n".into()),
    })
    .await;
    let caller = Caller::of(&server, &[("retries", "0")]).await;
    for _ in 0..4 {
        let error = caller.get("/").send().await.unwrap_err();
        assert!(matches!(failure(&error), Failure::Broken(_)), "{error:?}");
        assert_eq!(error.status(), StatusCode::BAD_GATEWAY);
    }
}

#[tokio::test]
async fn a_head_tells_of_a_body_that_it_does_not_have() {
    let server =
        Server::start(|_, _| Reply::Whole("HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n".into())).await;
    let caller = Caller::of(&server, &[("body_limit", "1000")]).await;
    let answer = caller.head("/").send().await.unwrap();
    assert_eq!((answer.header("content-length"), answer.bytes().len()), (Some("5000"), 0));
}
