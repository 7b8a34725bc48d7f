//! What is tried again.

use std::time::{Duration, Instant};

use mainstay_core::{App, StatusCode};
use mainstay_outbound::{OutboundError, OutboundExt, Upstream};

use crate::server::{Reply, Server, answer};
use crate::{Caller, Payments};

/// Fails so often in this way, and then does not.
async fn flaky(failures: usize, how: Reply) -> Server {
    Server::start(move |number, _| if number < failures { how.clone() } else { answer(200, "", "fine") })
        .await
}

#[tokio::test]
async fn tries_again_what_may_be_repeated_and_counts_it() {
    for status in [502, 503, 504, 429] {
        let server = flaky(2, answer(status, "", "")).await;
        let caller = Caller::of(&server, &[]).await;
        assert_eq!(caller.get("/").send().await.unwrap().text().unwrap(), "fine");
        assert_eq!(server.count(), 3);
        let metrics = caller.metrics().await;
        assert!(metrics.contains("outbound_retries_total{upstream=\"payments\"} 2\n"), "{metrics}");
        assert!(
            metrics.contains("outbound_calls_total{upstream=\"payments\",outcome=\"2xx\"} 1\n"),
            "{metrics}"
        );
    }
}

#[tokio::test]
async fn tries_again_after_a_hang_up_in_the_middle_of_an_answer() {
    for part in ["", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"] {
        let server = flaky(1, Reply::Part(part.into())).await;
        let caller = Caller::of(&server, &[]).await;
        assert_eq!(caller.put("/").send().await.unwrap().text().unwrap(), "fine");
        assert_eq!(server.count(), 2);
    }
}

#[tokio::test]
async fn tries_again_after_an_attempt_that_took_too_long() {
    let server = flaky(1, Reply::Hang(String::new())).await;
    let caller = Caller::of(&server, &[("attempt_timeout", "100ms")]).await;
    assert_eq!(caller.get("/").send().await.unwrap().text().unwrap(), "fine");
    assert_eq!(server.count(), 2);
}

#[tokio::test]
async fn gives_up_after_the_last_retry_with_what_the_last_attempt_led_to() {
    let server = flaky(9, answer(503, "", "down")).await;
    let caller = Caller::of(&server, &[("retries", "1")]).await;
    let error = caller.get("/").send().await.unwrap_err();
    assert_eq!(server.count(), 2);
    assert_eq!(error.source_as::<OutboundError>().unwrap().attempts, 2);
    assert!(error.report().contains("tried 2 times"), "{}", error.report());
    assert!(error.report().contains("it answered 503 Service Unavailable: `down`"), "{}", error.report());
}

#[tokio::test]
async fn what_may_not_be_repeated_is_sent_once_unless_it_has_a_key() {
    let server = flaky(1, answer(503, "", "")).await;
    let caller = Caller::of(&server, &[]).await;
    assert_eq!(caller.post("/").send().await.unwrap_err().status(), StatusCode::BAD_GATEWAY);
    assert_eq!(server.count(), 1);

    let server = flaky(1, answer(503, "", "")).await;
    let caller = Caller::of(&server, &[]).await;
    caller.post("/").idempotency_key("order-7").json("x").send().await.unwrap();
    let seen = server.seen();
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(|seen| seen.contains("idempotency-key: order-7") && seen.ends_with("\"x\"")));
}

#[tokio::test]
async fn what_will_go_no_better_is_not_tried_again() {
    for status in [400, 404, 409, 500, 501] {
        let server = flaky(1, answer(status, "", "")).await;
        Caller::of(&server, &[]).await.get("/").send().await.unwrap_err();
        assert_eq!(server.count(), 1, "{status}");
    }
}

#[tokio::test]
async fn waits_as_long_as_the_upstream_asks_for() {
    let server = flaky(1, answer(503, "retry-after: 1\r\n", "")).await;
    let caller = Caller::of(&server, &[]).await;
    let began = Instant::now();
    caller.get("/").send().await.unwrap();
    assert!((1000..4000).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
    assert_eq!(server.count(), 2);
}

#[tokio::test]
async fn gives_up_at_once_where_the_upstream_asks_for_more_time_than_there_is() {
    let server = flaky(1, answer(429, "retry-after: 3600\r\n", "")).await;
    let caller = Caller::of(&server, &[]).await;
    let began = Instant::now();
    let error = caller.get("/").send().await.unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(2));
    let status = error.source_as::<OutboundError>().unwrap().status();
    assert_eq!((status, server.count()), (Some(StatusCode::TOO_MANY_REQUESTS), 1));
}

#[tokio::test]
async fn an_outage_is_not_made_worse_by_retries() {
    let server = flaky(usize::MAX, answer(503, "retry-after: 0\r\n", "")).await;
    let upstream = Upstream::new("payments", Payments).base(server.url("")).breaker(None);
    let caller = Caller::in_app(App::new().outbound(upstream), &[]).await;
    for _ in 0..100 {
        caller.get("/").send().await.unwrap_err();
    }
    // Each once; ten retries that were saved up, and a fifth of a hundred.
    assert!((125..=130).contains(&server.count()), "{}", server.count());
}
