//! Requests and answers.

use std::time::{Duration, Instant};

use mainstay_core::call_context::{CallContext, Trace};
use mainstay_core::{App, StatusCode};
use mainstay_outbound::http::{HeaderName, HeaderValue, Response, header};
use mainstay_outbound::{Client, Failure, OutboundError, OutboundExt, Upstream};
use serde::{Deserialize, Serialize};

use crate::server::{Reply, Server, answer, redirect};
use crate::{Caller, Payments, failure};

#[derive(Serialize)]
struct Order<'a> {
    item: &'a str,
    cents: u64,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Charge {
    id: u64,
    parts: Vec<Part>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Part {
    cents: u64,
}

#[tokio::test]
async fn sends_and_reads_json_with_all_that_belongs_to_it() {
    let server = Server::start(|_, _| answer(201, "", r#"{ "id": 7, "parts": [{ "cents": 5 }] }"#)).await;
    let app = App::new().outbound(
        Upstream::new("payments", Payments)
            .base(server.url("/v1/"))
            .header(HeaderName::from_static("x-shop"), HeaderValue::from_static("books")),
    );
    let caller = Caller::in_app(app, &[("token", "s3cret")]).await;
    let request = caller
        .post("/customers/{name}/charges")
        .path("name", "ann/b ö")
        .query([("dry", "yes"), ("q", "a&b")]);
    let answer = request.json(&Order { item: "book", cents: 5 }).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::CREATED);
    assert_eq!(answer.json::<Charge>().unwrap(), Charge { id: 7, parts: vec![Part { cents: 5 }] });
    let seen = &server.seen()[0];
    assert!(
        seen.starts_with("POST /v1/customers/ann%2Fb%20%C3%B6/charges?dry=yes&q=a%26b HTTP/1.1\r\n"),
        "{seen}"
    );
    for line in [
        "x-shop: books",
        "authorization: Bearer s3cret",
        "content-type: application/json",
        "user-agent: shop/1.2.3",
        &format!("host: 127.0.0.1:{}", server.port()),
    ] {
        assert!(seen.contains(&format!("\r\n{line}\r\n")), "{line} in {seen}");
    }
    assert!(seen.ends_with(r#"{"item":"book","cents":5}"#), "{seen}");
}

#[tokio::test]
async fn a_second_call_goes_over_the_same_connection() {
    let connections = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let counted = std::sync::Arc::clone(&connections);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            tokio::spawn(async move {
                crate::server::serve(stream, &|_, _| answer(200, "", "x"), &Default::default()).await
            });
        }
    });
    let caller =
        Caller::in_app(App::new().outbound(Upstream::new("payments", Payments).base(base)), &[]).await;
    for _ in 0..5 {
        assert_eq!(caller.get("/").send().await.unwrap().text().unwrap(), "x");
    }
    assert_eq!(connections.load(std::sync::atomic::Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_answer_that_says_no_is_told_to_the_log_and_not_to_the_client() {
    let server = Server::start(|_, _| answer(404, "", "no customer ann: internal-host-17")).await;
    let caller = Caller::of(&server, &[]).await;
    let error = caller.get("/customers/ann?token=s3cret").send().await.unwrap_err();
    assert_eq!((error.status(), error.machine_code()), (StatusCode::BAD_GATEWAY, "upstream_failed"));
    assert!(!error.message().contains("ann") && !error.message().contains("17"), "{}", error.message());
    assert!(error.headers().is_empty());
    let report = error.report();
    let url = server.url("/customers/ann");
    assert!(report.contains(&format!("upstream `payments`: GET {url}: ")), "{report}");
    assert!(report.contains("it answered 404 Not Found: `no customer ann: internal-host-17`"), "{report}");
    assert!(report.contains("calling.rs:"), "{report}");
    assert!(!report.contains("s3cret"), "{report}");
    assert_eq!(error.source_as::<OutboundError>().unwrap().status(), Some(StatusCode::NOT_FOUND));
    assert!(caller.metrics().await.contains(r#"outbound_calls_total{upstream="payments",outcome="4xx"} 1"#));
}

#[tokio::test]
async fn a_path_that_is_secret_is_told_to_nobody() {
    let server = Server::start(|_, _| answer(404, "", "")).await;
    let caller = Caller::of(&server, &[]).await;
    let error = caller.get("/range/5BAA6").secret_path().send().await.unwrap_err();
    let report = error.report();
    assert!(report.contains(&format!("GET {}: ", server.url(""))) && !report.contains("5BAA6"), "{report}");
}

#[tokio::test]
async fn every_status_is_an_answer_where_that_is_asked_for() {
    let server = Server::start(|_, _| answer(404, "x-why: gone\r\n", "")).await;
    let caller = Caller::of(&server, &[]).await;
    let answer = caller.delete("/x").any_status().send().await.unwrap();
    assert_eq!((answer.status(), answer.header("x-why")), (StatusCode::NOT_FOUND, Some("gone")));
}

#[tokio::test]
async fn an_answer_that_does_not_fit_names_the_place() {
    let server = Server::start(|number, _| match number {
        0 => answer(200, "", r#"{ "id": 7, "parts": [{ "cents": 5 }, { "cents": "six" }] }"#),
        1 => answer(200, "", "<html>"),
        _ => answer(200, "", r#"{ "id": 7, "parts": [] } {}"#),
    })
    .await;
    let caller = Caller::of(&server, &[]).await;
    let error = caller.get("/").send().await.unwrap().json::<Charge>().unwrap_err();
    assert_eq!(error.status(), StatusCode::BAD_GATEWAY);
    assert!(
        error.report().contains("does not fit at `parts[1].cents`: invalid type: string \"six\""),
        "{}",
        error.report()
    );
    let error = caller.get("/").send().await.unwrap().json::<Charge>().unwrap_err();
    assert!(error.report().contains("it is `<html>`"), "{}", error.report());
    let error = caller.get("/").send().await.unwrap().json::<Charge>().unwrap_err();
    assert!(error.report().contains("trailing characters"), "{}", error.report());
}

#[tokio::test]
async fn a_request_that_is_put_together_wrongly_says_how_and_is_not_sent() {
    let server = Server::start(|_, _| answer(200, "", "")).await;
    let caller = Caller::of(&server, &[]).await;
    for (request, what) in [
        (caller.get("/a/{id}"), "the path `/a/{id}` has no value for `id`: `.path(\"id\", value)`"),
        (caller.get("/a/{id}").path("id", ".."), "would lead somewhere else"),
        (caller.get("charges"), "neither a path, which begins with `/`, nor a URL"),
        (caller.get("/").header(header::ACCEPT, "a\nb"), "the header `accept` has characters"),
        (caller.get("/").bearer("a\r\nb"), "the token has characters"),
        (caller.get("/").query(serde_json::json!({ "a": { "b": 1 } })), "the query cannot be written"),
    ] {
        let error = request.send().await.unwrap_err();
        assert_eq!(error.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(error.report().contains(what), "{}", error.report());
    }
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn redirects_are_followed_within_the_origin_alone() {
    let other = Server::start(|_, _| answer(200, "", "other")).await;
    let elsewhere = other.url("/x");
    let server = Server::start(move |_, request| match request.split(' ').nth(1).unwrap() {
        "/old" => redirect(301, "new?x=1"),
        "/form" => redirect(303, "/new"),
        "/kept" => redirect(308, "/new"),
        "/away" => redirect(302, &elsewhere),
        "/round" => redirect(302, "/round"),
        _ => answer(200, "", "new"),
    })
    .await;
    let caller = Caller::of(&server, &[("token", "s3cret")]).await;
    assert_eq!(caller.get("/old").send().await.unwrap().text().unwrap(), "new");
    assert!(server.seen()[1].starts_with("GET /new?x=1 ") && server.seen()[1].contains("Bearer s3cret"));
    caller.post("/form").json("body").send().await.unwrap();
    assert!(server.seen()[3].starts_with("GET /new ") && !server.seen()[3].contains("body"));
    caller.post("/kept").json("body").send().await.unwrap();
    assert!(server.seen()[5].starts_with("POST /new ") && server.seen()[5].ends_with("\"body\""));
    let error = caller.get("/away").send().await.unwrap_err();
    assert_eq!((error.status(), other.count()), (StatusCode::BAD_GATEWAY, 0));
    let before = server.count();
    let error = caller.get("/round").send().await.unwrap_err();
    assert!(matches!(failure(&error), Failure::Redirects(5)), "{error:?}");
    assert_eq!(server.count() - before, 6);
}

#[tokio::test]
async fn the_trace_of_the_work_at_hand_goes_on_and_its_deadline_holds() {
    let server = Server::start(|number, _| match number {
        0 => answer(200, "", ""),
        _ => Reply::Hang(String::new()),
    })
    .await;
    let caller = Caller::of(&server, &[]).await;
    let trace = Trace::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    let context = CallContext { deadline: Some(Instant::now() + Duration::from_secs(1)), trace };
    context.scope(async { caller.get("/").send().await }).await.unwrap();
    let seen = server.seen()[0].clone();
    let parent = seen.lines().find_map(|line| line.strip_prefix("traceparent: ")).unwrap();
    let parent = Trace::parse(parent).unwrap();
    assert_eq!(parent.id(), "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_ne!(parent.span(), "00f067aa0ba902b7");
    let error = context.scope(async { caller.get("/").send().await }).await.unwrap_err();
    assert_eq!(error.status(), StatusCode::GATEWAY_TIMEOUT);
    assert!(context.deadline.unwrap() > Instant::now(), "there is time left to say so");
    let late = CallContext { deadline: Some(Instant::now()), trace: None };
    late.scope(async { caller.get("/").send().await }).await.unwrap_err();
    assert_eq!(server.count(), 2);
    caller.get("/").timeout(Duration::from_millis(20)).send().await.unwrap_err();
    assert!(!server.seen()[2].contains("traceparent"));
}

#[tokio::test]
async fn a_client_that_answers_by_itself_reaches_no_network() {
    let client = Client::answering(|request| {
        let status = if request.method() == "GET" { 200 } else { 409 };
        Response::builder()
            .status(status)
            .body(format!("{} {}", request.method(), request.uri()).into())
            .unwrap()
    });
    assert_eq!(client.get("/a").send().await.unwrap().text().unwrap(), "GET http://stub/a");
    let error = client.put("/a").send().await.unwrap_err();
    assert_eq!(error.source_as::<OutboundError>().unwrap().status(), Some(StatusCode::CONFLICT));
}
