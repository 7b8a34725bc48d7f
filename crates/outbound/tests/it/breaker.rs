//! What is left alone, and how much runs at the same time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mainstay_core::StatusCode;
use mainstay_core::clock::TestClock;
use mainstay_outbound::{BreakerState, Failure};

use crate::server::{Reply, Server, answer};
use crate::{Caller, failure};

#[tokio::test]
async fn a_service_that_fails_is_left_alone_until_it_is_back() {
    let up = Arc::new(AtomicBool::new(false));
    let is_up = Arc::clone(&up);
    let server = Server::start(move |_, _| match is_up.load(Ordering::SeqCst) {
        true => answer(200, "", ""),
        false => answer(500, "", ""),
    })
    .await;
    let clock = Arc::new(TestClock::default());
    let settings = [("breaker", "{ calls = 5, pause = '3s' }")];
    let caller = Caller::at(Arc::clone(&clock), &server, &settings).await;
    for _ in 0..5 {
        caller.get("/").send().await.unwrap_err();
    }
    assert_eq!(caller.breaker(), Some(BreakerState::Open));
    assert!(caller.metrics().await.contains("outbound_breaker_open{upstream=\"payments\"} 1\n"));

    clock.advance(Duration::from_millis(1500));
    let error = caller.get("/").send().await.unwrap_err();
    assert_eq!(
        (error.status(), error.machine_code()),
        (StatusCode::SERVICE_UNAVAILABLE, "upstream_unavailable")
    );
    assert_eq!(error.headers()["retry-after"], "2");
    assert_eq!(server.count(), 5, "nothing was called");

    clock.advance(Duration::from_millis(1500));
    caller.get("/").send().await.unwrap_err();
    assert_eq!((server.count(), caller.breaker()), (6, Some(BreakerState::Open)));

    up.store(true, Ordering::SeqCst);
    clock.advance(Duration::from_secs(3));
    caller.get("/").send().await.unwrap();
    assert_eq!(caller.breaker(), Some(BreakerState::Closed));
    caller.get("/").send().await.unwrap();
    assert_eq!(server.count(), 8);
    let metrics = caller.metrics().await;
    assert!(metrics.contains("outbound_breaker_open{upstream=\"payments\"} 0\n"), "{metrics}");
    assert!(
        metrics.contains("outbound_calls_total{upstream=\"payments\",outcome=\"open\"} 1\n"),
        "{metrics}"
    );
}

#[tokio::test]
async fn answers_that_say_no_to_us_do_not_open_it_and_time_outs_do() {
    let server = Server::start(|number, _| match number {
        0..10 => answer(404, "", ""),
        _ => Reply::Hang(String::new()),
    })
    .await;
    let caller =
        Caller::of(&server, &[("breaker", "{ calls = 10, failures = 0.2 }"), ("timeout", "500ms")]).await;
    for _ in 0..10 {
        caller.get("/").send().await.unwrap_err();
    }
    assert_eq!(caller.breaker(), Some(BreakerState::Closed));
    let limit = Duration::from_millis(30);
    for _ in 0..3 {
        assert_eq!(
            caller.get("/").timeout(limit).send().await.unwrap_err().status(),
            StatusCode::GATEWAY_TIMEOUT
        );
    }
    assert_eq!(caller.breaker(), Some(BreakerState::Open));
}

#[tokio::test]
async fn a_retry_ends_when_the_breaker_opens_and_says_what_opened_it() {
    let server = Server::start(|_, _| answer(503, "retry-after: 0\r\n", "")).await;
    let caller = Caller::of(&server, &[("breaker", "{ calls = 2 }"), ("retries", "5")]).await;
    let error = caller.get("/").send().await.unwrap_err();
    assert!(matches!(failure(&error), Failure::Status { .. }), "{error:?}");
    assert_eq!(server.count(), 2);
}

#[tokio::test]
async fn one_call_too_many_fails_at_once_and_places_come_back() {
    let server =
        Server::start(|number, _| if number < 2 { Reply::Hang(String::new()) } else { answer(200, "", "") })
            .await;
    let caller = Caller::of(&server, &[("concurrency", "2")]).await;
    let running: Vec<_> = (0..2)
        .map(|_| {
            let client = caller.client.clone();
            tokio::spawn(async move { client.get("/").send().await })
        })
        .collect();
    while server.count() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let error = caller.get("/").send().await.unwrap_err();
    assert_eq!(
        (error.status(), error.machine_code()),
        (StatusCode::SERVICE_UNAVAILABLE, "upstream_unavailable")
    );
    assert!(matches!(failure(&error), Failure::Busy(2)), "{error:?}");
    assert!(caller.metrics().await.contains("outbound_running{upstream=\"payments\"} 2\n"));
    for call in running {
        call.abort();
        assert!(call.await.unwrap_err().is_cancelled());
    }
    caller.get("/").send().await.unwrap();
    assert!(caller.metrics().await.contains("outbound_running{upstream=\"payments\"} 0\n"));
}
